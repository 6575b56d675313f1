#!/usr/bin/env bash
# templates/client/catalogue.mjs in node, over a stand-in for caches.
exec node tests/cli/catalogue-module.mjs
