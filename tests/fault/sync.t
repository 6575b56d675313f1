#!/usr/bin/env bash
# A sync that fails is the end of the process (sync.mjs, shim.c).
. tests/lib.sh
. tests/fault/shim.sh
node tests/fault/sync.mjs
