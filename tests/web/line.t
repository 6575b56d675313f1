#!/usr/bin/env bash
# The whole line through a real nginx: the example site as `lowtide serve` runs
# it, and a client that holds every answer against the contract (line.mjs).
. tests/lib.sh
# nginx itself refuses some requests (a NUL in the path): those are not here.
export SIMULATOR_PACE_MS=50 SIMULATOR_SLOW_MS=1500 SIMULATOR_PERMISSION=any
port=$(free_port)
export LOWTIDE_RECORD=$TMP/record LOWTIDE_JOBS=$BIN/lowtide-jobs
cp -r site "$TMP/site"
rm -rf "$TMP/site/dist" "$TMP/site/.lowtide"
# anybody may send: what is looked at here is the same for all
sed -i 's/^auth = "cognito".*/auth = "none"/' "$TMP/site/api.toml"
"$LOWTIDE" serve -C "$TMP/site" --env dev --port "$port" -- \
	node "$PWD/tests/web/line.mjs" 2>"$TMP/err"
status=$?
sed 's/^/# serve: /' "$TMP/err" | tail -15
exit $status
