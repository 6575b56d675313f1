#!/usr/bin/env bash
# lowtide-worker from its start to its end: options, what -t tells, metrics,
# signals while calls and programs are under way (worker-run.mjs).
exec node tests/cli/worker-run.mjs
