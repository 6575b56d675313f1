#!/usr/bin/env bash
# openapi.json against a running endpoint, worker and nginx: every answer that
# openapi.mjs brings about is held against it, and all it describes is seen.
. tests/lib.sh
cp -r tests/web/openapi "$TMP/site"
chmod 755 "$TMP" # nginx reads who may, as somebody else
for who in alice bob; do
	echo "$who:$(openssl passwd -apr1 "$who's word")"
done >"$TMP/users"
export LOWTIDE_RECORD=$TMP/record
root=$PWD
status=0

run() { # FILE.mjs ARGUMENT…
	local file=$root/tests/web/$1
	shift
	"$LOWTIDE" serve -C "$TMP/site" --env dev --port "$port" "$@" -- \
		node "$file" >"$TMP/out" 2>"$TMP/err" || status=1
	grep -v '^1\.\.' "$TMP/out" | awk -v from="$tests" '
		/^(not )?ok [0-9]+ / { sub(/ok [0-9]+/, "ok " ++from) } { print }'
	tests=$((tests + $(grep -cE '^(not )?ok ' "$TMP/out")))
	sed 's/^/# serve: /' "$TMP/err" | tail -40
}

port=$(free_port)
run openapi.mjs --set "web_server.users=$TMP/users"
port=$(free_port)
rm "$LOWTIDE_RECORD"
run openapi-elsewhere.mjs --set "api_url=http://localhost:$port"
done_testing
exit $status
