#!/usr/bin/env bash
# What the endpoint and the worker log, and what they never do (log.mjs).
exec node tests/cli/log.mjs
