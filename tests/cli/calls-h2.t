#!/usr/bin/env bash
# Calls that share connections (HTTP/2), by what the upstream sees of them
# (calls-h2.mjs).
exec node tests/cli/calls-h2.mjs
