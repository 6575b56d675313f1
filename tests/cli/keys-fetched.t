#!/usr/bin/env bash
# The worker fetches the keys that tokens are checked with (keys-fetched.mjs).
exec node tests/cli/keys-fetched.mjs
