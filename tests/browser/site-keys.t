#!/usr/bin/env bash
# The example site by keyboard (site-keys.mjs).
. tests/lib.sh
port=$(free_port)
cp -r site "$TMP/site"
rm -rf "$TMP/site/dist" "$TMP/site/.lowtide"
"$LOWTIDE" serve -C "$TMP/site" --env dev --port "$port" -- \
	node "$PWD/tests/browser/site-keys.mjs" 2>"$TMP/err"
status=$?
[ $status = 0 ] || sed 's/^/# serve: /' "$TMP/err" | tail -40 >&2
exit $status
