#!/usr/bin/env bash
# Events through a real web server, as they happen: streams.mjs.
exec node tests/web/streams.mjs lighttpd
