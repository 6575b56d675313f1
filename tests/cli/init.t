#!/usr/bin/env bash
# lowtide init: the smallest site that works, in a new folder only.
. tests/lib.sh

cd "$TMP" || exit 1
site=$TMP/My_Site
out=$("$LOWTIDE" init My_Site 2>said)
is "it makes a folder" "$?" 0
is "nothing on stdout" "$out" ""
like "what to run next is said" "$(cat said)" 'lowtide serve -C My_Site'
step=$("$LOWTIDE" init "it's mine" 2>&1 >/dev/null | sed -n 's/^\t\(.* build .*\)/\1/p')
ok "as it can be typed, whatever the folder is called" sh -c "$step"
like "the site has the folder's name" "$(cat My_Site/site.toml)" \
	'^name = "my-site"'
is "four TOML files, each with comments" \
	"$(cd My_Site && grep -lE '^#' site.toml api.toml env/*.toml | wc -l)" 4
unlike "no tag is left in them" "$(cat My_Site/*.toml My_Site/env/*.toml)" \
	'\{\{[^p]|\}\}[^ ]'
ok "what serve and build write is ignored by git" \
	grep -qx '/.lowtide/' My_Site/.gitignore

for env in "" "--env base" "--env dev"; do
	# shellcheck disable=SC2086
	"$LOWTIDE" build -q -C My_Site $env >/dev/null 2>said
	is "build $env" "$?" 0
	is "build $env finds nothing" "$(cat said)" ""
done
ok "check" "$LOWTIDE" check -q -C My_Site --env dev
page=$(cat My_Site/dist/www/index.html)
like "the page has its values" "$page" '<option value="small">Small, 4\.50 '
for name in $(grep -oE '(href|src)="/[^"]+"' <<<"$page" | cut -d'"' -f2); do
	ok "the page's $name is there" test -f "My_Site/dist/www$name"
done
ok "the endpoint's table is there" test -f My_Site/dist/server/lowtide.json

is "what a program does may be run" \
	"$(stat -c %a My_Site/handlers/report)" 755
is "it says how far it is, and then what came of it" \
	"$(printf '{"year":2026}' | sh -c "sleep() { :; }; . My_Site/handlers/report" \
		3>&1 | tail -2 | tr '\n' ' ')" \
	'80 quarter 4 of 4 {"quarters":4,"bytes":13} '

cp -r My_Site hinted
sed -i -E 's/^# (\[|[a-z_]+ = |"\/)/\1/' hinted/site.toml
"$LOWTIDE" build -q -C hinted 2>said
like "what is commented out has a client_id to be filled in" \
	"$?:$(cat said)" '^1:.*client-id-placeholder: "as-the-provider'
sed -i 's/as-the-provider-gave-it/4h5kq2vat0example/' hinted/site.toml
"$LOWTIDE" build -q -C hinted 2>said
like "what is commented out says which page it needs" "$?:$(cat said)" \
	'^0:.*missing-page: .* to /signed-in.html, '
echo '<!doctype html><title>back</title>' >hinted/pages/signed-in.html
"$LOWTIDE" build -q -C hinted 2>said
is "what is commented out works when it is not" "$?:$(cat said)" 0:
ok "and has more modules" ls hinted/dist/www/ca{che,talogue}.mjs
ok "and signs people in" \
	grep -q login.example.org hinted/dist/www/oauth.*.mjs
"$LOWTIDE" init My_Site 2>said
is "a second time is refused" "$?" 1
like "with a word" "$(cat said)" '^My_Site: folder-not-empty: '
mkdir full empty
echo mine >full/site.toml
"$LOWTIDE" init full 2>said
is "a folder with something in it is refused" "$?" 1
is "and left as it is" "$(ls -A full):$(cat full/site.toml)" "site.toml:mine"
touch empty/.hidden
"$LOWTIDE" init empty 2>said
is "a hidden file is something" "$?" 1
rm empty/.hidden
ok "an empty folder is fine" "$LOWTIDE" init -q empty
echo mine >file
"$LOWTIDE" init file 2>said
is "a file is refused" "$?" 74
is "and left as it is" "$(cat file)" mine
"$LOWTIDE" init 2>said
is "no folder is usage" "$?" 64
"$LOWTIDE" init a b 2>said
is "two are usage" "$?" 64
ok "a path is made as far as it has to be" "$LOWTIDE" init -q new/deep/Ünï
like "and gives a name" "$(cat new/deep/Ünï/site.toml)" '^name = "n"'
mkdir dot && cd dot || exit 1
ok "the current folder" "$LOWTIDE" init -q .
like "gives its name" "$(cat site.toml)" '^name = "dot"'
ok "and builds" "$LOWTIDE" build -q

# The stand-in service answers as the page expects.
port=$(free_port)
start quotes node "$site/upstream.mjs" "$port"
ok "the upstream says a line" wait_for 10 test -s "$TMP/quotes.out"
ask() {
	node -e 'fetch(process.argv[1], {method: "POST", body: process.argv[2]})
		.then(async (r) => console.log(r.status, await r.text()))' \
		"http://127.0.0.1:$port$1" "$2"
}
is "a quote" "$(ask /quote '{"plan":"small","seats":5}')" \
	'200 {"number":"Q-0001","plan":"small","seats":5,"total":"22.50"}'
like "no such plan" "$(ask /quote '{"plan":"toString","seats":5}')" '^422 '
like "no seats" "$(ask /quote '{"plan":"small","seats":0}')" '^422 '
like "no JSON" "$(ask /quote '{')" '^400 '
like "null" "$(ask /quote 'null')" '^422 '
like "another address" "$(ask /other '{}')" '^404 '
node "$site/upstream.mjs" "$port" >"$TMP/second" 2>&1
is "a taken port ends it" "$?" 1
like "with a sentence" "$(cat "$TMP/second")" "port $port is taken"
done_testing
