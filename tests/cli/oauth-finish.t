#!/usr/bin/env bash
# The way back from a provider.
cd "$(dirname "$0")/../.." || exit 1
exec node tests/cli/oauth-finish.mjs
