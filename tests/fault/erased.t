#!/usr/bin/env bash
# Markers in every input, looked for in the store and the logs (erased.mjs).
exec node tests/fault/erased.mjs
