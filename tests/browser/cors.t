#!/usr/bin/env bash
# Pages of one origin, the APIs at another, in a real browser (cors.mjs).
. tests/lib.sh
PATH=$PATH:/usr/sbin
chmod 755 "$TMP" # started by root, nginx is somebody else
TMPDIR=$TMP node tests/browser/cors.mjs
exit $?
