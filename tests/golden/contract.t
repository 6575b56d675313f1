#!/usr/bin/env bash
# The smallest set that must just work, as the design prints it, with what it
# leaves out; and promises about a build that no other test tries as a whole.
. tests/lib.sh
site=$TMP/site
mkdir -p "$site"/{env,catalogue,handlers}
cd "$site" || exit 1
cat >site.toml <<'T'
# site.toml
name = "acme"
[catalogue.plans]                # catalogue/plans.toml → plans-v1.2.0.toml, .json, plans.json
[oauth.cognito]
kind = "cognito"                 # paths, scopes, PKCE S256, nonce, logout style
domain = "https://login.acme.example"
issuer = "https://cognito-idp.eu-west-2.amazonaws.com/eu-west-2_AbC123"
T
cat >env/base.toml <<'T'
# env/base.toml
base_url = "http://localhost:8080"
[public]
support = "help@acme.example"
[oauth.cognito]
client_id = "dev0client"
T
cat >env/prod.toml <<'T'
# env/prod.toml
base_url = "https://www.acme.example"
[oauth.cognito]
client_id = "6m1cognito"
T
cat >api.toml <<'T'
# api.toml
auth = "cognito"
[api.export]                     # POST /api/export → 202; progress on fd 3
exec = ["export"]
[upstream.ledger]
base = "https://ledger.acme.example"
rate = "150/m"
[api.return]                     # POST /api/return; JSON up to 64KiB
upstream = "ledger"
on_lost = "fail"                 # must be said for an upstream that writes
T
printf 'version = "1.2.0"\n[plan.small]\nprice = 4.50\n' >catalogue/plans.toml
printf '#!/bin/sh\n' >handlers/export
chmod 600 handlers/export

# ---- a program has to be one
said=$("$LOWTIDE" build -q --env prod 2>&1)
is "a program that cannot be started ends with 1" $? 1
is "which is said, and nothing else" \
	"$(sed -E 's/^([^ ]+ (warning: )?[a-z-]+): .*/\1/' <<<"$said")" \
	'api.toml:4:9: handler-not-executable'
ok "nothing was written" test ! -e dist

chmod 700 handlers/export
for env in base prod; do
	said=$("$LOWTIDE" build -q --env "$env" --out "../$env" 2>&1)
	is "then it builds: $env" $? 0
	is "and says nothing: $env" "$said" ''
done
is "what a program's API is" "$(node -p '
	const c = JSON.parse(fs.readFileSync(process.argv[1]));
	const a = c.apis.find((one) => one.name === "export");
	JSON.stringify([a.exec, a.onLost, a.idempotent, a.resultType,
		a.execStopMs, a.upstream ?? null])' \
	"$TMP/prod/server/lowtide.json")" \
	'[["export"],"fail",false,"application/json",5000,null]'
is "the endpoint knows whose tokens it takes" "$(node -p '
	const c = JSON.parse(fs.readFileSync(process.argv[1]));
	const [p] = c.providers;
	[c.apis[1].auth, c.providers.length, p.name, p.kind, p.clientIds,
		p.jwksUri].join(" ")' "$TMP/prod/server/lowtide.json")" \
	'cognito 1 cognito cognito 6m1cognito https://cognito-idp.eu-west-2.amazonaws.com/eu-west-2_AbC123/.well-known/jwks.json'
www=$TMP/prod/www
ok "the catalogue is its source's bytes" \
	cmp catalogue/plans.toml "$www/plans-v1.2.0.toml"
is "beside it as JSON" "$(cat "$www/plans-v1.2.0.json")" \
	'{"plan":{"small":{"price":4.5}},"version":"1.2.0"}'
like "its pointer" "$(cat "$www/plans.json")" \
	'^\{"name":"plans","version":"1.2.0","url":"/plans-v1.2.0.json","integrity":"sha512-[A-Za-z0-9+/]{86}=="\}$'
like "the client of prod" "$(cat "$www"/oauth.*.mjs)" 6m1cognito
like "and of base" "$(cat "$TMP"/base/www/oauth.*.mjs)" dev0client
like "it comes back to the default page" "$(cat "$www"/oauth.*.mjs)" \
	'/auth/callback\.html'

said=$("$LOWTIDE" check --env prod 2>&1; "$LOWTIDE" check -q 2>&1)
unlike "with an environment, or quietly, none are listed" "$said" 'without --env'
like "without one, base stands alone and they are" "$("$LOWTIDE" check 2>&1)" \
	'^without --env: env/base.toml alone; there are: prod$'

