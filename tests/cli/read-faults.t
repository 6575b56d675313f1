#!/usr/bin/env bash
# lowtide-read: upstreams that hang, break off, flood or lie.
exec node tests/cli/read-faults.mjs
