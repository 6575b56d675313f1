#!/usr/bin/env bash
# `lowtide serve`: what it gives a command, how it ends, what it leaves behind
# (nothing), and what it says when something is missing.
. tests/lib.sh

export TMPDIR=$TMP/t # its temporary folders, to see that they go
mkdir "$TMPDIR"
chmod 755 "$TMP" "$TMPDIR"
site=$TMP/site
mkdir -p "$site"/{env,pages}
cat >"$site/site.toml" <<-'EOF'
	name = "acme"
EOF
cat >"$site/api.toml" <<-'EOF'
	auth = "none"
	[upstream.ledger]
	base = "https://ledger.example"
	[api.export]
	upstream = "ledger"
	on_lost = "fail"
EOF
: >"$site/env/base.toml"
helper() { # COMMAND: env/dev.toml with a helper that runs it
	cat >"$site/env/dev.toml" <<-EOF
		[upstream.ledger]
		base = "{run.ledger-book.url}/v1"
		local = true
		[serve.run.ledger-book]
		command = ["bash", "-c", '''$1''']
	EOF
}
good='echo "ready on $PORT"; exec sleep 1000'
helper "$good"
echo '<!doctype html><title>acme</title>' >"$site/pages/index.html"
port=$(free_port)

serve() { # ARGUMENTS…: its status, what it said in $TMP/said
	"$LOWTIDE" serve -C "$site" --env dev --port "$port" "$@" \
		2>"$TMP/said"
}
up() { # starts it in the background until it answers
	rm -f "$TMP/serve.err" # the one before said so, too
	start serve "$LOWTIDE" serve -C "$site" --env dev --port "$port"
	serve_pid=$last
	wait_for 20 grep -q 'is on http' "$TMP/serve.err"
}
children() { # PID…: they and all below them
	for pid in "$@"; do
		echo "$pid"
		children $(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
	done
}
alive() { # PID…: those of them that still run
	for pid in "$@"; do
		case $(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null) in
		'' | Z) ;;
		*) echo "$pid" ;;
		esac
	done
}
none_left() { [ -z "$(alive "$@")" ]; }
pid_of() { # NAME: serve's child of that name
	for pid in $(children "$serve_pid"); do
		tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q "$1" &&
			[ "$pid" != "$serve_pid" ] && echo "$pid" && return
	done
}
answers() { [ "$(curl -s -o /dev/null -w '%{http_code}' \
	"http://127.0.0.1:$port$1")" = "${2:-200}" ]; }

# ---- a command
serve -- bash -c 'env | grep "^LOWTIDE_" | sort; pwd
	curl -s "$LOWTIDE_URL/api/jobs/health"; exit 7' >"$TMP/out"
is "the command's status is its own" "$?" 7
out=$(cat "$TMP/out")
like "it is told the address" "$out" "^LOWTIDE_URL=http://127.0.0.1:$port\$"
like "the API table" "$out" '^LOWTIDE_CONFIG=/.*/lowtide.json$'
like "the keys" "$out" '^LOWTIDE_KEYS=/.*/keys$'
like "the state" "$out" '^LOWTIDE_STATE=/'
like "and where helpers are" "$out" \
	'^LOWTIDE_RUN_LEDGER_BOOK_URL=http://127.0.0.1:[0-9]+$'
like "it runs in the site folder" "$out" "^$(realpath "$site")\$"
like "everything answers by then" "$out" '^\{"status":"ok"'
like "serve says where it is" "$(cat "$TMP/said")" \
	"acme is on http://127.0.0.1:$port"
is "its temporary folder is gone" "$(ls "$TMPDIR")" ""
is "the state is nobody else's" "$(stat -L -c %a "$site/.lowtide")" 700
keys=$(cat "$site/.lowtide/keys" 2>/dev/null)
serve --quiet -- true
is "a second run is as good" "$?" 0
is "and --quiet" "$(cat "$TMP/said")" ""
is "the keys are kept" "$(cat "$site/.lowtide/keys")" "$keys"
# ---- a helper that stands in for a sign-in provider
cp "$site/env/dev.toml" "$TMP/dev.toml"
cat >>"$site/env/dev.toml" <<-'EOF'
	[oauth.login]
	kind = "cognito"
	domain = "{run.ledger-book.url}"
	client_id = "x"
	[oauth.other]
	authorization_endpoint = "{run.ledger-book.url}/a"
	token_endpoint = "{run.ledger-book.url}/t"
	jwks_uri = "{run.ledger-book.url}/k"
	issuer = "{run.ledger-book.url}/i"
	client_id = "y"
	redirect_path = "/other.html"
	logout = { endpoint = "{run.ledger-book.url}/o", return_path = "/" }
	[oauth.other.variant.trial]
	authorization_endpoint = "{run.ledger-book.url}/v"
	client_id = "z"
	redirect_path = "/trial.html"
	logout = { endpoint = "{run.ledger-book.url}/w" }
EOF
serve -- bash -c 'cat "$(dirname "$LOWTIDE_CONFIG")"/../www/oauth.*.mjs
	echo "it is on $LOWTIDE_RUN_LEDGER_BOOK_URL"' >"$TMP/out"
is "its address is in sign-in URLs" \
	"$(grep -oE 'http://127.0.0.1:[0-9]+/oauth2/authorize' "$TMP/out")" \
	"$(sed -n 's/^it is on //p' "$TMP/out")/oauth2/authorize"
is "wherever an address may stand, of a variant too" \
	"$(grep -oE "'http://127.0.0.1:[0-9]+/[aovw]\\?" "$TMP/out" |
		sed 's/.*\///' | paste -sd ' ')" 'a? o? v? w?'
"$LOWTIDE" check -q -C "$site" --env dev 2>"$TMP/said"
like "and nowhere but under serve" "$(cat "$TMP/said")" \
	'env/dev.toml:8:10: run-reference: .*give oauth.login its domain'
cp "$TMP/dev.toml" "$site/env/dev.toml"
# ---- secrets that are there for trying, and those that are not
cp "$site/api.toml" "$TMP/api.toml"
cat >>"$site/api.toml" <<-'EOF'
	[api.export.request.form]
	a = "{secret.given}"
	b = "{secret.ours}"
	c = "{secret.nowhere}"
	d = "{secret.file}"
	[secret]
	given = { env = "GIVEN" }
	ours = { env = "OURS" }
	nowhere = { env = "NOT_SET_ANYWHERE" }
	file = { file = "/nonexistent/secret" }
EOF
cat >>"$site/env/dev.toml" <<-'EOF'
	[serve.env]
	GIVEN = "for trying"
	OURS = "never seen"
EOF
OURS=mine serve -- bash -c 'echo "$GIVEN, $OURS"' >"$TMP/out"
is "a variable of the site's, unless it is set already" \
	"$(cat "$TMP/out")" 'for trying, mine'
is "what is missing is named, and what for" \
	"$(grep -o '^[a-z: -]*secret-missing: {[a-z.]*} is .*, which' "$TMP/said")" \
	'warning: secret-missing: {secret.file} is the file /nonexistent/secret, which
warning: secret-missing: {secret.nowhere} is the variable NOT_SET_ANYWHERE, which'
mv "$TMP/api.toml" "$site/api.toml"
helper "$good"

# ---- who they are, and where they say they are
echo '{{site.base_url}}' >"$site/pages/where.mustache"
serve -- bash -c 'curl -s "$LOWTIDE_URL/where"
	for pid in $(cat /proc/$PPID/task/$PPID/children); do
		[ "$pid" = $$ ] || [ ! -e "/proc/$pid/status" ] ||
			awk "/^Name/ { n = \$2 } /^Uid/ { print n, \$2, \$3 }" \
				"/proc/$pid/status"
	done' >"$TMP/out"
is "pages are built for this address" "$(head -1 "$TMP/out")" \
	"http://127.0.0.1:$port"
user=$(id -u) && [ "$user" != 0 ] || user=$(id -u nobody)
is "whoever starts it, nothing it starts is root" \
	"$(sed 1d "$TMP/out" | awk '{ print $2, $3 }' | sort -u)" "$user $user"
is "not one of the four" "$(sed 1d "$TMP/out" | wc -l)" 4
rm "$site/pages/where.mustache"
serve -- bash -c 'kill -KILL $$'
is "a command that was killed" "$?" 137
serve -- no-such-command
is "a command that is not there" "$?" 74
like "is named" "$(cat "$TMP/said")" 'program-missing: .*`no-such-command`'
serve -- bash -c 'sleep 1000 & echo $!' >"$TMP/out"
ok "what a command leaves running goes with it" \
	wait_for 5 none_left "$(cat "$TMP/out")"

# ---- until a signal
for signal in INT TERM HUP; do
	up
	all=$(children "$serve_pid")
	is "$signal: serve, helper, endpoint, worker, nginx and its worker" \
		"$(wc -w <<<"$all")" 6
	ok "$signal: it answers" answers /
	kill -$signal "$serve_pid"
	wait "$serve_pid"
	is "$signal: it ends well" "$?" 0
	is "$signal: nothing is left running" "$(alive $all)" ""
	is "$signal: nor any file" "$(ls "$TMPDIR")" ""
done
start wrapped "$LOWTIDE" serve -C "$site" --env dev --port "$port" -- \
	bash -c 'echo started; exec sleep 1000'
wait_for 20 grep -q started "$TMP/wrapped.out"
kill -INT "$last"
wait "$last"
is "a command that Ctrl-C cut off is no success" "$?" 130

# ---- nothing but files
mkdir "$TMP/static" && mkdir "$TMP/static/pages"
echo 'name = "static"' >"$TMP/static/site.toml"
echo '<!doctype html><title>static</title>' >"$TMP/static/pages/index.html"
ln -s /nowhere/at/all "$TMP/static/.lowtide" # copied here from elsewhere
"$LOWTIDE" serve -C "$TMP/static" --port "$port" -- bash -c '
	curl -s "$LOWTIDE_URL/" && cat /proc/$PPID/task/$PPID/children |
		wc -w' >"$TMP/out" 2>"$TMP/said"
is "a site without APIs is served" "$(head -1 "$TMP/out")" \
	'<!doctype html><title>static</title>'
is "by nginx alone (and the command)" "$(tail -1 "$TMP/out")" 2
is "in one sentence" "$(cat "$TMP/said")" \
	"static is on http://127.0.0.1:$port"

# ---- a second one
up
serve -- true
is "the same port" "$?" 1
like "is a sentence" "$(cat "$TMP/said")" \
	"^port-busy: port $port of 127.0.0.1 is in use.*--port"
"$LOWTIDE" serve -C "$site" --env dev --port "$(free_port)" -- true \
	2>"$TMP/said"
is "the same site on another port" "$?" 1
like "is one too" "$(cat "$TMP/said")" '^already-served: '

# ---- what it says, and in which order
kill -INT "$serve_pid"
wait "$serve_pid"
echo '<img src="/none.png">' >"$site/pages/warned.html"
up
is "warnings come before the address, which is last" \
	"$(sed -E 's/.*(missing-reference|Ctrl-C|is on http).*/\1/' \
		"$TMP/serve.err" | tail -3 | paste -sd ' ')" \
	'missing-reference Ctrl-C is on http'
kill -INT "$serve_pid"
wait "$serve_pid"
is "and are told once" "$(grep -c missing-reference "$TMP/serve.err")" 1
rm "$site/pages/warned.html"
up

# ---- what dies
for name in lowtide-cgi lowtide-worker nginx; do
	kill -KILL "$(pid_of "$name")"
	ok "$name killed: said" wait_for 10 grep -q \
		"child-died: $name .*started again" "$TMP/serve.err"
	unlike "$name killed: no words of its own" "$(cat "$TMP/serve.err")" \
		'last words'
	ok "$name killed: there again" wait_for 10 pid_of "$name"
	ok "$name killed: it all answers" wait_for 10 answers /api/jobs/health
done
ok "a page comes through the new nginx" answers /

# ---- somebody has the store's turn and keeps it
died() { [ "$(grep -c child-died "$TMP/serve.err")" -ge "$1" ]; }
deaths=$(grep -c child-died "$TMP/serve.err")
start turn bash -c 'exec 8>>"$0/turn.lock" 9>>"$0/write.lock"; flock 8
	flock 9; echo taken; exec sleep 1000' \
	"$(dirname "$(find -L "$site/.lowtide" -name turn.lock)")"
turn=$last
wait_for 10 grep -q taken "$TMP/turn.out"
kill -KILL "$(pid_of lowtide-cgi)" "$(pid_of lowtide-worker)"
ok "no turn: two died" wait_for 10 died $((deaths + 2))
ok "no turn: the endpoint is there again" wait_for 10 pid_of lowtide-cgi
ok "no turn: the worker is there again" wait_for 10 pid_of lowtide-worker
sleep 2.5 # longer than a writer waits for its turn
is "no turn: who waits for it is not dead" \
	"$(grep -c child-died "$TMP/serve.err")" $((deaths + 2))
all=$(children "$serve_pid")
kill -INT "$serve_pid"
wait "$serve_pid"
is "no turn: Ctrl-C ends it well" "$?" 0
is "no turn: nothing is left running" "$(alive $all)" ""
kill "$turn"
wait "$turn" 2>/dev/null

# ---- Ctrl-C while it has all it can take
up
start flood node -e '
	let n = 0;
	const send = async () => {
		const r = await fetch(process.argv[1], {method: "POST",
			body: "{}", headers: {"x-wait-time-ms": "0",
				"content-type": "application/json"}});
		await r.text();
		if (r.status === 202 && ++n === 100)
			console.log("full");
		return send();
	};
	for (let i = 0; i < 32; i++)
		send().catch(() => process.exit(n < 100));' \
	"http://127.0.0.1:$port/api/export"
ok "saturated: it takes a hundred" wait_for 30 grep -q full "$TMP/flood.out"
all=$(children "$serve_pid")
kill -INT "$serve_pid"
wait "$serve_pid"
is "saturated: Ctrl-C ends it well" "$?" 0
is "saturated: nothing is left running" "$(alive $all)" ""
is "saturated: nor any file" "$(ls "$TMPDIR")" ""
up
all=$(children "$serve_pid")
kill -KILL "$serve_pid"
wait "$serve_pid" 2>/dev/null
ok "serve killed: everything goes with it" wait_for 20 none_left $all
is "it could not tidy up" "$(ls "$TMPDIR" | wc -l)" 1
serve -- true
is "the next one does" "$(ls "$TMPDIR")" ""

# ---- what is missing
says() { # NAME STATUS REGEX: of the run before
	is "$1: status" "$status" "$2"
	like "$1: said" "$(cat "$TMP/said")" "$3"
	is "$1: in one line" "$(grep -c . "$TMP/said")" 1
	is "$1: nothing left" "$(ls "$TMPDIR")" ""
}
mkdir "$TMP/path"
ln -s "$(command -v bash)" "$(command -v sleep)" "$TMP/path"
PATH=$TMP/path serve -- true
status=$?
says "no nginx" 74 '^nginx-missing: nginx .*apt-get install nginx'
ln -s "$(PATH=$PATH:/usr/sbin command -v nginx)" "$TMP/path"
sed -i 's/"bash", "-c"/"node", "-e"/' "$site/env/dev.toml"
PATH=$TMP/path serve -- true
status=$?
says "no node" 74 'env/dev.toml:5:[0-9]+: program-missing: .*ledger-book.*`node`.*nodejs'
helper 'echo "no ledger today" >&2; exit 3'
serve -- true
status=$?
says "a helper that ends" 74 \
	'^helper-not-ready: serve.run.ledger-book ended before .*: no ledger today'
helper "$good"
mv "$site/.lowtide/keys" "$TMP/keys"
echo nonsense >"$site/.lowtide/keys"
chown --reference="$TMP/keys" "$site/.lowtide/keys"
chmod 600 "$site/.lowtide/keys"
serve -- true
status=$?
is "broken keys: status" "$status" 74
like "broken keys: the program that says so" "$(cat "$TMP/said")" \
	'child-died: lowtide-(cgi|worker) ended, saying: .*keys'
cp "$TMP/keys" "$site/.lowtide/keys"
chown --reference="$TMP/keys" "$site/.lowtide/keys"
serve -- true
is "the old keys are as good as before" "$?" 0
echo 'nmae = "x"' >>"$site/site.toml"
serve -- true
status=$?
says "a site with a mistake" 1 'site.toml:2:1: unknown-key: .*name'
is "nothing was built over it" "$(ls "$TMPDIR")" ""
sed -i 's/upstream = "ledger"/upstream = "leger"/' "$site/api.toml"
serve -- true
is "two mistakes in two files: both are told" \
	"$(grep -Ec 'unknown-(key|upstream): ' "$TMP/said")" 2
is "and nothing that follows from them" "$(grep -c . "$TMP/said")" 2
sed -i 2d "$site/site.toml"
sed -i 's/upstream = "leger"/upstream = "ledger"/' "$site/api.toml"
sed -i 's/serve.run.ledger-book/serve.run.ledger-bok/' "$site/env/dev.toml"
serve --quiet -- true
status=$?
says "a helper that nobody declares" 1 \
	'env/dev.toml:2:8: run-reference: .*no \[serve.run.ledger-book\]'
helper "$good"
"$LOWTIDE" serve -C "$TMP/none" --port "$port" 2>"$TMP/said"
status=$?
says "no such site" 74 'no such site folder'
"$LOWTIDE" serve --port "$port" "$site" 2>"$TMP/said"
status=$?
says "a folder without -C" 64 '^unknown-operand: .* -C'
"$LOWTIDE" serve --port 70000 2>"$TMP/said"
status=$?
says "no such port" 64 'bad-value: .*70000'
done_testing
