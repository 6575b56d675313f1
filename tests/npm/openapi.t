#!/usr/bin/env bash
# openapi.json as a validator sees it that is not ours; `make check-npm`.
cd "$(dirname "$0")/../.." || exit 1
exec node tests/npm/openapi.mjs
