#!/usr/bin/env bash
# catalogue.mjs in a real browser, with a site that is built again
# (catalogue.mjs).
. tests/lib.sh
PATH=$PATH:/usr/sbin
chmod 755 "$TMP" # started by root, nginx is somebody else
TMPDIR=$TMP node tests/browser/catalogue.mjs
exit $?
