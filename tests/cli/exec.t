#!/usr/bin/env bash
# Programs as upstreams, through the real endpoint and the real worker.
exec node tests/cli/exec.mjs
