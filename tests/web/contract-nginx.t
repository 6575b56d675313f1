#!/usr/bin/env bash
# The contract through a real web server, row by row: contract.mjs.
exec node tests/web/contract.mjs nginx
