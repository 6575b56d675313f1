#!/usr/bin/env bash
# HMRC's permission at the example site (site-permission.mjs).
. tests/lib.sh
export SIMULATOR_PACE_MS=300
. tests/browser/site.sh site-permission
