#!/usr/bin/env bash
# The configuration that `lowtide build` writes, in a real nginx: how files
# leave, and what reaches the endpoint (a stand-in tells what it was sent).
. tests/lib.sh

PATH=$PATH:/usr/sbin
chmod 755 "$TMP" # started by root, nginx's workers are somebody else
port=$(free_port)
url=http://127.0.0.1:$port
site=$TMP/site
mkdir -p "$site"/{env,catalogue,pages/guide,assets,static/.well-known}
cd "$site" || exit 1
cat >site.toml <<-'EOF'
	name = "acme-shop"
	[catalogue.plans]
EOF
cat >catalogue/plans.toml <<-'EOF'
	version = "1.2.0"
	[plan.basic]
	price = 1.10
EOF
cat >api.toml <<-'EOF'
	auth = "none"
	[upstream.ledger]
	base = "https://ledger.example"
	[api.export]
	upstream = "ledger"
	on_lost = "fail"
	[api.import]
	method = "PUT"
	upstream = "ledger"
	on_lost = "fail"
	body = { max = "2MiB" }
EOF
: >env/base.toml
echo '<!doctype html><title>home</title><link rel="stylesheet" href="/assets/app.css">' >pages/index.html
echo '<!doctype html><title>about</title>' >pages/about.html
echo '<!doctype html><title>guide</title>' >pages/guide/index.html
echo 'body { color: black }' >assets/app.css
echo 'export const x = 1;' >assets/x.mjs
echo 'User-agent: *' >static/robots.txt
echo '{"a": 1}' >static/.well-known/thing.json
echo 'a,b' >static/data.csv
echo font >static/letters.woff2
echo odd >'static/odd.a b;c'
cd - >/dev/null || exit 1

ok "the site builds" "$LOWTIDE" build -C "$site" --out "$TMP/dist" \
	--set "base_url=$url" --quiet
server=$TMP/dist/server
for f in nginx-http nginx-site nginx-example; do
	ok "$f.conf is written" test -s "$server/$f.conf"
done
like "the socket is where the package puts it" \
	"$(cat "$server/nginx-http.conf")" 'unix:/run/lowtide/acme-shop/cgi.sock'
unlike "people's own server{} gets locations only" \
	"$(grep -v '^#' "$server/nginx-site.conf")" 'listen|server_name|^\s*root '
sed -i "s|unix:/run/lowtide/acme-shop/cgi.sock|unix:$TMP/cgi.sock|" \
	"$server/nginx-http.conf"

ok "nginx takes the configuration" nginx -t -p "$TMP/dist" \
	-c server/nginx-example.conf -e stderr
is "and has nothing to say about it" "$(nginx -t -q -p "$TMP/dist" \
	-c server/nginx-example.conf -e stderr 2>&1)" ""
start echo node tests/web/fcgi-echo.mjs "$TMP/cgi.sock"
echo_pid=$last
wait_for 10 test -S "$TMP/cgi.sock"
start nginx nginx -p "$TMP/dist" -c server/nginx-example.conf -e stderr
nginx_pid=$last
ok "it answers on base_url's port" wait_for 10 curl -sf "$url/"

head_of() { curl -s -o /dev/null -D - "$@" | tr -d '\r'; }
body_of() { curl -s "$@"; }
status_of() { curl -s -o /dev/null -w '%{http_code}' "$@"; }

# ---- files
css=/$(cd "$TMP/dist/www" && echo assets/app.*.css)
mjs=/$(cd "$TMP/dist/www" && echo assets/x.*.mjs)
year='public, max-age=31536000, immutable'
check() { # PATH TYPE CACHE CORS
	local h
	h=$(head_of "$url$1")
	like "$1: status" "$h" '^HTTP/1.1 200 '
	is "$1: type" "$(sed -n 's/^Content-Type: //p' <<<"$h")" "$2"
	is "$1: cache" "$(sed -n 's/^Cache-Control: //p' <<<"$h")" "$3"
	is "$1: other origins" \
		"$(sed -n 's/^Access-Control-Allow-Origin: //p' <<<"$h")" "$4"
	like "$1: is what it says it is" "$h" '^X-Content-Type-Options: nosniff'
}
check / 'text/html; charset=utf-8' no-cache ''
check /about 'text/html; charset=utf-8' no-cache ''
check /about.html 'text/html; charset=utf-8' no-cache ''
check /guide/ 'text/html; charset=utf-8' no-cache ''
check /guide 'text/html; charset=utf-8' no-cache ''
check "$css" 'text/css; charset=utf-8' "$year" ''
check "$mjs" 'text/javascript; charset=utf-8' "$year" '*'
check /plans-v1.2.0.toml application/toml "$year" '*'
check /plans-v1.2.0.json application/json "$year" '*'
check /plans.json application/json no-cache '*'
check /robots.txt 'text/plain; charset=utf-8' no-cache ''
check /data.csv 'text/csv; charset=utf-8' no-cache ''
check /letters.woff2 font/woff2 no-cache '*'
check /.well-known/thing.json application/json no-cache ''
check '/odd.a%20b;c' application/octet-stream no-cache ''
is "a catalogue is its source's bytes" \
	"$(body_of "$url/plans-v1.2.0.toml")" "$(cat "$site/catalogue/plans.toml")"
like "the page names the style by its fingerprint" "$(body_of "$url/")" \
	"href=\"$css\""
