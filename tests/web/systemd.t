#!/usr/bin/env bash
# The systemd units that `lowtide build` and `make install` write: systemd takes
# them, the programs take what they say, and no endpoint runs while nobody asks.
. tests/lib.sh

mkdir -p "$TMP/site/env" "$TMP/units"
echo 'name = "acme-shop"' >"$TMP/site/site.toml"
cat >"$TMP/site/api.toml" <<-'EOF'
	auth = "none"
	[upstream.ledger]
	base = "https://ledger.example"
	timeout = "90s"
	[secret]
	ledger = { env = "LEDGER_TOKEN" }
	other = { file = "/run/credentials/lowtide-worker@acme-shop.service/other" }
	[api.export]
	upstream = "ledger"
	on_lost = "fail"
	request.headers = { X-Key = "{secret.ledger}{secret.other}" }
	[api.report]
	exec = ["report"]
	env = ["REPORT_OF"]
	deadline = "30m"
	[read.totals]
	call.totals = { upstream = "ledger", path = "/totals", headers = { X-Key = "{secret.ledger}" } }
EOF
mkdir "$TMP/site/handlers"
printf '#!/bin/sh\n' >"$TMP/site/handlers/report"
chmod 755 "$TMP/site/handlers/report"
: >"$TMP/site/env/base.toml"
ok "the site builds" "$LOWTIDE" build -q -C "$TMP/site" --out "$TMP/dist"
units=$TMP/dist/server/systemd
is "the units come with it" "$(ls "$units" | tr '\n' ' ')" \
	"lowtide-cgi@.service lowtide-cgi@.socket lowtide-read@.service lowtide-read@.socket lowtide-read@acme-shop.service.d lowtide-worker@.service lowtide-worker@acme-shop.service.d lowtide.sysusers "
own=lowtide-worker@acme-shop.service.d/site.conf
is "the worker's of this site: how long it may take, and its secrets" \
	"$(sed '/^#/d; /^$/d' "$units/$own" | tr '\n' ' ')" \
	"[Service] TimeoutStopSec=1825s EnvironmentFile=-/etc/lowtide/acme-shop/environment LoadCredential=other:/etc/lowtide/acme-shop/other MemoryDenyWriteExecute=no "
is "each by its name" "$(grep -o '	[A-Z_]*	[[{].*' "$units/$own" | tr '\n' ' ')" \
	"	REPORT_OF	[api.report] 	LEDGER_TOKEN	{secret.ledger} "
reads=lowtide-read@acme-shop.service.d/site.conf
is "and its reads': their secrets alone" \
	"$(sed '/^# /d; /^#$/d; /^$/d; /^#.*acme-shop/d' "$units/$reads" |
		tr '\n' ' ')" \
	"[Service] #	LEDGER_TOKEN	{secret.ledger} EnvironmentFile=-/etc/lowtide/acme-shop/environment "

# ---- systemd's own opinion
verify() { # every word that it says
	(cd "$TMP/units" && systemd-analyze verify --man=no \
		./lowtide-cgi@acme-shop.socket \
		./lowtide-cgi@acme-shop.service \
		./lowtide-read@acme-shop.socket \
		./lowtide-read@acme-shop.service \
		./lowtide-worker@acme-shop.service 2>&1)
}
cp -r "$units/${own%/*}" "$units/${reads%/*}" "$TMP/units/"
for unit in "$units"/*@.*; do
	sed "s|^ExecStart=|&$BIN/|" "$unit" >"$TMP/units/${unit##*/}"
done
is "systemd has nothing to say about them" "$(verify)" ""
sed -i 's/^NoNewPrivileges=/NoNewPrivilege=/' "$TMP/units/lowtide-cgi@.service"
like "what it does not know it would tell" "$(verify)" 'NoNewPrivilege'
sed -i 's/^TimeoutStopSec=/TimeoutStopSecs=/' "$TMP/units/$own"
like "in what is of the site, too" "$(verify)" 'TimeoutStopSecs'
for unit in lowtide-cgi lowtide-read lowtide-worker; do
	ok "$unit is well shut in" systemd-analyze security --offline=true \
		--threshold=20 "$units/$unit@.service"
