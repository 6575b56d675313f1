#!/usr/bin/env bash
# make bench's orchestrator, with the measurements that are quick: each row is
# there with numbers, nothing is judged, nothing is left behind.
. tests/lib.sh
export LOWTIDE_BIN=$BIN TMPDIR=$TMP ROUNDS=1 SECONDS_EACH=1
# what counts syncs is preloaded, also into programs with sanitizers
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0

said=$(ONLY=start,jobs,lookup JOBS=20000 BENCH_JSON=$TMP/bench.json tests/bench/run.mjs 2>&1)
is "it ends with 0" "$?" 0
like "a cold start has its figures" "$said" \
	'^  lowtide-cgi  +[0-9.]+  +[0-9.]+  median of 20$'
like "and what is wanted of it" "$said" \
	'first answer ms [0-9.]+: hold ≤ 30, aim ≤ 8: '
like "so have jobs through the worker" "$said" \
	'^  lowtide-worker, noop( +[0-9.,]+){7}  [0-9]+ jobs a round$'
for row in 'static file' 'nginx return 200' 'look-up, completed' \
	'look-up, any of many' 'look-up, pending' 'look-up, 304' 'look-up, password' \
	'look-up, bearer'; do
	like "$row beside the others" "$said" \
		"^  $row( +[0-9.,]+){5,6}  (200|304), [0-9]+ bytes"
done
is "the same for machines" "$(node -e '
	const {measures: m} = JSON.parse(require("fs").readFileSync(
		process.argv[1]));
	const at = (row, key) => row.figures[key].median > 0;
	console.log(at(m.start.rows[0], "cold"), at(m.jobs.rows[0], "reqs"),
		m.jobs.rows[0].figures.syncs.rounds.length);
	' "$TMP/bench.json")" "true true 1"
is "its folders are gone" "$(find "$TMP" -name 'lowtide-bench*')" ""

said=$(ONLY=speed tests/bench/run.mjs 2>&1)
is "an unknown measurement is 64" "$?" 64
like "and those there are get named" "$said" '  lookup +status look-ups'

# make bench-read, with nobody beside it
said=$(ONLY=read-cold,read-call,read-memory,read-crowd,read-overload CALLERS=40 \
	KEPT=200x1 BENCH_JSON=$TMP/reads.json tests/bench/run.mjs 2>&1)
is "the bench of reads ends with 0" "$?" 0
like "an answer that is kept, beside one that is called for" "$said" \
	'^  no call, kept( +[0-9.,]+){4}'
like "a page of many calls beside one of them, and what is wanted" "$said" \
	'^      x slowest call [0-9.]+: hold ≤ 1.1, aim ≤ 1.05: '
is "the same for machines: who was answered, what was kept and shed" "$(node -e '
	const {measures: m} = JSON.parse(require("fs").readFileSync(
		process.argv[1]));
	const row = (measure, name) => Object.fromEntries(Object.entries(
		m[measure].rows.find(r => r.name.startsWith(name)).figures)
		.map(([k, v]) => [k, v.median]));
	const crowd = row("read-crowd", "lowtide-read");
	console.log(crowd.answered,
		row("read-memory", "200 of 1 KiB").again,
		row("read-call", "HTTP/2").app > 0,
		row("read-overload", "lowtide-read, queue = 32").most <= 32);
	' "$TMP/reads.json")" "40 0 true true"
is "its folders are gone, too" "$(find "$TMP" -name 'lowtide-bench*')" ""

# gen-tree: the site folder that the generator is measured with
tree() { # DIR FILES SEED: what is in it
	build/bench/gen-tree "$TMP/$1" "$2" "$3" >/dev/null &&
		(cd "$TMP/$1" && find . -type f -exec sha256sum {} + | sort)
}
first=$(tree tree 100 7)
is "a tree has as many files, pictures and a site.toml" \
	"$(wc -l <<<"$first")" 113
is "of the kinds that were asked for" "$(cd "$TMP/tree" &&
	for e in html js json toml css; do
		printf '%s ' "$(find . -name "*.$e" ! -name site.toml | wc -l)"
	done)" "56 18 14 6 6 "
is "3 % of them are big" "$(find "$TMP/tree" -size +80k | wc -l)" 3
is "the same seed is the same bytes" "$(tree again 100 7)" "$first"
ok "another seed is other bytes" test "$(tree other 100 8)" != "$first"
said=$("$LOWTIDE" build -C "$TMP/tree" --out "$TMP/dist" 2>&1)
is "it builds" "$?" 0
unlike "and every reference is there" "$said" missing-reference
is "a tree is never written over another" \
	"$(build/bench/gen-tree "$TMP/tree" 1 1 2>&1; echo $?)" \
	"gen-tree: $TMP/tree/pages/s000/p00000.html: File exists
74"

# make bench-generator, over a tree that takes no time
export FILES=50
said=$(ONLY=2k,compress BENCH_JSON=$TMP/generator.json \
	tests/bench/generator.mjs 2>&1)
is "the generator's bench ends with 0" "$?" 0
like "a cold build has its figures and goals" "$said" \
	'^  lowtide, cold +[0-9]+ +[0-9]+ +[0-9]+ +--fast --cache none$'
like "beside the least it can cost" "$said" '^  all three +[0-9]+ +[0-9]+'
like "the codecs are told from what is ours" "$said" \
	'^      × CPU [0-9.]+: hold ≤ 1.2, aim ≤ 1.05'
is "and the same for machines" "$(node -e '
	const {measures: m} = JSON.parse(require("fs").readFileSync(
		process.argv[1]));
	for (const name of ["2k", "compress"])
		console.log(name, m[name].rows.filter(r =>
			r.name.startsWith("lowtide,")).map(r =>
			r.figures.wall.median > 0 && r.figures.wall.rounds.length));
	' "$TMP/generator.json")" "2k [ 1, 1, 1 ]
compress [ 1, 1, 1, 1 ]"
is "nothing is left of it" "$(find "$TMP" -name 'lowtide-bench*')" ""
said=$(ONLY=2K tests/bench/generator.mjs 2>&1)
is "an unknown measurement is 64 there too" "$?" 64
done_testing
