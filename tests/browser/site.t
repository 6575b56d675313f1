#!/usr/bin/env bash
# The example site in a real browser, as a person meets it (site.mjs).
. tests/lib.sh
export SIMULATOR_PACE_MS=300
. tests/browser/site.sh site
