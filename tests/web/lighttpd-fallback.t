#!/usr/bin/env bash
# lighttpd with a page for every other path: static.mjs.
exec node tests/web/static.mjs lighttpd-fallback
