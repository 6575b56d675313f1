#!/usr/bin/env bash
# lowtide-cgi's command line: what is missing is said in one sentence each.
. tests/lib.sh
cgi=$BIN/lowtide-cgi
config=$TMP/dist/server/lowtide.json

run() { # OPTION…: sets said and status
	said=$(timeout 120 "$cgi" "$@" 2>&1 </dev/null)
	status=$?
}

build() {
	"$LOWTIDE" build -q -C site --out "$TMP/dist" --set auth=none \
		--set upstream.hmrc.base=http://127.0.0.1:9 \
		--set upstream.hmrc.local=true \
		--set upstream.bundles.local=true \
		--set upstream.bundles.base=http://127.0.0.1:9
}
ok 'the site is built' build

run --help
is '--help ends with 0' "$status" 0
for option in config state keys listen idle-exit user unpaced test version help; do
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
like 'but the store, which a start makes' "$said" 'but the store, which the first start makes in .*/state$'
is 'and -t does not' "$(ls -A "$TMP/state")" ''
run "${options[@]:2}" -t "$config"
is '-t takes the configuration as FILE' "$status" 0
run "${options[@]}" -t "$config"
is 'but not twice' "$status" 64
echo '{' >"$TMP/broken.json"
run "${options[@]:2}" -t "$TMP/broken.json"
is 'a broken one: 1' "$status" 1
like 'and where' "$said" 'broken\.json:.*config-damaged: '
chmod 644 "$TMP/keys"
run "${options[@]}" -t
is 'keys that others may read: not 0' "$((status != 0))" 1
like 'they are named' "$said" 'keys: keys-mode: '
chmod 600 "$TMP/keys"

rm "$TMP/broken.json"

# ---- a store, made by a start
start first "$cgi" "${options[@]}" --listen "unix:$TMP/first.sock"
first=$last
ok 'a start makes it' wait_for 10 grep -q endpoint-started "$TMP/first.err"
kill "$first"
wait "$first"
"$BIN/lowtide-jobs" keygen "$TMP/other" >/dev/null 2>&1
run "${options[@]}" --keys "$TMP/other" -t
like 'the keys of another store' "$said" 'store-other-keys: '
state() { (cd "$TMP/state" && stat -c '%n %s %y' * | grep -v -e '-shm ' && cat jobs.db*[bl] | sha256sum); }
before=$(state)
run "${options[@]}" -t
is '-t with a store: 0' "$status" 0
like 'which is there' "$said" 'lowtide\.json: everything is there$'
is 'and nothing of it has changed' "$(state)" "$before"

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
run "${options[@]}" --listen "unix:$TMP/sock" --idle-exit 5m
is 'to leave without a socket that stays: 64' "$status" 64
like 'and why not' "$said" 'idle-exit-socket: nobody would start it again'
run "${options[@]}" --listen "unix:$TMP/sock" --idle-exit 5
is 'a time without its unit: 64' "$status" 64
run "${options[@]}" --listen "unix:$TMP/sock" --user no-such-user
is 'a user who is not there: 64' "$status" 64
like 'is named' "$said" 'user-unknown: there is no user .no-such-user'

start one "$cgi" "${options[@]}" --listen "unix:$TMP/sock"
one=$last
# the one that could not be who it should has left a socket behind
ok 'it listens' wait_for 10 grep -q endpoint-started "$TMP/one.err"
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

# ---- a port
port=$(free_port)
start tcp "$cgi" "${options[@]}" --listen "tcp:127.0.0.1:$port"
ok 'it listens at a port' wait_for 10 grep -q endpoint-started "$TMP/tcp.err"
like 'of this host alone' "$(awk '$4 == "0A" { print $2 }' /proc/net/tcp)" \
	"^0100007F:$(printf %04X "$port")$"
run "${options[@]}" --listen "tcp:127.0.0.1:$port"
is 'a second one at the same port: 74' "$status" 74
like 'is told so' "$said" "tcp:127\.0\.0\.1:$port: listen-in-use: "
kill "$last"
wait "$last"

# ---- who it is
if [ "$(id -u)" -eq 0 ]; then
	like 'as root it warns' "$(cat "$TMP/tcp.err")" '"event":"running-as-root"'
	# what nobody can walk to, and have
	mkdir -m 711 "$TMP/of"
	chmod 711 "$TMP"
	mkdir "$TMP/of/state"
	cp "$config" "$TMP/keys" "$TMP/of"
	chmod 644 "$TMP/of/lowtide.json"
	chown -R nobody "$TMP/of"
	start nobody "$cgi" -c "$TMP/of/lowtide.json" -k "$TMP/of/keys" \
		-s "$TMP/of/state" --listen "unix:$TMP/nobody.sock" --user nobody
	ok 'as another user it starts' \
		wait_for 10 grep -q endpoint-started "$TMP/nobody.err"
	is 'and is nobody else' "$(awk '/^[UG]id/ { print $2, $3, $4, $5 }' \
		"/proc/$last/status" | sort -u)" \
		"$(printf '%s %s %s %s\n' $(for i in 1 2 3 4; do id -u nobody; done))"
	is 'nor does he have other groups' \
		"$(awk '/^Groups/ { print $2, $3 }' "/proc/$last/status")" \
		"$(id -G nobody | cut -d' ' -f1) "
	is 'the socket is his' "$(stat -c '%U %a' "$TMP/nobody.sock")" 'nobody 660'
	is 'so is the store' "$(stat -c %U "$TMP/of/state/jobs.db")" nobody
	unlike 'and there is no warning' "$(cat "$TMP/nobody.err")" running-as-root
	kill -HUP "$last"
	ok 'he can read again what he began with' \
		wait_for 10 grep -q '"event":"reloaded"' "$TMP/nobody.err"
	kill "$last"
	wait "$last"
else
	run "${options[@]}" --listen "unix:$TMP/sock" --user root
	like 'only root becomes another' "$said" 'user-not-root: '
	unlike 'and nobody else is warned' "$(cat "$TMP/tcp.err")" running-as-root
fi

# ---- when little is there
closed() { "$cgi" "${options[@]}" --listen "unix:$TMP/no/folder" 0<&- 1>&- 2>"$TMP/said"; }
closed
is 'without stdin and stdout: 74' "$?" 74
like 'and it is said' "$(cat "$TMP/said")" 'listen-path: '
"$cgi" "${options[@]}" --listen "unix:$TMP/no/folder" 0<&- 1>&- 2>&-
is 'without stderr as well' "$?" 74
for n in 4 6 8 12 16; do
	said=$(ulimit -n "$n" && "$cgi" "${options[@]}" \
		--listen "unix:$TMP/few.sock" 2>&1 </dev/null)
	status=$?
	like "with $n descriptors: 74, and a sentence" "$status $said" \
		'^74 .*: (io-error|config-missing|keys-missing|store-[a-z]+): '
done
chmod 000 "$TMP/keys"
if [ "$(id -u)" -ne 0 ]; then
	run "${options[@]}" -t
	like 'keys that cannot be read' "$said" 'keys: (io-error|keys-missing): '
fi
chmod 600 "$TMP/keys"
done_testing
