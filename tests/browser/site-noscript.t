#!/usr/bin/env bash
# The example site where scripts are switched off (site-noscript.mjs).
. tests/lib.sh
. tests/browser/site.sh site-noscript
