#!/usr/bin/env bash
# Compressed siblings of a whole build: which there are, what the manifest says
# of them, what the cache saves, and that nothing is written for nothing.
. tests/lib.sh
site=$TMP/site
mkdir -p "$site"/{assets,static,pages} && cd "$site" || exit 1
echo 'name = "x"' >site.toml
words() { # N: so many lines that compress
	seq "$1" | sed 's/.*/line & of a text that says much the same again/'
}
{ echo '<!doctype html><title>home</title>'; words 40; } >pages/index.html
words 60 | sed 's/.*/\/* & *\//' >assets/app.css
words 50 >static/words.txt
words 9000 >static/large.txt
words 50 >static/picture.png
words 50 >static/letters.woff2
echo 'short' >static/short.txt
head -c 3000 /dev/urandom >static/noise.txt
cd - >/dev/null || exit 1

build() { "$LOWTIDE" build -q -C "$site" "$@" 2>&1; }
found() { # DIR: the siblings in its www
	(cd "$1/www" && find . -name '*.gz' -o -name '*.br' -o -name '*.zst' |
		sed 's/^\.\///; s/\.[0-9a-f]\{10\}\././' |
		grep -v problems/ | LC_ALL=C sort | tr '\n' ' ')
}
counts() { # of a build's JSON: made, cached
	node -e 'const {result: {compressed: c}} = JSON.parse(
		require("fs").readFileSync(0)); console.log(c.made > 0,
		c.cached > 0);'
}
listing() { # DIR: everything a write would change
	find "$1" -printf '%P %i %s %T@ %C@\n' | LC_ALL=C sort
}
bytes() { # DIR
	(cd "$1" && find . -type f -exec sha256sum {} + | LC_ALL=C sort)
}

# --- which there are
ok "it builds" build --out "$TMP/one"
is "siblings are where they pay, in gzip and brotli" "$(found "$TMP/one")" \
	"404.html.br 404.html.gz assets/app.css.br assets/app.css.gz \
index.html.br index.html.gz large.txt.br large.txt.gz \
lowtide.css.br lowtide.css.gz words.txt.br words.txt.gz "
is "none of what is only for the server" \
	"$(find "$TMP/one/server" -name '*.gz' -o -name '*.br')" ""
is "each is smaller than its original" "$(
	for f in $(find "$TMP/one/www" -name '*.gz' -o -name '*.br'); do
		[ "$(stat -c %s "$f")" -lt "$(stat -c %s "${f%.*}")" ] ||
			echo "$f"
	done)" ""
is "gzip's are what gunzip makes of them" "$(
	for f in $(find "$TMP/one/www" -name '*.gz'); do
		gunzip -c "$f" | cmp - "${f%.gz}" || echo "$f"
	done)" ""
cat >"$TMP/check.mjs" <<'M'
/* Every sibling is told in its original's row, and no other; all are right. */
import {readFileSync, readdirSync} from 'node:fs';
import {execFileSync} from 'node:child_process';
import {brotliDecompressSync, gunzipSync} from 'node:zlib';
const www = process.argv[2] + '/www/';
const {files} = JSON.parse(readFileSync(www + 'manifest.json'));
const left = new Set(readdirSync(www, {recursive: true})
	.filter(f => /\.(gz|br)$/.test(f)));
const unpack = {gz: gunzipSync, br: brotliDecompressSync};
for (const f of files)
	for (const [name, {bytes, blake2b}] of Object.entries(f.encodings)) {
		const path = `${f.path}.${name}`, got = readFileSync(www + path);
		const sum = execFileSync('b2sum', ['-l', '256', www + path])
			.toString().split(' ')[0];
		if (got.length !== bytes || sum !== blake2b)
			console.log(path, 'is not as told');
		if (!unpack[name](got).equals(readFileSync(www + f.path)))
			console.log(path, 'is not', f.path);
		if (!left.delete(path))
			console.log(path, 'is told twice');
	}
for (const f of files)
	if (/\.(gz|br)$/.test(f.path))
		console.log(f.path, 'has a row');
