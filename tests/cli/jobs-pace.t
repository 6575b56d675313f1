#!/usr/bin/env bash
# lowtide-jobs pause, resume and stats (jobs-pace.mjs).
exec node tests/cli/jobs-pace.mjs
