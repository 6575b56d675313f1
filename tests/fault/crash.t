#!/usr/bin/env bash
# The programs killed again and again under load, without a web server between
# (crash.mjs): what was accepted ends once, and nothing is sent twice.
. tests/lib.sh
node tests/fault/crash.mjs
