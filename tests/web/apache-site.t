#!/usr/bin/env bash
# The files that `lowtide build` writes for apache, in a real one: static.mjs.
exec node tests/web/static.mjs apache
