#!/usr/bin/env bash
# lowtide-cgi while it runs: SIGHUP, and leaving when nobody is there.
exec node tests/cli/cgi-reload.mjs
