#!/usr/bin/env bash
# No space from the n-th write on, for every n (full.mjs, shim.c).
. tests/lib.sh
. tests/fault/shim.sh
node tests/fault/full.mjs
