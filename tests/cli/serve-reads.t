#!/usr/bin/env bash
# lowtide serve with reads: lowtide-read comes and goes with them, alone where a
# site has no API, and hands over what becomes a job.
. tests/lib.sh
export TMPDIR=$TMP/run
mkdir "$TMPDIR"
chmod 755 "$TMP" "$TMPDIR"

site=$TMP/site
mkdir -p "$site"/{env,pages}
echo 'name = "acme"' >"$site/site.toml"
echo '<!doctype html><title>acme</title>' >"$site/pages/index.html"
: >"$site/env/base.toml"
cat >"$site/env/dev.toml" <<-'EOF'
	[upstream.things]
	base = "{run.things.url}"
	local = true
	[serve.run.things]
	command = ["node", "things.mjs"]
EOF
cat >"$site/things.mjs" <<-'EOF'
	import http from 'node:http';
	let n = 0;
	http.createServer((req, res) => res.end(JSON.stringify(
		{path: req.url, n: ++n}))).listen(process.env.PORT, '127.0.0.1',
		() => console.log('ready'));
EOF
cat >"$site/api.toml" <<-'EOF'
	auth = "none"
	[upstream.things]
	base = "https://things.example"
	[read.thing]
	path = "/thing/{id}"
	call.it = { upstream = "things", path = "/{path.id}", ttl = "1h" }
EOF
port=$(free_port)
url=http://127.0.0.1:$port
serve() { # ARGUMENTS…: its status, what it said in $TMP/said
	"${PROGRAM:-$LOWTIDE}" serve -C "$site" --env dev --port "$port" "$@" \
		2>"$TMP/said"
}
children() { # PID…: they and all below them
	for pid in "$@"; do
		echo "$pid"
		children $(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
	done
}
running() { # what serve runs, by name
	for pid in $(cat "/proc/$serve_pid/task/$serve_pid/children"); do
		cat "/proc/$pid/comm"
	done | sort | paste -sd ' '
}
runs() { [ "$(running)" = "$1" ]; }
pid_of() { # NAME
	for pid in $(children "$serve_pid"); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] &&
			echo "$pid" && return
	done
}
get() { # PATH [ARGUMENTS…]: the body
	local path=$1
	shift
	curl -s "$@" "$url$path"
}
has() { get "$1" | grep -q "$2"; }
said() { grep -q "$1" "$TMP/serve.err"; }

# ---- nothing but reads
start serve "$LOWTIDE" serve -C "$site" --env dev --port "$port"
serve_pid=$last
if ! wait_for 20 said 'is on http'; then
	sed 's/^/# /' "$TMP/serve.err"
	exit 1
fi
is "a site of reads alone has neither endpoint nor worker" "$(running)" \
	"lowtide-read nginx node"
like "it answers" "$(get /api/thing/a%2Fb,c)" \
	'"data":\{"it":\{"path":"/a%2Fb%2Cc","n":1\}\}'
like "from its memory the second time" "$(get /api/thing/a%2Fb,c)" '"n":1\}'
is "and refuses what is no read" \
	"$(get /api/none -o /dev/null -w '%{http_code} %{content_type}')" \
	"404 application/problem+json"
user=$(id -u) && [ "$user" != 0 ] || user=$(id -u nobody)
is "whoever starts it, it is not root" "$(awk '/^Uid/ { print $2, $3 }' \
	"/proc/$(pid_of lowtide-read)/status")" "$user $user"
control=$(find "$TMPDIR" -name control.sock)
ok "it takes orders in the temporary folder" test -S "$control"
is "and forgets when told so" "$("$BIN/lowtide-read" --purge things \
	--control "unix:$control" | grep -o '[0-9]*' | head -1)" 1
like "so that it asks again" "$(get /api/thing/a%2Fb,c)" '"n":2\}'

# ---- what dies
kill -KILL "$(pid_of lowtide-read)"
ok "killed: said" wait_for 10 said 'child-died: lowtide-read .*started again'
ok "killed: there again" wait_for 10 pid_of lowtide-read
like "killed: nothing is refused meanwhile" "$(get /api/thing/1)" '"path":"/1"'

