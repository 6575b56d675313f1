#!/usr/bin/env bash
# <lowtide-job> in a real browser, on jobs of a script (job-element.mjs).
. tests/lib.sh
TMPDIR=$TMP node tests/browser/job-element.mjs
exit $?
