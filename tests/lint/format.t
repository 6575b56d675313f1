#!/usr/bin/env bash
# Every C and C++ file is as clang-format leaves it.
. tests/lib.sh

command -v clang-format >/dev/null || skip_all "clang-format is not installed"
while read -r f; do
	ok "$f" clang-format --dry-run -Werror "$f"
done < <(git ls-files | grep -E '\.(c|h|cc)$')
done_testing
