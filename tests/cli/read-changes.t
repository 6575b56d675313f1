#!/usr/bin/env bash
# lowtide-read: what changes under those who wait: configuration, upstreams, it.
exec node tests/cli/read-changes.mjs
