#!/usr/bin/env bash
# What every command has: exit statuses, --json, --format=github,
# --warnings=error, -q and -v.
. tests/lib.sh

cd "$TMP" || exit 1
mkdir bad && echo 'nmae = "x, y"' >bad/site.toml
mkdir warned && mkdir warned/pages && echo 'name = "warned"' >warned/site.toml
echo '<img src="/none.png">' >warned/pages/index.html
"$LOWTIDE" init -q good
echo '{{a}}' >t.mustache
echo '{"a": "<é>"}' >t.json
echo '{"b": 1}' >other.json
mkdir full && touch full/x
ln -s . loop
commands=$("$LOWTIDE" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')

# ---- every command: the command line is wrong
for c in $commands; do
	"$LOWTIDE" "$c" --help >out 2>said
	is "$c --help ends with 0" "$?" 0
	is "$c --help says nothing beside it" "$(cat said)" ""
	for option in json format warnings quiet verbose no-color help version; do
		ok "$c has --$option" grep -qE "^ +(-., )?--$option\b" out
	done
	is "$c --version" "$("$LOWTIDE" "$c" --version)" "$("$LOWTIDE" --version)"
	"$LOWTIDE" "$c" --nonsense >out 2>said
	is "$c --nonsense ends with 64" "$?" 64
	is "$c --nonsense: nothing on stdout" "$(cat out)" ""
	like "$c --nonsense is named" "$(cat said)" '^unknown-option: .*--nonsense'
	"$LOWTIDE" "$c" -q -v >out 2>said
	is "$c -q -v ends with 64" "$?" 64
	"$LOWTIDE" "$c" --json --nonsense >out 2>said
	is "$c --json --nonsense ends with 64" "$?" 64
	is "$c --json --nonsense: an object, and nothing else" "$(cat said)$(
		node -p 'const {status, findings, result} =
			JSON.parse(fs.readFileSync("out"));
			[status, result, findings.some((f) => f.level === "error" &&
				f.name === "unknown-option" && f.file === null &&
				f.line === null && f.column === null)].join()')" \
		"64,,true"
done

# ---- the statuses
"$LOWTIDE" build -q -C good --out ../same
cp -r same touched && echo x >>touched/www/index.html
cat >statuses <<-'EOF'
	64|
	64|--json
	64|bulid
	64|--nonsense build
	0|--help
	0|help
	0|--version
	0|build -C good --out ../o1
	0|build -q -C warned --out ../o2
	1|build -C bad
	1|build -C none
	1|build -C good --out .
	1|build -q -C warned --out ../o3 --warnings=error
	64|build -C good --warnings=some
	64|build good
	74|build -C good --out ../t.json/x
	2|build -q -C good --out ../o6 --exit-code
	0|build -q -C good --out ../o6 --exit-code
	2|build -q -C good --out ../o6 --exit-code --set base_url=https://o.example
	0|build -q -C good --out ../o6 --exit-code --set base_url=https://o.example
	0|build -q -C good --out ../o6
	1|build -q -C bad --out ../o6 --exit-code
	0|check -C good
	0|check -q -C good --print
	0|check -q -C warned
	1|check -q -C warned --warnings=error
	1|check -C bad
	64|check --format=xml
	64|init
	64|init a b
	1|init full
	74|init t.json
	0|init -q new
	0|render t.mustache -d t.json
	1|render t.mustache -d other.json
	0|render t.mustache -d other.json --lenient
	64|render
	64|render t.mustache -d t.mustache
	64|render t.mustache -d t.json --escape xml
	74|render none.mustache
	64|serve --json
	64|serve --port 0
	1|serve -C bad
	74|serve -C none
	64|keygen
	0|keygen -o key
	1|keygen -o key
	74|keygen -o none/key
	0|plan -C good -o ../same
	2|plan -C good -o ../same --exit-code
	0|plan -C good -o ../same --previous ../same --exit-code
	1|plan -C good -o ../none
	1|plan -C good -o ../same --previous none/such
	64|plan --max-delete=-1
	64|plan --format=xml
	64|verify
	64|verify same touched
	0|verify same
	1|verify touched
	2|verify touched --exit-code
	1|verify none
	64|client
	0|client modules
	74|client t.json
	1|client -C none modules
	0|tables
	64|tables x
EOF
while IFS='|' read -r want line; do
	eval "\"$LOWTIDE\" $line" >out 2>said </dev/null
	is "lowtide $line" "$?" "$want"
done <statuses
for c in $commands; do
	for status in 0 64; do
		[ "$c $status" = 'serve 0' ] && continue # tests/cli/serve.t
		ok "$c has a row that ends with $status" \
			grep -qE "^$status\|$c( |$)" statuses
	done
done
is "what was refused for a warning was not written" "$(ls -d o2 o3 2>&1 |
	tr '\n' ' ')" "ls: cannot access 'o3': No such file or directory o2 "