# ---- what changes
sed -i 's|path = "/{path.id}"|path = "/new/{path.id}"|' "$site/api.toml"
ok "another read: it starts again" wait_for 20 said \
	'the reads changed: lowtide-read starts again'
ok "another read: it is answered" wait_for 20 has /api/thing/1 '"/new/1"'
cat >>"$site/api.toml" <<-'EOF'
	[read.long]
	promote = true
	call.it = { upstream = "things", path = "/long" }
EOF
ok "one that becomes a job: endpoint and worker start" wait_for 20 runs \
	"lowtide-cgi lowtide-read lowtide-worker nginx node"
ok "one that becomes a job: health" wait_for 20 has /api/jobs/health \
	'"status":"ok"'
ok "one that becomes a job: it is answered" wait_for 20 has /api/long \
	'"path":"/long"'
job=$(get /api/long -H 'prefer: respond-async' |
	grep -o '"statusUrl":"[^"]*"' | cut -d'"' -f4)
like "handed over, it has a ticket" "$job" '^/api/jobs/job_'
ok "and the worker does it" wait_for 20 has "$job" '"status":"completed"'
cat >"$site/api.toml" <<-'EOF'
	auth = "none"
	[upstream.things]
	base = "https://things.example"
	[api.thing]
	upstream = "things"
	on_lost = "fail"
EOF
ok "no reads any more: lowtide-read ends" wait_for 20 runs \
	"lowtide-cgi lowtide-worker nginx node"
ok "no reads any more: said" said 'there are no reads any more'
all=$(children "$serve_pid")
kill -INT "$serve_pid"
wait "$serve_pid"
is "Ctrl-C ends it well" "$?" 0
is "nothing is left running" "$(kill -0 $all 2>&1 | grep -vc 'No such')" 0
is "nor any file" "$(ls "$TMPDIR")" ""

# ---- for who signs in
cat >>"$site/site.toml" <<-'EOF'
	[oauth.id]
	authorization_endpoint = "http://127.0.0.1:9/a"
	issuer = "http://127.0.0.1:9"
	jwks_uri = "http://127.0.0.1:9/keys"
	client_id = "acme"
	audience = "acme"
	redirect_path = "/"
EOF
cat >"$site/api.toml" <<-'EOF'
	auth = "id"
	[upstream.things]
	base = "https://things.example"
	[read.thing]
	call.it = { upstream = "things", path = "/x" }
EOF
serve -- bash -c 'for pid in $(cat /proc/$PPID/task/$PPID/children); do
		[ "$pid" = $$ ] || [ ! -e "/proc/$pid/comm" ] ||
			cat "/proc/$pid/comm"
	done | sort | paste -sd " "
	curl -s -o /dev/null -w "%{http_code}\n" "$LOWTIDE_URL/api/thing"' \
	>"$TMP/out"
is "somebody fetches the keys of tokens: the worker" \
	"$(head -1 "$TMP/out")" "lowtide-read lowtide-worker nginx node"
is "and without a token it is 401" "$(tail -1 "$TMP/out")" 401
echo 'name = "acme"' >"$site/site.toml"

# ---- without the program
cat >"$site/api.toml" <<-'EOF'
	auth = "none"
	[upstream.things]
	base = "https://things.example"
	[read.thing]
	call.it = { upstream = "things", path = "/x" }
EOF
mkdir "$TMP/bin"
cp "$BIN"/lowtide{,-cgi,-jobs,-worker} "$TMP/bin"
PROGRAM=$TMP/bin/lowtide serve -- true
is "no lowtide-read: status" "$?" 74
is "no lowtide-read: in a sentence" "$(tail -1 "$TMP/said")" \
	"program-missing: lowtide-read is neither beside lowtide nor in PATH; build it (\`make\`)"
sed -i 's/^\[read.thing\]/[api.thing]\non_lost = "fail"\nupstream = "things"/
	/^call/d' "$site/api.toml"
PROGRAM=$TMP/bin/lowtide serve -- true
is "which a site without reads does not miss" "$?" 0
done_testing
