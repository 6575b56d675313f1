#!/usr/bin/env bash
# lowtide client: modules and types under their own names. What the types say
# is held against the modules in tests/npm.
. tests/lib.sh

root=$PWD
cd "$TMP" || exit 1
mkdir -p site/env none
cat >site/site.toml <<-'EOF'
	name = "acme"
	base_url = "https://acme.example"
	[oauth.id]
	authorization_endpoint = "https://id.example/authorize"
	client_id = "base"
	scopes = ["openid"]
EOF
printf '[oauth.id]\nclient_id = "live"\n' >site/env/prod.toml
printf 'name = "plain"\n' >none/site.toml

names() { (cd "$1" && echo *); }
same=$(cd "$root/templates/client" && for m in *.mjs; do
	echo "${m%.mjs}.d.mts" "$m"; done)
n=$(wc -w <<<"$same")
same=$(tr ' ' '\n' <<<"$same")

is "without a site: what is the same everywhere" \
	"$("$LOWTIDE" client lib/a 2>&1)" "lib/a: $n of $n files written"
is "and nothing else" "$(names lib/a)" "$(sort <<<"$same" | paste -sd ' ')"
for name in $same; do
	ok "$name is as it was written" \
		cmp "lib/a/$name" "$root/templates/client/$name"
done
ok "of a site with a provider" "$LOWTIDE" client lib/b -C site --env prod
is "there is oauth.mjs, too" "$(names lib/b)" "$(printf '%s\n' \
	oauth.d.mts oauth.mjs "$same" | sort | paste -sd ' ')"
like "with the values of the environment" "$(cat lib/b/oauth.mjs)" \
	'client_id=live'
like "and its providers as a type" "$(cat lib/b/oauth.d.mts)" \
	"Provider = 'id' "
ok "of one without" "$LOWTIDE" client lib/c -C none
is "there is not" "$(names lib/c)" "$(names lib/a)"
is "both can be imported" "$(node --input-type=module -e "
	const r = await import('$TMP/lib/b/requests.mjs');
	const o = await import('$TMP/lib/b/oauth.mjs');
	console.log(typeof r.RequestError, typeof o.begin)")" "function function"

# ---- what is there
before=$(stat -c '%n %i %y' lib/b/*)
is "again: nothing to do" "$("$LOWTIDE" client lib/b -C site --env prod 2>&1)" \
	"lib/b: 0 of $((n + 2)) files written"
is "and nothing was touched" "$(stat -c '%n %i %y' lib/b/*)" "$before"
echo mine >lib/b/requests.d.mts
rm lib/b/requests.mjs
said=$("$LOWTIDE" client lib/b -C site --set oauth.id.client_id=other 2>&1)
is "what differs is refused" $? 1
is "all of it is told" "$(grep -c ': file-differs: ' <<<"$said")" 2
like "with its path" "$said" '^lib/b/requests\.d\.mts: file-differs: '
ok "nothing was written then" test ! -e lib/b/requests.mjs
is "nor written over" "$(cat lib/b/requests.d.mts)" mine
ok "--force writes" "$LOWTIDE" client lib/b -C site --force
like "what is asked for" "$(cat lib/b/oauth.mjs)" 'client_id=base'
is "without a trace of work" "$(find lib/b -type f | wc -l)" $((n + 2))

# ---- as a build publishes them: tests/npm/comments.mjs has each token
mkdir -p all
{
	printf 'name = "all"\n[client]\nimports.react = "/404.html"\n'
	"$LOWTIDE" tables | node -p 'JSON.parse(fs.readFileSync(0)).keys
		.filter((k) => /^client\..*/.test(k.pattern) && k.kind === "bool")
		.map((k) => `${k.pattern.slice(7)} = true`).join("\n")'
} >all/site.toml
ok "a site that asks for all" "$LOWTIDE" build -q --fast -C all
for name in $(grep mjs <<<"$same"); do
	ok "$name is published, and can be read" \
		node --check "all/dist/www/$name"
	unlike "$name: without comments" "$(cat "all/dist/www/$name")" '/\*|//( |$)'
	like "$name: in fewer bytes" "$(($(stat -c %s "lib/a/$name") -
		$(stat -c %s "all/dist/www/$name")))" '^[1-9]'
done

# ---- for programs
ordered=$(node -p 'JSON.parse(fs.readFileSync(0)).result.files
	.map((f) => f.path.slice(6)).join("\n")' <<<"$("$LOWTIDE" client lib/a --json)")
is "--json: each file once" "$(sort <<<"$ordered")" "$(sort <<<"$same")"
is "--json: files and what became of them" "$("$LOWTIDE" client lib/a --json |
	node -p 'const o = JSON.parse(fs.readFileSync(0));
	[o.status, ...o.result.files.map((f) => Object.entries(f).join())].join("\n")')" \
	"0
$(for name in $ordered; do
	echo "path,lib/a/$name,bytes,$(stat -c %s "lib/a/$name"),written,false"
	done)"
echo x >lib/a/requests.mjs
is "--json: what differs" "$("$LOWTIDE" client lib/a --json | node -p '
	const o = JSON.parse(fs.readFileSync(0));
	[o.status, o.findings.map((f) => f.name), o.result].join()')" \
	"1,file-differs,"
is "-q says nothing" "$("$LOWTIDE" client lib/d -q 2>&1)" ""

# ---- what is wrong
status() { # WANTED ARGUMENT…
	local want=$1
	shift
	"$LOWTIDE" client "$@" >"$TMP/said" 2>&1
	is "client $*: $want" $? "$want"
}
status 64
like "it says what is missing" "$(cat said)" 'missing-operand: '
status 64 a b
status 64 a --env prod
like "an environment is a site's" "$(cat said)" 'missing-option: .* -C '
status 1 a -C site --env nope
status 1 a -C nowhere
printf '[oauth.id]\nclient_id = ""\n' >site/env/bad.toml
status 1 a -C site --env bad
printf '[oauth.id]\nissuer = "{run.idp.url}"\n' >site/env/helper.toml
status 1 a -C site --env helper
like "an address that only serve knows" "$(cat said)" \
	'env/helper.toml:2:10: run-reference: .*give oauth.id its issuer'
ok "nothing is written then" test ! -e a
printf '[upstream.u]\nbase = "{run.idp.url}"\n' >site/env/helper.toml
status 0 fine -C site --env helper
echo >file
status 74 file
done_testing
