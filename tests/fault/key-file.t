#!/usr/bin/env bash
# The key file, made and changed on a disk that fails: what is said of it is
# true, and there is always one that is whole.
. tests/lib.sh
. tests/fault/shim.sh
mkdir "$TMP/kept"
keys=$TMP/kept/keys
cat >"$TMP/lowtide.json" <<-END
{"format": 1, "name": "acme", "baseUrl": "http://127.0.0.1", "prefix": "/api",
 "upstreams": [], "apis": []}
END

faulty() { # RULE COMMAND…: sets said, status, struck
	local rule=$1
	shift
	rm -rf "$TMP/faults"
	mkdir "$TMP/faults"
	said=$(LD_PRELOAD=$PWD/build/tests/shim.so FAULT_STATE=$TMP/faults \
		FAULT_LOG=$TMP/faults/log FAULT_PLAN="lowtide-jobs:$rule" \
		"$BIN/lowtide-jobs" "$@" 2>&1)
	status=$?
	struck=$(cat "$TMP/faults/log" 2>/dev/null)
}
change() { # RULE COMMAND
	faulty "$1" "$2" --config "$TMP/lowtide.json" --keys "$keys"
}

for rule in kept/keys:write:1:ENOSPC kept/keys:sync:1:EIO kept:folder-sync:1:EIO; do
	faulty "$rule" keygen "$keys"
	like "keygen, $rule: it was struck" "$struck" kept
	is 'it says so' "$status" 74
	is 'and there is no key file' "$(ls -A "$TMP/kept")" ''
done
faulty kept:folder-sync:1:EINVAL keygen "$keys"
is 'a file system that cannot sync folders is none that fails' "$status" 0

was=$(cat "$keys")
for rule in keys.new:write:1:ENOSPC keys.new:sync:1:EIO keys:rename:1:EIO; do
	change "kept/$rule" keyadd
	like "keyadd, $rule: it was struck" "$struck" kept/keys
	is 'it says so' "$status" 74
	like 'and that nothing was changed' "$said" 'nothing was changed'
	is 'nor was it' "$(cat "$keys")" "$was"
	is 'and nothing is in the way of the next one' "$(ls -A "$TMP/kept")" keys
done
change kept:folder-sync:1:EIO keyadd
like 'the folder cannot be synced: it was struck' "$struck" kept
is 'it says so' "$status" 74
like 'what is in doubt' "$said" 'keys: io-error: .*is in place.*power'
unlike 'it does not say that nothing was changed' "$said" 'nothing was changed'
is 'the keys are there' "$(grep -c '^2 ' "$keys")" 2
change kept:folder-sync:1:EINVAL keyuse
is 'keyuse, where folders cannot be synced' "$status" 0
done_testing
