#!/usr/bin/env bash
# The manuals name every command, option and key of the tables, and none that
# there is not; their examples are right; those of the servers explain every
# line of the log.
. tests/lib.sh
man=$(dirname "$BIN")/man

for page in "$man"/lowtide.1 "$man"/lowtide-site.5 "$man"/lowtide-api.5; do
	ok "${page##*/} is there" test -s "$page"
	is "mandoc has nothing to say about ${page##*/}" \
		"$(mandoc -T lint -W warning "$page" 2>&1)" ""
done

is "no quotation ends twice" "$(mandoc -T utf8 "$man"/lowtide*.[15] | sed 's/.\x08//g' |
	grep -c '””')" 0
is "nothing is said twice of an option" "$(tr '\n' ' ' <"$man/lowtide.1" |
	grep -ci 'may be repeated\.* may be repeated')" 0

# ---- lowtide(1): as the tables, and as --help
"$LOWTIDE" tables >"$TMP/tables.json"
is "tables are one JSON value, alone or as a result" "$(
	"$LOWTIDE" tables --json | node -p '
	const o = JSON.parse(fs.readFileSync(0));
	JSON.stringify(o.result) === JSON.stringify(JSON.parse(
		fs.readFileSync(process.argv[1]))) && o.status === 0' \
		"$TMP/tables.json")" true
table() { # EXPRESSION: of the tables t, a line each
	node -p "const t = JSON.parse(fs.readFileSync(process.argv[1]));
		[$1].flat().join('\n')" "$TMP/tables.json"
}
sections() { # the options below each command of the page: COMMAND --OPTION
	awk '/^\.\\" command / { c = $3 }
		/^\.Sh OPTIONS OF EVERY/ { c = "every" }
		/^\.Sh ENV/ { c = "" }
		/^\.It Fl/ && c { sub(/^\.It Fl (. , Fl )?/, ""); print c, $1 }' \
		"$man/lowtide.1" | sed 's/ -/ --/'
}
commands=$(table 't.commands.map((c) => c.name)')
is "the commands of lowtide(1)" \
	"$(sed -n 's/^\.\\" command //p' "$man/lowtide.1")" "$commands"
is "the options of lowtide(1)" "$(sections)" "$(table \
	't.commands.map((c) => c.own.map((o) => `${c.name} --${o.name}`)).flat(),
	t.common.map((o) => `every --${o.name}`)')"
for c in $commands; do
	is "the options of $c --help" "$("$LOWTIDE" "$c" --help |
		sed -nE 's/^ +(-., )?--([a-z-]+).*/\2/p' | sort)" \
		"$(table "t.commands.find((c) => c.name === '$c').own
			.map((o) => o.name), t.common.map((o) => o.name)" |
			sort -u)"
done
is "what --help lists" "$("$LOWTIDE" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')" \
	"$(table 't.commands.filter((c) => !c.hidden).map((c) => c.name)')"
synopsis=$(mandoc -T ascii "$man/lowtide.1" | sed 's/.\x08//g' |
	sed -n '/^SYNOPSIS/,/^DESC/p')
for c in $commands; do
	like "$c is in the synopsis" "$synopsis" "^ +lowtide $c( |$)"
done

# ---- what the modules say, in their manual and in their types
codes() { sort -u | tr '\n' ' '; }
section() { # NAME: of lowtide-site(5)
	awk -v head=".Ss $1" '/^\.S[hs]/ { on = $0 == head } on' \
		"$man/lowtide-site.5"
}
listed() { # what lists explain
	sed -nE 's/^\.It Li ([a-z-]+.*)/\1/p' | sed 's/ , /\n/g'
}
functions() { # SECTION MODULE
	is "the functions of $2" "$(section "$1" |
		sed -nE 's/^\.It Fn ([a-zA-Z]+).*/\1/p' | codes)" \
		"$(sed -nE 's/^export (const|(async )?function) ([a-zA-Z]+).*/\3/p' \
			"templates/client/$2.mustache" | codes)"
}
thrown() { # MODULE: codes that stand in it as such
	grep -oE "fail\('[a-z-]+'" "templates/client/$1.mustache" | cut -d"'" -f2
}
said=$(thrown oauth.mjs | codes)
like "oauth.mjs has codes" "$said" '^issuer-mismatch .* wrong-page $'
is "each stands in lowtide-site(5)" \
	"$(section 'Signing in' | listed | codes)" "$said"
