#!/usr/bin/env bash
# Event streams of the real endpoint, spoken to record by record (streams.mjs):
# two processes on one store, and what a stream costs.
. tests/lib.sh
ulimit -n "$(ulimit -Hn)"
"$LOWTIDE" build -q -C site --out "$TMP/dist" --set auth=none \
	--set upstream.hmrc.base=http://127.0.0.1:9 \
	--set upstream.hmrc.local=true \
	--set api.vat-return-post.auth=web-server \
	--set api.vat-obligation-get.auth=web-server \
	--set web_server.auth=basic \
	--set upstream.bundles.local=true \
	--set upstream.bundles.base=http://127.0.0.1:9 >/dev/null || exit 1
"$BIN/lowtide-jobs" keygen "$TMP/keys" >/dev/null 2>&1 || exit 1
mkdir "$TMP/state"
pids=()
for i in 1 2; do
	start "cgi$i" "$BIN/lowtide-cgi" \
		--config "$TMP/dist/server/lowtide.json" --keys "$TMP/keys" \
		--state "$TMP/state" --listen "unix:$TMP/sock$i" --unpaced
	pids+=("$last")
	ready() { grep -q endpoint-started "$TMP/cgi$i.err"; }
	wait_for 10 ready || { sed 's/^/# /' "$TMP/cgi$i.err"; exit 1; }
done
if grep -qa __asan_init "$BIN/lowtide-cgi"; then export SANITIZED=1; fi
SOCKETS="$TMP/sock1 $TMP/sock2" CGI_PIDS=${pids[*]} node tests/fault/streams.mjs
status=$?
grep -hv '"event"' "$TMP"/cgi?.err | sed 's/^/# lowtide-cgi: /' | head -40
exit $status
