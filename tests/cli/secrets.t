#!/usr/bin/env bash
# Nothing secret leaves: each way out is tried, with values and with shapes;
# the finding names the place and the key, and nothing shows the value.
. tests/lib.sh
site=$TMP/site
out=$TMP/dist
value='zX9/k&"Wq2-mT7'
export THE_SECRET=$value
unset NOT_SET_ANYWHERE

fresh() { # a small site with a secret it does not need
	rm -rf "$site"
	mkdir -p "$site"/{env,pages/auth,assets,static,catalogue}
	cat >"$site/site.toml" <<-'EOS'
		name = "secrets"
		[catalogue.plans]
		[public]
		title = "Plans"
		[oauth.idp]
		kind = "cognito"
		domain = "https://login.acme.example"
		issuer = "https://cognito-idp.eu-west-2.amazonaws.com/eu-west-2_AbC123"
		client_id = "abc0client"
		client_secret = { env = "THE_SECRET" }
	EOS
	echo 'version = "1.0.0"' >"$site/catalogue/plans.toml"
	echo '<h1>{{public.title}}</h1>' >"$site/pages/index.mustache"
	echo 'body { margin: 0 }' >"$site/assets/app.css"
	echo '<h1>Signed in</h1>' >"$site/pages/auth/callback.html"
}
build() {
	"$LOWTIDE" build -q -C "$site" --out "$out" "$@" 2>&1
}
check() {
	"$LOWTIDE" check -q -C "$site" 2>&1
}
listing() {
	(cd "$out" && find . -type f -exec sha256sum {} + | sort | sha256sum)
}

fresh
is "a secret that nothing publishes is no trouble" "$(build)" ""
ok "nor is one that is not set" env -u THE_SECRET "$LOWTIDE" check -q -C "$site"
before=$(listing)

# --- of a provider's secret browsers get not even what it is called ---------
cat >>"$site/site.toml" <<-'EOS'
	[oauth.idp.variant.test]
	client_secret = { file = "/etc/the-test-secret" }
	[oauth.open]
	kind = "cognito"
	domain = "https://open.acme.example"
	client_id = "open0client"
	redirect_path = "/auth/open.html"
	[oauth]
	clients = true
	tokens = true
	[dotenv.app]
	file = "app.env"
	script = "env.js"
	[[dotenv.app.groups]]
	ID = "oauth.idp.client_id"
EOS
cp "$site/pages/auth/callback.html" "$site/pages/auth/open.html"
"$LOWTIDE" build -q --fast -C "$site" --out "$TMP/all" 2>/dev/null
is "all that is made of providers is there" "$(cd "$TMP/all/www" &&
	echo oauth*.mjs *.js oauth*.json *.env | sed -E 's/\.[0-9a-f]{10}\././g')" \
	"oauth-tokens.mjs oauth.mjs env.js oauth-clients.json app.env"
is "the secret is in none of it" "$(grep -rlE \
	'client_secret|clientSecret|THE_SECRET|the-test-secret' "$TMP/all/www")" ""
fresh

refused() { # NAME REGEX [ARGUMENT…]: and check says the same
	local name=$1 regex=$2 said status
	shift 2
	said=$(build "$@")
	status=$?
	is "$name: refused" "$status" 1
	like "$name: said" "$said" "$regex"
	unlike "$name: the value is not shown" "$said" \
		'zX9|k&|Wq2|4eC39|Q4J7R|k3Zq8|MIIE'
	is "$name: check says the same" \
		"$("$LOWTIDE" check -q -C "$site" "$@" 2>&1)" "$said"
	is "$name: the output stays" "$(listing)" "$before"
}

