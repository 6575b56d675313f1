#!/usr/bin/env bash
# Tokens that a real OpenID provider made (owner-provider.mjs).
exec node tests/cli/owner-provider.mjs
