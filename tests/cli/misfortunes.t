#!/usr/bin/env bash
# What goes wrong on an operator's side, by lowtide-worker (misfortunes.mjs).
exec node tests/cli/misfortunes.mjs