console.log('not told:', [...left].join(' ') || 'none');
M
is "the manifest tells of each, and tells right" \
	"$(node "$TMP/check.mjs" "$TMP/one")" "not told: none"

cached=$TMP/cached
set_toml() { printf 'name = "x"\n[compress]\n%s\n' "$1" >"$site/site.toml"; }
set_toml 'max = "100KiB"'
build --cache "$cached" --out "$TMP/max"
is "beyond [compress] max there is none" "$(found "$TMP/max")" \
	"404.html.br 404.html.gz assets/app.css.br assets/app.css.gz \
index.html.br index.html.gz lowtide.css.br lowtide.css.gz \
words.txt.br words.txt.gz "
set_toml 'siblings = []'
build --cache "$cached" --out "$TMP/none"
is "an empty list is none" "$(found "$TMP/none")" ""
set_toml 'siblings = ["zst"]'
build --cache "$cached" --out "$TMP/zst"
is "zstd is made where it is asked for" "$(found "$TMP/zst")" \
	"404.html.zst assets/app.css.zst index.html.zst large.txt.zst \
lowtide.css.zst words.txt.zst "
set_toml 'siblings = ["lzma"]'
like "another is an error with its place" "$(build --out "$TMP/bad")" \
	'site.toml:3:13: bad-value: .*gz, br, zst'
set_toml 'max = "1B"'
like "so is a max of nothing" "$(build --out "$TMP/bad")" \
	'site.toml:3:7: bad-value: '
echo 'name = "x"' >"$site/site.toml"
build --fast --out "$TMP/fast" --cache none
is "with --fast there are none" "$(found "$TMP/fast")" ""
is "and the manifest says so" "$(grep -c '"br"' "$TMP/fast/www/manifest.json")" 0

# --- the cache
fresh=$TMP/fresh
is "the first build compresses" \
	"$(build --json --cache "$fresh" --out "$TMP/a" | counts)" "true false"
is "one into another folder does not" \
	"$(build --json --cache "$fresh" --out "$TMP/b" | counts)" "false true"
is "with the same result" "$(bytes "$TMP/b")" "$(bytes "$TMP/a")"
cp -r "$fresh" "$TMP/carried"
cp -r "$site" "$TMP/elsewhere"
is "nor does another copy of the site, with a carried cache" \
	"$("$LOWTIDE" build -q -C "$TMP/elsewhere" --json \
		--cache "$TMP/carried" --out "$TMP/c" | counts)" "false true"
is "with the same result, too" "$(bytes "$TMP/c")" "$(bytes "$TMP/a")"
is "without a cache nothing is kept" \
	"$(build --json --cache none --out "$TMP/d" | counts)" "true false"
is "and the bytes are the same" "$(bytes "$TMP/d")" "$(bytes "$TMP/a")"
ok "the default is in the site folder" test -d "$site/.lowtide-cache/compressed"
is "also where a script's variable is not set" \
	"$(build --cache "" --json --out "$TMP/unset" | counts)" "false true"
is "where git does not see it" "$(cat "$site/.lowtide-cache/.gitignore")" '*'

planted=$(printf 'evil' | gzip -n | base64 -w0)
find "$fresh/compressed" -name '*.gz' | while read -r f; do
	base64 -d <<<"$planted" >"$f"
done
find "$fresh/compressed" -name '*.br' | while read -r f; do
	printf 'damaged' >"$f"
done
is "what somebody planted is not believed" \
	"$(build --json --cache "$fresh" --out "$TMP/e" | counts)" "true false"
is "and the bytes are still the same" "$(bytes "$TMP/e")" "$(bytes "$TMP/a")"

echo 'a file' >"$TMP/file"
said=$("$LOWTIDE" build -C "$site" --cache "$TMP/file" --out "$TMP/f" 2>&1)
is "a cache that cannot be written stops nothing" "$?" 0
is "and is one warning" "$(grep -c cache-unwritable <<<"$said")" 1
is "the bytes are the same again" "$(bytes "$TMP/f")" "$(bytes "$TMP/a")"

