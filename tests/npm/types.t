#!/usr/bin/env bash
# What `lowtide client` writes, to TypeScript; `make check-npm`.
cd "$(dirname "$0")/../.." || exit 1
exec node tests/npm/types.mjs
