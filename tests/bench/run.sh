#!/usr/bin/env bash
# First figures, side by side in one run (make bench): the example build, a
# status look-up beside nginx's own static file, memory while idle. Medians of
# ROUNDS interleaved rounds. Machines are shared: read the ratios.
set -euo pipefail
cd "$(dirname "$0")/../.."
BIN=$(realpath "${LOWTIDE_BIN:-build/bin}")
ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-3}

median() { sort -n | awk '{v[NR]=$1} END {print v[int((NR+1)/2)]}'; }

if [ "${1:-}" != inside ]; then
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	cp -r site "$tmp/site"
	rm -rf "$tmp/site/dist" "$tmp/site/.lowtide"
	# twenty builds a round: one is below what time(1) can tell
	for _ in $(seq "$ROUNDS"); do
		/usr/bin/time -a -o "$tmp/times" -f '%e %U %S %M' \
			sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 \
				11 12 13 14 15 16 17 18 19 20; do
				rm -rf "$2"; "$0" build -q -C "$1" \
				--env prod --out "$2"; done' \
			"$BIN/lowtide" "$tmp/site" "$tmp/dist"
	done
	awk '{print $1*50}' "$tmp/times" | median >"$tmp/wall"
	awk '{print ($2+$3)*50}' "$tmp/times" | median >"$tmp/cpu"
	awk '{print $4}' "$tmp/times" | median >"$tmp/kb"
	echo "example build   wall $(cat "$tmp/wall") ms," \
		"CPU $(cat "$tmp/cpu") ms, peak $(cat "$tmp/kb") kB," \
		"$(find "$tmp/dist" -type f | wc -l) files, from nothing"
	port=$(node -e 'const s = require("net").createServer(); s.listen(0,
		"127.0.0.1", () => { console.log(s.address().port); s.close(); });')
	exec "$BIN/lowtide" serve -q -C "$tmp/site" --env dev --port "$port" -- \
		"$PWD/tests/bench/run.sh" inside
fi

child() { # NAME: the pid of serve's child of that name
	for p in /proc/[0-9]*; do
		[ "$(cat "$p/comm" 2>/dev/null)" = "$1" ] || continue
		[ "$(awk '/^PPid/{print $2}' "$p/status")" = "$PPID" ] || continue
		basename "$p"
		return
	done
}
# Clean pages are library text that nothing else has mapped just then.
private_kb() {
	awk '/^Private/{s+=$2} /^Private_Dirty/{d=$2}
		END {printf "%d kB private, %d of them dirty", s, d}' \
		"/proc/$1/smaps_rollup"
}
cpu_ticks() { awk '{print $14+$15}' "/proc/$1/stat"; }

cgi=$(child lowtide-cgi)
worker=$(child lowtide-worker)
sleep 2
echo "idle            lowtide-cgi $(private_kb "$cgi")"
echo "                lowtide-worker $(private_kb "$worker")"

ticket=$(curl -s -X POST "$LOWTIDE_URL/api/v1/bundle" \
	-H 'content-type: application/json' -d '{"bundleId":"bench"}' |
	sed -n 's/.*"statusUrl":"\([^"]*\)".*/\1/p')
case $ticket in http*) ;; *) ticket=$LOWTIDE_URL$ticket ;; esac
sleep 2
curl -sf "$ticket" >/dev/null

rate() { # URL: requests a second
	wrk -t1 -c32 -d"${SECONDS_EACH}s" --latency "$@" >"$TMPDIR_/wrk"
	grep -q 'Non-2xx' "$TMPDIR_/wrk" && echo "errors at $1" >&2
	awk '/Requests\/sec/{print $2}' "$TMPDIR_/wrk"
}
TMPDIR_=$(mktemp -d)
trap 'rm -rf "$TMPDIR_"' EXIT
rate "$LOWTIDE_URL/robots.txt" >/dev/null
for _ in $(seq "$ROUNDS"); do
	rate "$LOWTIDE_URL/robots.txt" >>"$TMPDIR_/static"
	before=$(cpu_ticks "$cgi")
	rate "$ticket" >>"$TMPDIR_/lookup"
	after=$(cpu_ticks "$cgi")
	awk -v t="$((after - before))" -v hz="$(getconf CLK_TCK)" \
		-v s="$SECONDS_EACH" -v r="$(tail -1 "$TMPDIR_/lookup")" \
		'BEGIN {printf "%.1f\n", t/hz*1e6/(r*s)}' >>"$TMPDIR_/us"
done
static=$(median <"$TMPDIR_/static")
lookup=$(median <"$TMPDIR_/lookup")
echo "static file     $static req/s"
echo "status look-up  $lookup req/s," \
	"$(awk -v a="$lookup" -v b="$static" 'BEGIN {printf "%.2f", a/b}')" \
	"of static, $(median <"$TMPDIR_/us") CPU-µs each in lowtide-cgi"
