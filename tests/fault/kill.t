#!/usr/bin/env bash
# kill -9 of the worker and the endpoint while returns are on their way
# (kill.mjs): what was accepted ends once, and nothing is sent twice.
. tests/lib.sh
# it runs in the site's folder: whole names
export BIN LOWTIDE_BIN=$BIN JOURNAL=$TMP/journal SIMULATOR_PACE_MS=5
export SIMULATOR_PERMISSION=any
port=$(free_port)
cp -r site "$TMP/site"
rm -rf "$TMP/site/dist" "$TMP/site/.lowtide"
# anybody may send: what is looked at here is the same for all
sed -i 's/^auth = "cognito".*/auth = "none"/' "$TMP/site/api.toml"
sed -i '/^owner_/d' "$TMP/site/api.toml" # all of them are at one address
"$LOWTIDE" serve -C "$TMP/site" --env dev --port "$port" -- \
	node "$PWD/tests/fault/kill.mjs" 2>"$TMP/err"
status=$?
sed 's/^/# serve: /' "$TMP/err" | tail -25
exit $status
