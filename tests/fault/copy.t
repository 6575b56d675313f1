#!/usr/bin/env bash
# Copies of a store, and who is in the way (copy.mjs, shim.c).
. tests/lib.sh
. tests/fault/shim.sh
node tests/fault/copy.mjs
