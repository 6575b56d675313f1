#!/usr/bin/env bash
# A thousand jobs leave nothing behind in a page (stream-leaks.mjs).
. tests/lib.sh
TMPDIR=$TMP node tests/browser/stream-leaks.mjs
exit $?
