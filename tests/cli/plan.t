#!/usr/bin/env bash
# lowtide plan: what it prints and when it refuses, and its aws commands, run
# by sh with an aws that keeps objects in a folder.
. tests/lib.sh

S=$TMP/site
mkdir -p "$S/pages/guide" "$S/assets" "$S/static/a b" "$S/catalogue" "$TMP/bin"
put() { # FILE TEXT
	mkdir -p "$(dirname "$S/$1")"
	printf '%s\n' "$2" >"$S/$1"
}
long() { printf "$1 %.0s" $(seq 200); }
put site.toml 'name = "acme"
[catalogue.plans]'
put catalogue/plans.toml 'version = "1.0.0"'
put pages/index.html "<link rel=stylesheet href=/assets/app.css>$(long hello)"
put pages/guide/index.html '<a href=/>home</a>'
put assets/app.css "p { color: red } /* $(long red) */"
put static/robots.txt 'User-agent: *'
for name in "it's" 'a b/c d' 'q"$(exit 1)`x`\' 'café' '-dash' '%41#?&' 'x*'; do
	put "static/$name.txt" "$name"
done
build() { "$LOWTIDE" build -q -C "$S" --previous "$previous" "$@"; }
plan() { "$LOWTIDE" plan -q -C "$S" --previous "$previous" "$@"; }
publish() { # what is built is what is published now
	rm -rf "$TMP/old"
	cp -r "$S/dist" "$TMP/old"
	previous=$TMP/old
}
previous=none

# ---- aws
cat >"$TMP/bin/aws" <<'STUB'
#!/usr/bin/env bash
# aws s3 cp|rm, aws cloudfront create-invalidation, as the plan writes them
echo "$*" >>"$TMP/aws.log"
[ ! -e "$TMP/aws.fails" ] || [ "$(wc -l <"$TMP/aws.log")" -lt \
	"$(cat "$TMP/aws.fails")" ] || exit 1
key() { case $1 in s3://bucket/site/*) key=${1#s3://bucket/site/} ;; *) exit 9 ;; esac; }
what="$1 $2"
shift 2
case $what in
's3 cp')
	[ "$1" = --only-show-errors ] || exit 9
	key "$3"
	mkdir -p "$(dirname "$TMP/bucket/$key")" "$(dirname "$TMP/meta/$key")"
	cp -- "$2" "$TMP/bucket/$key" || exit 1
	shift 3
	type= cache= encoding=
	while [ $# -gt 0 ]; do
		case $1 in
		--content-type) type=$2 ;;
		--cache-control) cache=$2 ;;
		--content-encoding) encoding=$2 ;;
		*) exit 9 ;;
		esac
		shift 2
	done
	echo "$type|$cache|$encoding" >"$TMP/meta/$key" ;;
's3 rm')
	[ "$1" = --only-show-errors ] || exit 9
	key "$2"
	rm -f -- "$TMP/bucket/$key" "$TMP/meta/$key"
	find "$TMP/bucket" "$TMP/meta" -mindepth 1 -type d -empty -delete ;;
'cloudfront create-invalidation')
	[ "$1 $2 $3" = '--distribution-id E1 --paths' ] || exit 9
	shift 3
	printf '%s\n' "$@" >"$TMP/invalidated" ;;
*) exit 9 ;;
esac
STUB
chmod +x "$TMP/bin/aws"
export TMP
aws() { # what the plan says, done
	plan --format=aws --bucket s3://bucket/site/ --distribution E1 \
		"$@" >"$TMP/script" || return
	rm -f "$TMP/aws.log"
	(cd / && PATH=$TMP/bin:$PATH sh "$TMP/script")
}
cat >"$TMP/meta.mjs" <<'NODE'
// The metadata that each object must have: KEY TYPE|CACHE|ENCODING
import {readFileSync} from 'node:fs';
const m = JSON.parse(readFileSync(process.argv[2]));
const token = {gz: 'gzip', br: 'br', zst: 'zstd'};
const lines = [];
const put = (path, type, cache, encoding = '') => lines.push(`${path} ${type}|${
	cache === 'immutable' ? 'public, max-age=31536000, immutable' : 'no-cache'
}|${encoding}`);
for (const f of m.files) {
	put(f.path, f.type, f.cache);
	for (const e of Object.keys(f.encodings))
		put(`${f.path}.${e}`, f.type, f.cache, token[e]);
}
put('manifest.json', 'application/json', 'pointer');
console.log(lines.sort().join('\n'));
NODE
metas() { # what the objects have that are of this release
	(cd "$TMP/meta" && find . -type f | sed 's|^\./||' | while IFS= read -r f; do
		[ ! -e "$S/dist/www/$f" ] || echo "$f $(cat -- "$f")"
	done | LC_ALL=C sort)
}
wanted() { node "$TMP/meta.mjs" "$S/dist/www/manifest.json" | LC_ALL=C sort; }

