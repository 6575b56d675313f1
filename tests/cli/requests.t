#!/usr/bin/env bash
# What requests.mjs sends, sends again, and makes of the answers.
exec node tests/cli/requests-send.mjs
