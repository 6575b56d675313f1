#!/usr/bin/env bash
# The way to a provider, as the browser goes it.
cd "$(dirname "$0")/../.." || exit 1
exec node tests/cli/oauth.mjs
