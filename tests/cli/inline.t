#!/usr/bin/env bash
# What browsers would pass over is told in each build, also of files that did
# not change since the last one; and no longer where the site is another.
. tests/lib.sh

cd "$TMP" || exit 1
mkdir -p site/{assets,pages,templates/server}
echo 'name = "t"' >site/site.toml
echo '<script>f()</script>' >site/pages/index.html
own=site/templates/server/nginx-site.conf.mustache

build() { "$LOWTIDE" build -q --fast -C site "$@" 2>&1; }

first=$(build)
like "a script in a page is told of" "$first" \
	'^site/pages/index.html:1:1: warning: inline-script: the Content-Sec'
is "and once more" "$(build)" "$first"
echo x >site/pages/other.html
is "when another page is new" "$(build)" "$first"
ok "it is an error for who says so" eval '! build --warnings=error >/dev/null'
echo "add_header Content-Security-Policy \"script-src 'unsafe-inline'\";" >"$own"
is "not where the site has a policy of its own" "$(build)" ""
rm "$own"
is "but when it has none again" "$(build)" "$first"

echo y >site/pages/index.html
echo "import 'react';" >site/assets/app.mjs
first=$(build)
like "a name that nothing says the place of is told of" "$first" \
	'^site/assets/app.mjs:1:9: warning: bare-import: no import map says wh'
is "and once more" "$(build)" "$first"
echo "client.imports.react = '/assets/react.mjs'" >>site/site.toml
echo 1 >site/assets/react.mjs
is "not when there is one" "$(build)" ""
sed -i '$d' site/site.toml
is "but when there is none again" "$(build)" "$first"
echo x >"$own"
is "not where pages may say it themselves" "$(build)" ""
rm "$own"
is "but where they may not" "$(build)" "$first"
done_testing
