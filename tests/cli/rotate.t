#!/usr/bin/env bash
# Other keys while everything runs, and what the database file shows.
exec node tests/cli/rotate.mjs
