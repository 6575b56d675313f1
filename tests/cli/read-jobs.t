#!/usr/bin/env bash
# Reads that become jobs, by the real programs (read-jobs.mjs).
exec node tests/cli/read-jobs.mjs
