#!/usr/bin/env bash
# Who may include what: lib nothing of ours but lib; generator and cgi never
# each other; each third-party header one .c (sodium.h: where keys are used).
. tests/lib.sh

ours() { # DIR: what of ours its files include, as "file: included"
	git ls-files "$1" | grep -E '\.(c|h|cc)$' |
		xargs grep -HoE '^#\s*include "[^"]+"' | sed 's/#\s*include "//; s/"$//'
}
breaks() { # DIR ALLOWED-REGEX: the lines that are not allowed
	ours "$1" | grep -vE ":($2)" || true
}
is "lib includes lib only" "$(breaks lib 'lib/')" ""
is "generator includes lib and generator" \
	"$(breaks generator 'lib/|generator/')" ""
is "cgi includes lib and cgi" "$(breaks cgi 'lib/|cgi/')" ""

users() { # HEADER: how many of our sources include it
	git ls-files lib generator cgi | grep -E '\.(c|h|cc)$' |
		xargs grep -lE "^#\s*include <$1>" | tr '\n' ' '
}
one() { # HEADER FILE
	is "$1 is included by $2 alone" "$(users "$1")" "$2 "
}
one fcgiapp.h cgi/fcgi/parse.c
# what of upstream_curl is in which of its files is nobody else's business
one 'curl/curl.h' cgi/upstream/curl-parts.h
is "and that by nobody but upstream_curl" "$(git grep -lE \
	'^#\s*include "cgi/upstream/curl-parts.h"' |
	grep -vE '^cgi/upstream/curl(-[a-z]+)?\.c$')" ""
one 'toml\+\+/toml.h|toml\+\+.h' generator/toml.cc
is "jansson is an oracle of the tests only" "$(users jansson.h)" ""
one sqlite3.h cgi/store/db.c
one 'cjose/[a-z]+.h' cgi/signature.c
one seccomp.h cgi/sandbox-calls.c
one linux/landlock.h cgi/sandbox-files.c
for header in libdeflate.h brotli/encode.h brotli/decode.h zstd.h; do
	one "$header" generator/encode.c
done
one nettle/sha2.h generator/hash.c
is "sodium.h is included where something is hashed or sealed" \
	"$(users sodium.h)" "$(printf '%s ' \
		cgi/{bearer-cache,ids,jwks-file,keys}.c \
		cgi/read/{plan-key,read-answer}.c cgi/seal.c \
		generator/{hash,memo-file,minisign}.c)"
is "no header includes sodium.h" "$(users sodium.h | tr ' ' '\n' |
	grep '\.h$')" ""
done_testing
