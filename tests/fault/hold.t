#!/usr/bin/env bash
# Another process holds the database, or a place in the queue (hold.mjs).
. tests/lib.sh
node tests/fault/hold.mjs
