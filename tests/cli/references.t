#!/usr/bin/env bash
# Building again after random changes is as good as building anew
# (references.mjs). ROUNDS=, SEED=: more of it.
. tests/lib.sh
export LOWTIDE TMP
node tests/cli/references.mjs
exit $?
