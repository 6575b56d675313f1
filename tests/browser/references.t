#!/usr/bin/env bash
# A site of hundreds of files from other tools, in nginx and a real browser:
# what refers to what, with the import map and without (references.mjs).
. tests/lib.sh
PATH=$PATH:/usr/sbin
chmod 755 "$TMP" # started by root, nginx's workers are somebody else
export LOWTIDE TMP
node tests/browser/references.mjs
exit $?