# --- values, wherever they may stand ------------------------------------------
key='the value of `oauth\.idp\.client_secret`'
fresh
printf 'one\ntwo %s\n' "$value" >"$site/static/notes.txt"
refused "a static file" "^$site/static/notes\.txt:2:5: secret-in-output: $key"
fresh
printf 'const s = "%s";' "$(printf %s "x:$value" | base64)" >"$site/assets/app.js"
refused "base64 in an asset" "^$site/assets/app\.js:1:[0-9]+: secret-in-output: $key"
fresh
printf '<a href="/?k=%s">x</a>' 'zX9%2Fk%26%22Wq2-mT7' >"$site/pages/a.html"
refused "a URL in a page" "^$site/pages/a\.html:1:14: secret-in-output: $key"
fresh
printf 'title = "%s"\nversion = "1.0.0"\n' 'zX9/k&\"Wq2-mT7' >"$site/catalogue/plans.toml"
refused "a catalogue" "^$site/catalogue/plans\.toml:1:[0-9]+: secret-in-output: $key"
fresh
cat >"$site/env/base.toml" <<-'EOS'
	[public]
	hint = { env = "THE_SECRET" }
EOS
echo '<p>{{public.hint}}' >"$site/pages/index.mustache"
refused "a page that was given it" "^$site/pages/index\.mustache: secret-in-output: $key"
fresh
echo x >"$site/static/$(printf %s "$value" | base64).txt"
refused "the name of a file" "^secret-in-output: $key would be published in the name"
fresh
cat >"$site/api.toml" <<-'EOS'
	auth = "none"
	[upstream.u]
	base = "https://u.example.org"
	headers = { x-key = { env = "THE_SECRET" } }
	[api.a]
	upstream = "u"
	on_lost = "fail"
EOS
refused "the endpoint's configuration" "server/lowtide\.json:[0-9]+:[0-9]+: secret-in-output: $key"
fresh
cat >"$site/api.toml" <<-'EOS'
	auth = "none"
	[upstream.u]
	base = "https://u.example.org"
	headers = { Authorization = { env = "THE_TOKEN" } }
	[api.a]
	upstream = "u"
	on_lost = "fail"
EOS
export THE_TOKEN="Bearer k3Zq8Wm2Vb7Nc1"
is "a credential of an upstream's may be in the endpoint's configuration" \
	"$(check)" ""
for json in "" --json; do
	said=$("$LOWTIDE" check -C "$site" --print $json 2>&1)
	unlike "check --print $json does not show it" "$said" k3Zq8
	like "but that it is there" "$said" '\(not shown\)'
done
echo k3Zq8Wm2Vb7Nc1 >"$site/static/x.txt"
refused "and nowhere else" \
	'/static/x\.txt:1:1: secret-in-output: the value of `upstream\.u\.headers\.Authorization`'
fresh
head -c 65530 /dev/zero | tr '\0' ' ' >"$site/static/big.bin"
printf %s "$value" >>"$site/static/big.bin"
head -c 300000 /dev/urandom >>"$site/static/big.bin"
refused "across the pieces of a large file" "^$site/static/big\.bin:1:65531: secret-in-output: $key"
fresh
for i in 1 2 3; do echo "$value" >"$site/static/$i.txt"; done
is "each file is named" "$(build | grep -c secret-in-output)" 3

# --- a secret that was not known the last time ---------------------------------
fresh
echo "$value" >"$site/static/x.txt"
echo "other-value" >"$site/pages/y.html"
ok "what is no secret yet is published" env -u THE_SECRET "$LOWTIDE" build -q \
	-C "$site" --out "$out"
before=$(listing)
refused "once it is one, a file that did not change is found" \
	"^$site/static/x\.txt:1:1: secret-in-output: $key"
export THE_SECRET=other-value
refused "and with another value another one" \
	"^$site/pages/y\.html:1:1: secret-in-output: $key"
export THE_SECRET=$value

