#!/usr/bin/env bash
# The judge of all fault tests, judged (compare-unit.mjs).
. tests/lib.sh
node tests/fault/compare-unit.mjs
