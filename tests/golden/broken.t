#!/usr/bin/env bash
# Broken inputs that cannot lie in a folder of the repository.
. tests/lib.sh

site() { # NAME: a fresh site folder, with an output of before
	rm -rf "${TMP:?}/$1"
	mkdir -p "$TMP/$1/env" "$TMP/$1/catalogue"
	echo 'name = "broken"' >"$TMP/$1/site.toml"
	cd "$TMP/$1" || exit 1
	"$LOWTIDE" build -q || exit 1
	before=$(state)
}

state() {
	find dist -printf '%p %m %T@ %i\n' | sort
}

fails() { # NAME STATUS REGEX [ARGUMENT…]
	local name=$1 status=$2 regex=$3 said
	shift 3
	said=$("$LOWTIDE" build -q "$@" 2>&1)
	is "$name: status" $? "$status"
	like "$name: what is said" "$said" "$regex"
	is "$name: the output of before is untouched" "$(state)" "$before"
}

site big
head -c 17000000 /dev/zero | tr '\0' '#' >env/base.toml
fails 'a file of 17 MB' 1 '^env/base.toml: file-too-large: '

site line
{
	printf 'name = "broken"\n[public]\nx = "'
	head -c 1100000 /dev/zero | tr '\0' x
	printf '"\n'
} >site.toml
fails 'a line of 1.1 MB' 1 '^site.toml:3:1: toml-too-large: '

site deep
{
	printf 'name = "broken"\nx = '
	head -c 100000 /dev/zero | tr '\0' '['
} >site.toml
fails '100,000 brackets' 1 '^site.toml:2:69: toml-too-deep: '

site many
{
	printf 'auth = "none"\n[upstream.u]\nbase = "https://u.example"\n'
	for i in $(seq 4097); do
		printf '[api.a%d]\nupstream = "u"\non_lost = "fail"\n' "$i"
	done
} >api.toml
fails '4,097 APIs' 1 '^api.toml:4:1: too-many-apis: '

site loop
ln -s base.toml env/base.toml
fails 'a link to itself' 74 '^env/base.toml: io-error: '

site folder
mkdir api.toml
fails 'a folder called api.toml' 74 '^api.toml: '

site special
mkfifo api.toml
fails 'a pipe called api.toml' 74 '^api.toml: '

site unreadable
echo '[public]' >env/base.toml
chmod 000 env/base.toml
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$TMP" && chown -R 65534 "$TMP/unreadable"
	said=$(setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$LOWTIDE" build -q 2>&1)
else
	said=$("$LOWTIDE" build -q 2>&1)
fi
is 'an unreadable file: status' $? 74
like 'an unreadable file: what is said' "$said" \
	'^env/base.toml: io-error: .*[Pp]ermission denied'
is 'an unreadable file: untouched' "$(state)" "$before"

site foreign
mkdir other && echo precious >other/thesis.txt
said=$("$LOWTIDE" build -q --out other 2>&1)
is 'a folder that is not ours: status' $? 1
like 'a folder that is not ours: what is said' "$said" \
	'^other/: output-not-ours: .*--force'
is 'a folder that is not ours: its file' "$(cat other/thesis.txt)" precious
ok 'with --force it is replaced' "$LOWTIDE" build -q --out other --force
is 'and then it is ours' "$(ls other)" "$(ls dist)"

site over
mkdir static pages
fails 'the output over the site' 1 'output-over-source: .* the site itself' \
	--force --out ../over
fails 'the output above the site' 1 'output-over-source: ' --force --out ..
fails 'the output in a source' 1 'output-over-source: .* static' \
	--force --out static/dist
fails 'the output far below a source' 1 'output-over-source: .* static' \
	--out static/not/there/yet
fails 'a cache in a source' 1 'cache-misplaced: .* static' --cache static/a/b
fails 'a cache in the output' 1 'cache-misplaced: .* dist' --cache dist/a
fails 'a cache as an output that is to come' 1 'cache-misplaced: .* new' \
	--out new --cache new/
fails 'the output as a source' 1 'output-over-source: .* pages' \
	--force --out pages
is 'the site is still there' "$(ls)" "$(printf 'catalogue\ndist\nenv\npages\nsite.toml\nstatic')"

site taken
rm -rf dist && echo text >dist
said=$("$LOWTIDE" build -q 2>&1)
is 'a file called dist: status' $? 1
like 'a file called dist: what is said' "$said" 'output-not-ours: it is no folder'
is 'a file called dist: kept' "$(cat dist)" text

site busy
mkdir .dist.lowtide-staging
exec 8<.dist.lowtide-staging
flock 8
echo '[public]' >env/base.toml && echo 'x = "y"' >>env/base.toml
echo 'version = "1.0.0"' >catalogue/c.toml
echo '[catalogue.c]' >>site.toml
fails 'two builds at once' 74 'output-busy: '
exec 8<&-

site full
echo '[public]' >>site.toml
for i in $(seq 2000); do echo "x$i = \"$i\"" >>site.toml; done
"$LOWTIDE" check -q --print >/dev/full 2>/dev/null
is 'a full disk behind --print' $? 74

cd / || exit 1
is 'a command that is none' "$("$LOWTIDE" biuld 2>&1)" \
	'unknown-command: there is no `lowtide biuld`; did you mean `build`?'
"$LOWTIDE" biuld 2>/dev/null
is 'it ends with 64' $? 64
like 'an option that is none' "$("$LOWTIDE" build --evn x 2>&1)" \
	'unknown-option: .*--env'
like 'an operand where none is' "$("$LOWTIDE" build dist 2>&1)" \
	'unknown-operand: '
"$LOWTIDE" >/dev/null 2>&1
is 'nothing at all ends with 64' $? 64
like 'the commands are listed' "$("$LOWTIDE" --help)" '^  build  '
like "a command's options are listed" "$("$LOWTIDE" check --help)" '--print'
like 'the version is told' "$("$LOWTIDE" --version)" '^lowtide [0-9]+\.[0-9]+'
done_testing
