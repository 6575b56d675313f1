#!/usr/bin/env bash
# An upstream whose name is looked up for ever (names.mjs, names.c).
. tests/lib.sh
${CC:-cc} -shared -fPIC -o "$TMP/names.so" tests/fault/names.c -ldl || exit 1
SLOW_NAMES=$TMP/names.so node tests/fault/names.mjs
