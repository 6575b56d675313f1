#!/usr/bin/env bash
# The same inputs give the same bytes, whatever the folder, its order, the
# time, time zone, locale, umask, threads and cache; and environments differ
# only in files that the manifest marks.
. tests/lib.sh

listing() { # DIR
	(cd "$1" && find . -type f -printf '%p %m\n' -exec sha256sum {} + |
		LC_ALL=C sort)
}

for site in site tests/golden/api tests/golden/catalogue; do
	name=$(basename "$site")
	mkdir -p "$TMP/a/$name" "$TMP/a much longer/place/$name"
	cp -r "$site/." "$TMP/a/$name"
	# the other way round, so that a folder lists its files otherwise
	(cd "$site" && find . -type f | LC_ALL=C sort -r) |
		while read -r f; do
			to="$TMP/a much longer/place/$name/$f"
			mkdir -p "$(dirname "$to")" && cp "$site/$f" "$to"
		done
	env='' && [ "$name" = site ] && env='--env prod'
	# shellcheck disable=SC2086
	ok "$name builds in one place" \
		"$LOWTIDE" build -q -C "$TMP/a/$name" $env --out "$TMP/one-$name"
	(
		cd "$TMP/a much longer/place/$name" && umask 077 &&
			LC_ALL=tr_TR.UTF-8 LANG=de_DE TZ=Pacific/Kiritimati \
				 "$LOWTIDE" build -q $env -j 1 \
				--cache none --out "$TMP/two-$name"
	)
	is "$name is the same in another" "$(listing "$TMP/two-$name")" \
		"$(listing "$TMP/one-$name")"
	unlike "$name: no output names the folder it was built in" \
		"$(grep -rlF "$TMP" "$TMP/one-$name")" .
done

# Two environments of the example.
"$LOWTIDE" build -q -C site --out "$TMP/base" || exit 1
marked() { # DIR: paths of www that say "env": true
	node -e 'const m = JSON.parse(require("fs").readFileSync(
			process.argv[1] + "/www/manifest.json"));
		for (const f of m.files) if (f.env) console.log(f.path);' "$1"
}
marked "$TMP/base" >"$TMP/marked"
marked "$TMP/one-site" >>"$TMP/marked"
differ=$(
	for f in $(cd "$TMP" && find base/www one-site/www -type f |
		sed -E 's#^(base|one-site)/www/##' | sort -u); do
		[ "$f" = manifest.json ] ||
			cmp -s "$TMP/base/www/$f" "$TMP/one-site/www/$f" ||
			echo "$f"
	done
)
for path in $differ; do
	of=${path%.gz} # a sibling is told in the row of its original
	ok "$path differs and is marked" grep -qxF "${of%.br}" "$TMP/marked"
done
is "something differs between environments at all" \
	"$([ -n "$differ" ] && echo yes)" yes

# A second run over the first writes nothing.
touch "$TMP/stamp"
sleep 0.02
ok 'the example builds again' "$LOWTIDE" build -q -C site --env prod \
	--out "$TMP/one-site"
is 'nothing changed, nothing was touched' \
	"$(find "$TMP/one-site" -newer "$TMP/stamp" -o -cnewer "$TMP/stamp")" ''
done_testing