is "and in its types" "$(sed -n '/^	code:/,/string &/p' \
	templates/client/oauth.d.mts.mustache | grep -oE "'[a-z-]+'" |
	tr -d "'" | codes)" "$said"
functions 'Signing in' oauth.mjs

must=$(sed -n '/must({$/,/});$/p' templates/client/oauth-tokens.mjs.mustache |
	sed -nE "s/^		'?([a-z-]+)'?: .*/token-\1/p")
said=$({ thrown oauth-tokens.mjs | grep -vx token-; echo "$must"; } | codes)
like "oauth-tokens.mjs has codes" "$said" \
	'^already-exchanged .* token-subject .* unreachable '
is "each stands in lowtide-site(5)" "$(section Tokens | listed | codes)" "$said"
is "and in its types" "$(sed -n '/^	 \* What the provider/,/^	code:/p' \
	templates/client/oauth-tokens.d.mts.mustache |
	grep -oE '[a-z]+(-[a-z]+)+|unreachable' | codes)" "$said"
functions Tokens oauth-tokens.mjs
is "the codes of a classic script" "$(section '"[dotenv.NAME]"' |
	sed -nE '/OAuthError/,/^never/s/^\.Li ([a-z]+-[a-z-]+)( [,:])?$/\1/p' |
	codes)" "$(thrown classic.js | codes)"

# ---- the examples of modules for pages
section 'Modules for pages' >"$TMP/modules"
is "each module of [client] has an example" "$(table \
	"t.keys.filter((k) => /^client\\./.test(k.pattern)).map((k) => k.help)" |
	grep -oE '^[a-z-]+\.mjs' | sort)" "$(sed -nE \
	"s/^import .*'\/([a-z-]+\.mjs)';/\1/p" "$TMP/modules" | sort)"
awk -v dir="$TMP" '/^\.Bd -unfilled/ { n++; inside = 1; next }
	/^\.Ed/ { inside = 0 }
	inside { gsub(/\\e/, "\\"); print > (dir "/example" n ".mjs") }' \
	"$TMP/modules"
for example in "$TMP"/example*.mjs; do
	name=${example##*/}
	while read -r import module; do
		ok "$name: $module has $import" grep -qE \
			"^export (async )?(function|class) $import\b" \
			"templates/client/$module"
	done < <(sed -nE "s/^import \{(.*)\} from '\/(.*)';/\1 \2/p" "$example")
	# what is HTML, or JSX, is none
	grep -qE '^<|return <' "$example" ||
		ok "$name can be parsed" node --check "$example"
done

# ---- every name that something wrong with a provider is told under
earned=$({
	cat generator/provider*.c | tr -s '\n\t ' ' ' |
		grep -oE '"[a-z]+(-[a-z]+)+"'
	cat generator/{page-oauth,classic,oauth*,dotenv*,run-reference}.c |
		tr -s '\n\t ' ' ' |
		grep -oE 'diag_(error|warn)\(([^";]|"[a-z]+\.[a-z]+")*"[a-z]+(-[a-z]+)+"'
} | grep -oE '[a-z]+(-[a-z]+)+"' | tr -d '"' | codes)
like "there are such names" "$earned" ' client-id-empty .* redirect-shared '
is "lowtide-site(5) says what each means" "$(sed -n '/^\.Sh DIAGNOSTICS/,$p' \
	"$man/lowtide-site.5" | listed | grep -x '[a-z]*-[a-z-]*' | codes)" \
	"$earned"

is "lowtide-api(5) does for what is said of APIs" "$(sed -n '/^\.Sh DIAGNOSTICS/,$p' \
	"$man/lowtide-api.5" | listed | sed 's/^Li //' | codes)" "$(
	cat generator/{api,api-{auth,body,exec,one,own,rules,secret,template,upstream},exchange,read*,server}.c | tr -s '\n\t ' ' ' | grep -oE \
		'diag_(error|warn)\(([^";]|"[a-z_]+")*"[a-z]+(-[a-z]+)+"' |
		grep -oE '[a-z]+(-[a-z]+)+"' | tr -d '"' | codes)"

