#!/usr/bin/env bash
# The endpoint spoken to record by record (connections.mjs): what arrives in
# pieces, in the wrong order, too late or not at all harms nobody else.
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
if grep -qa __asan_init "$BIN/lowtide-cgi"; then export SANITIZED=1; fi
SOCKET=$TMP/sock CGI_PID=$last node tests/fault/connections.mjs
status=$?
grep -v '"event"' "$TMP/cgi.err" | sed 's/^/# lowtide-cgi: /' | head -40
exit $status
