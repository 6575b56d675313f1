#!/usr/bin/env bash
# An upstream that answers 202 itself, asked by real workers (polled.mjs).
exec node tests/cli/polled.mjs
