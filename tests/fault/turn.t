#!/usr/bin/env bash
# Somebody has the store's turn and does not give it back (turn.mjs).
exec node tests/fault/turn.mjs
