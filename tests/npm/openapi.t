#!/usr/bin/env bash
# openapi.json as a validator sees it that is not ours; `make check-npm`.
. tests/lib.sh
exec node tests/npm/openapi.mjs
