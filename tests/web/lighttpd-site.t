#!/usr/bin/env bash
# The files that `lowtide build` writes for lighttpd, in a real one: static.mjs.
exec node tests/web/static.mjs lighttpd
