#!/usr/bin/env bash
# Reads, whole worlds from a seed (tests/fault/reads): askers who come and go,
# upstreams that do and do not answer, purges, other configurations; calls by
# the upstreams' own record against a model of what may be called. SEED repeats
# one; make soak runs more of them.
cd "$(dirname "$0")/../.." || exit 1
bin=${LOWTIDE_BIN:-build/bin}
exec "${bin%/bin}/tests/reads-sim" "${SEED:-1}" "${READ_WORLDS:-100}" \
	"${READ_STEPS:-2000}"
