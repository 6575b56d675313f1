#!/usr/bin/env bash
# A file system of 24 MiB filled to the last block (tmpfs.mjs). It is mounted
# in a mount namespace of our own, which goes with us, however we end.
if [ -z "${TMPFS_INSIDE:-}" ]; then
	for how in -m -rm; do
		unshare $how sh -c 'mount -t tmpfs tmpfs /mnt' 2>/dev/null &&
			TMPFS_INSIDE=yes exec unshare $how --kill-child "$0"
	done
	echo '1..0 # SKIP nobody here may mount a tmpfs'
	exit 0
fi
. tests/lib.sh
mkdir "$TMP/store"
mount -t tmpfs -o size=24m,mode=0755 tmpfs "$TMP/store" || exit 1
# not run by exec, so that what is ours is removed
STORE=$TMP/store node tests/fault/tmpfs.mjs
status=$?
umount "$TMP/store"
exit $status