# ---- defaults
is "the defaults of an API" "$(node -p '
	const c = JSON.parse(fs.readFileSync(process.argv[1])), a = c.apis[1];
	JSON.stringify([c.format, c.origins, a.name, a.method, a.path,
		a.requestPath, a.pattern, a.waitMs, a.waitMaxMs, a.bodyType,
		a.bodyMax, a.ttlMs, a.deadlineMs, a.concurrency,
		c.upstreams[0].timeoutMs])' "$TMP/prod/server/lowtide.json")" \
	'[1,["https://www.acme.example"],"return","POST","/api/return","/return","async-polling",0,25000,"application/json",65536,86400000,900000,1,10000]'
like "the socket" "$(cat "$TMP"/prod/server/nginx-*.conf)" \
	'unix:/run/lowtide/acme/cgi\.sock'

# ---- the other web servers
"$LOWTIDE" build -q --env prod --fast --out "$TMP/others" \
	--set server.kinds=apache,lighttpd 2>/dev/null
like "what Apache needs is a line to copy" \
	"$(cat "$TMP/others/server/apache-site.conf")" \
	'^#[[:space:]]+a2enmod headers rewrite proxy_fcgi$'
is "each in its pieces, and no other's" "$(ls "$TMP/others/server" |
	grep -v problem | paste -sd ' ')" 'apache-cgi.conf apache-example.conf apache-site.conf handlers lighttpd-cgi.conf lighttpd-example.conf lighttpd-site.conf lowtide.json systemd'

# ---- programs for the server
is "a handler lies below server, to be run" \
	"$(stat -c %a "$TMP/prod/server/handlers/export")" 755
ok "its bytes are its source's" cmp handlers/export \
	"$TMP/prod/server/handlers/export"
is "and nothing that is published names it" \
	"$(grep -rl 'handlers' "$TMP/prod/www")" ''
build() {
	"$LOWTIDE" build -q --env prod --out "$TMP/prod" "$@" 2>/dev/null
}
echo 'exit 75' >>handlers/export
build --exit-code
is "one that changes is a difference" $? 2
ok "and is the new one" cmp handlers/export "$TMP/prod/server/handlers/export"
chmod 600 handlers/export
build
is "one that can be run no longer is an error, with no other change" $? 1
chmod 700 handlers/export
sed -i -e '/^\[api.export\]/d' -e '/^exec/d' api.toml
build
rm handlers/export
build --exit-code
is "one that goes is a difference" $? 2
ok "it is gone" test ! -e "$TMP/prod/server/handlers/export"
build --exit-code
is "and nothing changed is none" $? 0

# ---- templates of the site's own
mkdir -p templates/server templates/pages
echo 'mine, {{site}}' >templates/server/nginx-example.conf.mustache
echo '<p>not here, {{site.name}}' >templates/pages/404.html.mustache
build
is "a template stands for the one built in" \
	"$(cat "$TMP/prod/server/nginx-example.conf")" 'mine, acme'
is "for a page, too" "$(cat "$www/404.html")" '<p>not here, acme'
rm -r templates

# ---- nobody else's release
ok "the last release may be piped in" build --previous - <"$www/manifest.json"
said=$(echo '{}' | "$LOWTIDE" check -q --env prod --previous - 2>&1)
is "and must be one" $? 1
like "which is said of the standard input" "$said" '^\(standard input\):1:1: '
cp "$www/manifest.json" "$TMP/last.json"
echo '# other bytes' >>catalogue/plans.toml
said=$("$LOWTIDE" check -q --env prod --previous - 2>&1 <"$TMP/last.json")
is "the same version of other bytes ends with 1" $? 1
like "with its name" "$said" \
	'^catalogue/plans.toml:1:[0-9]+: catalogue-version-reused: '
ok "--previous none does not look" build --previous none

# ---- times of files are when they were written, whatever the date is to be
mkdir -p static && echo one >static/note.txt
touch "$TMP/before"
SOURCE_DATE_EPOCH=1000000000 build
ok "a new file is new, with a SOURCE_DATE_EPOCH, too" \
	test ! "$TMP/before" -nt "$www/note.txt"
was=$(stat -c %Y "$www/note.txt")
echo two >static/note.txt
touch -d '2001-01-01' static/note.txt
SOURCE_DATE_EPOCH=1000000000 build
ok "and a changed one is newer by its seconds, of the same size" \
	test "$(stat -c %Y "$www/note.txt")" -gt "$was"

# ---- and whoever builds lowtide needs no git
is "no rule of the build asks git" \
	"$(cd "$OLDPWD" && { cat Makefile
		sed -n "/^build=/,/'$/p" .ci/packages; } | grep -w git)" ''
done_testing
