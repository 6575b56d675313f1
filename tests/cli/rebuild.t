#!/usr/bin/env bash
# `lowtide serve` while the site changes: what is built again, what is served
# meanwhile, who is told, and what is left alone.
. tests/lib.sh

export TMPDIR=$TMP/t
mkdir "$TMPDIR"
chmod 755 "$TMP" "$TMPDIR"
site=$TMP/site
port=$(free_port)
log=$TMP/serve.err
mkdir -p "$site"/{env,pages,assets,static}
echo 'name = "acme"' >"$site/site.toml"
: >"$site/env/base.toml"
page() { # TEXT: of the first page
	cat >"$site/pages/index.html" <<-EOF
		<!doctype html><title>$1</title>
		<link rel="stylesheet" href="/assets/page.css">
	EOF
}
page one
echo 'p { color: red }' >"$site/assets/page.css"

up() { # ARGUMENTS…: until it answers
	rm -f "$log"
	start serve "$LOWTIDE" serve -C "$site" --port "$port" "$@"
	serve_pid=$last
	wait_for 30 answers / 200
}
down() {
	kill -INT "$serve_pid"
	wait "$serve_pid"
}
get() { curl -s "http://127.0.0.1:$port$1"; }
status_of() { # PATH CURL-ARGUMENTS…
	local path=$1
	shift
	curl -s -o /dev/null -w '%{http_code}' "$@" "http://127.0.0.1:$port$path"
}
shows() { get "$1" | grep -q -- "$2"; }
answers() { [ "$(status_of "$1")" = "$2" ]; }
builds() { grep -c '^rebuilt in' "$log"; }
built() { [ "$(builds)" -ge "$1" ]; }
posts() { [ "$(status_of /api/"$1" -X POST --data '{}' \
	-H 'content-type: application/json')" = "$2" ]; }
children() {
	for pid in "$@"; do
		echo "$pid"
		children $(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
	done
}
pid_of() { # NAME: serve's child of that name
	for pid in $(children "$serve_pid"); do
		[ "$pid" = "$serve_pid" ] && continue
		tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q "$1" &&
			echo "$pid" && return
	done
	return 1
}
none_left() {
	for pid in "$@"; do
		case $(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null) in
		'' | Z) ;;
		*) return 1 ;;
		esac
	done
}

# ---- pages and assets
up
ok "it begins with the page as it is" shows / '<title>one'
nginx=$(pid_of nginx)
page two
ok "a changed page is served anew" wait_for 30 shows / '<title>two'
ok "with a line about it" wait_for 30 grep -Eq \
	'^rebuilt in [0-9]+ ms: 1 file changed$' "$log"
old=$(get / | grep -oE '/assets/[^"]+')
echo 'p { color: blue }' >"$site/assets/page.css"
moved() { new=$(get / | grep -oE '/assets/[^"]+') && [ "$new" != "$old" ]; }
ok "a changed asset has another name in the page" wait_for 30 moved
moved
like "and its new bytes there" "$(get "$new")" blue
like "which may be kept for a year" "$(curl -si \
	"http://127.0.0.1:$port$new")" '^Cache-Control: .*immutable'
mkdir -p "$site/pages/new/deep"
echo 'a new one' >"$site/pages/new/deep/x.html"
ok "a page in a new folder" wait_for 30 shows /new/deep/x 'a new one'
echo 'changed' >"$site/pages/new/deep/x.html"
ok "which is watched by then" wait_for 30 shows /new/deep/x changed
rm -r "$site/pages/new"
ok "and goes with its folder" wait_for 30 answers /new/deep/x 404
mkdir "$site/catalogue"
printf 'version = "1.0.0"\n' >"$site/catalogue/plans.toml"
printf '[catalogue.plans]\n' >>"$site/site.toml"
ok "a catalogue that was not there" wait_for 30 shows /plans.json '1.0.0'
printf 'version = "1.0.0"\nprice = 9\n' >"$site/catalogue/plans.toml"
ok "changed under its version it is served" wait_for 30 shows \
	/plans-v1.0.0.json '"price":9'
ok "with a word, for browsers keep what they have" wait_for 30 grep -q \
	'plans.toml:1:11: warning: catalogue-version-reused: .*raise it to' "$log"
