#!/usr/bin/env bash
# What goes wrong with calls, by lowtide-worker as it is (calls.mjs).
exec node tests/cli/calls.mjs
