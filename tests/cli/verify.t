#!/usr/bin/env bash
# lowtide verify: a tree that was built and signed is good, and each way to
# change it is told by its name and its path.
. tests/lib.sh
keys=$TMP/keys
site=$TMP/site
good=$TMP/good
t=$TMP/t
export SOURCE_DATE_EPOCH=1800000000
now=1800000100
mkdir -p "$keys" "$site"/{env,pages,static/deep,catalogue}
"$LOWTIDE" keygen -q --out "$keys/k" >/dev/null
"$LOWTIDE" keygen -q --out "$keys/other" >/dev/null
cat >"$site/site.toml" <<-'EOS'
	name = "verified"
	[catalogue.plans]
EOS
printf '[sign]\nkey = { file = "%s" }\n' "$keys/k" >"$site/env/base.toml"
echo 'version = "1.0.0"' >"$site/catalogue/plans.toml"
echo '<h1>hello' >"$site/pages/index.html"
echo 'User-agent: *' >"$site/static/robots.txt"
seq 1 3000 >"$site/static/deep/numbers.txt"
head -c 300000 /dev/urandom >"$site/static/large.bin"
build() { # OUT [ARGUMENT…]
	local out=$1
	shift
	"$LOWTIDE" build -q -C "$site" --out "$out" "$@" || exit 1
}
build "$good"
manifest=www/manifest.json

verify() { # [ARGUMENT…]: of $t
	"$LOWTIDE" verify --key "$keys/k.pub" --now "$now" "$t" "$@" 2>&1
}
fresh() {
	rm -rf "$t"
	cp -a "$good" "$t"
}
bad() { # NAME REGEX [ARGUMENT…]: 1, and 2 with --exit-code; nothing else said
	local name=$1 regex=$2 said status
	shift 2
	said=$(verify "$@")
	status=$?
	is "$name: found" "$status" 1
	like "$name: told" "$said" "$regex"
	verify --exit-code "$@" >/dev/null
	is "$name: 2 with --exit-code" "$?" 2
	is "$name: the same with one thread" "$(verify -j 1 "$@")" "$said"
}

fresh
said=$(verify)
is "what was built is good" "$?" 0
like "and it says what that is" "$said" \
	"^$t/www: [0-9]+ files and [0-9]+ compressed ones, [0-9]+ bytes, are .*; release 1800000000, signed until 2027-04-15T08:00:00\.000Z$"
is "www alone is as good" "$("$LOWTIDE" verify -q --key "$keys/k.pub" \
	--now $now "$t/www" 2>&1)" ""
ln -s t "$TMP/link"
ok "so is a link to it" "$LOWTIDE" verify --now $now -k "$keys/k.pub" "$TMP/link"
ok "the key may be the key itself" "$LOWTIDE" verify --now $now \
	--key "$(tail -1 "$keys/k.pub")" "$t"
said=$("$LOWTIDE" verify "$t")
is "without a key the files are compared" "$?" 0
like "and that is said" "$said" 'its signature was not checked'
json=$(verify --json)
is "--json tells all of it" "$(node -e '
	const {status, findings, result: r} = JSON.parse(process.argv[1]);
	console.log(status, findings.length, r.name, r.signature, r.number,
		r.expires, r.changed + r.missing + r.extra + r.stale,
		/^[0-9a-f]{64}$/.test(r.release))' "$json")" \
	"0 0 verified good 1800000000 1807776000 0 true"

# --- the tree ------------------------------------------------------------------
fresh
printf X | dd of="$t/www/large.bin" bs=1 seek=150000 conv=notrunc 2>/dev/null
touch -r "$good/www/large.bin" "$t/www/large.bin"
bad "one changed byte" "^$t/www/large\.bin: file-changed: its bytes"
fresh
echo >>"$t/www/robots.txt"
bad "one byte more" "www/robots\.txt: file-changed: it has 15 bytes, and the manifest says 14"
fresh
: >"$t/www/index.html"
bad "an empty file" "www/index\.html: file-changed: "
fresh
rm "$t/www/deep/numbers.txt"
bad "one missing file" "www/deep/numbers\.txt: file-missing: "
fresh
mkdir "$t/www/new"
echo x >"$t/www/new/x.html"
bad "one extra file" "www/new/x\.html: file-extra: "
is "it is the only finding" "$(verify | wc -l)" 1
fresh
touch "$t/www/"$'a\e[31m\nb'
bad "an extra file with a strange name" "www/a\?\[31m\?b: file-extra"
fresh
mv "$t/www/robots.txt" "$t/robots.txt"
ln -s ../robots.txt "$t/www/robots.txt"
bad "a link in the tree" "www/robots\.txt: not-a-file: "
fresh
mv "$t/www/deep" "$t/deep"
ln -s ../deep "$t/www/deep"
bad "a folder that is a link" "www/deep: not-a-file: "
fresh
rm "$t/www/robots.txt"
mkfifo "$t/www/robots.txt"
bad "a FIFO" "www/robots\.txt: not-a-file: "
fresh
echo x >"$t/www/x"
rm "$t/www/robots.txt"
echo x >"$t/www/index.html"
is "all of it is told" "$(verify | grep -oE '(file|sibling)-[a-z]+' | sort | tr '\n' ' ')" \
	"file-changed file-extra file-missing "

