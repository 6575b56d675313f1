#!/usr/bin/env bash
# The endpoint's metrics, asked for by curl and read by a parser of the format.
exec node tests/cli/metrics.mjs
