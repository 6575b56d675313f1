#!/usr/bin/env bash
# lowtide-read: how many connections its calls take, by the upstreams' record.
exec node tests/cli/read-wires.mjs