# --- compressed siblings ---------------------------------------------------------
if [ -e "$good/www/deep/numbers.txt.br" ]; then
	fresh
	seq 2 3000 >"$site/static/deep/numbers.txt"
	build "$TMP/next"
	cp "$TMP/next/www/deep/numbers.txt.br" "$t/www/deep/"
	bad "another release's .br" "numbers\.txt\.br: sibling-stale: "
	fresh
	rm "$t/www/deep/numbers.txt.gz"
	bad "a missing .gz" "numbers\.txt\.gz: file-missing: "
	# the manifest may lie: a good digest of what unpacks to something else
	rm -rf "$t"
	cp -a "$TMP/next" "$t"
	cp "$good/www/deep/numbers.txt.br" "$t/www/deep/"
	node -e '
		const fs = require("fs");
		const [old, lie] = process.argv.slice(1, 3).map((f) =>
			JSON.parse(fs.readFileSync(f)).files.find((r) =>
				r.path === "deep/numbers.txt").encodings.br);
		const text = fs.readFileSync(process.argv[2], "utf8");
		fs.writeFileSync(process.argv[2], text
			.replace(lie.blake2b, old.blake2b)
			.replace(`"br": {"bytes": ${lie.bytes}`, `"br": {"bytes": ${old.bytes}`)
			.replace(`"br":{"bytes":${lie.bytes}`, `"br":{"bytes":${old.bytes}`));
	' "$good/$manifest" "$t/$manifest"
	said=$("$LOWTIDE" verify "$t" 2>&1)
	is "a .br of other bytes, listed: found" "$?" 1
	like "a .br of other bytes, listed: told" "$said" \
		"numbers\.txt\.br: sibling-stale: it does not unpack"
	seq 1 3000 >"$site/static/deep/numbers.txt"
fi
fresh
cp "$t/www/large.bin" "$t/www/large.bin.br"
bad "a sibling that is not listed" "large\.bin\.br: sibling-stale: .*remove it"

# --- the signature ---------------------------------------------------------------
fresh
sed -i 's/"verified"/"verifled"/' "$t/$manifest"
bad "a changed byte of the manifest" "minisig: signature-bad: .*not of these bytes"
fresh
rm "$t/$manifest.minisig"
bad "no signature" "minisig: signature-missing: "
is "without a key that is fine" "$("$LOWTIDE" verify -q "$t" 2>&1)" ""
SOURCE_DATE_EPOCH=1800000050 build "$TMP/later"
fresh
echo more >>"$site/static/robots.txt"
build "$TMP/changed"
cp "$TMP/changed/$manifest.minisig" "$t/www/"
bad "another manifest's signature" "minisig: signature-bad: .*not of these bytes"
fresh
said=$("$LOWTIDE" verify --key "$keys/other.pub" --now $now "$t" 2>&1)
is "another key: found" "$?" 1
like "another key: told" "$said" 'minisig: signature-bad: it is of the key [0-9A-F]{16}, and the one given is [0-9A-F]{16}'
fresh
sed -i 's/expires:1807776000/expires:1907776000/' "$t/$manifest.minisig"
bad "a changed comment" "minisig: signature-bad: "
fresh
echo garbage >"$t/$manifest.minisig"
bad "no signature at all" "minisig: signature-bad: this is no minisign signature"
fresh
head -c 5000 /dev/zero >>"$t/$manifest.minisig"
bad "one that is too long" "minisig: signature-bad: this is no minisign signature"
fresh
minisign -S -s "$keys/k" -m "$t/$manifest" -t "timestamp:1" >/dev/null
bad "a signature that says no release" "minisig: signature-bad: its comment"
fresh
minisign -S -s "$keys/k" -m "$t/$manifest" -t "release:1800000000 expires:1807776000 file:other.json" >/dev/null
bad "one of another file's name" "minisig: signature-bad: its comment"
fresh
minisign -S -l -s "$keys/k" -m "$t/$manifest" -t "release:1800000000 expires:1807776000 file:manifest.json" >/dev/null
bad "a legacy one" "minisig: signature-bad: .*legacy"
fresh
minisign -S -s "$keys/k" -m "$t/$manifest" -t "release:1800000000 expires:1807776000 file:manifest.json" >/dev/null
ok "one that minisign made is as good" "$LOWTIDE" verify --now $now \
	--key "$keys/k.pub" "$t"

