#!/usr/bin/env bash
# The example site's pages, empty, loading, broken and offline
# (site-states.mjs).
. tests/lib.sh
. tests/browser/site.sh site-states
