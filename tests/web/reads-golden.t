#!/usr/bin/env bash
# What a build writes for web servers and systemd where a site has reads, as it
# stands in reads-golden/: of each configuration what concerns APIs and reads.
# LOWTIDE_UPDATE=1 rewrites it; then read the difference before you commit it.
. tests/lib.sh
at=tests/web/reads-golden

"$LOWTIDE" build -q --fast -C $at/site --out "$TMP/dist" 2>"$TMP/said"
is "the site builds" "$?" 0
is "with one warning" "$(cut -d' ' -f2-3 "$TMP/said")" "warning: nobody-checks:"
cut_out() { # FILE FROM TO: the lines of it between the two, with both
	mkdir -p "$TMP/cut"
	sed -n "\\|$2|,\\|$3|p" "$TMP/dist/server/$1" >>"$TMP/cut/$1"
}
cut_out nginx-http.conf '^# lowtide-cgi' '^}'
cut_out nginx-http.conf '^# lowtide-read' '^# Of those, who'
cut_out nginx-site.conf '^location ^~ /api/' '^}'
cut_out apache-site.conf '^RewriteEngine On' 'E=lowtide:1'
cut_out apache-site.conf '^# How lowtide-read' 'What Apache answers'
cut_out lighttpd-site.conf '=~ "^/api/"' '^}'
cut_out lighttpd-cgi.conf '^# Reads are' '^}'
cp "$TMP"/dist/server/systemd/lowtide-read@.* "$TMP/cut"
cp "$TMP/dist/server/systemd/lowtide-read@acme-shop.service.d/site.conf" \
	"$TMP/cut/systemd-site.conf"
if [ -n "${LOWTIDE_UPDATE:-}" ]; then
	rm -rf $at/expect
	cp -r "$TMP/cut" $at/expect
fi
is "nothing more, nothing less" "$(ls "$TMP/cut")" "$(ls $at/expect)"
for file in "$at"/expect/*; do
	ok "${file##*/}" diff -u "$file" "$TMP/cut/${file##*/}"
	ok "${file##*/} is not empty" test -s "$file"
done
done_testing
