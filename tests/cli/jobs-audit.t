#!/usr/bin/env bash
# lowtide-jobs audit: nothing is found where nothing is wrong, and what was done
# to the tables behind our back is (jobs-audit.mjs).
exec node tests/cli/jobs-audit.mjs
