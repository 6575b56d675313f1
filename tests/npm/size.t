#!/usr/bin/env bash
# Bounds of what sign-in costs a page; `make check-npm`.
cd "$(dirname "$0")/../.." || exit 1
exec node tests/npm/size-bounds.mjs
