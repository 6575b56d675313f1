#!/bin/sh
# deploy.sh SITE TARGET [OPTION…]: builds a site and puts it where it is served
# from, a folder or host:folder. An example: copy it and make it yours.
#
#	deploy.sh . www1:/srv/www/acme --env prod
#
# The options go to `lowtide build`; PUBLIC_KEY is what `lowtide verify` checks
# the signature with, MAX_DELETE how many files may go at once. Nothing public
# ever names a file that is not there. When it is interrupted, run it again, for
# the same release or another: TARGET/.lowtide says what was begun. It needs
# rsync 3.1 here and there, and the target for itself, one deploy at a time.
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
begun=$work/mark/.lowtide
mkdir -p "$work/old" "$work/none" "$begun"

try() { # STATUS COMMAND…: which may end with that, and says nothing then
	fine=$1 status=0
	shift
	"$@" 2>"$work/said" || status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq "$fine" ] || {
		cat "$work/said" >&2
		exit "$status"
	}
}
# What is published, and what was begun. 23: it is not there, or not readable.
for file in manifest.json manifest.json.minisig; do
	try 23 rsync -q "$target/$file" "$work/old/"
	[ "$status" -eq 0 ] || ! rsync "$target/$file" >/dev/null 2>&1 || exit 23
done
try 23 rsync -qr "$target/.lowtide/" "$begun/"
has_begun=$((23 - status))
previous=none
[ ! -e "$work/old/manifest.json" ] || previous=$work/old

"$lowtide" build -q -C "$site" --previous "$previous" "$@"
"$lowtide" verify -q ${PUBLIC_KEY:+--key "$PUBLIC_KEY"} "$site/dist"

set -- -q -C "$site" --previous "$previous" --max-delete "${MAX_DELETE:-256}"
for manifest in "$begun"/*; do
	[ ! -e "$manifest" ] || set -- "$@" --attempt "$manifest"
done
for step in immutable new stale pages pointers delete manifest; do
	"$lowtide" plan "$@" --null --upload --step $step >"$work/$step.upload"
	"$lowtide" plan "$@" --null --delete --step $step >"$work/$step.delete"
	# the folders that this leaves empty; rsync deletes no others
	tr '\0' '\n' <"$work/$step.delete" | while IFS= read -r path; do
		while [ "$path" != "${path%/*}" ]; do
			path=${path%/*}
			[ -e "$www/$path" ] || printf '%s\n' "$path"
		done
	done | LC_ALL=C sort -ru | tr '\n' '\0' >"$work/$step.folders"
done
cat "$work"/*.upload "$work"/*.delete | grep -q . ||
	[ "$has_begun" -ne 0 ] || exit 0 # there is nothing to do
remove() { # LIST: an empty folder has nothing of it (24: nor its folders)
	[ ! -s "$1" ] || try 24 rsync -q --from0 --files-from="$1" \
		--delete-missing-args "$work/none/" "$target/"
}
cp "$www/manifest.json" "$begun/$(sed -n \
	'1s/.*"release":"\([0-9a-f]*\)".*/\1/p' "$www/manifest.json")"
(cd "$work/mark" && printf '%s\0' .lowtide/*) >"$work/begun.delete"
printf '.lowtide\0' >"$work/begun.folders"
rsync -qr "$work/mark/" "$target/"
for step in immutable new stale pages pointers delete manifest begun; do
	[ ! -s "$work/$step.upload" ] || rsync -qpI --force --from0 \
		--files-from="$work/$step.upload" "$www/" "$target/"
	remove "$work/$step.delete"
	remove "$work/$step.folders"
done
# A cache in front of it would be told now: "$lowtide" plan "$@" --invalidate
