#!/usr/bin/env bash
# Signing in and out at the example site, in a real browser (site-signin.mjs).
. tests/lib.sh
. tests/browser/site.sh site-signin
