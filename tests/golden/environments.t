#!/usr/bin/env bash
# Two environments of one site differ only in files that the manifest marks with
# "env": true, whichever tables they lay over the site.
. tests/lib.sh
site=$TMP/site
mkdir -p "$site"/{env,pages,assets,static/v,catalogue}
cd "$site" || exit 1
cat >site.toml <<'T'
name = "acme"
[catalogue.plans]
[openapi]
[dotenv.app]
file = "app.env"
groups = [{ X = "public.x" }]
[dotenv.login]
file = "login.env"
script = "login.js"
groups = [{ ID = "oauth.cognito.client_id", URL = "base_url" }]
[oauth]
clients = true
[oauth.cognito]
kind = "cognito"
domain = "https://login.acme.example"
issuer = "https://cognito-idp.eu-west-2.amazonaws.com/eu-west-2_AbC123"
T
cat >api.toml <<'T'
auth = "none"
[upstream.ledger]
base = "https://ledger.acme.example"
[api.return]
upstream = "ledger"
on_lost = "fail"
T
cat >env/base.toml <<'T'
[public]
x = "base"
[oauth.cognito]
client_id = "of-base"
T
cat >env/one.toml <<'T'
base_url = "https://one.example"
api_url = "https://api.one.example"
keep = 3
[site]
urls = "folder"
not_found = "static.html"
[redirects]
"/old" = "/two"
[cache]
immutable = ["static/v/**"]
[openapi]
title = "One"
[oauth.cognito]
client_id = "of-one"
domain = "https://login.one.example"
[server]
kinds = ["apache", "lighttpd"]
[public]
x = "one"
T
cat >env/two.toml <<'T'
base_url = "https://two.example"
origins = ["https://other.example"]
[site]
urls = "both"
fallback = "two.html"
[oauth.cognito]
client_id = "of-two"
[upstream.ledger]
base = "https://ledger.two.example"
[api.more]
upstream = "ledger"
on_lost = "fail"
T
cat >env/three.toml <<'T'
base_url = "https://three.example"
[site]
urls = "file"
[public]
x = "three"
T
echo 'version = "1.2.0"' >catalogue/plans.toml
cat >pages/index.html <<'T'
<link rel=stylesheet href=/assets/a.css>
<script type=module src="/oauth.mjs"></script>
<script type=module src="/assets/a.mjs"></script>
T
echo '<p>{{public.x}} {{site.base_url}}' >pages/two.mustache
echo '<p>{{site.name}}' >pages/same.mustache
echo '<p>a file' >pages/static.html
echo '<link rel=stylesheet href=/assets/a.css>' >pages/styled.html
echo 'p { margin: 0 }' >assets/a.css
echo 'import "/oauth.mjs"; import "./b.mjs";' >assets/a.mjs
echo 'export {}' >assets/b.mjs
echo one >static/robots.txt
echo v >static/v/x.bin

for env in one two three; do
	ok "$env builds" "$LOWTIDE" build -q --fast --env "$env" \
		--out "$TMP/$env"
done
cat >"$TMP/compare.mjs" <<'T'
import {readFileSync} from 'node:fs';
const [a, b] = process.argv.slice(2).map(dir => new Map(JSON.parse(readFileSync(
	`${dir}/www/manifest.json`)).files.map(f => [f.path, f])));
for (const path of [...new Set([...a.keys(), ...b.keys()])].sort()) {
	const of = [a.get(path), b.get(path)];
	if (of[0]?.sha256 !== of[1]?.sha256 && !of.some(f => f?.env))
		console.log(path);
}
T
differing() { # ENV ENV
	node "$TMP/compare.mjs" "$TMP/$1" "$TMP/$2"
}
for pair in 'one two' 'one three' 'two three'; do
	# shellcheck disable=SC2086
	is "$pair: what differs is marked" "$(differing $pair)" ''
done
unmarked() { # PATH
	node -p 'JSON.parse(fs.readFileSync(process.argv[1])).files.find(
		(f) => f.path === process.argv[2]).env' \
		"$TMP/three/www/manifest.json" "$1"
}
for path in robots.txt v/x.bin 404.html plans.json \
	plans-v1.2.0.json problems/not-found.html; do
	is "$path is not marked without need" "$(unmarked "$path")" false
done
done_testing