# ---- the keys, each in one manual, below its table
for page in site api; do
	is "the keys of lowtide-$page(5)" \
		"$(sed -n 's/^\.\\" key //p' "$man/lowtide-$page.5" | sort)" \
		"$(table "t.keys.filter((k) => k.page === '$page')
			.map((k) => k.pattern)" | sort)"
	is "each has a line of its own in lowtide-$page(5)" "$(
		sed -nE '/^\.Sh KEYS/,/^\.Sh/s/^\.It Ic //p' \
			"$man/lowtide-$page.5" | sort)" "$(
		table "t.keys.filter((k) => k.page === '$page' &&
			!['table', 'like'].includes(k.kind)).map((k) => k.name)" |
			sort)"
done
keys_def() { # the patterns of generator/keys.def
	grep -oE '^KEY\("[^"]+"' generator/keys.def | cut -d'"' -f2
}
is "the tables hold keys.def" "$(table 't.keys.map((k) => k.pattern)')" \
	"$(keys_def)"
is "a key's type, range and default are told" "$(
	sed -n '/^\.\\" key api\.\*\.deadline$/,/^\.Li/p' "$man/lowtide-api.5")" \
	'.\" key api.*.deadline
.It Ic deadline
From accept to finish.
.Em "Duration, from 1s to 30d, if left out"
.Li "deadline = \(dq15m\(dq" .'
examples_of() { # PAGE: a line each, PATTERN and how its key is written
	sed -n '/^\.Sh KEYS/,/^\.Sh [^K]/p' "$1" | awk '
		/^\.\\" key / { pattern = $3; told = "" }
		/^\.Li "/ { line = $0
			sub(/^\.Li "/, "", line); sub(/" \.$/, "", line)
			gsub(/\\\(dq/, "\"", line)
			gsub(/\\\(aq/, "\047", line)
			gsub(/\\\(ga/, "`", line); gsub(/\\e/, "\\", line)
			name = pattern; sub(/.*\./, "", name)
			if (name == "*") name = "NAME"
			if (index(line, name " = ") == 1) print pattern, line }'
}
for page in site api; do
	examples_of "$man/lowtide-$page.5"
done >"$TMP/examples"
is "every key that is built has a value to write" \
	"$(cut -d' ' -f1 "$TMP/examples" | sort -u)" \
	"$(table "t.keys.filter((k) =>
		!['table', 'like'].includes(k.kind)).map((k) => k.pattern)" |
		sort)"
mkdir -p "$TMP/one/env"
while read -r pattern line; do
	below=${pattern%"${pattern##*.}"}
	below=${below%.}
	{
		[ "$pattern" = name ] || echo 'name = "acme"'
		[ -z "$below" ] || echo "[${below//\*/some}]"
		printf '%s\n' "${line/#NAME = /some = }"
	} >"$TMP/one/all.toml"
	echo 'name = "acme"' >"$TMP/one/site.toml"
	grep -v '^name = "acme"$' "$TMP/one/all.toml" >"$TMP/one/env/base.toml"
	is "which is right: $pattern" "$("$LOWTIDE" check -q -C "$TMP/one" 2>&1 |
		grep -E ': (unknown-key|wrong-type|bad-value|toml-syntax|env-only|placeholder): ' |
		grep -v 'LOGIN_SECRET\|SUPPORT_MAIL')" ""
done <"$TMP/examples"

