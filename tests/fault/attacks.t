#!/usr/bin/env bash
# Each attack on the endpoint and the test that tries it (attacks.mjs).
exec node tests/fault/attacks.mjs
