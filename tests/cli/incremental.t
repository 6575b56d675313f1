#!/usr/bin/env bash
# Building again after random changes is as good as building anew
# (incremental.mjs). ROUNDS=, SEED=: more of it.
. tests/lib.sh
export LOWTIDE TMP
node tests/cli/incremental.mjs
exit $?
