#!/usr/bin/env bash
# apache with a page for every other path: static.mjs.
exec node tests/web/static.mjs apache-fallback