ok "the first build" build
ok "the first plan's commands" aws
is "it is all there, byte for byte" \
	"$(diff -r "$TMP/bucket" "$S/dist/www")" ""
is "each has its type, cache header and coding" \
	"$(diff <(metas) <(wanted))" ""
ok "nothing was there to be invalidated" test ! -e "$TMP/invalidated"
ok "compressed siblings are among it" test -e "$TMP/bucket/index.html.br"
is "the manifest comes last" "$(tail -1 "$TMP/aws.log" | grep -o 's3://[^ ]*')" \
	s3://bucket/site/manifest.json
publish

is "the same again: no command" \
	"$(build && plan --format=aws --bucket s3://bucket)" ""
is "nothing to upload" "$(plan --upload)" ""
plan --exit-code >/dev/null
is "--exit-code: nothing to do" "$?" 0

put pages/index.html "<link rel=stylesheet href=/assets/app.css>$(long hi)"
put assets/app.css 'p { color: blue }'
put catalogue/plans.toml 'version = "1.1.0"'
rm -r "$S/pages/guide" "$S/static/it's.txt"
put pages/new.html 'new'
app=$(cd "$TMP/old/www" && echo assets/app.*.css)
ok "the second build" build
plan --exit-code >/dev/null
is "--exit-code: something to do" "$?" 2
ok "the second plan's commands" aws
kept=$(node -p 'JSON.parse(fs.readFileSync(process.argv[1])).releases
	.map((r) => r.files).flat().join("\n")' "$S/dist/www/manifest.json")
is "the last release's files are kept" "$kept" "$app
$app.br
$app.gz
$(cd "$TMP/old/www" && ls plans-v1.0.0*)"
is "what is there is this release and what is kept" \
	"$(cd "$TMP/bucket" && find . -type f | sed 's|^\./||' | LC_ALL=C sort)" \
	"$( (cd "$S/dist/www" && find . -type f | sed 's|^\./||'
		echo "$kept") | LC_ALL=C sort)"
is "byte for byte" "$(cd "$S/dist/www" && find . -type f -exec \
	cmp {} "$TMP/bucket/{}" \;)" ""
is "with the right types" "$(diff <(metas) <(wanted))" ""
# _headers may change with every file
is "what changed is invalidated, and only that" \
	"$(grep -v '^/_headers$' "$TMP/invalidated")" \
	"/
/guide
/guide/
/guide/index.html
/index.html
/it's.txt
/manifest.json
/new
/new.html
/plans.json"
is "in this order" "$(grep -o 's3://[^ ]*' "$TMP/aws.log" | sed 's|.*/site/||;
	s/[0-9a-f]\{10\}/HASH/' | grep -v '\.\(gz\|br\)$\|^_headers$')" \
	"assets/app.HASH.css
plans-v1.1.0.json
plans-v1.1.0.toml
new.html
index.html
plans.json
guide/index.html
it's.txt
manifest.json"

# a command that fails ends it: the manifest still says what was
publish
put pages/index.html 'third'
build
echo 2 >"$TMP/aws.fails"
aws 2>/dev/null
is "a failing command ends the script" "$?" 1
ok "the manifest is the old one" cmp "$TMP/old/www/manifest.json" \
	"$TMP/bucket/manifest.json"
rm "$TMP/aws.fails"
ok "again" aws
ok "now it is the new one" cmp "$S/dist/www/manifest.json" \
	"$TMP/bucket/manifest.json"
publish

# ---- lists
put pages/index.html 'fourth'
put assets/more.css 'b { color: green }'
rm "$S/static/robots.txt"
build
is "--upload --step" "$(plan --upload --step immutable | sed 's/\..*//')" \
	assets/more
is "--delete" "$(plan --delete)" robots.txt
is "--invalidate" "$(plan --invalidate | grep -v '^/_headers$' | tr '\n' ' ')" \
	'/ /index.html /manifest.json /robots.txt '
is "with NULs" "$(plan --upload --step pages -0 | tr '\0' '|')" 'index.html|'
is "the whole list is the steps' lists" "$(plan --upload)" \
	"$(for s in immutable new stale pages pointers delete manifest; do
		plan --upload --step $s; done)"
is "the manifest may be piped in" \
	"$(previous=- plan --delete <"$TMP/old/www/manifest.json")" robots.txt
is "or be named" "$(previous=$TMP/old/www/manifest.json plan --delete)" \
	robots.txt
sed 's/"path":"index.html"/"path":"indey.html"/' "$TMP/old/www/manifest.json" \
	>"$TMP/attempt"
