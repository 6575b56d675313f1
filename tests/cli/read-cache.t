#!/usr/bin/env bash
# lowtide-read: what it keeps, for whom and how long, and what is forgotten.
exec node tests/cli/read-cache.mjs
