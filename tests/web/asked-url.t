#!/usr/bin/env bash
# nginx asks a program at a URL who somebody is: asked.mjs.
exec node tests/web/asked.mjs url
