#!/usr/bin/env bash
# tests/fault/soak.sh (make soak): every campaign in its whole size, one after
# the other, since each takes what the machine has. make check runs a slice of
# the same tests. The sizes below come from the environment, where it has them;
# SEED repeats what the simulations drew. Each must end well for soak to.
cd "$(dirname "$0")/../.." || exit 1
export LOWTIDE_BIN=${LOWTIDE_BIN:-build/bin}
export TAP_LIMIT_S=0 # however long a campaign takes
sizes=(
	SEED="$(date +%s)"
	KILLS=200          # of both programs, spoken to directly
	KILLS_SERVED=40    # through nginx, started again by serve
	WHOLE_KILLS=100    # with all of the endpoint switched on
	WORK_KILLS=500     # of two workers, by the record of the upstream
	RINGS=24 SYNCS=24  # killed at, failed, in each program
	FAULTS=all         # every write and sync, not a seeded few
	FILLS=10           # of a small file system, to its last block
	HOLD_MS=12000      # by another process: past every wait of ours
	STALL_MS=12000     # stopped, or kept from writing, with all of it
	SILENCE=10000      # connections that say nothing, to all of it
	SPOILT=all         # each way to spoil each file that is read again
	CLOCK_STEPS=40     # an hour forward, back, behind
	SILENT=5000        # connections that say nothing
	AGAIN=50           # how often hundreds of them come and go
	ROUNDS=100000      # parked, aborted, left, come back
	STEPS=200000       # in the life of a store
	MODEL_STEPS=20000000 # of a cache, a breaker, a lane beside their models
	WORLDS=2000 WORLD_STEPS=12000 # of everything, from SEED on: 20 million steps
	READ_WORLDS=10000 READ_STEPS=5000 # of reads alone: 50 million steps
	EDITS=300          # of a site, each built upon and afresh
	LOWTIDE_ROUNDS=5000000 # hostile inputs
	FUZZ_ROUNDS=200000 # spoilt copies of each corpus
	LOWTIDE_SPARSE=2G  # a static file with a hole
	HISTORIES=1000     # of releases, and the deploys between them
	STOPS=all          # each call after which a deploy may be interrupted
)
for size in "${sizes[@]}"; do
	name=${size%%=*}
	export "$name=${!name:-${size#*=}}"
	printf '# %s=%s\n' "$name" "${!name}"
done
tests=(tests/fault/*.t tests/cli/deploy.t tests/golden/hostile.t
	tests/golden/incremental.t build/san/tests/fuzz-*[a-z])
for name in life faults disk loop-owners loop-park hostile plan-history \
	cache-model breaker-model lane-model; do
	[ ! -x "build/tests/test-$name" ] || tests+=("build/tests/test-$name")
done
exec prove --timer --comments "${@:-${tests[@]}}"
