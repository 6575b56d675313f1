#!/usr/bin/env bash
# The example site by keyboard (site-keys.mjs).
. tests/lib.sh
. tests/browser/site.sh site-keys
