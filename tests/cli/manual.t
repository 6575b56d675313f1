#!/usr/bin/env bash
# The manuals name every command and every option that --help lists, and no
# option that there is not; those of the servers explain every line of the log.
. tests/lib.sh
page=generator/lowtide.1

commands=$("$LOWTIDE" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
for c in $commands; do
	ok "the command $c is in the manual" grep -qx "\.It Cm $c" $page
	for o in $("$LOWTIDE" "$c" --help |
		sed -nE 's/^ +(-., )?--([a-z-]+).*/\2/p'); do
		ok "$c --$o is in the manual" grep -qE "^\.It Fl (. , )?-$o( |$)" $page
		all="${all:-} $o"
	done
done
for o in $(sed -nE 's/^\.It Fl (. , )?-([a-z-]+).*/\2/p' $page); do
	case " $all help version " in
	*" $o "*) result 0 "--$o of the manual is there" ;;
	*) result 1 "--$o of the manual is there" ;;
	esac
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
events=$(cat cgi/*.c | tr -d '\n' | grep -oE \
	'(LOG\([^;"]*|attempt_log\([^;"]*|event = )"[a-z]+-[a-z-]+"' |
	grep -oE '[a-z]+-[a-z-]+"$' | tr -d '"' | sort -u)
for e in $events; do
	ok "the event $e is explained" grep -qx "\.It Li $e" \
		cgi/lowtide-cgi.8 cgi/lowtide-worker.8
done
for e in $(sed -nE 's/^\.It Li ([a-z]+-[a-z-]+)$/\1/p' cgi/*.8 | sort -u); do
	ok "the event $e is there" grep -qw -- "$e" <<<"$events"
done
done_testing
