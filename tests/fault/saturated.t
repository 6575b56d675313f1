#!/usr/bin/env bash
# The endpoint takes accepts as fast as it can (saturated.mjs): the workers
# beside it keep their leases.
exec node tests/fault/saturated.mjs
