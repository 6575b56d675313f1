#!/usr/bin/env bash
# What comes only when somebody is about to press, and what each page costs
# (site-demand.mjs).
. tests/lib.sh
. tests/browser/site.sh site-demand