sed -i 's/1.0.0/1.1.0/' "$site/catalogue/plans.toml"
ok "under another one" wait_for 30 shows /plans.json '1.1.0'
is "and without a word" "$(grep -c 'warning: catalogue-version-reused: 1' "$log")" 1

# ---- mistakes
page three
echo 'nmae = 1' >"$site/env/base.toml"
ok "a mistake is told" wait_for 30 grep -q \
	'env/base.toml:1:1: unknown-key: .*nmae' "$log"
ok "in a sentence" wait_for 30 grep -q \
	'^not rebuilt; what was there before is served$' "$log"
ok "and what was there is served" shows / '<title>two'
: >"$site/env/base.toml"
ok "mended, all of it is there" wait_for 30 shows / '<title>three'
mv "$site/site.toml" "$site/site.bak"
ok "a site without its file" wait_for 30 grep -q 'site-missing' "$log"
ok "is served all the same" shows / '<title>three'
mv "$site/site.bak" "$site/site.toml"

# ---- nginx and the endpoint
printf '[redirects]\n"/old" = "/"\n' >>"$site/site.toml"
ok "nginx learns of a redirect" wait_for 30 answers /old 301
is "without being started again" "$(pid_of nginx)" "$nginx"
cat >"$site/api.toml" <<-'EOF'
	auth = "none"
	[upstream.ledger]
	base = "https://ledger.example"
	[api.export]
	upstream = "ledger"
	on_lost = "fail"
EOF
ok "an API where there was none" wait_for 30 posts export 202
cgi=$(pid_of lowtide-cgi)
ok "with an endpoint" test -n "$cgi"
ok "and a worker" pid_of lowtide-worker
sed 's/api.export/api.other/' <"$site/api.toml" | tail -3 >"$TMP/more"
cat "$TMP/more" >>"$site/api.toml"
ok "another one" wait_for 30 posts other 202
ok "the first one is still there" posts export 202
[ "$(pid_of lowtide-cgi)" != "$cgi" ]
result $? "the endpoint was started again"
unlike "which nobody takes for an accident" "$(cat "$log")" child-died
cgi=$(pid_of lowtide-cgi)
page four
ok "a page alone" wait_for 30 shows / '<title>four'
is "leaves the endpoint as it is" "$(pid_of lowtide-cgi)" "$cgi"
rm "$site/api.toml"
gone() { ! pid_of lowtide-cgi && ! pid_of lowtide-worker; }
ok "no APIs any more: endpoint and worker end" wait_for 30 gone
ok "and the page is served" shows / '<title>four'
cat >"$site/api.toml" <<-'EOF'
	auth = "none"
	[upstream.ledger]
	base = "https://ledger.example"
	[api.export]
	upstream = "ledger"
	on_lost = "fail"
EOF
ok "and they come back" wait_for 30 posts export 202

# ---- helpers
cat >"$site/env/base.toml" <<-'EOF'
	[serve.run.book]
	command = ["sleep", "1000"]
EOF
ok "a new helper is not started, and that is said" wait_for 30 grep -q \
	'^  \[serve.run\] changed: start `lowtide serve` again' "$log"
page five
ok "said once" wait_for 30 shows / '<title>five'
sleep 0.5
is "and not again" "$(grep -c 'serve.run' "$log")" 1
cat >>"$site/env/base.toml" <<-'EOF'
	[upstream.ledger]
	base = "{run.book.url}"
	local = true
EOF
ok "who needs it is told" wait_for 30 grep -q \
	'env/base.toml:4:8: helper-not-running: serve.run.book' "$log"
: >"$site/env/base.toml"

# ---- what an editor leaves behind
page six
ok "quiet again" wait_for 30 shows / '<title>six'
sleep 1
before=$(builds)
for name in .index.html.swp 4913 index.html~ '.#index.html' '#index.html#' \
	index.tmp; do
	echo x >"$site/pages/$name"
	rm "$site/pages/$name"
	echo x >"$site/pages/$name"
done
echo x >"$site/notes.txt"
mkdir -p "$site/dist/www" && echo x >"$site/dist/www/x"
touch "$site/pages" "$site/.lowtide/x"
sleep 1
page seven
ok "what is real is seen behind it" wait_for 30 shows / '<title>seven'
ok "and is built" wait_for 30 built $((before + 1))
is "once, and nothing else" "$(builds)" $((before + 1))
rm -f "$site"/pages/{.index.html.swp,4913,index.html~,'.#index.html','#index.html#',index.tmp}
rm "$site/notes.txt"

