#!/usr/bin/env bash
# The pieces in somebody's own nginx.conf, with HTTP/2, the brotli module and a
# page for every other path: static.mjs.
exec node tests/web/static.mjs nginx-brotli
