#!/usr/bin/env bash
# `lowtide build` where a call on its files fails, at every place where one can:
# the output is the old one or the new one, whole, the run says what failed, and
# the next run makes good. FAULTS=all: every place, for each way to fail;
# otherwise about FAULTS of them, drawn by SEED.
. tests/lib.sh
. tests/fault/shim.sh
FAULTS=${FAULTS:-10}
RANDOM=${SEED:-7}
calls=write,sync,folder-sync,truncate,create,rename,link,mkdir,open,time,read
shim=$PWD/build/tests/shim.so

site=$TMP/site
mkdir -p "$site"/{env,pages/sub,assets,static/deep/er,handlers,catalogue}
printf 'name = "fault"\n[catalogue.c]\n' >"$site/site.toml"
echo 'base_url = "https://x.example"' >"$site/env/base.toml"
echo 'version = "1.0.0"' >"$site/catalogue/c.toml"
echo '<link rel=stylesheet href=/assets/a.css>' >"$site/pages/index.html"
echo '<p>same' >"$site/pages/sub/same.html"
echo 'p { color: red }' >"$site/assets/a.css"
echo 'one' >"$site/static/deep/er/changes.txt"
head -c 100000 /dev/zero | tr '\0' a >"$site/static/big.txt"
echo '#!/bin/sh' >"$site/handlers/run"

build() { # ARGUMENT…
	timeout 60 "$LOWTIDE" build -q -j 1 --fast -C "$site" "$@"
}
listing() { # DIR
	(cd "$1" && find . -type f -printf '%p %m\n' -exec sha256sum {} + | sort)
}
rules=0
with_fault() { # RULE ARGUMENT…: status of the build; what it said in $said
	local rule=$1
	shift
	rm -rf "$TMP/state"
	mkdir "$TMP/state"
	said=$(FAULT_PLAN=$rule FAULT_STATE=$TMP/state FAULT_LOG=$TMP/log \
		LD_PRELOAD=$shim build "$@" 2>&1)
	local status=$?
	rules=$((rules + 1))
	return "$status"
}

build || exit 1
cp -a "$site" "$TMP/first"
old=$(listing "$site/dist")
# the second one: a file less, one more, one other, most of them the same
echo 'two' >"$site/static/deep/er/changes.txt"
printf 'b' | dd of="$site/static/big.txt" bs=1 seek=99999 conv=notrunc status=none
mkdir "$site/static/new" && echo 'new' >"$site/static/new/new.txt"
rm "$site/pages/sub/same.html"
cp -a "$site" "$TMP/second"
build || exit 1
new=$(listing "$site/dist")
rm -rf "$TMP/made" && cp -a "$site/dist" "$TMP/made"

again() { # the site as it is before the second build
	rm -rf "$site"
	cp -a "$TMP/second" "$site"
	[ "$1" = first ] && rm -rf "$site/dist"
	[ "$2" = none ] && rm -rf "$site/.lowtide-cache"
}

bad=''
complain() { # WHAT
	bad=$bad$1$'\n'
	printf '%s\n%s\n' "$1" "$said" | sed 's/^/# /'
}

# One place: the rule is whether it strikes at all.
try() { # KIND CACHE ERROR N PLAN…
	local kind=$1 cache=$2 error=$3 n=$4 plan=${5:-} status now where
	again "$kind" "$cache"
	rm -f "$TMP/log"
	with_fault "lowtide::$calls:$n:$error $plan"
	status=$?
	[ -e "$TMP/state/hit-0" ] || return 1
	where="$kind $cache $error $n: $(sed -n "/ $error\$/p" "$TMP/log" | head -1)"
	now=''
	[ ! -e "$site/dist" ] || now=$(listing "$site/dist")
	case $status in
	0) # nothing that counts: a cache, the old tree, a link that is a copy
		[ "$now" = "$new" ] || complain "said nothing: $where" ;;
	1 | 74)
		[ "$now" = "$new" ] || { [ "$kind" = first ] && [ -z "$now" ]; } ||
			{ [ "$kind" = second ] && [ "$now" = "$old" ]; } ||
			complain "half: $where"
		[ -n "$said" ] || complain "no word: $where" ;;
	*) complain "status $status: $where" ;;
	esac
	if [ "$now" = "$old" ] || [ "$now" = "$new" ]; then
		"$LOWTIDE" verify "$site/dist" >/dev/null 2>&1 ||
			complain "does not verify: $where"
	fi
	build >/dev/null 2>&1 || complain "not again: $where"
	[ "$(listing "$site/dist")" = "$new" ] || complain "not mended: $where"
	[ "$(find "$site" -maxdepth 1 -name '.dist.*')" = '' ] ||
		complain "left behind: $where"
	return 0
}

