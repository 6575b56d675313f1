#!/usr/bin/env bash
# One stream of events for all tabs, in a real browser (stream.mjs).
. tests/lib.sh
PATH=$PATH:/usr/sbin
chmod 755 "$TMP" # started by root, nginx is somebody else
TMPDIR=$TMP node tests/browser/stream.mjs
exit $?
