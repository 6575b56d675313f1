#!/usr/bin/env bash
# tests/fault/soak.sh (make soak): every campaign in its whole size, one after
# the other, since each one takes what the machine has. In make check the same
# tests run a slice. SEED= repeats what chance chose where a test takes it.
cd "$(dirname "$0")/../.." || exit 1
export LOWTIDE_BIN=${LOWTIDE_BIN:-build/bin}
export SEED=${SEED:-$(date +%s)}
export KILLS=${KILLS:-200} KILLS_SERVED=${KILLS_SERVED:-40}
export FAULTS=${FAULTS:-all} ROUNDS=${ROUNDS:-100000} SILENT=${SILENT:-5000}
export STEPS=${STEPS:-1000000}
echo "# SEED=$SEED KILLS=$KILLS KILLS_SERVED=$KILLS_SERVED FAULTS=$FAULTS" \
	"ROUNDS=$ROUNDS SILENT=$SILENT STEPS=$STEPS"
c_tests=()
for name in loop-park life disk faults; do
	[ ! -x "build/tests/test-$name" ] || c_tests+=("build/tests/test-$name")
done
prove --timer --comments "${c_tests[@]}" tests/fault/*.t
