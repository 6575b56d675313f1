#!/usr/bin/env bash
# use-job.mjs and lowtide-job.mjs in React itself (react.mjs); `make check-npm`.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
PATH=$PATH:/usr/sbin
chmod 755 "$TMP" # started by root, nginx is somebody else
TMPDIR=$TMP node tests/npm/react.mjs
exit $?
