#!/usr/bin/env bash
# Inputs nobody writes on purpose, and names people do write. What is wrong is
# told with its place, what is only odd is published as it is, and the output
# of before is whole either way. (Sizes: LOWTIDE_SPARSE=2G in make soak.)
. tests/lib.sh

site() { # NAME: a fresh site folder with an output
	mkdir -p "$TMP/$1"/{env,static,assets,pages,catalogue}
	cd "$TMP/$1" || exit 1
	echo 'name = "odd"' >site.toml
	"$LOWTIDE" build -q --fast || exit 1
	before=$(state)
}
state() { find dist -printf '%p %m %s %T@ %i\n' | sort; }
fails() { # NAME STATUS REGEX
	local said
	said=$("$LOWTIDE" build -q --fast 2>&1)
	is "$1: status" $? "$2"
	like "$1: what is said" "$said" "$3"
	is "$1: the output of before is untouched" "$(state)" "$before"
}
builds() { # NAME: without a word
	is "$1 builds" "$("$LOWTIDE" build -q --fast 2>&1)" ''
	is "$1 verifies" "$("$LOWTIDE" verify -q dist 2>&1)" ''
}

site toml
{
	printf 'x = "'
	head -c 104857600 /dev/zero | tr '\0' a
	echo '"'
} >env/base.toml
fails 'a TOML file of 100 MB' 1 '^env/base.toml: file-too-large: '
printf 'name = "a"\nname = "b"\n' >env/base.toml
fails 'a key twice' 1 '^env/base.toml:2:[0-9]+: toml-syntax: '
printf '[public]\na = "\0"\n' >env/base.toml
fails 'a NUL' 1 '^env/base.toml:2:[0-9]+: toml-syntax: '
printf '[public]\na = "\xff"\n' >env/base.toml
fails 'no UTF-8' 1 '^env/base.toml:2:[0-9]+: toml-syntax: '
printf '\xef\xbb\xbf[public]\r\na = "x"\r\n' >env/base.toml
echo '<p>{{public.a}}</p>' >pages/index.mustache
builds 'a BOM and CRLF'
is 'and means what it says' "$(cat dist/www/index.html)" '<p>x</p>'
printf '<p>\xff\xfe\0</p>\n' >pages/raw.html
builds 'a page of no UTF-8 with a NUL'
ok 'which is published as it is' cmp pages/raw.html dist/www/raw.html
many=$(printf '{{#public}}%.0s' $(seq 70))
echo "$many" >pages/deep.mustache
before=$(state)
fails 'a template that is too deep' 1 '^pages/deep.mustache:1:[0-9]+: template-'

site links
mkdir static/a && ln -s ../a static/a/loop
fails 'a loop of links' 1 '^static/a/loop: not-a-file: .*symbolic link'
rm static/a/loop && ln -s /etc/passwd static/a/passwd
fails 'a link out of the site' 1 '^static/a/passwd: not-a-file: '
rm static/a/passwd && mkfifo static/a/pipe
fails 'a pipe' 1 '^static/a/pipe: not-a-file: '
rm static/a/pipe
deep=static
for i in $(seq 40); do deep=$deep/d; done
mkdir -p "$deep"
echo x >"$deep/file"
fails 'folders in folders in folders' 1 'too-deep: '

site names
names=('a b.txt' "q\"u'o.txt" 'é ü 漢.txt' 'a&b<c>.txt' '100%.txt' 'a#b?c.txt'
	'$HOME`id`.txt' 'back\slash.txt' '-rf' '~' 'a;b|c.txt' '*' '...')
for n in "${names[@]}"; do
	echo "$n" >"static/$n"
done
rm 'static/...' # begins with a dot: told, and not published
echo '<img src="/a%20b.txt"><img src="/%C3%A9%20%C3%BC%20%E6%BC%A2.txt">
<img src="/100%25.txt"><img src="/a%23b%3Fc.txt">' >pages/index.html
builds 'names of all kinds'
for n in "${names[@]:0:${#names[@]}-1}"; do
	is "$n is published" "$(cat "dist/www/$n")" "$n"
