#!/usr/bin/env bash
# A build that knows the last one gives what a fresh one gives, bytes and
# findings, whatever was edited in between; and one that finds nothing changed
# writes nothing anywhere. EDITS rounds (soak: more), drawn by SEED.
. tests/lib.sh
EDITS=${EDITS:-14}
RANDOM=${SEED:-11}
site=$TMP/work/site
mkdir -p "$TMP/work"
cp -r site "$site"
rm -rf "$site/.lowtide-cache" "$site/dist"
mkdir -p "$site/assets/more" "$site/static/more" "$site/pages/more"
for i in 1 2 3 4 5 6; do
	echo "p.c$i { background: url(i$i.svg) }" >"$site/assets/more/s$i.css"
	echo "<svg xmlns='http://www.w3.org/2000/svg'><g id='$i'/></svg>" \
		>"$site/assets/more/i$i.svg"
	echo "import './m$((i % 6 + 1)).mjs'; export const n$i = $i" \
		>"$site/assets/more/m$i.mjs"
	printf '<!doctype html><title>%d</title>\n%s\n%s\n%s\n' "$i" \
		"<link rel=stylesheet href=/assets/more/s$i.css>" \
		"<script type=module src=/assets/more/m$i.mjs></script>" \
		"<a href=p$((i % 6 + 1)).html>next</a> <img src=/assets/more/i$i.svg>" \
		>"$site/pages/more/p$i.html"
	echo "data $i" >"$site/static/more/d$i.txt"
done

listing() { # DIR
	(cd "$1" && find . -type f -printf '%p %m\n' -exec sha256sum {} + | sort)
}
build() { # ARGUMENT…: what was said, its status last
	"$LOWTIDE" build -q --fast -C "$site" "$@" 2>&1
	echo "status $?"
}

pick() { # PATTERN…: one of the files there
	local files=()
	mapfile -t files < <(cd "$site" && find "$@" -type f | LC_ALL=C sort)
	[ ${#files[@]} -gt 0 ] || return 1
	echo "$site/${files[RANDOM % ${#files[@]}]}"
}

edit() { # sets $did
	local file to
	case $((RANDOM % 13)) in
	0) file=$(pick static) && echo "more" >>"$file" ;;
	1) file=$(pick assets -name '*.css') && echo "b{top:0}" >>"$file" ;;
	2) file=$(pick assets -name '*.mjs') && echo "// $RANDOM" >>"$file" ;;
	3) file=$(pick assets/more -name '*.svg') && rm "$file" ;;
	4) file=$(pick pages/more -name '*.html') && echo "<p>$RANDOM" >>"$file" ;;
	5) file=$(pick pages/more -name '*.html') &&
		mv "$file" "${file%.html}x.html" ;;
	6) file=$site/assets/more/i$((RANDOM % 6 + 1)).svg
		echo "<svg xmlns='http://www.w3.org/2000/svg'/>" >"$file" ;;
	7) file=$site/static/more/new$RANDOM.txt && echo new >"$file" ;;
	8) file=$(pick static/more) && touch -d '2001-01-01' "$file" ;;
	9) file=$(pick pages/more -name '*.html') || return
		echo "<script type=module src=/assets/more/m1.mjs></script>" >>"$file" ;;
	10) file=$site/env/base.toml
		printf '\n[public]\nx%d = "y"\n' "$RANDOM" >"$TMP/public"
		grep -q '^\[public\]' "$file" &&
			sed -i "s/^\[public\]/[public]\nx$RANDOM = \"y\"/" "$file" ;;
	11) file=$(pick assets/more -name '*.svg') &&
		to=$(pick assets/more -name '*.svg') &&
		[ "$file" != "$to" ] && cp -p "$file" "$to" ;;
	12) file=$(pick handlers) && echo "# $RANDOM" >>"$file" ;;
	esac
	did="$did ${file#"$site"/}"
}

