#!/usr/bin/env bash
# Every page of the example site, to axe-core (axe.mjs); `make check-npm`.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
port=$(free_port)
cp -r site "$TMP/site"
rm -rf "$TMP/site/dist" "$TMP/site/.lowtide"
"$LOWTIDE" serve -C "$TMP/site" --env dev --port "$port" -- \
	node "$PWD/tests/npm/axe.mjs" 2>"$TMP/err"
status=$?
[ $status = 0 ] || sed 's/^/# /' "$TMP/err" | tail -60 >&2
exit $status
