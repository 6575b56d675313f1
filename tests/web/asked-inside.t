#!/usr/bin/env bash
# nginx asks a location of its own who somebody is: asked.mjs.
exec node tests/web/asked.mjs inside
