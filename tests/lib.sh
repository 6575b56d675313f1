# tests/lib.sh: TAP for shell tests. Source it first:
#
#	. tests/lib.sh
#	ok "it builds" "$LOWTIDE" build -C site --out "$TMP/dist"
#	is "it says so" "$(cat "$TMP/said")" "done"
#	like "it names the file" "$said" 'site\.toml:3:1: unknown-key'
#	done_testing
#
# Gives: BIN (the programs), LOWTIDE, TMP (removed at the end), free_port,
# start NAME COMMAND… (output in $TMP/NAME.out, stopped by pid at the end).
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
BIN=$(realpath "${LOWTIDE_BIN:-build/bin}")
LOWTIDE=$BIN/lowtide
TMP=$(mktemp -d "${TMPDIR:-/tmp}/lowtide-test.XXXXXX")
export LC_ALL=C.UTF-8
tests=0
failed=0
started=()

finish() {
	local status=$?
	for pid in "${started[@]:-}"; do
		[ -n "$pid" ] || continue
		kill "$pid" 2>/dev/null
		for _ in $(seq 400); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.05
		done
		kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	# what `lowtide serve` keeps elsewhere when root starts it
	for link in $(find "$TMP" -maxdepth 4 -type l -name .lowtide); do
		case $(readlink "$link") in
		/var/lib/lowtide/serve/*) rm -rf "$(readlink "$link")" ;;
		esac
	done
	rm -rf "$TMP"
	[ "$status" -ne 0 ] && exit "$status"
	[ "$failed" -eq 0 ] || exit 1
}
trap finish EXIT
trap 'exit 130' INT TERM

result() { # STATUS NAME: one line of TAP
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		echo "not ok $tests - $2"
		failed=$((failed + 1))
	fi
	return "$1"
}

ok() { # NAME COMMAND…: the command succeeds
	local name=$1 said status
	shift
	said=$("$@" 2>&1)
	status=$?
	result "$status" "$name" && return
	printf '# exit %d: %s\n' "$status" "$*" >&2
	printf '%s\n' "$said" | tail -20 | sed 's/^/#   /' >&2
	return 1
}

# What was wanted comes last: who sees only the end of a log sees both.
said() { # WORD GOT WORD WANT
	{
		printf '%s %s\n' "$1" "$2" | tail -60
		printf '%s %s\n' "$3" "$4" | head -4
	} | cut -c 1-400 | sed 's/^/#   /' >&2
}

is() { # NAME GOT WANT
	[ "$2" = "$3" ]
	result $? "$1" && return
	said got:  "$2" want: "$3"
	return 1
}

like() { # NAME GOT EXTENDED-REGEX
	printf '%s\n' "$2" | grep -Eq -- "$3"
	result $? "$1" && return
	said got: "$2" 'want something like:' "$3"
	return 1
}

unlike() { # NAME GOT EXTENDED-REGEX
	! printf '%s\n' "$2" | grep -Eq -- "$3"
	result $? "$1" && return
	said got: "$2" 'want nothing like:' "$3"
	return 1
}

skip_all() { # WHY: the whole program, said once
	echo "1..0 # SKIP $1"
	exit 0
}

done_testing() {
	echo "1..$tests"
}

free_port() {
	node -e 'const s = require("net").createServer();
		s.listen(0, "127.0.0.1", () => {
			console.log(s.address().port); s.close(); });'
}

start() { # NAME COMMAND…: in the background; its pid is in $last
	local name=$1
	shift
	"$@" >"$TMP/$name.out" 2>"$TMP/$name.err" </dev/null &
	last=$!
	started+=("$last")
}

# Six times that: it is for what would never come, and some machines are slow.
wait_for() { # SECONDS COMMAND…: until it succeeds; 1 if it never did
	local end=$((SECONDS + $1 * 6))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}
