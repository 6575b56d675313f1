#!/usr/bin/env bash
# lowtide-cgi as a plain CGI program: a process for each request.
exec node tests/cli/cgi-plain.mjs
