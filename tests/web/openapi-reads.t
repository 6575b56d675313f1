#!/usr/bin/env bash
# openapi.json against running reads: every answer that openapi-reads.mjs brings
# about is held against it, and all it describes is seen.
. tests/lib.sh
cp -r tests/web/openapi-reads "$TMP/site"
cp tests/web/openapi/upstream.mjs "$TMP/site"
chmod 755 "$TMP" # nginx reads who may, as somebody else
for who in alice bob; do
	echo "$who:$(openssl passwd -apr1 "$who's word")"
done >"$TMP/users"
export LOWTIDE_RECORD=$TMP/record
exec "$LOWTIDE" serve -C "$TMP/site" --env dev --port "$(free_port)" \
	--set "web_server.users=$TMP/users" -- \
	node "$PWD/tests/web/openapi-reads.mjs"
