#!/usr/bin/env bash
# Golden sites. Each folder here is one:
#
#   NAME/       a site that builds; expect/ is the whole output, but what
#               leave-out names (patterns below the output folder); said.txt
#               are the warnings, if there are any
#   bad-NAME/   one that does not; expect.txt is what is said. It ends with 1
#               and the output of an earlier run stays as it was
#
# `args` holds more arguments. LOWTIDE_UPDATE=1 rewrites the expectations; then
# read the difference before you commit it.
. tests/lib.sh
export GOLDEN_WORD=word GOLDEN_BYTES=$'caf\xe9'
unset NOT_SET_ANYWHERE

arguments() { # CASE
	[ ! -e "$1/args" ] || cat "$1/args"
}

listing() { # DIR: names, modes and bytes of all that is below
	(cd "$1" && find . -type f -printf '%p %m\n' -exec sha256sum {} + |
		sort)
}

"$LOWTIDE" build -q --fast -C tests/golden/smallest --out "$TMP/before" ||
	exit 1
before=$(listing "$TMP/before")

build_good() { # CASE
	local name=${1##*/}
	cp -a "$1" "$TMP/$name"
	# shellcheck disable=SC2046
	ok "$name builds" "$LOWTIDE" build -q --fast -C "$TMP/$name" \
		--out "$TMP/out-$name" $(arguments "$1") || return
	local out=$TMP/out-$name said
	# shellcheck disable=SC2046
	said=$(cd "$TMP/$name" &&
		"$LOWTIDE" check -q $(arguments "$OLDPWD/$1") 2>&1)
	if [ -n "${LOWTIDE_UPDATE:-}" ]; then
		rm -f "$1/said.txt"
		[ -z "$said" ] || printf '%s\n' "$said" >"$1/said.txt"
	fi
	is "$name says so much" "$said" "$(cat "$1/said.txt" 2>/dev/null)"
	if [ -e "$1/leave-out" ]; then
		while read -r pattern; do
			# shellcheck disable=SC2086
			(cd "$out" && rm -rf $pattern)
		done <"$1/leave-out"
	fi
	find "$out" -type d -empty -delete
	if [ -n "${LOWTIDE_UPDATE:-}" ]; then
		rm -rf "$1/expect"
		cp -r "$out" "$1/expect"
	fi
	ok "$name is what was expected" diff -r "$1/expect" "$out"
}

build_bad() { # CASE
	local name=${1##*/} said status
	cp -a "$1" "$TMP/$name"
	cp -a "$TMP/before" "$TMP/dist-$name"
	# shellcheck disable=SC2046
	said=$(cd "$TMP/$name" && "$LOWTIDE" build -q --fast --out "../dist-$name" \
		$(arguments "$OLDPWD/$1") 2>&1)
	status=$?
	is "$name ends with 1" "$status" 1
	is "$name leaves the output as it was" \
		"$(listing "$TMP/dist-$name")" "$before"
	[ -z "${LOWTIDE_UPDATE:-}" ] || printf '%s\n' "$said" >"$1/expect.txt"
	is "$name says what is wrong" "$said" "$(cat "$1/expect.txt")"
	is "$name: check says the same" "$(cd "$TMP/$name" &&
		"$LOWTIDE" check -q $(arguments "$OLDPWD/$1") 2>&1)" "$said"
}

for case in tests/golden/*/; do
	case=${case%/}
	case ${case##*/} in
	bad-*) build_bad "$case" ;;
	*) build_good "$case" ;;
	esac
done

# Every finding that has a name is in one of them, or in the tests named here.
elsewhere() { # NAME
	case $1 in
	io-error | output-busy | output-not-ours | left-behind) grep -q "$1" tests/unit/test-out.c ;;
	catalogue-version-reused | catalogue-version-backwards | catalogue-gone)
		grep -q "$1: " tests/unit/test-catalogue-guard.c ;;
	secret-in-output) grep -q "$1" tests/cli/secrets.t ;;
	sign-key | sign-key-mode | sign-without-date) grep -q "$1: " tests/cli/keygen.t ;;
	helper-not-running) grep -q "$1: " tests/unit/test-run-reference.c ;;
	base-has-query) grep -q "$1: " tests/unit/test-oauth-redirect.c ;;
	redirect-moved | redirect-elsewhere) grep -q "$1: " tests/unit/test-oauth-pages.c ;;
	missing-reference) grep -q "$1: " tests/unit/test-server-hosts.c ;;
	toml-too-large) grep -q "$1" tests/unit/test-toml.c ;;
	openapi-without-api) grep -q "$1" tests/unit/test-openapi.c ;;
	too-many-apis) grep -q "$1" tests/golden/broken.t ;;
	template-missing) ;; # the built-in ones are there
	*) return 1 ;;
	esac
}
while read -r name; do
	grep -hqE "(^|: )$name: " tests/golden/bad-*/expect.txt || elsewhere "$name"
	result $? "the finding $name has its case"
done < <(cat generator/{toml.cc,dotenv{,-groups,-values,-provider}.c,classic.c,oauth-clients.c,published.c,key-value.c,keys-check.c,site.c,catalogue.c} \
	generator/{canon.c,out.c,out-commit.c,api.c,api-one.c,api-secret.c,api-exec.c,api-body.c,exchange.c,api-make.c,api-check.c,api-auth.c,api-rules.c} \
	generator/{api-own,api-upstream,openapi,read*,run-reference,server-redirects,server-pages}.c \
	generator/{page-oauth,provider-{logout,name,page,redirect,shared,variant}}.c \
	generator/{api-template.c,template.c,secrets.c,oauth-pages.c,scan.c,sign.c,schema.c,schema-check.c,schema-cross.c,catalogue-guard.c} | tr -s '\n\t ' ' ' |
	grep -oE '(diag_(error|warn)|provider_refuse)\([^"]*"[a-z]+(-[a-z]+)+"' |
	grep -oE '[a-z]+(-[a-z]+)+"' | tr -d '"' | sort -u)

# Each refusal of a provider has a case, most of them a folder of their name.
while read -r name; do
	case $name in
	unknown-kind) grep -q "$name" tests/unit/test-oauth-endpoints.c ;;
	wrong-type | bad-value) grep -q "$name" tests/unit/test-oauth-refusals.c ;;
	*) grep -hqs ": $name: " tests/golden/bad-oauth-*/expect.txt ;;
	esac
	result $? "the refusal $name has its case"
done < <(cat generator/provider*.c | tr -s '\n\t ' ' ' |
	grep -oE '"[a-z]+(-[a-z]+)+"' | tr -d '"' | sort -u)

done_testing
