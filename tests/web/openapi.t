#!/usr/bin/env bash
# openapi.json against a running endpoint, worker and nginx: every answer that
# openapi.mjs brings about is held against it, and all it describes is seen.
. tests/lib.sh
port=$(free_port)
cp -r tests/web/openapi "$TMP/site"
export LOWTIDE_RECORD=$TMP/record
"$LOWTIDE" serve -C "$TMP/site" --env dev --port "$port" -- \
	node "$PWD/tests/web/openapi.mjs" 2>"$TMP/err"
status=$?
sed 's/^/# serve: /' "$TMP/err" | tail -15
exit $status