# ---- a burst
sleep 0.5
before=$(builds)
# stopped meanwhile: a busy machine writes with pauses, each worth a build
kill -STOP "$serve_pid"
for i in $(seq 1000); do echo "$i" >"$site/static/f$i.txt"; done
kill -CONT "$serve_pid"
ok "a thousand new files" wait_for 60 shows /f1000.txt 1000
sleep 0.5
after=$(builds)
[ $((after - before)) -ge 1 ] && [ $((after - before)) -le 2 ]
result $? "are one build or two ($((after - before)))"
ok "the first of them" shows /f1.txt 1
down
is "it ends well" "$?" 0
is "and leaves nothing" "$(ls "$TMPDIR")" ""
rm "$site"/static/f*.txt

# ---- without notices, quietly, loudly
up --poll -q -- sleep 1000
page eight
ok "--poll sees it, too, and with a command running" \
	wait_for 30 shows / '<title>eight'
is "--quiet: not a word" "$(cat "$log")" ""
kill -INT "$serve_pid"
wait "$serve_pid"
is "a command that Ctrl-C cut off" "$?" 130
up -v
page nine
ok "-v" wait_for 30 shows / '<title>nine'
ok "names what changed" wait_for 10 grep -qx '  pages/index.html' "$log"
down

# ---- warnings, where they are errors
up --warnings=error
echo '<img src="/none.png">' >"$site/pages/warned.html"
ok "--warnings=error: one is a reason not to" wait_for 30 grep -q \
	'^warnings-are-errors: ' "$log"
is "--warnings=error: so it is not served" "$(status_of /warned)" 404
rm "$site/pages/warned.html"
page ten
ok "--warnings=error: mended" wait_for 30 shows / '<title>ten'
page nine
ok "and back" wait_for 30 shows / '<title>nine'
down
echo '<img src="/none.png">' >"$site/pages/warned.html"
"$LOWTIDE" serve -C "$site" --port "$port" --warnings=error -- true \
	2>"$TMP/warned"
is "--warnings=error: nor begun with" "$?" 1
rm "$site/pages/warned.html"

# ---- Ctrl-C, and worse, in the middle of a build
build_pid() { # of the build under way
	for pid in $(cat "/proc/$serve_pid/task/$serve_pid/children"); do
		[ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" = \
			"$(tr '\0' ' ' <"/proc/$serve_pid/cmdline")" ] &&
			echo "$pid" && return
	done
	return 1
}
for signal in INT KILL; do
	up
	truncate -s 20G "$site/static/big"
	ok "$signal: a build is under way" wait_for 30 build_pid
	ok "$signal: it is served meanwhile" shows / '<title>nine'
	all=$(children "$serve_pid")
	kill -$signal "$serve_pid"
	wait "$serve_pid" 2>/dev/null
	ok "$signal: nothing is left running" wait_for 20 none_left $all
	rm "$site/static/big"
done
up
is "KILL: the next one tidies up" "$(ls "$TMPDIR" | wc -l)" 1
down
is "and nothing is left" "$(ls "$TMPDIR")" ""

# ---- where the system has no notices to give
if unshare -U -r sh -c 'echo 3 >/proc/sys/user/max_inotify_watches &&
	exec unshare -U --map-user=1000 true' 2>/dev/null; then
	rm "$site/.lowtide" 2>/dev/null || rm -rf "$site/.lowtide"
	start few unshare -U -r sh -c '
		echo 3 >/proc/sys/user/max_inotify_watches
		exec unshare -U --map-user=1000 "$0" serve -C "$1" --port "$2"' \
		"$LOWTIDE" "$site" "$port"
	serve_pid=$last
	ok "too few watches: it runs" wait_for 30 grep -q 'is on http' \
		"$TMP/few.err"
	ok "and says that it looks every second" wait_for 30 grep -q \
		'warning: no-notices: .*every second.*max_user_watches' "$TMP/few.err"
	page ten
	ok "and sees changes" wait_for 30 shows / '<title>ten'
	is "it says so once" "$(grep -c no-notices "$TMP/few.err")" 1
	down
	is "and ends well" "$?" 0
else
	echo '# user namespaces are not to be had: not tried without notices'
fi
done_testing