if [ -e /dev/full ]; then
	"$LOWTIDE" check -q -C good --json >/dev/full 2>said
	is "a full disk behind --json" "$?" 74
	is "is told" "$(cat said)" "io-error: the output could not be written"
	"$LOWTIDE" check -q -C good --print >/dev/full 2>said
	is "behind a command's text" "$?" 74
	is "is told once" "$(cat said)" \
		"io-error: the output could not be written"
	"$LOWTIDE" --help >/dev/full 2>said
	is "behind --help" "$?" 74
	is "is told, too" "$(cat said)" \
		"io-error: the output could not be written"
	"$LOWTIDE" render t.mustache -d t.json 2>/dev/null >/dev/full
	is "and behind what is rendered" "$?" 74
fi

# ---- JSON
json() { # EXPRESSION ARGUMENTS…: of the object o that is printed
	local expression=$1
	shift
	"$LOWTIDE" "$@" --json >out 2>said
	node -p "const o = JSON.parse(fs.readFileSync('out')); $expression"
}
is "a build" "$(json '[o.status, o.findings.length, o.result.folder,
	o.result.files > 3, o.result.bytes > 100].join()' build -C good --out ../o4)" \
	"0,0,good/../o4,true,true"
is "and not a word beside it" "$(cat said)" ""
is "the keys of the object" "$(json 'Object.keys(o).join()' check -C good)" \
	"status,findings,result"
is "a finding" "$(json 'JSON.stringify([o.status, o.findings[0], o.result])' \
	check -C bad)" '[1,{"level":"error","file":"bad/site.toml","line":1,"column":1,"name":"unknown-key","text":"there is no key `nmae` here; did you mean `name`?"},null]'
"$LOWTIDE" check -C bad --json >out
is "its status is the run's" "$?" 1
is "a warning" "$(json 'o.status + o.findings.map((f) => f.level + f.name)' \
	check -C warned)" "0warningmissing-reference"
is "with --warnings=error" "$(json 'o.status + o.findings.map((f) =>
	f.level + f.name).join()' check -C warned --warnings=error)" \
	"1errorwarnings-are-errors,warningmissing-reference"
is "a file that cannot be read" "$(json 'o.status + o.findings[0].name' \
	render none.mustache)" "74file-missing"
is "no command" "$(json 'o.status + o.findings[0].name' bulid)" \
	"64unknown-command"
is "a rendered text" "$(json 'o.result' render t.mustache -d t.json)" \
	"&lt;é&gt;"
is "what was read, and from where" "$(json 'JSON.stringify(o.result.find(
	(v) => v.key === "upstream.quotes.base"))' check -C good --print)" \
	'{"key":"upstream.quotes.base","value":"http://127.0.0.1:8090","file":"good/env/base.toml","line":6}'
is "a new site" "$(json 'o.result.folder' init newer)" newer
is "--help is text all the same" "$("$LOWTIDE" check --json --help | head -1)" \
	"usage: lowtide check [options]"

is "what is written is counted" "$(json '[o.result.written ===
	o.result.files, o.result.written].join()' build -C good --out ../o5 |
	cut -d, -f1)" true
is "and nothing is the second time" \
	"$(json 'o.result.written' build -C good --out ../o5)" 0

# ---- loudly
echo '<p>one</p>' >good/pages/other.html
"$LOWTIDE" build -v -C good --out ../o5 --env dev --cache none >out 2>said
is "-v: nothing on stdout" "$(cat out)" ""
is "-v: which files were read" "$(grep '^read ' said | paste -sd ' ')" \
	"read good/site.toml read good/api.toml read good/env/base.toml read good/env/dev.toml"
like "-v: what each step made, and how long it took" "$(cat said)" \
	'^pages: 3 files, [0-9]+ ms$'