etag=$(head_of "$url/plans.json" | sed -n 's/^ETag: //p')
is "asked again with its ETag it is 304" \
	"$(status_of -H "If-None-Match: $etag" "$url/plans.json")" 304
like "and 304 still says how to cache it" \
	"$(head_of -H "If-None-Match: $etag" "$url/plans.json")" \
	'^Cache-Control: no-cache'
is "what is not there is 404" "$(status_of "$url/none")" 404
is "a path cannot climb" "$(status_of --path-as-is \
	"$url/../server/lowtide.json")" 400
is "the API table is not published" "$(status_of "$url/lowtide.json")" 404
like "pages load from here alone" "$(head_of "$url/")" \
	"^Content-Security-Policy: default-src 'self'"
unlike "nginx does not tell its version" "$(head_of "$url/none")" \
	'^Server: nginx/'

# ---- the endpoint
param() { # NAME CURL-ARGUMENTS…
	local name=$1
	shift
	body_of "$@" | node -e '
		let t = "";
		process.stdin.on("data", d => t += d).on("end", () => {
			const v = JSON.parse(t);
			const n = process.argv[1];
			console.log(n in v ? v[n] : v.params[n] ?? "(not sent)");
		});' "$name"
}
is "the URL as it was sent" \
	"$(param REQUEST_URI "$url/api/export/%2F?a=%20b")" '/api/export/%2F?a=%20b'
is "the method" "$(param REQUEST_METHOD -X DELETE "$url/api/export")" DELETE
is "the query" "$(param QUERY_STRING "$url/api/export?x=1&y")" 'x=1&y'
is "the address" "$(param REMOTE_ADDR "$url/api/export")" 127.0.0.1
is "which no header can change" "$(param REMOTE_ADDR \
	-H 'X-Forwarded-For: 8.8.8.8' -H 'Remote-Addr: 8.8.8.8' \
	"$url/api/export")" 127.0.0.1
is "the type of the body" "$(param CONTENT_TYPE -H 'Content-Type: a/b' \
	-d x "$url/api/export")" a/b
is "the body" "$(param body -d 12345 "$url/api/export")" 5
is "its length" "$(param CONTENT_LENGTH -d 12345 "$url/api/export")" 5
is "headers come as HTTP_*" "$(param HTTP_X_REQUEST_ID \
	-H 'x-request-id: abc' "$url/api/export")" abc
is "the owner is empty" "$(param LOWTIDE_OWNER "$url/api/export")" ''
is "a forged Basic header makes nobody an owner" \
	"$(param LOWTIDE_OWNER -u victim:x "$url/api/export")" ''
is "nor is it passed on as a user" \
	"$(param REMOTE_USER -u victim:x "$url/api/export")" '(not sent)'
is "nor does a header of that name" "$(param LOWTIDE_OWNER \
	-H 'Lowtide-Owner: victim' -H 'LOWTIDE_OWNER: victim' \
	"$url/api/export")" ''
is "connections are kept" "$(param keep "$url/api/export")" true
first=$(param connection "$url/api/export")
is "and used again" "$(param connection "$url/api/export")" "$first"
is "its own errors pass as they are" \
	"$(status_of "$url/api/problem")" 404
like "with their bodies" "$(body_of "$url/api/problem")" '"params"'
like "and their headers" "$(head_of "$url/api/problem")" \
	'^Cache-Control: no-store'
unlike "the caching of files is not theirs" "$(head_of "$url/api/problem")" \
	'no-cache'

# A request whose connection broke must not be sent a second time.
before=$(param requests "$url/api/export")
for method in GET PUT DELETE; do
	is "$method: a broken connection is 503" \
		"$(status_of -X $method "$url/api/hang")" 503
done
is "and each arrived once" "$(param requests "$url/api/export")" \
	$((before + 4))

head -c 1200000 /dev/zero >"$TMP/big"
is "a body above a megabyte passes where an API takes it" \
	"$(param body -X PUT --data-binary "@$TMP/big" "$url/api/import")" 1200000
head -c 3000000 /dev/zero >"$TMP/bigger"
is "beyond every cap it is 413" \
	"$(status_of --data-binary "@$TMP/bigger" "$url/api/export")" 413
like "said as a problem" \
	"$(body_of --data-binary "@$TMP/bigger" "$url/api/export")" \
	'"type":"/problems/payload-too-large".*"status":413'
kill "$echo_pid"
wait "$echo_pid" 2>/dev/null
is "without an endpoint it is 503" "$(status_of "$url/api/export")" 503
h=$(head_of "$url/api/export")
like "as a problem" "$h" '^Content-Type: application/problem\+json'
like "not to be stored" "$h" '^Cache-Control: no-store'
like "with Retry-After" "$h" '^Retry-After: [0-9]+'
like "in words" "$(body_of "$url/api/export")" \
	'"error":"store-unavailable","message"'
ok "files are still served" curl -sf "$url/robots.txt"
is "nginx had nothing to complain about but that" \
	"$(grep -vE 'cgi.sock|prematurely closed|intended to send too large|buffered to a temporary file' \
		"$TMP/nginx.err")" ""

# Stopped, nothing of it is left.
workers=$(cat "/proc/$nginx_pid/task/$nginx_pid/children")
kill "$nginx_pid"
wait "$nginx_pid"
is "nginx stops when asked" "$?" 0
for w in $workers; do
	ok "its worker is gone" test ! -e "/proc/$w"
done
done_testing
