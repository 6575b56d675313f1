#!/usr/bin/env bash
# lowtide-jobs and the starts of lowtide-worker: what each says when something
# is wrong, and what a store looks like from outside (jobs.mjs).
. tests/lib.sh
jobs=$BIN/lowtide-jobs
worker=$BIN/lowtide-worker
try() { # COMMAND…: what it says, and its status
	said=$("$@" 2>&1 </dev/null)
	status=$?
}

try "$jobs" --help
is 'help is no error' "$status" 0
like 'it names the commands' "$said" 'keygen +FILE'
try "$jobs" ls --help
is 'so is that of a command' "$status" 0
like 'it names the options' "$said" '--status STATUS'
for c in $("$jobs" --help | sed -nE 's/^  ([a-z-]+) .*/\1/p'); do
	try "$jobs" "$c" --help
	like "$c --help says how, and what for" "$status $said" \
		"^0 usage: lowtide-jobs $c"
	try "$jobs" "$c" --hepl x
	like "$c: a slip of the finger is told" "$status $said" \
		'^64 .*did you mean `--help`'
done
try "$jobs"
is 'no command is wrong usage' "$status" 64
try "$jobs" lst
is 'an unknown command too' "$status" 64
like 'and the near one is named' "$said" 'did you mean `ls`'
try "$jobs" show
is 'show needs an id' "$status" 64

try "$jobs" keygen "$TMP/keys"
is 'keys are made' "$status" 0
is 'for their owner alone' "$(stat -c %a "$TMP/keys")" 600
unlike 'and not shown' "$said" '[A-Za-z0-9+/]{40}'
cp "$TMP/keys" "$TMP/before"
try "$jobs" keygen "$TMP/keys"
is 'never over others' "$status" 1
ok 'which stay as they were' cmp "$TMP/keys" "$TMP/before"

cat >"$TMP/lowtide.json" <<-END
	{"format": 1, "name": "t", "prefix": "/api", "upstreams":
	[{"name": "u", "base": "http://127.0.0.1:9", "local": true}], "apis":
	[{"name": "a", "tag": "0000aa", "method": "POST", "path": "/api/a",
	"auth": "none", "pattern": "async-polling", "allow": ["async-polling"],
	"onLost": "fail", "deadlineMs": 60000, "ttlMs": 60000, "attempts": 1,
	"concurrency": 1, "upstream": "u", "requestMethod": "POST",
	"requestPath": "/a"}]}
END
common=(--config "$TMP/lowtide.json" --state "$TMP/state" --keys "$TMP/keys")

try "$jobs" ls "${common[@]}"
is 'a store that is not there is not made by looking' "$status" 74
like 'but said' "$said" 'store-missing: '
ok 'really not' test ! -e "$TMP/state"

try "$jobs" trust-clock "${common[@]}"
like 'nor by vouching for its clock' "$status $said" '^74 .*store-missing: '
ok 'not even its folder' test ! -e "$TMP/state"

for p in "$worker" "$jobs ls"; do
	try $p --config "$TMP/none.json" --keys "$TMP/none"
	is "${p##*/}: two missing files, both said" \
		"$status $(grep -c missing <<<"$said")" '74 2'
	try $p --config "$TMP/keys"
	is "${p##*/}: not a configuration" "$status" 1
done
chmod 644 "$TMP/keys"
try "$worker" "${common[@]}"
is 'keys that others may read are refused' "$status" 1
like 'and it is said what to do' "$said" 'keys-mode: .*chmod 600'
chmod 600 "$TMP/keys"
try "$worker" "${common[@]}" --lease 1s
is 'a lease is for tests' "$status" 64
try "$worker" "${common[@]}" --dev --lease 1s --heartbeat 900ms
is 'and longer than two heartbeats' "$status" 64
try "$worker" "${common[@]}" surplus
is 'nothing else is expected' "$status" 64
try "$worker" --help
is 'help is no error there' "$status" 0

try "$worker" "${common[@]}"
like 'nor by the worker, which says so' "$status $said" '^74 .*mkdir'
mkdir "$TMP/state"
try "$jobs" trust-clock "${common[@]}"
like 'an empty folder is no store' "$status $said" '^74 .*store-missing: '
is 'and stays empty' "$(ls "$TMP/state")" ''
try "$worker" "${common[@]}" --test
like 'a test ends well, and makes nothing' "$status $said$(ls "$TMP/state")" \
	'^0 .* the first start makes in .*/state$'
like 'the version' "$("$worker" --version) $("$jobs" --version)" \
	'^lowtide-worker [0-9.]+ lowtide-jobs [0-9.]+$'
for option in --version --help; do
	for p in cgi worker read jobs; do
		"$BIN/lowtide-$p" "$option" >/dev/full 2>"$TMP/said"
		is "$p $option: an output that cannot be written is told" \
			"$? $(cat "$TMP/said")" \
			'74 io-error: the output could not be written'
	done
done
start worker "$worker" "${common[@]}"
ok 'the worker makes its store' \
	wait_for 10 grep -q worker-started "$TMP/worker.err"
try "$jobs" ls "${common[@]}"
is 'which is empty' "$status ${said//[^0-9]/}" '0 '
try "$jobs" ls --json "${common[@]}"
is 'for programs as well' "$(tr -d '[:space:]' <<<"$said")" '{"jobs":[]}'
try "$jobs" ls --api b "${common[@]}"
is 'an API nobody knows' "$status" 1
try "$jobs" ls --status done "${common[@]}"
is 'a status nobody knows' "$status" 64
try "$jobs" ls --limit 0 "${common[@]}"
is 'a limit of nothing' "$status" 64
try "$jobs" trust-clock "${common[@]}"
is 'its clock is taken for right' "$status" 0
like 'and it is said that nothing had stopped' "$said" 'had not stopped'
try "$jobs" trust-clock "${common[@]}" surplus
is 'it takes no operand' "$status" 64
for id in job_x "job_$(printf 'A%.0s' {1..48})" ../../etc/passwd; do
	try "$jobs" show "$id" "${common[@]}"
	is "no such job: $id" "$status" 1
done
"$jobs" keygen "$TMP/other" 2>/dev/null
for p in "$worker" "$jobs ls"; do
	try $p --config "$TMP/lowtide.json" --state "$TMP/state" \
		--keys "$TMP/other"
	like "${p##*/}: other keys, other store" "$said" 'store-other-keys'
done
kill -TERM "$last"
wait "$last"
is 'told to stop, it ends well' "$?" 0
done_testing
