#!/usr/bin/env bash
# A held job and the operator who decides about it (jobs-held.mjs).
exec node tests/cli/jobs-held.mjs