# --- what people call things ---------------------------------------------------
for name in secret token password private-key; do
	fresh
	sed -i '1a base_url = "https://www.acme.example"' "$site/site.toml"
	cp "$site"/pages/auth/{callback,$name}.html
	cp "$site"/pages/auth/{callback,idp-$name}.html
	cat >>"$site/site.toml" <<-EOS
		[oauth]
		clients = true
		tokens = true
		[oauth.$name]
		kind = "cognito"
		domain = "https://$name.acme.example"
		issuer = "https://issuer.acme.example/$name"
		client_id = "client-of-$name"
		redirect_path = "/auth/$name.html"
		[oauth.idp.variant.$name]
		client_id = "variant-$name"
		redirect_path = "/auth/idp-$name.html"
		[dotenv.$name]
		file = "$name.env"
		groups = [{ CLIENT_ID = "oauth.$name.client_id" }]
	EOS
	cat >"$site/api.toml" <<-EOS
		auth = "none"
		[upstream.$name]
		base = "https://$name.acme.example"
		[api.$name]
		upstream = "$name"
		on_lost = "fail"
	EOS
	is "a provider, a variant and an API may be called $name" "$(build)" ""
	ok "its client is published" grep -q "client-of-$name" \
		"$out/www/oauth-clients.json" "$out/www/$name.env"
	before=$(listing)
	echo "$value" >"$site/static/x.txt"
	refused "what is secret is found all the same" "$key"
	rm -r "$out"
	fresh
	build >"$TMP/said"
	before=$(listing)
done
fresh
cat >>"$site/site.toml" <<-'EOS'
	[dotenv.app]
	file = "app.env"
	groups = [{ SECRET_BASE_URI = "oauth.idp.base_uri" }]
EOS
refused "a key of such a file is a word of its readers" \
	'site\.toml:[0-9]+:13: secret-present: `SECRET_BASE_URI` is named after a secret, .*rename'

# --- shapes -------------------------------------------------------------------
shape() { # NAME TEXT REGEX
	fresh
	printf '%s\n' "$2" >"$site/static/x.txt"
	refused "$1" "^$site/static/x\.txt:1:1: secret-in-output: $3"
}
shape "a PEM block" "-----BEGIN RSA PRIVATE"" KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7" 'a private key \(PEM\)'
shape "a live key" "sk_""live_4eC39HqLyjWDarjtT1zdp7dc" 'a live secret key'
shape "a webhook's secret" "whsec""_4eC39HqLyjWDarjtT1zdp7dc" 'a webhook'
shape "an access key" "AKIA""Q4J7RZ2MNB5XLWTD" 'an AWS access key'
shape "the ARN of a secret" \
	"arn:aws:secretsmanager"":eu-west-2:418295713066:secret:prod/x" 'the ARN'
shape "a token" "ghp""_k3Zq8Wm2Vb7Nc1Xy5Tr9Lp4Gd6Hs0Jf2Ae8u" 'a GitHub token'
fresh
cat >"$site/static/manual.txt" <<-'EOS'
	Keys begin with sk_live_ and whsec_; an ARN with arn:aws:secretsmanager:.
	AKIAIOSFODNN7EXAMPLE is an example, -----BEGIN PRIVATE KEY----- a header.
	-----BEGIN CERTIFICATE-----
	MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7
EOS
is "a manual may mention them" "$("$LOWTIDE" check -q -C "$site" 2>&1)" ""

# --- what pages see -------------------------------------------------------------
for root in oauth.idp.client_id oauth.idp.client_secret sign.key upstream.u.base \
	api.a.upstream server.kinds serve.run env.HOME keep name base_url \
	origins THE_SECRET; do
	fresh
	echo "<p>{{$root}}" >"$site/pages/index.mustache"
	refused "a page that names $root" \
		'pages/index\.mustache:1:4: (unknown-name|not-public): '
done
for root in site.name public.title catalogue.plans.version page.path; do
	fresh
	echo "<p>{{$root}}" >"$site/pages/index.mustache"
	is "one that names $root is fine" \
		"$("$LOWTIDE" check -q -C "$site" 2>&1)" ""
done

# --- [public] ---------------------------------------------------------------------
fresh
refused "a secret's name under [public]" '--set public\.client_secret: secret-present: ' \
	--set public.client_secret=x
refused "a secret's shape under [public]" '--set public\.x: secret-present: ' \
	--set public.x=sk_live_4eC39
refused "the value itself" "^$site/pages/index\.mustache: secret-in-output: $key" \
	--set "public.title=$value"
done_testing
