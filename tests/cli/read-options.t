#!/usr/bin/env bash
# lowtide-read's command line: what is missing is said in one sentence each.
. tests/lib.sh
read=$BIN/lowtide-read
config=$TMP/lowtide.json

run() { # OPTION…: sets said and status
	said=$("$read" "$@" 2>&1 </dev/null)
	status=$?
}
write() { # AUTH CA SECRET-FILE
	cat >"$config" <<-END
	{"format": 1, "name": "acme", "baseUrl": "http://127.0.0.1",
	 "prefix": "/api", "apis": [],
	 "providers": [{"name": "acme-id", "issuer": "https://id.acme.example",
	   "audiences": ["acme"], "algorithms": ["RS256"],
	   "jwksUri": "https://id.acme.example/jwks"}],
	 "secrets": [{"name": "used", "file": "$3"},
	   {"name": "of-an-api", "file": "$TMP/not-there-either"}],
	 "upstreams": [
	   {"name": "u", "base": "https://u.example", "ca": "$2"},
	   {"name": "of-an-api", "base": "https://v.example",
	    "ca": "$TMP/nor-there"}],
	 "reads": [{"name": "one", "path": "/api/one", "auth": "$1",
	   "deadlineMs": 1000}],
	 "readCalls": [{"read": "one", "name": "one", "upstream": "u",
	   "path": "/one", "headers": {"Authorization": "Bearer {secret.used}"}}]}
	END
}
write none '' "$TMP/secret"

run --help
is '--help ends with 0' "$status" 0
for option in config state listen endpoint control cache idle-exit user metrics \
	log-level purge test version help; do
	like "--help tells --$option" "$said" "--$option"
done
run --version
like '--version' "$said" '^lowtide-read [0-9]+\.[0-9]+\.[0-9]+$'

run --config "$TMP/none.json"
is 'without a configuration: 74' "$status" 74
like 'it is named' "$said" 'none\.json: config-missing: .*lowtide build'
echo '{' >"$TMP/broken.json"
run -t "$TMP/broken.json"
is 'a broken one: 1' "$status" 1
like 'and where' "$said" 'broken\.json:.*config-damaged: '

# ---- what is missing on this machine is told, and no reason not to start
run --config "$config" -t
is '-t ends with 0' "$status" 0
like 'it says what there is' "$said" 'lowtide\.json: 1 read$'
like 'and that a secret is not there' "$said" 'secret-missing: the file .*/secret is not there'
is 'of APIs it says nothing' "$(grep -c 'either\|nor-there' <<<"$said")" 0
printf 'x' >"$TMP/secret"
chmod 600 "$TMP/secret"
run --config "$config" -t
is 'nothing is missing' "$(wc -l <<<"$said")" 1
write none "$TMP/ca.pem" "$TMP/secret"
run -t "$config"
is 'without certificates: 0' "$status" 0
like 'they are named' "$said" 'ca\.pem: warning: ca-unreadable: '
write acme-id '' "$TMP/secret"
run -t "$config" --state "$TMP/state"
is 'without the folder of keys, which tokens need: 74' "$status" 74
mkdir "$TMP/state"
run -t "$config" --state "$TMP/state"
is 'with it: 0' "$status" 0
like 'and the keys are missed' "$said" 'jwks-missing'
write none '' "$TMP/secret"
run -t "$config" --state "$TMP/nowhere"
is 'without tokens nobody needs it' "$status" 0
sed 's|"path": "/one", "headers"|"path": "/{call.one.x}", "headers"|' \
	"$config" >"$TMP/ring.json"
run -t "$TMP/ring.json"
is 'a read that nobody can be answered by: 0, the others can' "$status" 0
like 'it is said, and what to do' "$said" \
	'warning: read-impossible: read one: .* wait for each other; .*built again'

# ---- options
run -t "$config" "$config"
is 'one file is tested' "$status" 64
run --cache 12
is 'a size has a unit: 64' "$status" 64
like 'and so' "$said" 'bad-value: --cache takes a size from 64KiB .*256MiB'
run --cache 1KiB
is 'and is not too small' "$status" 64
run -c "$config" --listen tcp:0.0.0.0:9000
is 'an address that others reach: 64' "$status" 64
like 'and why not' "$said" 'listen-loopback: '
run -c "$config" --listen "unix:$TMP/a.sock" --endpoint tcp:192.0.2.1:1
is 'nor is the endpoint elsewhere' "$status" 64
like 'by the name of its option' "$said" 'listen-loopback: .*|bad-value: --endpoint'
run -c "$config" --listen "unix:$TMP/a.sock" --control tcp:127.0.0.1:1
is 'orders come by a path' "$status" 64
like 'alone' "$said" 'bad-value: --control takes unix:PATH'
run -c "$config" --listen "unix:$TMP/a.sock" --idle-exit 5m
is 'nobody would start it again: 64' "$status" 64
like 'it says so' "$said" 'idle-exit-socket: '
run -c "$config" --listen "unix:$TMP/a.sock" --user no-such-user
is 'nobody of that name' "$((status != 0))" 1
run -c "$config" --nonsense
is 'no such option: 64' "$status" 64

# ---- with a socket that it is given
start given node -e '
	const {spawn} = require("child_process");
	const server = require("net").createServer();
	server.listen(process.argv[1], () => {
		const child = spawn(process.argv[2], process.argv.slice(3),
			{stdio: [server._handle.fd < 0 ? "ignore" :
				server._handle.fd, "inherit", "inherit"]});
		child.on("close", code => process.exit(code));
	});' "$TMP/given.sock" "$read" -c "$config" --idle-exit 300ms
ok 'it leaves when nobody is there' wait_for 20 grep -q read-stopped \
	"$TMP/given.err"
like 'and says so' "$(cat "$TMP/given.err")" '"event":"read-idle","afterMs":300'

# ---- metrics
port=$(free_port)
start told "$read" -c "$config" --listen "unix:$TMP/told.sock" \
	--metrics "tcp:127.0.0.1:$port"
ok 'it starts' wait_for 10 grep -q read-started "$TMP/told.err"
fetch() {
	node -e 'fetch(process.argv[1]).then(async r => console.log(
		`${r.status}\n${await r.text()}`))' "http://127.0.0.1:$port$1"
}
said=$(fetch /metrics)
like 'it tells Prometheus' "$said" '^200$'
for name in requests_total seconds_bucket parts_total breaker_open \
	cache_bytes asking; do
	like "lowtide_read_$name" "$said" "lowtide_read_$name"
done
like 'and its version' "$said" 'lowtide_build_info'
is 'by the manual every one of them is explained' "$(grep -oE \
	'^# HELP [a-z_]+' <<<"$said" | cut -d' ' -f3 | while read -r name; do
	grep -q "$name" cgi/lowtide-read.8 || echo "$name"
done)" ''
is 'and the manual explains no other' "$(grep -oE \
	'(lowtide|process)_[a-z_]+' cgi/lowtide-read.8 | sort -u |
	while read -r name; do
		grep -q "^# HELP $name " <<<"$said" || echo "$name"
	done)" ''
done_testing