plan --attempt "$TMP/attempt" >/dev/null 2>&1
is "an attempt is as little trusted" "$?" 1
cp -r "$S/dist" "$TMP/begun"
put pages/index.html 'fifth'
mkdir "$S/pages/x"
mv "$S/assets/more.css" "$S/assets/less.css"
build
is "what was begun and is not wanted is deleted" \
	"$(plan --attempt "$TMP/begun" --delete | sed 's/\.[0-9a-f]*\./.H./')" \
	"robots.txt
assets/more.H.css"
text=$(plan)
like "text: why" "$text" '^    changed  index\.html \([0-9]+ B\)$'
like "text: what is deleted" "$text" '^    gone     robots\.txt$'
unlike "no colours into a pipe" "$text" $'\033'
terminal() { # COMMAND: what it shows there
	script -qec "env -u NO_COLOR TERM=xterm $*" /dev/null </dev/null
}
command="$LOWTIDE plan -q -C $S --previous $previous"
like "but on a terminal" "$(terminal "$command")" $'\033\\[31mgone'
unlike "unless they are not wanted" "$(terminal "$command --no-color")" $'\033'
is "--json" "$(plan --json | node -p '
	const o = JSON.parse(fs.readFileSync(0)), r = o.result;
	const uploads = r.uploads.filter((u) => u.path !== "_headers");
	[o.status, r.name, uploads.length, uploads.at(-1).path,
		r.uploads.find((u) => u.path === "index.html").why,
		r.deletes.map((d) => d.path), r.invalidations[0]].join()')" \
	"0,acme,3,manifest.json,changed,robots.txt,/"
is "--format=json is the same" "$(plan --format=json)" "$(plan --json)"

# ---- what speaks against it
said=$(plan --max-delete 0 2>&1)
is "too many deletes are refused" "$?" 1
like "with their number" "$said" \
	'^too-many-deletes: 1 files? would be deleted.*--max-delete 1$'
cp -r "$S" "$TMP/many"
for i in $(seq 257); do echo "$i" >"$TMP/many/static/$i.txt"; done
"$LOWTIDE" build -q --fast -C "$TMP/many" --out "$TMP/many-old" --previous none
rm "$TMP/many/static/1.txt"
"$LOWTIDE" build -q --fast -C "$TMP/many" --out "$TMP/fewer-old" --previous none
rm "$TMP/many"/static/*[0-9].txt
"$LOWTIDE" build -q --fast -C "$TMP/many" --previous none
said=$("$LOWTIDE" plan -q -C "$TMP/many" --previous "$TMP/many-old" 2>&1)
is "257 are too many where nothing is said" "$?" 1
like "with the way to allow them" "$said" '^too-many-deletes: 257 .*--max-delete 257$'
ok "256 are not" "$LOWTIDE" plan -q -C "$TMP/many" --previous "$TMP/fewer-old"
said=$(previous=$TMP/none plan 2>&1)
is "no previous manifest is an error" "$?" 1
like "said as such" "$said" 'no-manifest: .*--previous none'
said=$("$LOWTIDE" plan -C "$S" --out "$TMP/nothing" 2>&1)
is "nothing built is an error" "$?" 1
like "with the command to build" "$said" 'no-manifest: .*lowtide build'
said=$(plan --format=aws 2>&1)
is "aws needs a bucket" "$? $said" \
	"64 bad-option: --format=aws needs --bucket s3://NAME"
plan --upload --delete >/dev/null 2>&1
is "one list at a time" "$?" 64
"$LOWTIDE" build -q -C "$S" --previous none
put assets/less.css 'b { color: black }'
publish
"$LOWTIDE" build -q -C "$S" --previous none
like "a build that forgot --previous" "$(plan 2>&1 >/dev/null)" \
	'warning: previous-not-kept: 1 immutable file'
plan --warnings=error >"$TMP/out" 2>/dev/null
is "--warnings=error refuses it" "$?$(cat "$TMP/out")" 1
sed 's/"acme"/"other"/' "$TMP/old/www/manifest.json" >"$TMP/other.json"
like "another site's manifest" \
	"$(previous=$TMP/other.json plan 2>&1 >/dev/null)" previous-other-site
like "and when it is built on" \
	"$(previous=$TMP/other.json build 2>&1 --out "$TMP/mixed")" \
	'^warning: previous-other-site: '
sed 's/"path":"index/"path":"..\/index/' "$TMP/old/www/manifest.json" \
	>"$TMP/bad.json"
said=$(previous=$TMP/bad.json plan 2>&1)
is "a manifest that leaves the folder" "$?" 1
like "has its place" "$said" 'bad\.json:[0-9]+:[0-9]+: manifest-path: '
done_testing
