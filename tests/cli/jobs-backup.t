#!/usr/bin/env bash
# A copy of a store, and what becomes of its jobs when it is put back
# (jobs-backup.mjs).
exec node tests/cli/jobs-backup.mjs
