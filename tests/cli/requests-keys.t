#!/usr/bin/env bash
# What requests.mjs keeps for a tab, and what it does with it.
exec node tests/cli/requests-keys.mjs
