#!/usr/bin/env bash
# The client of contract 8 in a real browser, behind nginx (polling.mjs).
. tests/lib.sh
PATH=$PATH:/usr/sbin
chmod 755 "$TMP" # started by root, nginx is somebody else
TMPDIR=$TMP node tests/browser/polling.mjs
exit $?
