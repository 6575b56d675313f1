# A copy of the example site under `lowtide serve`, and a test before it:
#
#	. tests/lib.sh
#	. tests/browser/site.sh site-requests --set upstream.hmrc.timeout=1m
#
# What is exported goes to the simulator as well. Ends the shell.
name=$1
shift
port=$(free_port)
cp -r site "$TMP/site"
rm -rf "$TMP/site/dist" "$TMP/site/.lowtide"
SITE=$TMP/site "$LOWTIDE" serve -C "$TMP/site" --env dev --port "$port" "$@" -- \
	node "$PWD/tests/browser/$name.mjs" 2>"$TMP/err"
status=$?
[ $status = 0 ] || sed 's/^/# serve: /' "$TMP/err" | tail -40 >&2
exit $status
