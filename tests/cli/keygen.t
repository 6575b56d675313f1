#!/usr/bin/env bash
# lowtide keygen and [sign]: keys and signatures that minisign takes, and the
# other way round; what is wrong with a key is said and nothing of it shown.
. tests/lib.sh
unset SOURCE_DATE_EPOCH
command -v minisign >/dev/null || skip_all "minisign is not installed"
keys=$TMP/keys
mkdir "$keys"

# --- keygen -----------------------------------------------------------------
umask 000
ok "keygen makes a pair" "$LOWTIDE" keygen -q --out "$keys/k"
umask 022
is "the secret key is its owner's alone" "$(stat -c %a "$keys/k")" 600
is "the public key is everybody's" "$(stat -c %a "$keys/k.pub")" 644
before=$(cat "$keys/k" "$keys/k.pub")
said=$("$LOWTIDE" keygen --out "$keys/k" 2>&1)
is "a key is not written over" "$?" 1
like "that is said" "$said" 'k\.pub: key-exists: '
rm "$keys/k.pub"
said=$("$LOWTIDE" keygen --out "$keys/k" 2>&1)
is "nor is one without its public key" "$?" 1
ok "and no other public key is left beside it" test ! -e "$keys/k.pub"
printf '%s\n' "$before" | tail -2 >"$keys/k.pub"
is "the keys are as they were" "$(cat "$keys/k" "$keys/k.pub")" "$before"
"$LOWTIDE" keygen >/dev/null 2>&1
is "without --out it is a wrong command line" "$?" 64
"$LOWTIDE" keygen --out "$TMP/no/such/k" >/dev/null 2>&1
is "a folder that is not there is an input/output error" "$?" 74
printed=$("$LOWTIDE" keygen -q --out "$keys/other")
is "the public key is printed" "$printed" "$(tail -1 "$keys/other.pub")"
json=$("$LOWTIDE" keygen --json --out "$keys/json")
is "--json tells it too" "$(node -pe 'JSON.parse(process.argv[1]).result.key' \
	"$json")" "$(tail -1 "$keys/json.pub")"
unlike "and never the secret key" "$json" "$(sed -n 2p "$keys/json")"

echo hello >"$TMP/m"
ok "minisign signs with our key" minisign -S -s "$keys/k" -m "$TMP/m"
ok "and verifies with our public key" minisign -V -q -p "$keys/k.pub" -m "$TMP/m"
ok "minisign makes the same public key of the secret one" minisign -R -f \
	-s "$keys/k" -p "$keys/again.pub"
is "with the same bytes" "$(tail -1 "$keys/again.pub")" "$(tail -1 "$keys/k.pub")"

# --- [sign] -----------------------------------------------------------------
site=$TMP/site
mkdir -p "$site/env" "$site/pages"
echo 'name = "signed"' >"$site/site.toml"
echo '<p>hello' >"$site/pages/index.html"
key() { # TOML of the key
	printf '[sign]\nkey = %s\n%s\n' "$1" "${2:-}" >"$site/env/base.toml"
}
build() {
	"$LOWTIDE" build -q -C "$site" --out "$TMP/dist" 2>&1
}
signature=$TMP/dist/www/manifest.json.minisig

key "{ file = \"$keys/k\" }"
said=$(build)
is "without a date nothing is signed" "$?" 1
like "and it says how to give one" "$said" \
	'env/base\.toml:2:7: sign-without-date: .*SOURCE_DATE_EPOCH=\$\(date \+%s\)'
ok "nothing was written" test ! -e "$TMP/dist"
ok "a check needs none" "$LOWTIDE" check -q -C "$site"
said=$(SOURCE_DATE_EPOCH=yesterday build)
like "a date is a number" "$said" 'sign-without-date: .* not a number'

export SOURCE_DATE_EPOCH=1800000000
ok "a site is signed" "$LOWTIDE" build -q -C "$site" --out "$TMP/dist"
ok "minisign takes the signature" minisign -V -q -p "$keys/k.pub" \
	-m "$TMP/dist/www/manifest.json"
is "release, end and file are signed with it" \
	"$(minisign -V -Q -p "$keys/k.pub" -m "$TMP/dist/www/manifest.json")" \
	"release:1800000000 expires:1807776000 file:manifest.json"
ok "minisign does not take it with another key" bash -c \
	"! minisign -V -q -p '$keys/other.pub' -m '$TMP/dist/www/manifest.json'"
is "it is not in the manifest" \
	"$(grep -c minisig "$TMP/dist/www/manifest.json")" 0
first=$(stat -c '%i %y' "$signature" "$TMP/dist/www/manifest.json")
ok "the same again" "$LOWTIDE" build -q -C "$site" --out "$TMP/dist"
is "is not written again" "$(stat -c '%i %y' "$signature" \
	"$TMP/dist/www/manifest.json")" "$first"
