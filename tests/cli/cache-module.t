#!/usr/bin/env bash
# templates/client/cache.mjs in node, over a stand-in for caches.
exec node tests/cli/cache-module.mjs
