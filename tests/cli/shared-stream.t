#!/usr/bin/env bash
# One stream for all tabs of an owner: shared-stream.mjs.
exec node tests/cli/shared-stream.mjs
