#!/bin/sh
# deploy.sh SITE TARGET [OPTION…]: builds a site and puts it where it is served
# from, a folder or host:folder. An example: copy it and make it yours.
#
#	deploy.sh . www1:/srv/www/acme --env prod
#
# The options go to `lowtide build`; PUBLIC_KEY is what `lowtide verify` checks
# the signature with, MAX_DELETE how many files may go at once. Nothing public
# ever names a file that is not there. When it is interrupted, run it again.
# It needs rsync 3.1 here and there, and the target for itself.
set -eu
[ $# -ge 2 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 64; }
site=$(cd "$1" && pwd)
target=${2%/}
shift 2
lowtide=${LOWTIDE:-lowtide}
www=$site/dist/www

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
mkdir "$work/old" "$work/none"

# What is published: the manifest, from which everything else follows.
fetch() { rsync -q "$target/$1" "$work/old/" 2>"$work/said"; }
status=0
fetch manifest.json || status=$?
# 23: it is not there, or cannot be read, which is not the same
if [ "$status" -eq 23 ] && ! rsync -q --list-only "$target/manifest.json" \
	>/dev/null 2>&1; then
	previous=none
elif [ "$status" -eq 0 ]; then
	previous=$work/old
	fetch manifest.json.minisig || [ $? -eq 23 ]
else
	cat "$work/said" >&2
	exit "$status"
fi

"$lowtide" build -q -C "$site" --previous "$previous" "$@"
"$lowtide" verify -q ${PUBLIC_KEY:+--key "$PUBLIC_KEY"} "$site/dist"

plan() { # OPTION…: one of its lists; too many deletions end it all here
	"$lowtide" plan -q -C "$site" --previous "$previous" \
		--max-delete "${MAX_DELETE:-256}" "$@"
}
for step in immutable new stale pages pointers delete manifest; do
	plan --null --upload --step $step >"$work/$step.upload"
	plan --null --delete --step $step >"$work/$step.delete"
done
plan --invalidate >"$work/urls"

# The folders that this leaves empty; rsync does not delete any other.
folders() { # LIST
	tr '\0' '\n' <"$1" | while IFS= read -r path; do
		while [ "$path" != "${path%/*}" ]; do
			path=${path%/*}
			[ -e "$www/$path" ] || printf '%s\n' "$path"
		done
	done | LC_ALL=C sort -ru | tr '\n' '\0'
}
send() { # LIST: whatever the sizes and times of what is there
	[ ! -s "$1" ] || rsync -q -pI --force --from0 --files-from="$1" \
		"$www/" "$target/"
}
remove() { # LIST: of it, an empty folder has nothing (24: not even folders)
	[ ! -s "$1" ] || rsync -q --from0 --files-from="$1" \
		--delete-missing-args "$work/none/" "$target/" \
		2>"$work/said" || [ $? -eq 24 ] || { cat "$work/said" >&2; exit 1; }
}
for step in immutable new stale pages pointers delete manifest; do
	send "$work/$step.upload"
	remove "$work/$step.delete"
	folders "$work/$step.delete" >"$work/folders"
	remove "$work/folders"
done
# A cache in front of it would be told now to forget what "$work/urls" lists.
