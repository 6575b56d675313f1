#!/usr/bin/env bash
# Whole worlds from a seed (tests/fault/sim): workers that die, sleep and come
# late, a store that fails, upstreams that do and do not answer. SEED repeats
# one; make soak runs more of them. What failed is told with the command that
# makes it again.
cd "$(dirname "$0")/../.." || exit 1
bin=${LOWTIDE_BIN:-build/bin}
exec "${bin%/bin}/tests/sim" "${SEED:-1}" "${WORLDS:-250}" "${WORLD_STEPS:-5000}"
