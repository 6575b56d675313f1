#!/usr/bin/env bash
# lowtide render: one template, one data file, the text on stdout.
. tests/lib.sh

cd "$TMP" || exit 1
mkdir -p parts/a sub out
put() { printf '%s' "$2" >"$1"; }
render() { "$LOWTIDE" render "$@" 2>"$TMP/said"; }
said() { sed 's/^/ /' "$TMP/said" | tr '\n' ';'; }

put t.mustache '{{name}} {{n}} {{{html}}} {{html}}'
put d.json '{"name":"a","n":1.10,"html":"<b>"}'
put d.toml 'name = "a"
n = 1.10
html = "<b>"'
is "JSON data; a number keeps its spelling" \
	"$(render t.mustache --data d.json)" 'a 1.10 <b> &lt;b&gt;'
is "TOML data" "$(render t.mustache --data d.toml)" 'a 1.10 <b> &lt;b&gt;'
is "the option may stand first" \
	"$(render --data=d.json t.mustache)" 'a 1.10 <b> &lt;b&gt;'

put dot.mustache '[{{.}}]'
for value in '"text"' 12345678901234567890 1.0e3 true; do
	put v.json "$value"
	is "any JSON value may be the data: $value" \
		"$(render dot.mustache --data v.json)" "[${value//\"/}]"
done
put v.json null
is "null is nothing" "$(render dot.mustache --data v.json)" '[]'
put list.mustache '{{#.}}{{.}};{{/.}}'
put v.json '[1, 2.50, "x"]'
is "a list" "$(render list.mustache --data v.json)" '1;2.50;x;'
put none.mustache 'plain'
is "without data" "$(render none.mustache)" 'plain'
printf 'a\0b\xff' >bytes.mustache
render bytes.mustache >bytes.out
ok "bytes come through as they are" cmp bytes.mustache bytes.out

put e.json '{"x":"a\"<\n"}'
put e.mustache '{{x}}'
is "--escape js" "$(render e.mustache --data e.json --escape js)" \
	'a\u0022\u003c\u000a'
is "--escape json" "$(render e.mustache --data e.json --escape json)" 'a\"<\n'
is "--escape nginx" "$(render e.mustache --data e.json --escape nginx)" \
	'a\"<\n'
is "--escape none" "$(render e.mustache --data e.json --escape none)" 'a"<'
render e.mustache --data e.json --escape toml >out/text
is "another --escape is usage" "$?" 64
like "and says so" "$(said)" 'bad-value: .*toml.*html, js, json, nginx'
put e.json '{"x":"$host"}'
render e.mustache --data e.json --escape nginx >out/text
is "what nginx would take for a variable is refused" "$?" 1
like "with its place" "$(said)" '^ e\.mustache:1:1: not-expressible: '

put p.mustache 'x {{>a/b}} y'
put parts/a/b.mustache '({{>c}})'
put parts/c.mustache 'c'
put sub/own.mustache '{{>near}}'
put sub/near.mustache 'near'
is "partials by path" "$(render p.mustache --partials parts)" 'x (c) y'
is "by default beside the template" "$(render sub/own.mustache)" 'near'
put q.mustache '
  {{>gone}}'
is "a missing partial writes nothing at all" "$(render q.mustache)" ''
render q.mustache >/dev/null
is "and is an error" "$?" 1
like "with its place" "$(said)" '^ q\.mustache:2:3: missing-partial: '
is "--lenient: it is empty" "$(render q.mustache --lenient)" ''
ok "and no error" "$LOWTIDE" render q.mustache --lenient
put up.mustache '{{>../secret}}'
put secret.mustache 'secret'
render up.mustache --partials parts >out/text
is "no partial above the folder" "$?" 1
put abs.mustache "{{>$TMP/secret}}"
render abs.mustache --partials parts >out/text
is "nor by its full path" "$?" 1
ln -s ../secret.mustache parts/link.mustache
put link.mustache '{{>link}}'
render link.mustache --partials parts --lenient >out/text
is "nor through a symbolic link" "$?:$(cat out/text)" "1:"
like "which is named" "$(said)" 'link\.mustache: outside-site: '
put loop.mustache '{{>loop}}'
render loop.mustache >out/text
is "one that names itself for ever ends" "$?" 1
like "with a word" "$(said)" ' loop\.mustache:1:1: template-too-deep: '

put u.mustache 'a
{{b}} {{name.x}}
{{c}}'
render u.mustache --data d.json >out/text
is "unknown names are an error" "$?" 1
is "all of them told, and nothing written" \
	"$(grep -c unknown-name said):$(cat out/text)" "3:"
like "with line and column" "$(said)" \
	'^ u\.mustache:2:1: .* u\.mustache:2:7: .* u\.mustache:3:1: '
is "--lenient: they are empty" \
	"$(render u.mustache --data d.json --lenient | tr '\n' '|')" 'a| |'
put s.mustache '{{#a}}
{{b'
render s.mustache >out/text
is "syntax errors are an error" "$?" 1
like "all of them told" "$(said)" \
	's\.mustache:1:1: template-syntax: .* s\.mustache:2:1: template-syntax: '

put bad.json '{"a":1,}'
render t.mustache --data bad.json >out/text
is "broken JSON" "$?" 1
like "with its place" "$(said)" '^ bad\.json:1:8: json-syntax: '
put bad.toml 'a = '
render t.mustache --data bad.toml >out/text
is "broken TOML" "$?" 1
like "with its place" "$(said)" '^ bad\.toml:1:[0-9]+: toml-syntax: '
put d.yaml 'a: 1'
render t.mustache --data d.yaml >out/text
is "another format is usage" "$?" 64
render t.mustache --data gone.json >out/text
is "no data file" "$?" 74
like "is named" "$(said)" '^ gone\.json: file-missing: '
render gone.mustache >out/text
is "no template" "$?" 74
render sub >out/text
is "a folder is no template" "$?" 74
render >out/text
is "no operand is usage" "$?" 64
render t.mustache d.json >out/text
is "two operands are usage" "$?" 64
if [ -e /dev/full ]; then
	"$LOWTIDE" render none.mustache >/dev/full 2>said
	is "a full disk behind stdout" "$?" 74
fi
done_testing
