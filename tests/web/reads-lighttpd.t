#!/usr/bin/env bash
# Reads through a real web server, row by row: reads.mjs.
exec node tests/web/reads.mjs lighttpd