# How many places there are, from a run in which every call is only seen.
count() { # KIND CACHE PLAN…
	again "$1" "$2"
	rm -f "$TMP/log"
	with_fault "lowtide::$calls:0:see ${3:-}"
	grep -c ' see$' "$TMP/log"
}

campaign() { # KIND CACHE ERROR [PLAN]
	local n places step=1 done=0
	places=$(count "$1" "$2" "${4:-}")
	[ "$FAULTS" = all ] || step=$(((places + FAULTS - 1) / FAULTS))
	bad=''
	for ((n = 1 + RANDOM % step; n <= places; n += step)); do
		try "$1" "$2" "$3" "$n" "${4:-}" || break
		done=$((done + 1))
	done
	is "$1, cache $2, $3: $done of $places places" "$bad" ''
	[ "$done" -gt 3 ] || result 1 "there were places to fail at"
}

campaign second there EIO
campaign second none ENOSPC
campaign first none EIO
[ "$FAULTS" != all ] || campaign second there ENOSPC
[ "$FAULTS" != all ] || campaign first none ENOSPC

# What is exchanged has been synced, and then the exchange is.
again second none
rm -f "$TMP/log"
with_fault 'lowtide:site:write,sync,folder-sync,rename:0:see' --cache none
is 'written, synced, exchanged, synced: in that order' \
	"$(awk '{ print $3 }' "$TMP/log" | uniq | paste -sd ' ')" \
	'write syncfs renameat2 fsync'

# Where nothing can be linked, what stays the same is copied; a copy that cannot
# be read ends the run. (The first read of the previous file compares it.)
no_link=lowtide::link:1:EIO+
campaign second there EIO "$no_link"
again second there
with_fault "$no_link"
is 'without links: status' $? 0
is 'without links: the output' "$(listing "$site/dist")" "$new"
again second there
with_fault "lowtide:dist/server/handlers/run:read:2:EIO+ $no_link"
is 'a copy that cannot be read: status' $? 74
is 'a copy that cannot be read: the output' "$(listing "$site/dist")" "$old"

# Where two folders cannot be exchanged, two renames do; in between there is a
# journal, which the next run reads.
no_exchange='lowtide:dist:rename:1:EINVAL'
again second there
with_fault "$no_exchange"
is 'without an exchange: status' $? 0
is 'without an exchange: the output' "$(listing "$site/dist")" "$new"
is 'without an exchange: nothing is left' \
	"$(find "$site" -maxdepth 1 -name '.dist.*')" ''
for n in 2 3; do
	again second there
	with_fault "lowtide:dist:rename:$n:EIO $no_exchange"
	is "rename $n of 3 fails: status" $? 74
	is "rename $n of 3 fails: the output" "$(listing "$site/dist")" "$old"
	for when in before after; do
		again second there
		with_fault "lowtide:dist:rename:$n:kill-$when $no_exchange" \
			>/dev/null 2>&1
		is "killed $when rename $n of 3" $? 137
		# whatever stands there, one of the two is whole
		now=''
		for dir in "$site/dist" "$site/.dist.lowtide-old"; do
			[ ! -e "$dir" ] || now="$now $(listing "$dir")"
		done
		[ "${now#*"$old"}" != "$now" ] || [ "${now#*"$new"}" != "$now" ]
		result $? "killed $when rename $n of 3: nothing is lost"
		ok "killed $when rename $n of 3: it goes on" build
		is "killed $when rename $n of 3: the output" \
			"$(listing "$site/dist")" "$new"
		is "killed $when rename $n of 3: nothing is left" \
			"$(find "$site" -maxdepth 1 -name '.dist.*')" ''
	done
done
done_testing
