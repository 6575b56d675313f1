#!/usr/bin/env bash
# What `lowtide client` writes, to TypeScript; `make check-npm`.
. tests/lib.sh
exec node tests/npm/types.mjs
