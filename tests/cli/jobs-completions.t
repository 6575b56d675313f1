#!/usr/bin/env bash
# The completions of lowtide-jobs, in bash and zsh: what --help says, and what is
# in the store that the line names.
. tests/lib.sh
export PATH=$BIN:$PATH
from=$PWD/cgi
cat >"$TMP/lowtide.json" <<-END
	{"format": 1, "name": "t", "prefix": "/api", "upstreams":
	[{"name": "u", "base": "http://127.0.0.1:9", "local": true}], "apis":
	[{"name": "vat", "tag": "0000aa", "method": "POST", "path": "/api/a",
	"auth": "none", "pattern": "async-polling", "allow": ["async-polling"],
	"onLost": "fail", "deadlineMs": 60000, "ttlMs": 60000, "attempts": 1,
	"concurrency": 1, "upstream": "u", "requestMethod": "POST",
	"requestPath": "/a"}]}
END
lowtide-jobs keygen "$TMP/keys" 2>/dev/null
mkdir "$TMP/state" "$TMP/files"
touch "$TMP/files/body.json"
here=(-c "$TMP/lowtide.json" -s "$TMP/state" -k "$TMP/keys")
start worker lowtide-worker "${here[@]}"
ok "there is a store" wait_for 10 grep -q worker-started "$TMP/worker.err"
id=job_$(printf 'A%.0s' {1..48})
commands=$(lowtide-jobs --help | sed -nE 's/^  ([a-z-]+) .*/\1/p')
options() { # COMMAND: as --help has them
	lowtide-jobs "$1" --help |
		sed -nE 's/^ +(-.)?,? *--([a-z-]+).*/\1 --\2/p' |
		tr ' ' '\n' | grep . | sort | paste -sd ' '
}
cd "$TMP/files" || exit 1

# ---- bash
ok "bash reads it" bash -n "$from/lowtide-jobs.bash"
cat >"$TMP/ask.bash" <<-'EOF'
	set -u
	. "$1"
	shift
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_lowtide_jobs
	printf '%s\n' "${COMPREPLY[@]}"
EOF
bash_says() {
	bash "$TMP/ask.bash" "$from/lowtide-jobs.bash" lowtide-jobs "$@" |
		sort | paste -sd ' '
}
is "bash: commands" "$(bash_says '')" \
	"$(printf '%s\n' $commands --help --version | sort | paste -sd ' ')"
is "bash: the beginning of one" "$(bash_says keya)" keyadd
for c in $commands; do
	is "bash: the options of $c" "$(bash_says "$c" -)" "$(options "$c")"
done
statuses=$(lowtide-jobs ls --status x "${here[@]}" 2>&1 |
	sed 's/.*use //; s/ or /, /; s/, /\n/g' | sort | paste -sd ' ')
like "there are statuses" "$statuses" 'held needs-credentials'
is "bash: statuses" "$(bash_says ls --status '')" "$statuses"
is "bash: APIs of the store that is named" \
	"$(bash_says pause "${here[@]}" '')" vat
is "bash: and of an option" "$(bash_says ls "${here[@]}" --api '')" vat
is "bash: with an equals sign, which bash splits" \
	"$(bash_says ls "${here[@]}" --api = v)" vat
is "bash: there is no job yet" "$(bash_says show "${here[@]}" '')" ""
is "bash: files where files are meant" \
	"$(bash_says complete "$id" --result '')" body.json
is "bash: nothing where nobody knows" "$(bash_says ls --since '')" ""

# ---- zsh, whose functions are asked without typing
command -v zsh >/dev/null || skip_all "zsh is not installed"
ok "zsh reads it" zsh -n "$from/_lowtide-jobs"
cat >"$TMP/ask.zsh" <<-'EOF'
	# FOLDER COMMAND: its options; FOLDER kind KIND ARGUMENTS…: what it adds
	fpath=($1 $fpath)
	autoload -Uz +X _lowtide-jobs
	functions[load]=${functions[_lowtide-jobs]%_lowtide_jobs*}
	load
	shift
	compadd() { shift; (($#)) && print -rl -- "$@" }
	_message() { : }
	_files() { print -r -- files }
	local -a rows where
	local -A kinds
	if [[ $1 == kind ]]; then
		where=($argv[3,-1])
		_lowtide_jobs_kind $2
	else
		_lowtide_jobs_options $1
		print -rl -- ${rows%%:*}
	fi
EOF
zsh_says() {
	zsh -f "$TMP/ask.zsh" "$from" "$@" 2>&1 | sort | paste -sd ' '
}
for c in $commands; do
	is "zsh: the options of $c" "$(zsh_says "$c")" "$(options "$c")"
done
is "zsh: APIs" "$(zsh_says kind API "${here[@]}")" vat
is "zsh: statuses" "$(zsh_says kind STATUS)" "$statuses"
is "zsh: files" "$(zsh_says kind FILE)" files

# ---- zsh, typed to in a terminal of its own
cat >"$TMP/type.zsh" <<-'EOF'
	# FOLDER LINE…: each is typed, a tab and return behind it; what became of
	# it is printed, the words in brackets
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
	# it is asked itself, but for what was typed
	say 'lowtide-jobs() {
		[[ $argv[-1] == --help || $2 == (-n|-c) ]] &&
			{ command lowtide-jobs "$@"; return }
		print -r -- "<${(j:][:)@}>"
	}'
	say "unsetopt auto_list auto_menu list_beep beep; print rea''dy"
	until_seen '*ready*'
	shift
	for line in "$@"; do
		zpty -w -n shell "$line"$'\t\n'
		until_seen '*<*>*'
		print -r -- "[${${seen##*<}%%>*}]"
	done
EOF
typed() { # LINE WANT
	is "zsh: $1" "$(zsh -f "$TMP/type.zsh" "$from" "$1" 2>&1)" "$2"
}
typed 'lowtide-jobs keya' '[keyadd]'
typed 'lowtide-jobs ls --statu' '[ls][--status]'
typed 'lowtide-jobs ls --status he' '[ls][--status][held]'
typed 'lowtide-jobs ls --status=nee' '[ls][--status=needs-credentials]'
typed 'lowtide-jobs complete x --result bo' '[complete][x][--result][body.json]'
typed "lowtide-jobs pause -m x -c $TMP/lowtide.json -s $TMP/state -k $TMP/keys v" \
	"[pause][-m][x][-c][$TMP/lowtide.json][-s][$TMP/state][-k][$TMP/keys][vat]"
done_testing
