#!/usr/bin/env bash
# lowtide-jobs where it changes something beside running programs: cancel,
# purge, expire, vacuum (jobs-act.mjs).
exec node tests/cli/jobs-act.mjs
