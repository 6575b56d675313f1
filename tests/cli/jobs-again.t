#!/usr/bin/env bash
# lowtide-jobs resubmit: a job that has ended, once more (jobs-again.mjs).
exec node tests/cli/jobs-again.mjs
