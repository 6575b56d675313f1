#!/usr/bin/env bash
# What the example site's static pages cost, and a catalogue that is published
# while its page is open (site-home.mjs).
. tests/lib.sh
. tests/browser/site.sh site-home
