#!/usr/bin/env bash
# Every C and C++ file is as clang-format leaves it. Many files a run: the
# program takes longer to start than to read one.
. tests/lib.sh

command -v clang-format >/dev/null || skip_all "clang-format is not installed"
git ls-files | grep -E '\.(c|h|cc)$' >"$TMP/files"
xargs -n 100 clang-format --dry-run -Werror <"$TMP/files" 2>"$TMP/said"
is "clang-format was given all of them, and complains of none" "$?" 0
declare -A wrong
while IFS=: read -r f _; do
	wrong[$f]=1
done <"$TMP/said"
while read -r f; do
	[ -z "${wrong[$f]:-}" ]
	result $? "$f" || grep -F -m 3 "$f:" "$TMP/said" | sed 's/^/#   /' >&2
done <"$TMP/files"
done_testing
