#!/usr/bin/env bash
# Published modules beside what was written, to TypeScript; `make check-npm`.
cd "$(dirname "$0")/../.." || exit 1
exec node tests/npm/comments.mjs
