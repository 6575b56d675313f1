#!/usr/bin/env bash
# Under `lowtide serve`: an endpoint, then a worker, whose sync fails (shim.c)
# ends with 74 and is started again; the request that met it is taken when it
# is sent again.
. tests/lib.sh
. tests/fault/shim.sh
cp -r site "$TMP/site"
rm -rf "$TMP/site/dist" "$TMP/site/.lowtide"
# anybody may send: what is looked at here is the same for all
sed -i 's/^auth = "cognito".*/auth = "none"/' "$TMP/site/api.toml"
export SIMULATOR_PERMISSION=any
# whoever serve's children are, they may read and write there
chmod 755 "$TMP"
# the endpoint's sandbox lets it make files in the store's folder only
state=$("$LOWTIDE" serve -C "$TMP/site" --env dev --port "$(free_port)" -- \
	sh -c 'echo "state=$LOWTIDE_STATE"' | sed -n 's/^state=//p')
ok 'the store’s folder is there' [ -d "$state" ]
mkdir -m 777 "$state/faults"
touch "$state/faults/off" # until the line stands
cp build/tests/shim.so "$TMP/shim.so"
cat >"$TMP/clients.sh" <<'END'
rm "$FAULT_STATE/off"
name=2f1a9c50-0000-4000-8000-00000000000
send() { # I: its status, and whether what became of it is not known
	curl -s -w '\n%{http_code}\n' -H "x-request-id: $name$1" \
		-H 'content-type: application/json' -H 'x-wait-time-ms: 5000' \
		-d "{\"returnId\":$1,\"vrn\":\"123456789\",\"periodKey\":\"000$1\"}" \
		"$LOWTIDE_URL/api/v1/hmrc/vat/return" |
		grep -o -e outcome-unknown -e '"held":true' \
			-e '^[0-9][0-9]*$'
}
for i in 1 2 3 4 5 6; do
	for _ in $(seq 200); do
		said=$(send $i)
		case $said in 201 | outcome-unknown* | *held*) break ;; esac
		sleep 0.05
	done
	echo "$said"
done
curl -s "$LOWTIDE_RUN_SIMULATOR_URL/__calls"
END
export FAULT_STATE=$state/faults
export FAULT_PLAN='lowtide-cgi:/jobs.db-wal:sync:2:EIO
lowtide-worker:/jobs.db-wal:sync:2:EIO'
FAULT_PLAN=${FAULT_PLAN//$'\n'/ }
SIMULATOR_PACE_MS=5 LD_PRELOAD=$TMP/shim.so "$LOWTIDE" serve -C "$TMP/site" \
	--env dev --port "$(free_port)" -- sh "$TMP/clients.sh" \
	>"$TMP/out" 2>"$TMP/err"
is 'the run ends well' $? 0
ok 'the endpoint’s sync failed' [ -e "$state/faults/hit-0" ]
ok 'the worker’s sync failed' [ -e "$state/faults/hit-1" ]
for name in lowtide-cgi lowtide-worker; do
	like "$name ended with 74 and was started again" "$(cat "$TMP/err")" \
		"$name \(process [0-9]+\) ended with status 74.*started again"
done
for i in 1 2 3 4 5 6; do
	n=$(grep -o "periodKey[^,]*000$i" "$TMP/out" | wc -l)
	ok "return $i arrived at most once" [ "$n" -le 1 ]
done
is 'at most the one that met the worker’s end is not done' \
	"$(grep -c '^201$' "$TMP/out" | sed 's/[56]/well/')" well
done_testing
