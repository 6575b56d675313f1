#!/usr/bin/env bash
# cache.mjs in a real browser, before lowtide-read behind nginx (cache.mjs).
. tests/lib.sh
PATH=$PATH:/usr/sbin
chmod 755 "$TMP" # started by root, nginx is somebody else
TMPDIR=$TMP node tests/browser/cache.mjs
exit $?
