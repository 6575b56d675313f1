#!/usr/bin/env bash
# All of the endpoint under load while somebody sets the wall clock (clock.mjs).
. tests/lib.sh
for lib in /usr/lib/*/faketime/libfaketime.so.1; do
	[ -e "$lib" ] || continue
	rm -rf "$TMP" # clock.mjs has a folder of its own
	exec env FAKETIME_LIB="$lib" node tests/fault/clock.mjs
done
skip_all 'libfaketime is not installed; tests/cli/clock.t says more'