like "-v: what was written" "$(cat said)" '^  www/other.html$'
like "-v: and how much" "$(cat said)" '^[0-9]+ files written, [0-9]+ unchanged$'
"$LOWTIDE" build -v -C good --out ../o5 --env dev --cache none 2>said
like "-v: nothing was" "$(cat said)" '^0 files written, [0-9]+ unchanged$'
build() { # TOLD: for people, whether it worked it out or knew it
	"$LOWTIDE" build -C good --out ../o6 --env dev "$@" 2>&1 |
		sed 's/ [0-9]* files, [0-9]* KiB/ N files/'
}
is "what is new" "$(build)" 'good/../o6: N files'
is "what is known to be as before" "$(build)" 'good/../o6: N files, as before'
is "what turns out to be" "$(build --cache none)" \
	'good/../o6: N files, as before'
echo '<p>two</p>' >good/pages/other.html
is "what changed" "$(build)" 'good/../o6: N files'
rm good/pages/other.html
is "what went" "$(build)" 'good/../o6: N files'
echo '<p>one</p>' >good/pages/other.html
"$LOWTIDE" check -v -C good 2>said
like "-v: check, too" "$(cat said)" '^pages: 3 files, [0-9]+ ms$'
rm good/pages/other.html

# ---- annotations
said=$("$LOWTIDE" check -C bad --format=github 2>&1)
is "an error for github" "$said" \
	'::error file=bad/site.toml,line=1,col=1,title=unknown-key::there is no key `nmae` here; did you mean `name`?
::error file=bad/site.toml,line=1,col=1,title=missing-key::`name` is missing; add it: names socket, state folder, units'
said=$("$LOWTIDE" check -q -C warned --format=github 2>&1)
like "a warning for github" "$said" \
	'^::warning file=warned/pages/index.html,line=1,col=[0-9]+,title=missing-reference::'
"$LOWTIDE" check -C bad --format=github --json >out 2>said
is "JSON on stdout, annotations on stderr" \
	"$(head -c 1 out)$(cut -c 1-7 <said | head -1)" '{::error'

# ---- said plainly where nobody looks
said=$("$LOWTIDE" check -C bad 2>&1)
is "text is one line a finding, without colour" "$said" \
	'bad/site.toml:1:1: unknown-key: there is no key `nmae` here; did you mean `name`?
bad/site.toml:1:1: missing-key: `name` is missing; add it: names socket, state folder, units'

# ---- and with its line where somebody does
terminal() { # ENVIRONMENT… ARGUMENTS…: what stands on a terminal then
	script -qec "env -u NO_COLOR TERM=xterm $*" /dev/null </dev/null |
		tr -d '\r' | sed 's/\x1b/ESC/g'
}
is "on a terminal: in colour, with the line and a marker" \
	"$(terminal "$LOWTIDE" check -C bad | head -3)" \
	'ESC[1mbad/site.toml:1:1:ESC[0m ESC[31munknown-keyESC[0m: there is no key `nmae` here; did you mean `name`?
ESC[2m     1 |ESC[0m nmae = "x, y"
ESC[2m       |ESC[0m ESC[31m^ESC[0m'
plain='bad/site.toml:1:1: unknown-key: there is no key `nmae` here; did you mean `name`?
     1 | nmae = "x, y"
       | ^'
is "NO_COLOR" "$(terminal NO_COLOR=1 "$LOWTIDE" check -C bad | head -3)" "$plain"
is "an empty NO_COLOR is none" \
	"$(terminal NO_COLOR= "$LOWTIDE" check -C bad | grep -c ESC)" 6
is "--no-color" "$(terminal "$LOWTIDE" check -C bad --no-color | head -3)" "$plain"
is "a dumb terminal" "$(terminal TERM=dumb "$LOWTIDE" check -C bad | head -3)" \
	"$plain"
is "--quiet: no line of the file" \
	"$(terminal "$LOWTIDE" check -q -C bad | grep -c '|')" 0
is "annotations stay what they are" \
	"$(terminal "$LOWTIDE" check -C bad --format=github | head -1)" \
	'::error file=bad/site.toml,line=1,col=1,title=unknown-key::there is no key `nmae` here; did you mean `name`?'
is "and JSON" "$(terminal "$LOWTIDE" check -C bad --json | head -1)" '{'
is "a warning is yellow" "$(terminal "$LOWTIDE" check -C warned |
	grep -c 'ESC\[33mwarning: missing-reference')" 1
like "an option before the command" "$("$LOWTIDE" --json check -C good)" \
	'lowtide COMMAND --json'
done_testing
