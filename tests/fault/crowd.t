#!/usr/bin/env bash
# Silent, slow, departed and greedy ones, and everybody else (crowd.mjs).
ulimit -n "$(ulimit -Hn)"
exec node tests/fault/crowd.mjs
