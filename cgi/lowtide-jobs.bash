# bash completion for lowtide-jobs, which tells its commands and options itself
# (--help). Job ids and the names of APIs are looked up in the store that the
# command line names, or in the one there is; nothing is changed by that.

# COMMAND: its options, a line each: letter or -, name, what its value is or -
_lowtide_jobs_options() {
	lowtide-jobs "$1" --help 2>/dev/null | sed -nE '
		s/^  -(.), --([a-z-]+) ([A-Z]+)( .*|$)/\1 \2 \3/p; t
		s/^  -(.), --([a-z-]+)( .*|$)/\1 \2 -/p; t
		s/^      --([a-z-]+) ([A-Z]+)( .*|$)/- \1 \2/p; t
		s/^      --([a-z-]+)( .*|$)/- \1 -/p'
}

# COMMAND: what its operand is: ID, API, FILE, DIR or nothing
_lowtide_jobs_operand() {
	lowtide-jobs "$1" --help 2>/dev/null |
		sed -nE '1s/^usage: [^ ]+ [^ ]+ \[?([A-Z]+).*/\1/p'
}

# KIND ARGUMENTS…: the words there are of it
_lowtide_jobs_words() {
	local kind=$1
	shift
	case $kind in
	COMMAND) lowtide-jobs --help | sed -nE 's/^  ([a-z-]+) .*/\1/p' ;;
	STATUS) echo 'pending needs-credentials processing held completed' \
		'failed cancelled' ;;
	ID) lowtide-jobs ls -n 200 "$@" 2>/dev/null | sed -n 's/^\(job_[^ ]*\).*/\1/p' ;;
	API | NAME) lowtide-jobs stats "$@" 2>/dev/null | sed -n '2,/^$/s/ .*//p' ;;
	esac
}

# KIND CURRENT ARGUMENTS…: into COMPREPLY
_lowtide_jobs_reply() {
	local kind=$1 cur=$2 line
	shift 2
	COMPREPLY=()
	case $kind in
	FILE) compopt -o filenames 2>/dev/null
		while IFS= read -r line; do
			COMPREPLY+=("$line")
		done < <(compgen -f -- "$cur") ;;
	DIR) compopt -o filenames 2>/dev/null
		while IFS= read -r line; do
			COMPREPLY+=("$line")
		done < <(compgen -d -- "$cur") ;;
	*) while IFS= read -r line; do
			COMPREPLY+=("$line")
		done < <(compgen -W "$(_lowtide_jobs_words "$kind" "$@")" \
			-- "$cur") ;;
	esac
}

_lowtide_jobs() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev= command letter name kind i word
	local -a where=()
	[ "$COMP_CWORD" -gt 0 ] && prev=${COMP_WORDS[COMP_CWORD - 1]}
	# --api=x is three words to bash
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ] && [ "$COMP_CWORD" -gt 1 ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [ "$COMP_CWORD" -le 1 ]; then
		COMPREPLY=()
		while IFS= read -r word; do
			COMPREPLY+=("$word")
		done < <(compgen -W "$(_lowtide_jobs_words COMMAND) --help --version" \
			-- "$cur")
		return
	fi
	command=${COMP_WORDS[1]}
	for ((i = 2; i < COMP_CWORD - 1; i++)); do
		case ${COMP_WORDS[i]} in
		-c | --config | -s | --state | -k | --keys)
			word=${COMP_WORDS[i + 1]}
			[ "$word" = = ] && word=${COMP_WORDS[i + 2]-}
			where+=("${COMP_WORDS[i]}" "${word/#\~/$HOME}") ;;
		esac
	done
	while read -r letter name kind; do
		[ "$kind" != - ] || continue
		if [ "$prev" = "--$name" ] || [ "$prev" = "-$letter" ]; then
			_lowtide_jobs_reply "$kind" "$cur" "${where[@]}"
			return
		fi
	done < <(_lowtide_jobs_options "$command")
	if [[ $cur == -* ]]; then
		COMPREPLY=()
		while IFS= read -r word; do
			COMPREPLY+=("$word")
		done < <(compgen -W "$(_lowtide_jobs_options "$command" |
			sed -E 's/^- ([^ ]+) .*/--\1/
				s/^(.) ([^ ]+) .*/-\1 --\2/')" -- "$cur")
	else
		_lowtide_jobs_reply "$(_lowtide_jobs_operand "$command")" \
			"$cur" "${where[@]}"
	fi
}
complete -F _lowtide_jobs lowtide-jobs
