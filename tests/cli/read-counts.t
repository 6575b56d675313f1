#!/usr/bin/env bash
# lowtide-read: what it counts and logs, scene by scene.
exec node tests/cli/read-counts.mjs
