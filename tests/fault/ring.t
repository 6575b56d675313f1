#!/usr/bin/env bash
# Killed between commit and ring, and before either (ring.mjs, shim.c).
. tests/lib.sh
. tests/fault/shim.sh
node tests/fault/ring.mjs
