#!/usr/bin/env bash
# Bundles of the example site that settle late (site-settling.mjs).
. tests/lib.sh
export SIMULATOR_PACE_MS=300
. tests/browser/site.sh site-settling
