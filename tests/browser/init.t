#!/usr/bin/env bash
# What `lowtide init` writes, served and used in a real browser (init.mjs).
. tests/lib.sh
port=$(free_port)
service=$(free_port)
"$LOWTIDE" init -q "$TMP/mysite" || exit 1
# the service's own port, where nothing else of this machine can be
sed -i "s/8090/$service/" "$TMP/mysite/env/base.toml"
"$LOWTIDE" serve -C "$TMP/mysite" --port "$port" -- \
	node "$PWD/tests/browser/init.mjs" 2>"$TMP/err"
status=$?
sed 's/^/# serve: /' "$TMP/err" | tail -15
exit $status