done
before=$(state)
touch "static/$(printf 'new\nline')"
fails 'a line break in a name' 1 '^static/new\\nline: bad-name: '
rm static/new*
printf x >"static/$(printf 'no\xffutf8.txt')"
said=$("$LOWTIDE" build -q --fast 2>&1)
status=$?
if [ $status -eq 0 ]; then
	ok 'a name of no UTF-8 is listed so that it is found' \
		"$LOWTIDE" verify -q dist
else
	like 'a name of no UTF-8 is refused' "$said" 'bad-name: '
fi
rm static/no*
touch static/manifest.json
"$LOWTIDE" build -q --fast 2>&1 | grep -q .
before=$(state)
fails 'a file called like one of ours' 1 '^static/manifest.json: |output-clash: .*static/manifest.json'
rm static/manifest.json
mkdir static/problems && touch static/problems/unknown-job
builds 'a file in a folder of ours'
rm -r static/problems && touch static/problems
before=$(state)
fails 'a file where a folder of ours is' 1 'output-clash: '
rm static/problems
echo 1 >static/Read.txt && echo 2 >static/read.txt
said=$("$LOWTIDE" build -q --fast 2>&1)
is 'names that differ in case alone: built' $? 0
like 'and it is told' "$said" '^static/read.txt: warning: case-clash: '
is 'both are there' "$(cat dist/www/Read.txt dist/www/read.txt)" "$(printf '1\n2')"

site sparse
truncate -s "${LOWTIDE_SPARSE:-48M}" static/big.bin
builds 'a large file with a hole'
ok 'it is the same' cmp static/big.bin dist/www/big.bin
is 'and the hole is still one' \
	"$(($(stat -c %b dist/www/big.bin) < 1024))" 1

site unread
echo x >static/secret.txt && chmod 0 static/secret.txt
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$TMP" && chown -R 65534 .
	said=$(setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$LOWTIDE" build -q --fast 2>&1)
else
	said=$("$LOWTIDE" build -q --fast 2>&1)
fi
is 'a static file that cannot be read: status' $? 74
like 'a static file that cannot be read: what is said' "$said" \
	'^static/secret.txt: io-error: .*[Pp]ermission denied'
is 'the output of before is untouched' "$(state)" "$before"

# Files that come, go and change while builds run: each run succeeds or says
# what went away, and what is in place is always one whole build.
site moving
for i in $(seq 60); do echo "$i" >"static/f$i.txt"; done
(
	for round in $(seq 40); do
		rm -f static/f*.txt
		for i in $(seq 60); do
			echo "$round $i" >"static/f$i.txt"
		done
	done
) &
changer=$!
started+=("$changer")
odd='' whole=0
for i in $(seq 25); do
	said=$("$LOWTIDE" build -q --fast 2>&1)
	case $? in
	0) ;;
	74) case $said in *io-error:*) ;; *) odd+=$said ;; esac ;;
	*) odd+="$? $said" ;;
	esac
	"$LOWTIDE" verify -q dist >"$TMP/said" 2>&1 && whole=$((whole + 1))
done
wait "$changer"
is 'files that vanish meanwhile: nothing odd is said' "$odd" ''
is 'and every output was whole' "$whole" 25

# Two at once: one of them may be told that the other is at work.
site twice
for i in $(seq 200); do echo "$i" >"static/f$i.txt"; done
for i in $(seq 10); do
	echo "$i" >static/round.txt
	"$LOWTIDE" build -q --fast >"$TMP/one" 2>&1 &
	one=$!
	"$LOWTIDE" build -q --fast >"$TMP/two" 2>&1
	two=$?
	wait $one
	one=$?
	case "$one $two" in
	'0 0' | '0 74' | '74 0') ;;
	*) odd+="$one $two $(cat "$TMP/one" "$TMP/two")" ;;
	esac
	grep -hv 'output-busy: ' "$TMP/one" "$TMP/two" >"$TMP/other" &&
		odd+=$(cat "$TMP/other")
	"$LOWTIDE" verify -q dist >"$TMP/said" 2>&1 || odd+=$(cat "$TMP/said")
	is "round $i: the newest is in place" "$(cat dist/www/round.txt)" "$i"
done
is 'two builds at once: nothing odd' "$odd" ''
done_testing
