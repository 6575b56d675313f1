#!/usr/bin/env bash
# The example site in a real browser, as a person meets it (site.mjs).
. tests/lib.sh
port=$(free_port)
cp -r site "$TMP/site"
rm -rf "$TMP/site/dist" "$TMP/site/.lowtide"
SIMULATOR_PACE_MS=300 "$LOWTIDE" serve -C "$TMP/site" --env dev --port "$port" -- \
	node "$PWD/tests/browser/site.mjs" 2>"$TMP/err"
status=$?
sed 's/^/# serve: /' "$TMP/err" | tail -15
exit $status