# --- nothing for nothing
build --cache "$fresh" --out "$TMP/a"
before=$(listing "$TMP/a"; listing "$fresh")
sleep 0.02
ok "it builds again" build --cache "$fresh" --out "$TMP/a"
is "nothing changed, nothing was written, nor in the cache" \
	"$(listing "$TMP/a"; listing "$fresh")" "$before"
echo '<!-- changed -->' >>"$site/pages/index.html"
listing "$TMP/a" >"$TMP/before"
rm -r "$fresh/compressed"
like "one page changed, its two are made and noise.txt's tried, no others" \
	"$(build --json --cache "$fresh" --out "$TMP/a" | tr -d ' \n')" \
	'"compressed":\{"made":4,"cached":0,"kept":[1-9][0-9],"own":0\}'
is "one page changed, it and its siblings are others" "$(
	listing "$TMP/a" | grep -v ' 0$' | awk '{print $1, $2, $3, $4}' |
		LC_ALL=C comm -13 <(awk '{print $1, $2, $3, $4}' \
			"$TMP/before" | LC_ALL=C sort) - |
		awk '{print $1}' | grep '\.' | tr '\n' ' ')" \
	"www/index.html www/index.html.br www/index.html.gz www/manifest.json "

# --- the site's own
gzip -n -1 -c "$site/static/words.txt" >"$site/static/words.txt.gz"
words 51 | gzip -n >"$site/static/large.txt.gz"
said=$("$LOWTIDE" build -C "$site" --cache "$fresh" --out "$TMP/own" 2>&1)
is "a site may bring its own" "$?" 0
ok "which is published as it is" \
	cmp "$site/static/words.txt.gz" "$TMP/own/www/words.txt.gz"
like "one that is something else is told" "$said" \
	'static/large.txt.gz: warning: stale-sibling: '
unlike "one that is right is not" "$said" 'words.txt.gz'
is "the manifest knows the difference" "$(node -e '
	const m = JSON.parse(require("fs").readFileSync(process.argv[1]));
	for (const f of m.files) if (/^(words|large)/.test(f.path))
		console.log(f.path, Object.keys(f.encodings).join() || "-");
	' "$TMP/own/www/manifest.json")" "large.txt br
large.txt.gz -
words.txt gz,br"
rm "$site/static"/*.gz
build --cache "$fresh" --out "$TMP/own"
is "once they are gone, ours are back" "$(bytes "$TMP/own")" "$(bytes "$TMP/a")"

# --- one coding more: what is there already may be as long as what comes
site=$TMP/even
mkdir -p "$site/static"
# letters by their frequency alone: gzip and zstd come close
awk -v dir="$site/static" -v x=7 'BEGIN {
	for (i = 0; i < 150; i++) {
		text = ""
		for (n = 0; n < 700 + i; n++) {
			x = x * 16807 % 2147483647
			text = text substr("aaabbcdefghijklm", x % 16 + 1, 1)
		}
		printf "%s", text >(dir "/" i ".txt")
	}
}'
lengths() { # ENDING
	(cd "$TMP/even/dist/www" && stat -c '%n %s' [0-9]*.txt."$1" |
		sed 's/\.txt\.[a-z]*//' | LC_ALL=C sort)
}
set_toml 'siblings = ["zst"]'
build --cache "$TMP/even-cache" --out "$site/dist"
lengths zst >"$TMP/lengths"
rm -r "$site/dist"
set_toml 'siblings = ["gz"]'
build --cache "$TMP/even-cache" --out "$site/dist"
like "some are as long in gzip as in zstd" \
	"$(lengths gz | LC_ALL=C comm -12 - "$TMP/lengths")" '^[0-9]+ [0-9]+'
set_toml 'siblings = ["gz", "zst"]'
build --cache "$TMP/even-cache" --out "$site/dist"
is "together none is" "$(LC_ALL=C comm -12 <(lengths gz) <(lengths zst))" ""
build --cache none --out "$TMP/afresh"
is "which is what a build without the first one makes" \
	"$(bytes "$site/dist")" "$(bytes "$TMP/afresh")"
done_testing
