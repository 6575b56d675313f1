#!/usr/bin/env bash
# What the example site's static pages cost, and a catalogue that is published
# while its page is open (site-home.mjs).
. tests/lib.sh
port=$(free_port)
cp -r site "$TMP/site"
rm -rf "$TMP/site/dist" "$TMP/site/.lowtide"
SITE=$TMP/site "$LOWTIDE" serve -C "$TMP/site" --env dev --port "$port" -- \
	node "$PWD/tests/browser/site-home.mjs" 2>"$TMP/err"
status=$?
[ $status = 0 ] || sed 's/^/# serve: /' "$TMP/err" | tail -40 >&2
exit $status
