#!/usr/bin/env bash
# lowtide-read: who may ask, by a provider's tokens, and whose is what is kept.
exec node tests/cli/read-owner.mjs
