#!/usr/bin/env bash
# lowtide-read: what is answered, by contract 9.
exec node tests/cli/read.mjs
