#!/usr/bin/env bash
# An owner's requests at the example site, live (site-requests.mjs).
. tests/lib.sh
. tests/browser/site.sh site-requests
