#!/usr/bin/env bash
# docs/deploy.sh, with an rsync that counts, looks at the target after each of
# its calls, and may be the last one. STOPS= says after which calls a deploy is
# interrupted ("all": each of them, as make soak has it).
. tests/lib.sh
export LOWTIDE TMP

S=$TMP/site
T=$TMP/target
mkdir -p "$TMP/bin" "$TMP/ever"
put() { # FILE TEXT
	mkdir -p "$(dirname "$S/$1")"
	printf '%s\n' "$2" >"$S/$1"
}

cat >"$TMP/refs.sh" <<'REFS'
# What pages and pointers name and is not there, a line each.
cd "$TMP/target" 2>/dev/null || exit 0
{
	find . -path ./problems -prune -o -name '*.html' -exec cat {} +
	find . -path ./problems -prune -o -name '*.html.gz' -exec gzip -dc {} +
} | grep -oE '(href|src)="?/[^"> ]*' | sed -E 's/^[a-z]+="?//' >"$TMP/urls"
{
	cat "$TMP/urls"
	[ ! -e plans.json ] || sed -n 's|.*"url": *"\([^"]*\)".*|\1|p' plans.json
} | sort -u | while read -r url; do
	f=.${url%%[?#]*}
	[ -f "$f" ] || [ -f "$f.html" ] || [ -f "${f%/}/index.html" ] ||
		echo "$url"
done
REFS
cat >"$TMP/bin/rsync" <<'STUB'
#!/usr/bin/env bash
n=$(($(cat "$TMP/calls") + 1))
echo $n >"$TMP/calls"
PATH=${PATH#*:} rsync "$@"
status=$?
missing=$(bash "$TMP/refs.sh")
[ -z "$missing" ] || echo "after call $n: $missing" >>"$TMP/missing"
case $* in
*--files-from=*) # names, not whole paths: what was sent or removed, in order
	list=$(printf '%s\n' "$@" | sed -n 's/^--files-from=//p')
	echo "${list##*/}: $(tr '\0' ' ' <"$list")" >>"$TMP/sent" ;;
esac
[ "$n" != "$(cat "$TMP/stop")" ] || kill -TERM $PPID
exit $status
STUB
chmod +x "$TMP/bin/rsync"
: >"$TMP/missing"

deploy() { # [STOP]: 0 = not at all
	echo 0 >"$TMP/calls"
	echo "${1:-0}" >"$TMP/stop"
	: >"$TMP/sent"
	PATH=$TMP/bin:$PATH docs/deploy.sh "$S" "$T" >"$TMP/said" 2>&1
}
differs() { # between the target and the release with what is kept
	rm -rf "$TMP/want"
	cp -r "$S/dist/www" "$TMP/want"
	cp -r --remove-destination "$S/dist/www/." "$TMP/ever"
	node -p 'JSON.parse(fs.readFileSync(process.argv[1])).releases
		.map((r) => r.files).flat().join("\n")' \
		"$S/dist/www/manifest.json" | while IFS= read -r f; do
		[ -z "$f" ] || (cd "$TMP/ever" && cp --parents "$f" "$TMP/want")
	done
	diff -r "$TMP/want" "$T"
}
deployed() { # NAME: the target is as it should be
	ok "$1: deployed" deploy
	is "$1: it is the release, and what is kept" "$(differs)" ""
}

put site.toml 'name = "acme"
keep = 3
[catalogue.plans]'
put catalogue/plans.toml 'version = "1.0.0"'
long() { printf "$1 %.0s" $(seq 200); }
page() { # TEXT: a page that names assets, large enough to be compressed
	echo "<link rel=stylesheet href=/assets/app.css><script src=/assets/a.js></script><a href=/guide/></a><a href=/plans.json></a>$(long "$1")"
}
put pages/index.html "$(page one)"
put pages/guide/index.html "$(page guide)"
put assets/app.css "p { color: red } $(long '/**/')"
put assets/a.js 'one()'
put 'static/a b/é "1".txt' 'odd'

deployed "a first deploy"
ok "the manifest came last" grep -q '^manifest.upload: manifest.json $' \
	<(grep -v '^begun' "$TMP/sent" | tail -1)
deployed "the same again"
is "nothing was sent" "$(cat "$TMP/sent")" ""

first=$(cd "$T" && echo assets/app.*.css)
put assets/app.css "p { color: blue } $(long '/**/')"
put pages/index.html "$(page two)"
deployed "a change"
ok "the first one's style is still there" test -e "$T/$first"
is "in this order" "$(sed '/^begun/d; s/\.[0-9a-f]\{10\}\./.H./g; s/ $//' "$TMP/sent")" \
	"immutable.upload: assets/app.H.css.gz assets/app.H.css.br assets/app.H.css
pages.upload: guide/index.html.gz guide/index.html.br guide/index.html index.html.gz index.html.br index.html
manifest.upload: manifest.json"
put assets/app.css "p { color: red } $(long '/**/')"
put pages/index.html "$(page one)"
deployed "the change taken back"
put catalogue/plans.toml 'version = "1.1.0"'
deployed "a new version of the catalogue"
ok "the last one is still there" test -e "$T/plans-v1.0.0.json"
rm -r "$S/pages/guide"
put pages/index.html 'no guide'
put pages/more/x.html "$(page x | sed 's|/guide/|/more/x|')"
deployed "a page gone, another one in a new folder"
ok "and its folder" test ! -e "$T/guide"
rm -r "$S/pages/more"
put static/more 'a file where a folder was'
rm -r "$TMP/ever/more"
put pages/index.html 'no more'
deployed "a file where a folder was"
for i in 1 2; do
	put assets/a.js "again($i)"
	put pages/index.html "$(page "$i" | sed 's|/guide/|/|')"
	deployed "release $i after that"
done
ok "what no kept release needs is gone" test ! -e "$T/plans-v1.0.0.json"
is "at no time was anything named that was not there" \
	"$(cat "$TMP/missing")" ""

# ---- interrupted, after each call, and run again
cp -r "$T" "$TMP/before"
put assets/a.js 'third()'
put assets/app.css 'p { color: green }'
put pages/index.html "$(page three | sed 's|/guide/|/new|')"
put pages/new.html "$(page new | sed 's|/guide/|/|')"
put catalogue/plans.toml 'version = "1.2.0"'
rm "$S/static/more"
again() { # a deploy starts from the same place
	rm -rf "$T"
	cp -r "$TMP/before" "$T"
}
again
deploy
calls=$(cat "$TMP/calls")
differs >/dev/null
stops=${STOPS:-7 $((calls - 3)) $((calls - 1))}
[ "$stops" != all ] || stops=$(seq "$calls")
for stop in $stops; do
	again
	deploy "$stop"
	is "interrupted after call $stop of $calls" "$?" 130
	deployed "run again after call $stop"
done
# and another release instead of it: nothing of the first is left
cp -r "$S" "$TMP/third"
for stop in ${STOPS:+$stops} $((calls - 4)); do
	again
	rm -rf "$S"
	cp -r "$TMP/third" "$S"
	deploy "$stop"
	put assets/a.js 'fourth()'
	put pages/index.html "$(page four | sed 's|/guide/|/|')"
	rm "$S/pages/new.html"
	deployed "another release after call $stop"
	ok "what was begun is forgotten" test ! -e "$T/.lowtide"
done
rm -rf "$S"
cp -r "$TMP/third" "$S"
is "nothing was named that was not there" "$(cat "$TMP/missing")" ""

# ---- another host, reached by what stands for ssh
printf '#!/bin/sh\nshift\nexec sh -c "$*"\n' >"$TMP/bin/rsh"
chmod +x "$TMP/bin/rsh"
export RSYNC_RSH=$TMP/bin/rsh
for round in first second; do
	put assets/a.js "$round"
	ok "a $round deploy to a host" docs/deploy.sh "$S" "www1:$TMP/far"
	is "it is what was built, and what is kept" "$(diff -r "$S/dist/www" \
		"$TMP/far" | grep -v ': a\.[0-9a-f]*\.js$')" ""
done
is "one file is kept" "$(ls "$TMP"/far/assets/a.*.js | wc -l)" 2
unset RSYNC_RSH

# ---- what must not happen
again
rm "$S/pages/new.html"
put pages/index.html 'nothing new'
for i in $(seq 5); do put "static/$i.txt" "$i"; done
ok "five files more" deploy
rm "$S"/static/*.txt
before=$(cd "$T" && find . -type f -exec sha256sum {} + | sort)
MAX_DELETE=4 deploy
is "too many deletions end it" "$?" 1
like "and are told" "$(cat "$TMP/said")" 'too-many-deletes: [0-9]+ files would be deleted and 4 may'
is "before anything was touched" \
	"$(cd "$T" && find . -type f -exec sha256sum {} + | sort)" "$before"
put pages/index.html '{{'
mv "$S/pages/index.html" "$S/pages/index.mustache"
deploy
is "a site that does not build is not deployed" "$?" 1
is "nor touched" \
	"$(cd "$T" && find . -type f -exec sha256sum {} + | sort)" "$before"
docs/deploy.sh >/dev/null 2>&1
is "without a target: usage" "$?" 64
done_testing
