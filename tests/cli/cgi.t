#!/usr/bin/env bash
# lowtide-cgi's command line: what is missing is said in one sentence each.
. tests/lib.sh
cgi=$BIN/lowtide-cgi
config=$TMP/dist/server/lowtide.json

run() { # OPTION…: sets said and status
	said=$("$cgi" "$@" 2>&1 </dev/null)
	status=$?
}

build() {
	"$LOWTIDE" build -q -C site --out "$TMP/dist" \
		--set upstream.hmrc.base=http://127.0.0.1:9 \
		--set upstream.hmrc.local=true \
		--set upstream.bundles.local=true \
		--set upstream.bundles.base=http://127.0.0.1:9
}
ok 'the site is built' build

run --help
is '--help ends with 0' "$status" 0
for option in config state keys listen test version help; do
	like "--help tells --$option" "$said" "--$option"
done
run --version
like '--version' "$said" '^lowtide-cgi [0-9]+\.[0-9]+\.[0-9]+$'

run --config "$TMP/none.json" --keys "$TMP/none" --state "$TMP/state"
is 'without configuration and keys: 74' "$status" 74
like 'the configuration is named' "$said" 'none\.json: config-missing: .*lowtide build'
like 'the keys are named too' "$said" 'none: keys-missing: .*lowtide-jobs keygen'

"$BIN/lowtide-jobs" keygen "$TMP/keys" >/dev/null 2>&1
options=(--config "$config" --keys "$TMP/keys" --state "$TMP/state")
run "${options[@]}" -t
is 'without the store folder: 74' "$status" 74
like 'the folder is named' "$said" 'state: store-missing: .*mkdir -p'
mkdir "$TMP/state"
run "${options[@]}" -t
is '-t ends with 0 when everything is there' "$status" 0
chmod 644 "$TMP/keys"
run "${options[@]}" -t
is 'keys that others may read: not 0' "$((status != 0))" 1
like 'they are named' "$said" 'keys: keys-mode: '
chmod 600 "$TMP/keys"

"$BIN/lowtide-jobs" keygen "$TMP/other" >/dev/null 2>&1
run "${options[@]}" --keys "$TMP/other" -t
like 'the keys of another store' "$said" 'store-other-keys: '

run "${options[@]}" --listen udp:127.0.0.1:9000
is 'an address of another kind: 64' "$status" 64
like 'and what it takes' "$said" 'bad-value: --listen takes unix:PATH'
run "${options[@]}" --listen tcp:0.0.0.0:9000
is 'an address that others reach: 64' "$status" 64
like 'and why not' "$said" 'listen-loopback: .*says whose request it is'
run "${options[@]}" --listen "unix:$TMP/no/such/folder/sock"
like 'no folder to listen in' "$said" 'sock: listen-path: .*mkdir -p'
run "${options[@]}" --listen "unix:$config"
like 'a file to listen at' "$said" 'listen-path: this is not a socket'
like 'which is still there' "$(head -c 1 "$config")" '^[{]$'
run --listne x
is 'a slip in an option: 64' "$status" 64
like 'names the nearest' "$said" 'unknown-option: .*--listen'
run "${options[@]}" extra
is 'an operand: 64' "$status" 64

start one "$cgi" "${options[@]}" --listen "unix:$TMP/sock"
one=$last
ok 'it listens' wait_for 10 test -S "$TMP/sock"
is 'for its group and nobody else' "$(stat -c %a "$TMP/sock")" 660
run "${options[@]}" --listen "unix:$TMP/sock"
is 'a second one at the same socket: 74' "$status" 74
like 'is told so' "$said" 'sock: listen-in-use: '
kill -9 "$one"
wait "$one" 2>/dev/null
start two "$cgi" "${options[@]}" --listen "unix:$TMP/sock"
two=$last
started() { grep -q endpoint-started "$TMP/two.err"; }
ok 'what a killed one left behind is replaced' wait_for 10 started
kill "$two"
wait "$two"
is 'SIGTERM ends it with 0' "$?" 0
like 'and it says so' "$(cat "$TMP/two.err")" '"event":"endpoint-stopped"'
done_testing
