#!/usr/bin/env bash
# make install: the programs find each other and everything they need there.
. tests/lib.sh

san=
case $BIN in */san/*) san=SAN=1 ;; esac
ok "make install" make --no-print-directory install DESTDIR="$TMP/root" \
	PREFIX=/opt/lowtide $san
at=$TMP/root/opt/lowtide
is "programs, manuals, completions and units, nothing else" \
	"$(cd "$at" && find . -type f | sort | tr '\n' ' ')" \
	"./bin/lowtide ./bin/lowtide-cgi ./bin/lowtide-jobs ./bin/lowtide-read\
 ./bin/lowtide-worker\
 ./lib/systemd/system/lowtide-cgi@.service\
 ./lib/systemd/system/lowtide-cgi@.socket\
 ./lib/systemd/system/lowtide-read@.service\
 ./lib/systemd/system/lowtide-read@.socket\
 ./lib/systemd/system/lowtide-worker@.service\
 ./lib/sysusers.d/lowtide.conf\
 ./share/bash-completion/completions/lowtide\
 ./share/bash-completion/completions/lowtide-jobs\
 ./share/man/man1/lowtide-jobs.1 ./share/man/man1/lowtide.1\
 ./share/man/man5/lowtide-api.5 ./share/man/man5/lowtide-site.5\
 ./share/man/man8/lowtide-cgi.8 ./share/man/man8/lowtide-read.8\
 ./share/man/man8/lowtide-worker.8\
 ./share/zsh/site-functions/_lowtide\
 ./share/zsh/site-functions/_lowtide-jobs "
like "its units start what was installed" \
	"$(cat "$at"/lib/systemd/system/lowtide-cgi@.service)" \
	'^ExecStart=/opt/lowtide/bin/lowtide-cgi --config /etc/lowtide/%i/'
is "nothing beside it" "$(ls "$TMP/root")" opt
port=$(free_port)
cp -r site "$TMP/site"
rm -rf "$TMP/site/.lowtide" "$TMP/site/dist"
said=$(cd / && "$at/bin/lowtide" serve -C "$TMP/site" --env dev --port "$port" \
	-- node check.mjs 2>&1)
is "what was installed serves a site" "$?" 0
like "to the end" "$said" 'Everything was as it should be'
done_testing
