#!/usr/bin/env bash
# The completions of bash and zsh, in bash and zsh: commands, options, values,
# the environments of a site, files and folders.
. tests/lib.sh
from=$(dirname "$BIN")/completions
export PATH=$BIN:$PATH

cd "$TMP" || exit 1
mkdir -p 'my site'/env env other && touch "my site"/env/{base,prod,staging}.toml
touch env/here.toml page.mustache page.json
mkdir pages

# ---- bash
ok "bash reads it" bash -n "$from/lowtide.bash"
cat >ask.bash <<-'EOF'
	# FILE WORDS…: what the last one may become, a line each
	set -u
	. "$1"
	shift
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_lowtide
	printf '%s\n' "${COMPREPLY[@]}"
EOF
bash_says() { bash ask.bash "$from/lowtide.bash" "$@" | sort | paste -sd ' '; }
is "bash: it is there for lowtide" \
	"$(bash -c '. "$0"; complete -p lowtide' "$from/lowtide.bash")" \
	"complete -F _lowtide lowtide"
"$LOWTIDE" tables >tables.json
names() { # EXPRESSION: of the tables t, sorted, in one line
	node -p "const t = JSON.parse(fs.readFileSync('tables.json'));
		($1).sort().join('\\n')" | sort | paste -sd ' '
}
is "bash: commands" "$(bash_says lowtide '')" "$(names \
	"t.commands.filter((c) => !c.hidden).map((c) => c.name)
		.concat('--help', '--version')")"
is "bash: the beginning of one" "$(bash_says lowtide re)" render
for c in $(names 't.commands.map((c) => c.name)'); do
	is "bash: the options of $c" "$(bash_says lowtide "$c" -)" "$(names \
		"t.commands.find((c) => c.name === '$c').options
			.flatMap((o) => ['--' + o.name]
			.concat(o.letter ? ['-' + o.letter] : []))")"
	for row in $(names "t.commands.find((c) => c.name === '$c').options
		.filter((o) => o.choices.length)
		.map((o) => o.name + ':' + o.choices.join(','))"); do
		is "bash: the values of $c --${row%%:*}" \
			"$(bash_says lowtide "$c" "--${row%%:*}" '')" \
			"$(tr ',' '\n' <<<"${row#*:}" | sort | paste -sd ' ')"
	done
done
is "bash: environments" "$(bash_says lowtide build --env '')" here
is "bash: of another folder" \
	"$(bash_says lowtide build -C 'my site' -e '')" "base prod staging"
is "bash: by its long name" \
	"$(bash_says lowtide build --dir 'my site' -q --env p)" prod
is "bash: with an equals sign, which bash splits" \
	"$(bash_says lowtide check --dir = 'my site' --env = st)" staging
is "bash: and nothing behind it" \
	"$(bash_says lowtide check -C 'my site' --env =)" "base prod staging"
is "bash: folders behind -C" "$(bash_says lowtide build -C '')" \
	"env my site other pages"
is "bash: files where files are meant" \
	"$(bash_says lowtide render page)" "page.json page.mustache pages"
is "bash: folders where folders are meant" \
	"$(bash_says lowtide init '')" "env my site other pages"
is "bash: no guess at a number" "$(bash_says lowtide serve -p '')" ""
is "bash: no command, no guess" "$(bash_says lowtide bulid -)" ""
like "bash: a program behind --" "$(bash_says lowtide serve -- mkdi)" mkdir
is "bash: then files" "$(bash_says lowtide serve -- cat page.j)" page.json

# ---- zsh, typed to in a terminal of its own
command -v zsh >/dev/null || skip_all "zsh is not installed"
ok "zsh reads it" zsh -n "$from/_lowtide"
cat >ask.zsh <<-'EOF'
	# FOLDER-OF-THE-COMPLETION LINE…: each is typed, a tab and return behind
	# it; what became of it is printed, the words in brackets
	zmodload zsh/zpty
	zpty shell zsh -f -i
	say() { zpty -w shell "$1" }
	until_seen() { # PATTERN: into $seen
		local piece
		seen=
		repeat 400; do
			while zpty -r -t shell piece; do seen+=$piece; done
			[[ $seen == ${~1} ]] && return
			sleep 0.05
		done
		print -r -- "no answer: $seen"
		exit 1
	}
	say "unset zle_bracketed_paste; PS1= RPS1= PS2=; stty -echo"
	say "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D"
	say "lowtide() { print -r -- \"<\${(j:][:)@}>\" }"
	# an ambiguous word is completed as far as it goes, and listed nowhere
	say "unsetopt auto_list auto_menu list_beep beep; print rea''dy"
	until_seen '*ready*'
	shift
	for line in "$@"; do
		zpty -w -n shell "$line"$'\t\n'
		until_seen '*<*>*'
		print -r -- "[${${seen##*<}%%>*}]"
	done
EOF
zsh_says() { # LINE WANT
	is "zsh: $1" "$(zsh -f ask.zsh "$from" "$1" 2>&1)" "$2"
}
zsh_says 'lowtide re' '[render]'
zsh_says 'lowtide build --forc' '[build][--force]'
zsh_says 'lowtide build --format gi' '[build][--format][github]'
zsh_says 'lowtide build --format=gi' '[build][--format=github]'
zsh_says 'lowtide render --escape ngi' '[render][--escape][nginx]'
zsh_says 'lowtide build --env ' '[build][--env][here]'
zsh_says 'lowtide build -C my\ site -e p' '[build][-C][my site][-e][prod]'
zsh_says 'lowtide check --dir=my\ site --env=st' \
	'[check][--dir=my site][--env=staging]'
zsh_says 'lowtide build -C ot' '[build][-C][other]'
zsh_says 'lowtide render page.m' '[render][page.mustache]'
zsh_says 'lowtide init ot' '[init][other]'
zsh_says 'lowtide build --nonsens' '[build][--nonsens]'
zsh_says 'lowtide serve -- lowtide rende' '[serve][--][lowtide][render]'
for c in $(names 't.commands.map((c) => c.name)'); do
	is "zsh: the options of $c" "$(zsh -f -c '
		fpath=($1 $fpath)
		autoload -Uz +X _lowtide
		functions[load]=${functions[_lowtide]%_lowtide*}
		load
		local -a rows
		_lowtide_options $2
		print -rl -- ${rows%%:*}' zsh "$from" "$c" 2>&1 | sort |
		paste -sd ' ')" "$(bash_says lowtide "$c" -)"
done
done_testing
