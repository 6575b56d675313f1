#!/usr/bin/env bash
# The promises about the texts themselves.
. tests/lib.sh

lines() { wc -l <"$1"; }
ok "README has 120 lines at most" test "$(lines README.md)" -le 120
ok "ARCHITECTURE has 150 lines at most" \
	test "$(lines docs/ARCHITECTURE.md)" -le 150
is "no note to self is left in the code" \
	"$(git grep -nE '\b(TODO|FIXME|XXX)[:( ]*(later|:|\()' -- '*.c' '*.h' \
		'*.cc' '*.mjs' | head -5)" ""
is "no typedef'd struct" \
	"$(git grep -nE '^typedef (struct|union|enum)[^(]*$' -- '*.c' '*.h' | head)" ""
is "no trailing white space" \
	"$(git grep -nIE '[ 	]+$' -- '*.c' '*.h' '*.cc' '*.def' '*.mjs' '*.t' \
		'*.sh' Makefile | head -5)" ""
while read -r t; do
	ok "the test that ARCHITECTURE names is there: $t" test -e "$t"
done < <(grep -oE 'tests/[a-z]+/[A-Za-z0-9._-]+\.(c|t)' docs/ARCHITECTURE.md |
	sort -u)
# x.c and x-part.c are one module
is "every module of lib, generator and cgi has a test that names it" "$(
	git ls-files lib generator cgi | grep -E '\.c$' | while read -r f; do
		m=$(basename "$f" .c)
		m=${m%%-*}
		m=${m%s}
		case $m in main | cgi | worker | jobs | cmd) continue ;; esac
		grep -rqE "(\b|_)$m(s?\b|_)" tests/unit tests/store && continue
		echo "$f"
	done
)" ""
for page in $(git ls-files '*.[1578]'); do
	command -v mandoc >/dev/null || continue
	is "mandoc has nothing to say about $page" \
		"$(mandoc -T lint -W warning "$page" 2>&1)" ""
done
done_testing
