#!/usr/bin/env bash
# A process that has the store's turn and does not give it back, as one that
# was stopped inside a transaction: who only asks does not notice, who wants
# something written waits for it within bounds, and the endpoint can be ended.
. tests/lib.sh
"$LOWTIDE" build -q -C site --out "$TMP/dist" --set auth=none \
	--set upstream.hmrc.base=http://127.0.0.1:9 \
	--set upstream.hmrc.local=true \
	--set upstream.bundles.local=true \
	--set upstream.bundles.base=http://127.0.0.1:9 >/dev/null || exit 1
"$BIN/lowtide-jobs" keygen "$TMP/keys" >/dev/null 2>&1 || exit 1
mkdir "$TMP/state"
start cgi "$BIN/lowtide-cgi" --config "$TMP/dist/server/lowtide.json" \
	--keys "$TMP/keys" --state "$TMP/state" --listen "unix:$TMP/sock" --unpaced
ready() { grep -q endpoint-started "$TMP/cgi.err"; }
wait_for 10 ready || { sed 's/^/# /' "$TMP/cgi.err"; exit 1; }
SOCKET=$TMP/sock STATE=$TMP/state CGI_PID=$last node tests/fault/held.mjs
status=$?
grep -v '"event"' "$TMP/cgi.err" | sed 's/^/# lowtide-cgi: /' | head -40
[ "$status" -eq 0 ] || kill "$last" # it did not come to its last test
wait "$last" || { echo "# lowtide-cgi ended with $?"; status=1; }
exit $status
