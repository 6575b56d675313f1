#!/usr/bin/env bash
# The line while somebody sets the wall clock (clock.mjs).
. tests/lib.sh
for lib in /usr/lib/*/faketime/libfaketime.so.1; do
	[ -e "$lib" ] || continue
	rm -rf "$TMP" # clock.mjs has a folder of its own
	exec env FAKETIME_LIB="$lib" node tests/cli/clock.mjs
done
skip_all 'libfaketime is not installed; test-runner steps clocks as well'