fresh
now=1807776000
ok "it holds to its last second" verify
now=1807776001
bad "and not longer" "minisig: signature-expired: .*after 2027-04-15T08:00:00"
now=1800000100
bad "an older release than is known" \
	"minisig: release-older: this is release 1800000000 .* 1800000001 was" --since 1800000001
ok "the same one is not older" verify --since 1800000000
bad "older than the one before" "minisig: release-older: " --previous "$TMP/later"
ok "not older than itself" verify --previous "$good"
t=$TMP/later
ok "newer than the one before" verify --previous "$good/$manifest"
t=$TMP/t

# --- what cannot be compared: 1, whatever --exit-code says -----------------------
refused() { # NAME STATUS REGEX ARGUMENT…
	local name=$1 status=$2 regex=$3 said
	shift 3
	said=$("$LOWTIDE" verify --exit-code "$@" 2>&1)
	is "$name: refused" "$?" "$status"
	like "$name: told" "$said" "$regex"
}
fresh
refused "no folder" 64 missing-operand
refused "two folders" 64 missing-operand a b
refused "an empty one" 1 "no-manifest: " "$keys"
refused "one that is not there" 1 "no-manifest: " "$TMP/none"
refused "no key" 1 "bad-key: " --key nonsense "$t"
refused "a key's file that is not there" 1 \
	"$TMP/none.pub: bad-key: there is no such file" --key "$TMP/none.pub" "$t"
refused "half a key" 1 "^bad-key: this is no minisign public key" \
	--key RWRNAtCNO0YNi2M5 "$t"
refused "a secret key" 1 "bad-key: " --key "$keys/k" "$t"
refused "--since without a key" 64 "bad-option: " --since 1 "$t"
sed -i '/minisig/!s/verified/x/' "$TMP/later/$manifest"
refused "a --previous that was changed" 1 "signature-bad: " \
	--key "$keys/k.pub" --now $now --previous "$TMP/later" "$t"
rm "$TMP/later/$manifest.minisig"
refused "a --previous without a signature" 1 "signature-missing: " \
	--key "$keys/k.pub" --now $now --previous "$TMP/later" "$t"

# --- hostile manifests -----------------------------------------------------------
secret=$TMP/outside
echo 'User-agent: *' >"$secret"
hostile() { # NAME SED: the manifest edited; nothing outside is looked at
	fresh
	sed -i "$2" "$t/$manifest"
	refused "$1" 1 "$t/$manifest:[0-9]+:[0-9]+: manifest-[a-z]+: " "$t"
}
hostile "a path with .." 's|"robots.txt"|"../../outside"|'
hostile "an absolute path" "s|\"robots.txt\"|\"$secret\"|"
hostile "a path twice" 's|"robots.txt"|"large.bin"|'
hostile "a path with a NUL" 's|"robots.txt"|"robots.txt\\u0000"|'
hostile "an empty path" 's|"robots.txt"|""|'
hostile "a short digest" 's|"sha256": *"[0-9a-f]*"|"sha256":"00"|'
hostile "a size below nothing" 's|"bytes": *14\b|"bytes":-1|'
hostile "another format" 's|"format": *1|"format": 2|'
hostile "another class" 's|"pointer"|"forever"|'
hostile "an unknown member" 's|"name"|"nome"|'
fresh
head -c 2000 "$good/$manifest" >"$t/$manifest"
refused "half a manifest" 1 "manifest-" "$t"
: >"$t/$manifest"
refused "an empty one" 1 "manifest-" "$t"
fresh
rm "$t/$manifest"
ln -s "$good/$manifest" "$t/$manifest"
bad "a manifest that is a link" "www/manifest\.json: not-a-file: "

# --- earlier releases, kept for open clients --------------------------------------
mkdir "$site/assets"
echo 'body { color: red }' >"$site/assets/app.css"
rm -rf "$TMP/one" "$TMP/two"
build "$TMP/one"
echo 'body { color: blue }' >"$site/assets/app.css"
build "$TMP/two" --previous "$TMP/one"
cp "$TMP"/one/www/assets/app.*.css* "$TMP/two/www/assets/"
said=$("$LOWTIDE" verify --json "$TMP/two")
is "what an earlier release keeps is allowed" "$?" 0
like "and counted" "$said" '"kept": *[1-9]'
echo x >"$TMP/two/www/assets/app.0123456789.css"
"$LOWTIDE" verify -q "$TMP/two" >/dev/null 2>&1
is "nothing else of such a name is" "$?" 1

# --- a version of a catalogue that was published ------------------------------------
echo '# wording' >>"$site/catalogue/plans.toml"
said=$("$LOWTIDE" check -q -C "$site" --previous "$TMP/one" 2>&1)
is "a published version with other bytes is refused" "$?" 1
like "with the version to take" "$said" \
	'plans\.toml:1:11: catalogue-version-reused: .*raise it to 1\.0\.1'
ok "but not without --previous" "$LOWTIDE" check -q -C "$site"
done_testing
