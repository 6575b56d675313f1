#!/usr/bin/env bash
# The README's own commands, files and findings are as it says.
. tests/lib.sh

block() { # TEXT: the lines of the literal block that holds it
	awk -v text="$1" '
		/^```/ { if (inside && found) exit
			inside = !inside; found = 0; block = ""; next }
		inside { block = block $0 "\n"; if (index($0, text)) found = 1 }
		END { printf "%s", block }' README.md
}
like "there is a site to begin with" "$(block 'lowtide init')" \
	'^build/bin/lowtide serve -C mysite --env dev$'
ok "as the README makes it" "$LOWTIDE" init -q "$TMP/mysite"
ok "there is the environment it names" \
	"$LOWTIDE" check -q -C "$TMP/mysite" --env dev

# ---- its api.toml, and its mistake
site=$TMP/site
mkdir "$site"
echo 'name = "acme"' >"$site/site.toml"
block '# api.toml' >"$site/api.toml"
ok "its api.toml is right" "$LOWTIDE" check -q -C "$site"
sed -i 's/^on_lost/on_lots/' "$site/api.toml"
is "and a slip in it is told as it says" \
	"$(cd "$site" && "$LOWTIDE" check 2>&1 | grep unknown-key)" \
	"$(block 'did you mean' | grep unknown-key)"

# ---- its sign-in, and what is refused
site=$TMP/signin
mkdir "$site"
{ echo 'name = "acme"' && block '[oauth.account]'; } >"$site/site.toml"
said=$("$LOWTIDE" check -q -C "$site" 2>&1)
is "its provider is right" "$?:$said" 0:
sed -i 1d "$site/site.toml" # so that lines are counted as in the README
sed -i '/^redirect_path/a client_secret = "x5…"' "$site/site.toml"
echo 'name = "acme"' >"$site/env.toml"
mkdir "$site/env" && mv "$site/env.toml" "$site/env/base.toml"
is "and a secret in it is refused as it says" \
	"$(cd "$site" && "$LOWTIDE" check -q 2>&1)" \
	"$(block 'secret-present' | grep -v unknown-key)"

# ---- its pipeline, as it stands there but for the release that is live
work=$TMP/work
cp -r "$TMP/mysite" "$work"
cd "$work" || exit 1
git init -q . && git add -A && git -c user.name=x -c user.email=x@example.org \
	commit -qm x
sed 's/(dev)/(prod)/' env/dev.toml >env/prod.toml
cat >>env/prod.toml <<-'EOF'
	[sign]
	key = { file = "release.key" }
EOF
mkdir live
"$LOWTIDE" build -q --out "$TMP/live-release" --env dev
cp "$TMP/live-release/www/manifest.json" live/
cd "$OLDPWD" || exit 1
block 'lowtide keygen' >"$TMP/pipeline"
ok "there is a pipeline" grep -q 'lowtide verify' "$TMP/pipeline"
cd "$work" || exit 1
said=$(PATH=$BIN:$PATH bash -euxo pipefail "$TMP/pipeline" 2>&1)
is "whose every step succeeds" "$?" 0
like "and ends with what to upload" "$said" ' index\.html '
cd "$OLDPWD" || exit 1

# ---- where it leads operators: what is installed is what a build has written
"$LOWTIDE" build -q -C "$TMP/mysite"
for manual in cgi/lowtide-cgi.8 cgi/lowtide-read.8; do
	for file in $(grep -oE 'dist/[a-z][^ ]*' "$manual" | sort -u); do
		ok "as $manual has it: $file" \
			test -e "$TMP/mysite/${file//NAME/mysite}"
	done
done

for name in $(grep -oE '\]\([^)]+\)' README.md | tr -d '])('); do
	ok "what it links to is there: $name" test -e "$name"
done
done_testing