build >/dev/null
differ=''
for ((round = 1; round <= EDITS; round++)); do
	did=''
	for ((k = RANDOM % 3; k >= 0; k--)); do edit; done
	said=$(build)
	fresh=$(build --cache none --out "$TMP/fresh" -j 1 |
		sed "s#$TMP/fresh#$site/dist#g")
	[ "$said" = "$fresh" ] || differ="$differ round $round said otherwise:$did"
	[ "$(listing "$site/dist")" = "$(listing "$TMP/fresh")" ] ||
		differ="$differ round $round:$did: $(diff <(listing "$site/dist") \
			<(listing "$TMP/fresh") | head -5)"
	rm -rf "$TMP/fresh"
	[ -z "$differ" ] || break
done
is "$EDITS edits, built upon what was there and afresh" "$differ" ''

# comments that go, and come back
for step in true false; do
	sed -i "s/^comments = [a-z]*/comments = $step/" "$site/site.toml"
	said=$(build)
	fresh=$(build --cache none --out "$TMP/fresh" |
		sed "s#$TMP/fresh#$site/dist#g")
	is "comments = $step: said" "$said" "$fresh"
	is "comments = $step" "$(listing "$site/dist")" "$(listing "$TMP/fresh")"
	is "comments = $step: they are there, or not" \
		"$(cat "$TMP/fresh"/www/assets/session.*.mjs | grep -c '/\*' |
			sed 's/^[1-9].*/true/; s/^0/false/')" "$step"
	rm -rf "$TMP/fresh"
done

# another environment in the same folder, and back
for env in prod base; do
	said=$(build --env "$env")
	fresh=$(build --env "$env" --cache none --out "$TMP/fresh" |
		sed "s#$TMP/fresh#$site/dist#g")
	is "--env $env in the same folder: said" "$said" "$fresh"
	is "--env $env in the same folder" "$(listing "$site/dist")" \
		"$(listing "$TMP/fresh")"
	rm -rf "$TMP/fresh"
done
build >/dev/null

# a folder fewer, so that another can be taken for it below
awk '/^\[/ { other = !/^\[api\.export/ } other' "$site/api.toml" >"$TMP/api.toml"
sed -n '/^\[/q; p' "$site/api.toml" | cat - "$TMP/api.toml" >"$TMP/all.toml"
cp "$TMP/all.toml" "$site/api.toml"
rm -r "$site/handlers"
# what is newer than a clock's grain is read once more, so it gets older first
echo last >"$site/static/last.txt"
sleep 0.1
fresh=$(build)
everything() { find "$TMP/work" -printf '%p %i %s %m %T@ %C@\n' | sort; }
before=$(everything)
said=$(build)
is 'nothing changed: said again' "$said" "$fresh"
is 'nothing changed: nothing is written anywhere' "$(everything)" "$before"
mkdir "$site/handler"
like 'a folder nearly called right: said though no file changed' \
	"$(build)" 'handler: warning: unknown-folder: .*`handlers`'
like 'and said again' "$(build)" 'handler: warning: unknown-folder: '
rmdir "$site/handler"
is 'and no more once it is gone' "$(build)" "$fresh"
mkdir -p "$site/.dist.lowtide-staging/www" "$site/.dist.lowtide-old"
build >/dev/null
is 'nothing changed: what a killed run left goes all the same' \
	"$(find "$site" -maxdepth 1 -name '.dist.*')" ''
# a page is made of [oauth] too: values of files and of the environment
site=$TMP/work/oauth
mkdir -p "$site/pages" "$site/env"
cat >"$site/site.toml" <<'T'
name = "o"
[oauth.c]
kind = "cognito"
domain = "https://auth.example"
client_id = { env = "INCREMENTAL_ID" }
logout.return_path = "/out.html"
T
echo '<a href="{{oauth.c.logout_url}}">out</a>' >"$site/pages/out.mustache"
echo '<p>plain' >"$site/pages/plain.html"
export INCREMENTAL_ID=one
build >/dev/null
sleep 0.1
differ=''
for step in \
	'INCREMENTAL_ID=two' \
	'sed -i s/auth.example/b.example/ "$site/site.toml"' \
	'echo "[oauth.c.logout]
