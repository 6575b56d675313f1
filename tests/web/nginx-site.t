#!/usr/bin/env bash
# The files that `lowtide build` writes for nginx, in a real one: static.mjs.
exec node tests/web/static.mjs nginx
