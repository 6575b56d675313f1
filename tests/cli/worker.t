#!/usr/bin/env bash
# lowtide-worker as a process: what its upstreams do to it (worker.mjs).
exec node tests/cli/worker.mjs