return_path = \"/bye.html\"" >"$site/env/base.toml"' \
	'rm "$site/env/base.toml"' \
	'sed -i s/oauth.c.logout/oauth.c:v.logout/ "$site/pages/out.mustache"' \
	'printf "[oauth.c.variant.v]\nclient_id = \"v\"\n" >>"$site/site.toml"' \
	'sed -i s/variant.v/variant.w/ "$site/site.toml"'; do
	eval "$step"
	said=$(build)
	fresh=$(build --cache none --out "$TMP/fresh" |
		sed "s#$TMP/fresh#$site/dist#g")
	[ "$said" = "$fresh" ] || differ="$differ $step: $said, not $fresh"
	case $fresh in
	*'status 0') diff -r "$site/dist" "$TMP/fresh" >/dev/null ||
		differ="$differ $step" ;;
	*) like "$step is an error" "$fresh" 'unknown-variant' ;;
	esac
	rm -rf "$TMP/fresh"
done
is 'a link to sign out changes with what it is made of' "$differ" ''
like 'and was one' "$(cat "$site/dist/www/out.html")" \
	'https://b.example/logout[?]client_id=v&amp;logout_uri='
# what pages are missing depends on pages that nobody opens again
sed -i s/variant.w/variant.v/ "$site/site.toml"
build >/dev/null
sleep 0.1
fresh=$(build)
like 'a page that people come back to: nobody wrote it' "$fresh" \
	'missing-page: .*/auth/callback[.]html'
is 'nothing changed: that is said again' "$(build)" "$fresh"
mkdir "$site/pages/auth"
echo '<p>back' >"$site/pages/auth/callback.html"
is 'and no more once it is there' \
	"$(build | grep -c /auth/callback.html)" 0
sleep 0.1
is 'nor when nothing changed' "$(build | grep -c /auth/callback.html)" 0
rm -r "$site/pages/auth"
is 'but when it has gone' "$(build)" "$fresh"
site=$TMP/work/site

if command -v strace >/dev/null; then
	strace -f -o "$TMP/calls" "$LOWTIDE" build -q --fast -C "$site" 2>/dev/null
	is 'nothing changed: no file is opened for writing' \
		"$(grep -E 'O_WRONLY|O_RDWR|O_CREAT|mkdir|rename|unlink|link\(|linkat|utimens|sync' \
			"$TMP/calls" | grep -v 'readlink\|symlink' | head -3)" ''
	is 'nothing changed: no file of the site is opened' \
		"$(grep -E 'open(at)?\(.*(html|css|toml|mjs|txt)"' "$TMP/calls" |
			head -3)" ''
fi

# pages and scripts depend on which modules are asked for
site=$TMP/work/client
mkdir -p "$site/pages" "$site/assets"
echo "import '/cache.mjs'; import 'b';" >"$site/assets/a.mjs"
echo 'export {};' >"$site/assets/b.mjs"
echo '<link rel=modulepreload href=/cache.mjs><script src=/assets/a.mjs type=module></script>' \
	>"$site/pages/index.html"
differ=''
for keys in 'cache = true' '' 'requests = true' 'cache = true' \
	'imports = { b = "/assets/b.mjs" }' 'imports = { b = "/gone.mjs" }' \
	'cache = true' ''; do
	printf 'name = "c"\n[client]\n%s\n' "$keys" >"$site/site.toml"
	said=$(build)
	[ "$(build)" = "$said" ] || differ="$differ said otherwise again: $keys;"
	fresh=$(build --cache none --out "$TMP/fresh" -j 1 |
		sed "s#$TMP/fresh#$site/dist#g")
	[ "$said" = "$fresh" ] || differ="$differ said otherwise: $keys;"
	[ "$(listing "$site/dist")" = "$(listing "$TMP/fresh")" ] ||
		differ="$differ otherwise: $keys;"
	rm -rf "$TMP/fresh"
done
is 'modules asked for, and no longer' "$differ" ''
like 'who names one is told' "$said" 'assets/a\.mjs:1:9: .*cache = true in \[client\]'
like 'so is a page' "$said" 'pages/index\.html:1:30: .*cache = true in \[client\]'
done_testing
