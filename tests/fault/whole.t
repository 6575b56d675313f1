#!/usr/bin/env bash
# Kills, stalls and a turn that is held, with all that the endpoint has switched
# on at once (whole-kill.mjs), judged by the tables.
exec node tests/fault/whole-kill.mjs
