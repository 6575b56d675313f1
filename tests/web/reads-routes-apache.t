#!/usr/bin/env bash
# What goes to lowtide-read, what to lowtide-cgi: reads-routes.mjs.
exec node tests/web/reads-routes.mjs apache
