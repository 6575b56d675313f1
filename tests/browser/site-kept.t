#!/usr/bin/env bash
# What the example site shows already when the sign-in ends (site-kept.mjs).
. tests/lib.sh
. tests/browser/site.sh site-kept