cp "$signature" "$TMP/first"
cp -a "$site" "$TMP/copy"
ok "elsewhere" "$LOWTIDE" build -q -C "$TMP/copy" --out "$TMP/copied"
ok "it has the same bytes" cmp "$TMP/first" "$TMP/copied/www/manifest.json.minisig"
SOURCE_DATE_EPOCH=1800000001 build
like "another date is another release" \
	"$(minisign -V -Q -p "$keys/k.pub" -m "$TMP/dist/www/manifest.json")" \
	'^release:1800000001 '
key "{ file = \"$keys/k\" }" 'expires = "1d"'
build
like "how long it counts is said in site.toml" "$(sed -n 3p "$signature")" \
	'expires:1800086400 '
KEY=$(cat "$keys/k")
export KEY
key '{ env = "KEY" }' 'expires = "90d"'
build
ok "a key from the environment gives the same" cmp "$signature" "$TMP/first"
KEY=$(sed -n 2p "$keys/k")
build
ok "and so does its second line alone" cmp "$signature" "$TMP/first"
minisign -G -W -f -p "$keys/m.pub" -s "$keys/m" >/dev/null
key "{ file = \"$keys/m\" }"
ok "minisign's own key without a password signs" "$LOWTIDE" build -q \
	-C "$site" --out "$TMP/dist"
ok "and minisign takes that" minisign -V -q -p "$keys/m.pub" \
	-m "$TMP/dist/www/manifest.json"
(cd "$site" && mkdir -p private && cp "$keys/k" private/k && chmod 600 private/k)
key '{ file = "private/k" }'
ok "a file is looked for from the site folder" "$LOWTIDE" build -q \
	-C "$site" --out "$TMP/dist"
rm -r "$site/private"

# --- what is wrong with a key ------------------------------------------------
refused() { # NAME REGEX
	local said status
	said=$(build)
	status=$?
	is "$1: refused" "$status" 1
	like "$1: said" "$said" "$2"
	unlike "$1: nothing of a key is shown" "$said" 'RW[A-Za-z0-9+/]{6}'
}
kept=$(cat "$signature")
key "\"$(sed -n 2p "$keys/k")\""
refused "a key written down" 'env/base\.toml:2:7: sign-key: .*never written'
mv "$site/env/base.toml" "$TMP/base.toml"
cat >"$site/site.toml" <<-EOS
	name = "signed"
	[sign]
	key = { env = "KEY" }
EOS
refused "a reference in site.toml" 'site\.toml:3:1: env-only: '
echo 'name = "signed"' >"$site/site.toml"
key '{ env = "NOT_SET_ANYWHERE" }'
refused "a variable that is not set" 'env-missing: .*NOT_SET_ANYWHERE'
ok "a check does not need it" "$LOWTIDE" check -q -C "$site"
key "{ file = \"$keys/none\" }"
ok "nor the file" "$LOWTIDE" check -q -C "$site"
refused "a file that is not there" 'sign-key: .*none cannot be read'
key "{ file = \"$keys\" }"
refused "a folder" 'sign-key: .* cannot be read'
key "{ file = \"$keys/k.pub\" }"
refused "a public key" 'sign-key: this is no minisign secret key'
key "{ file = \"$TMP/m\" }"
refused "another file" 'sign-key: this is no minisign secret key'
head -c 5000 /dev/zero >"$keys/zero"
key "{ file = \"$keys/zero\" }"
refused "a long one" 'sign-key: this is no minisign secret key'
printf 'pw\npw\n' | minisign -G -f -p "$keys/e.pub" -s "$keys/e" >/dev/null 2>&1
key "{ file = \"$keys/e\" }"
refused "one with a password" 'sign-key: .*encrypted with a password.*keygen'
node -e '
	const fs = require("fs");
	const [head, line] = fs.readFileSync(process.argv[1], "utf8").split("\n");
	const bytes = Buffer.from(line, "base64");
	bytes[bytes.length - 60] ^= 1;
	fs.writeFileSync(process.argv[2], `${head}\n${bytes.toString("base64")}\n`);
' "$keys/k" "$keys/damaged"
key "{ file = \"$keys/damaged\" }"
refused "one with a flipped bit" 'sign-key: .*damaged'
"$LOWTIDE" check -q -C "$site" >/dev/null 2>&1
is "what is there and wrong, a check finds as well" "$?" 1
is "the output stayed as it was" "$(cat "$signature")" "$kept"

chmod 640 "$keys/k"
key "{ file = \"$keys/k\" }"
said=$(build)
is "a key that others can read still signs" "$?" 0
like "with a warning" "$said" 'keys/k: warning: sign-key-mode: '
chmod 600 "$keys/k"
is "one that they cannot gives none" "$(build)" ""
: >"$site/env/base.toml"
ok "without a key nothing is signed" "$LOWTIDE" build -q -C "$site" \
	--out "$TMP/dist"
ok "and no old signature stays" test ! -e "$signature"

# --- the key itself never leaves ----------------------------------------------
mkdir "$site/static"
cp "$keys/k" "$site/static/key.txt"
said=$(build)
is "a key among the files is not published" "$?" 1
like "and named" "$said" 'static/key\.txt:2:1: secret-in-output: a minisign secret'
done_testing
