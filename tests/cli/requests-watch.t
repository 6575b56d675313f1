#!/usr/bin/env bash
# How requests.mjs watches jobs: streams, long polls, polls; pages that hide.
exec node tests/cli/requests-watch.mjs
