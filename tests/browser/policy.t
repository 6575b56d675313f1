#!/usr/bin/env bash
# A site that asks for every module of [client], and has a service worker, under
# the policy that the build writes (policy.mjs).
. tests/lib.sh
site=$TMP/site
mkdir -p "$site/pages" "$site/assets" "$site/static"
modules=$(cd templates/client && echo *.mjs)
{
	printf 'name = "policy"\n[client]\nimports.react = "/assets/react.mjs"\n'
	"$LOWTIDE" tables | node -p 'JSON.parse(fs.readFileSync(0)).keys
		.filter((k) => /^client\..*/.test(k.pattern) && k.kind === "bool")
		.map((k) => `${k.pattern.slice(7)} = true`).join("\n")'
} >"$site/site.toml"
cat >"$site/assets/react.mjs" <<'E2'
export const useMemo = (make) => make();
export const useSyncExternalStore = (follow, get) => get();
export const isReact = true;
E2
{
	for m in $modules; do
		echo "import * as _${m//[^a-z]/_} from '/$m';"
	done
	echo 'globalThis.found = {'
	for m in $modules; do
		echo "	'$m': Object.keys(_${m//[^a-z]/_}),"
	done
	echo '};'
} >"$site/assets/page.mjs"
echo '<svg xmlns="http://www.w3.org/2000/svg"/>' >"$site/static/icon.svg"
cat >"$site/static/sw.js" <<'E2'
addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => {
	if (event.request.url.endsWith('/of-the-worker'))
		event.respondWith(new Response('the worker'));
});
E2
cat >"$site/static/elsewhere.mjs" <<'E2'
const refused = (ask) => ask.then(() => 'done', () => 'refused');
postMessage(await Promise.all([
	refused(fetch('http://127.0.0.1:1/', {mode: 'no-cors'})),
	refused(import('data:text/javascript,1')),
	refused(fetch('/')),
]));
E2
{
	echo '<!doctype html><html lang="en"><title>policy</title>'
	echo '<link rel="icon" href="/icon.svg">'
	for m in $modules; do
		echo "<link rel=\"modulepreload\" href=\"/$m\">"
	done
	echo '<link rel="modulepreload" href="/assets/react.mjs">'
	echo '<script type="module" src="/assets/page.mjs"></script>'
} >"$site/pages/index.html"
export MODULES=$modules
"$LOWTIDE" serve -C "$site" --port "$(free_port)" -- \
	node "$PWD/tests/browser/policy.mjs" 2>"$TMP/err"
status=$?
sed 's/^/# serve: /' "$TMP/err" | tail -15
exit $status