done
for unit in lowtide-cgi lowtide-read; do
	socket=$units/$unit@.socket
	like "$unit: the socket is where nginx looks for it" \
		"$(cat "$TMP/dist/server/nginx-http.conf")" "unix:$(sed -n \
			's/^ListenStream=//p' "$socket" |
			sed 's/%i/acme-shop/')\""
	like "$unit: and the web server's alone" \
		"$(tr '\n' ' ' <"$socket")" \
		'SocketGroup=www-data SocketMode=0660'
done
like "the user that they name is made" "$(cat "$units/lowtide.sysusers")" \
	"^u $(sed -n 's/^User=//p' "$units/lowtide-worker@.service") "

# ---- the programs', with the places of this test
mkdir -p "$TMP/etc/acme-shop" "$TMP/lib/acme-shop"
cp "$TMP/dist/server/lowtide.json" "$TMP/etc/acme-shop/"
"$BIN/lowtide-jobs" keygen "$TMP/etc/acme-shop/keys" 2>/dev/null
command_of() { # UNIT: what it starts
	sed -n "s|^ExecStart=|$BIN/|p" "$units/$1@.service" |
		sed "s|/etc/lowtide/|$TMP/etc/|g; s|/var/lib/lowtide/|$TMP/lib/|g
			s|/run/lowtide/%i|$TMP|g; s|%i|acme-shop|g"
}
for unit in lowtide-cgi lowtide-read lowtide-worker; do
	ok "$unit takes what its unit says" $(command_of $unit) -t
done

# ---- started by its socket, gone when nobody is there, and started again
endpoint=$(command_of lowtide-cgi | sed 's/--idle-exit 5m/--idle-exit 200ms/')
ask() { # METHOD PATH BODY [PID]: the status; after a reload, of PATH again
	node --input-type=module -e "
		import {Client, request} from '$PWD/tests/fcgi-client.mjs';
		const c = await Client.dial('$TMP/cgi.sock');
		c.send(request({id: 1, method: '$1', uri: '$2',
			params: {CONTENT_TYPE: 'application/json'},
			body: '$3' || undefined}));
		const r = await c.answer(1);
		console.log(r.status);
		if ($4 + 0) {
			process.kill($4, 'SIGHUP');
			c.send(request({id: 2, method: '$3' ? 'GET' : '$1',
				uri: '$3' ? '/api/jobs/health' : '$2'}));
			console.log((await c.answer(2)).status);
		}
		c.close();"
}
running() { # the name of what $last is
	basename "$(readlink "/proc/$last/exe" 2>/dev/null)" 2>/dev/null
}
is_over() {
	! kill -0 "$last" 2>/dev/null
}
for time in first second; do
	rm -f "$TMP/cgi.sock"
	start socket-$time systemd-socket-activate -l "$TMP/cgi.sock" $endpoint
	ok "the $time time: the socket is there" wait_for 10 test -S \
		"$TMP/cgi.sock"
	is "and no endpoint" "$(running)" systemd-socket-activate
	is "it is started by a request, and takes a reload" \
		"$(ask POST /api/export '{}' "$last" | tr '\n' ' ')" '202 200 '
	ok "when nobody is there it leaves" wait_for 20 is_over
	wait "$last"
	is "in peace" "$?" 0
done
reads=$(command_of lowtide-read | sed 's/--idle-exit 30m/--idle-exit 200ms/')
for time in first second; do
	rm -f "$TMP/cgi.sock" # where ask() asks
	start reads-$time systemd-socket-activate -l "$TMP/cgi.sock" \
		$reads --control "unix:$TMP/control.sock"
	ok "reads, the $time time: the socket is there" wait_for 10 test -S \
		"$TMP/cgi.sock"
	is "and no lowtide-read" "$(running)" systemd-socket-activate
	is "it is started by a request, and takes a reload" \
		"$(ask OPTIONS /api/totals '' "$last" | tr '\n' ' ')" '204 204 '
	ok "when nobody is there it leaves" wait_for 20 is_over
	wait "$last"
	is "in peace" "$?" 0
done
is "both jobs are there" "$("$BIN/lowtide-jobs" ls --json --config \
	"$TMP/etc/acme-shop/lowtide.json" --keys "$TMP/etc/acme-shop/keys" \
	--state "$TMP/lib/acme-shop" | grep -o '"pending"' | wc -l)" 2
done_testing
