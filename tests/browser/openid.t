#!/usr/bin/env bash
# The whole sign-in, in a real browser, at two real OpenID providers
# (openid.mjs, idp.mjs).
. tests/lib.sh
PATH=$PATH:/usr/sbin
chmod 755 "$TMP" # started by root, nginx's workers are somebody else
export LOWTIDE TMP TMPDIR=$TMP
node tests/browser/openid.mjs
exit $?
