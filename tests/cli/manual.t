#!/usr/bin/env bash
# lowtide(1) names every command and every option that --help lists, and no
# option that none of them has.
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
for o in $(sed -nE 's/^\.It Fl (. , )?-([a-z]+).*/\2/p' $page); do
	case " $all help version " in
	*" $o "*) result 0 "--$o of the manual is there" ;;
	*) result 1 "--$o of the manual is there" ;;
	esac
done
done_testing
