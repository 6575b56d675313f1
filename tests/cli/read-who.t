#!/usr/bin/env bash
# lowtide-read: who is answered with what, and who never is.
exec node tests/cli/read-who.mjs
