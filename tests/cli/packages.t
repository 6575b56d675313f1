#!/usr/bin/env bash
# .ci/packages against an apt that only writes down what it is asked: what is
# there is left alone, and no service may start while apt runs.
. tests/lib.sh

mkdir "$TMP/bin"
for tool in sh env id sed grep wc fold tr mktemp rm tee chmod cat tail echo; do
	ln -s "$(command -v $tool)" "$TMP/bin/$tool"
done
stub() { # NAME: a program from stdin
	{ echo '#!/bin/sh'; cat; } >"$TMP/bin/$1"
	chmod +x "$TMP/bin/$1"
}
stub sudo <<'S'
exec "$@"
S
stub dpkg-query <<'S'
for p; do
	grep -qx "$p" "$STUBS/installed" && echo 'install ok installed'
done
S
stub debconf-set-selections <<'S'
sed 's/^/debconf: /' >>"$STUBS/calls"
S
for tool in systemctl update-rc.d; do
	stub $tool <<'S'
echo "${0##*/} $*" >>"$STUBS/calls"
[ ! -e "$STUBS/no-${0##*/}" ]
S
done
stub apt-get <<'S'
case "$*" in
*' -s '*) echo "Inst libdep (1)"; echo "Inst thing (2)" ;;
*) echo "apt-get $*" >>"$STUBS/calls"
   [ -x "$LOWTIDE_SBIN/policy-rc.d" ] &&
	"$LOWTIDE_SBIN/policy-rc.d" nginx start
   echo "policy says $?" >>"$STUBS/calls"
   [ ! -e "$STUBS/fail" ] || { echo 'E: no space left'; exit 100; } ;;
esac
S
mkdir "$TMP/sbin"
export STUBS=$TMP LOWTIDE_SBIN=$TMP/sbin
packages() { PATH=$TMP/bin sh .ci/packages "$@" 2>&1; }

: >"$TMP/installed"
: >"$TMP/calls"
said=$(packages demo)
is "it succeeds" "$?" 0
like "says what is needed" "$said" 'Needed:.*libsodium-dev.*nodejs nginx'
like "says what apt adds" "$said" 'apt adds 2 packages: libdep thing'
calls=$(cat "$TMP/calls")
like "asks for nginx where there is none" "$calls" 'install .*nginx'
like "nothing recommended, nothing upgraded, nothing removed" "$calls" \
	'--no-install-recommends --no-upgrade --no-remove'
like "no service may start meanwhile" "$calls" 'policy says 101'
ok "that rule is gone afterwards" test ! -e "$LOWTIDE_SBIN/policy-rc.d"
like "nginx does not come up at the next boot" "$calls" \
	'systemctl .*disable nginx'
unlike "no provider is asked for by a demo" "$calls" glewlwyd

: >"$TMP/calls"
: >"$TMP/no-systemctl"
said=$(packages check)
calls=$(cat "$TMP/calls")
like "the tests' provider comes without a database" "$calls" \
	'install .*glewlwyd dbconfig-no-thanks'
like "which it is told before it asks" "$(head -1 "$TMP/calls")" \
	'^debconf: glewlwyd glewlwyd/config_type select No configuration$'
like "without systemd, too, none comes up at the next boot" "$calls" \
	'update-rc.d glewlwyd disable'
like "and that is said" "$said" 'glewlwyd was added; .* not enabled'

echo dbconfig-pgsql >"$TMP/installed"
: >"$TMP/calls"
packages check >/dev/null
unlike "what another package is set up with stays" "$(cat "$TMP/calls")" \
	dbconfig
echo glewlwyd >"$TMP/installed"
: >"$TMP/calls"
packages check >/dev/null
unlike "somebody's own glewlwyd is left as it is" "$(cat "$TMP/calls")" \
	'glewlwyd( |$)'
: >"$TMP/installed"
rm "$TMP/no-systemctl"

for p in nginx node; do
	printf 'exit 0\n' | stub "$p"
done
: >"$TMP/calls"
packages demo >/dev/null
unlike "an nginx that is there is not asked for" "$(cat "$TMP/calls")" nginx
unlike "nor a node that is there" "$(cat "$TMP/calls")" nodejs

printf '#!/bin/sh\nexit 42\n' >"$LOWTIDE_SBIN/policy-rc.d"
chmod +x "$LOWTIDE_SBIN/policy-rc.d"
: >"$TMP/calls"
packages build >/dev/null
like "somebody's own policy-rc.d stays" "$(cat "$TMP/calls")" 'policy says 42'
ok "also afterwards" test -e "$LOWTIDE_SBIN/policy-rc.d"
rm "$LOWTIDE_SBIN/policy-rc.d"

: >"$TMP/fail"
said=$(packages build)
is "apt that fails ends it with 74" "$?" 74
like "with apt's last words" "$said" 'no space left'
ok "and the rule is gone then, too" test ! -e "$LOWTIDE_SBIN/policy-rc.d"
rm "$TMP/fail"

sed -n "/^build=/,/'$/p" .ci/packages | tr -d "'" | sed 's/^build=//' |
	tr -s ' \t' '\n' | grep . >"$TMP/installed"
: >"$TMP/calls"
said=$(packages build)
is "nothing missing: nothing said" "$said" ''
is "and nothing asked of apt" "$(cat "$TMP/calls")" ''

packages nonsense >/dev/null
is "an unknown word is 64" "$?" 64
done_testing
