#!/usr/bin/env bash
# lowtide-jobs where it only looks: which jobs, one of them, and as they change
# (jobs-ls.mjs).
exec node tests/cli/jobs-ls.mjs
