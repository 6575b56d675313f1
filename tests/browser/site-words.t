#!/usr/bin/env bash
# That whatever goes wrong has words for a person (site-words.mjs).
. tests/lib.sh
. tests/browser/site.sh site-words
