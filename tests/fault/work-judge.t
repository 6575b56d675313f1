#!/usr/bin/env bash
# The judge of work.t finds each lie that is told to it (work-unit.mjs).
exec node tests/fault/work-unit.mjs
