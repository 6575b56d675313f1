#!/usr/bin/env bash
# What the endpoint has shut itself off from, as the kernel tells it.
exec node tests/cli/sandbox.mjs
