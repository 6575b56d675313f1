#!/usr/bin/env bash
# requests.mjs in a real browser, behind nginx (client-ends.mjs).
. tests/lib.sh
PATH=$PATH:/usr/sbin
chmod 755 "$TMP" # started by root, nginx is somebody else
TMPDIR=$TMP node tests/browser/client-ends.mjs
exit $?
