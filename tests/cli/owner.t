#!/usr/bin/env bash
# Who asks, through the real programs (owner.mjs).
exec node tests/cli/owner.mjs
