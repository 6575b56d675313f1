#!/usr/bin/env bash
# Key sets, keys and a configuration that are spoilt under load (keys.mjs).
exec node tests/fault/keys.mjs
