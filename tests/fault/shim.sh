# tests/fault/shim.sh: what preloads build/tests/shim.so sources this after
# tests/lib.sh. Sanitizers put wrappers of their own around the same calls.
if ldd "$BIN/lowtide-cgi" | grep -q libasan; then
	skip_all 'the shim is for plain builds'
fi
[ -e build/tests/shim.so ] || {
	echo 'Bail out! build/tests/shim.so is missing: make tests-built'
	exit 1
}