# ---- the examples are sites
examples() { # PAGE FOLDER: each literal display with a file's name, unpacked
	awk -v dir="$2" '
		/^\.Bd -literal/ { n++; inside = 1; next }
		/^\.Ed/ { inside = 0; next }
		inside && /^# [a-z\/]+\.toml$/ { file = $2; put(n, file, ""); next }
		inside { put(n, file, $0) }
		function put(n, file, line) {
			gsub(/\\e/, "\\", line)
			path = dir "/" n "/" file
			if (!(path in seen)) {
				folder = path
				sub(/\/[^\/]*$/, "", folder)
				system("mkdir -p " folder)
				seen[path] = 1
			}
			if (line != "") print line > path
			else printf "" > path
		}' "$1"
}
for page in site api; do
	examples "$man/lowtide-$page.5" "$TMP/$page"
	for dir in "$TMP/$page"/*; do
		grep -qs '^name = ' "$dir/site.toml" || {
			printf 'name = "acme"\n' | cat - "$dir/site.toml" \
				>"$dir/new" 2>/dev/null
			mv "$dir/new" "$dir/site.toml"
		}
		if grep -rqs 'run.simulator.url' "$dir" ||
			ls "$dir"/env/prod.toml >/dev/null 2>&1; then
			env="--env $(basename "$(ls "$dir"/env/*.toml |
				grep -v base | head -1)" .toml)"
		else
			env=
		fi
		# shellcheck disable=SC2086
		said=$("$LOWTIDE" check -C "$dir" $env 2>&1)
		is "example ${dir##*/} of lowtide-$page(5) is right" \
			"$(grep -v 'not-kept-yet\|missing-reference\|unused-pattern\|run-reference\|^without --env' <<<"$said" |
				sed "s|$dir|.|")" ""
	done
done

in_page() { # PAGE: its options, without --help
	grep '^\.It Fl' "$1" | grep -oE 'Fl (. , )?-[a-z-]+' |
		sed -E 's/^Fl (. , )?-//' |
		grep -v '^help$' | sort -u | paste -sd ' '
}
in_help() { # PROGRAM [COMMAND]…: what their --help lists, without help
	local program=$1 command
	shift
	for command in "${@:-}"; do
		"$BIN/$program" $command --help
	done | sed -nE 's/^ +(-., )?--([a-z-]+).*/\2/p' |
		grep -v '^help$' | sort -u | paste -sd ' '
}
is "lowtide-cgi: the options" "$(in_page cgi/lowtide-cgi.8)" \
	"$(in_help lowtide-cgi)"
is "lowtide-read: the options" "$(in_page cgi/lowtide-read.8)" \
	"$(in_help lowtide-read)"
is "mandoc has nothing to say about lowtide-read.8" \
	"$(mandoc -T lint -W warning cgi/lowtide-read.8 2>&1)" ""
is "lowtide-worker: the options" "$(in_page cgi/lowtide-worker.8)" \
	"$(in_help lowtide-worker)"
commands=$("$BIN/lowtide-jobs" --help | sed -nE 's/^  ([a-z-]+) .*/\1/p')
is "lowtide-jobs: the options" "$(in_page cgi/lowtide-jobs.1)" \
	"$(in_help lowtide-jobs $commands)"
for c in $commands; do
	ok "lowtide-jobs: the command $c" \
		grep -qE "^\.It Cm $c( |$)" cgi/lowtide-jobs.1
done

# one word in quotes, with a hyphen in it, is an event
events=$(cat cgi/*.c cgi/upstream/*.c cgi/read/*.c | tr -d '\n' | grep -oE \
	'(LOG\([^;"]*|[a-z]+_log\([^;"]*|event = )"[a-z]+-[a-z-]+"' |
	grep -oE '[a-z]+-[a-z-]+"$' | tr -d '"' | sort -u)
for e in $events; do
	ok "the event $e is explained" grep -qx "\.It Li $e" \
		cgi/lowtide-cgi.8 cgi/lowtide-read.8 cgi/lowtide-worker.8
done
for e in $(sed -nE 's/^\.It Li ([a-z]+-[a-z-]+)$/\1/p' cgi/*.8 | sort -u); do
	ok "the event $e is there" grep -qw -- "$e" <<<"$events"
done
done_testing
