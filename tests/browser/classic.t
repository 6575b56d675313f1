#!/usr/bin/env bash
# The classic script of a [dotenv.NAME] in a real browser, on pages without a
# module, under the strictest policy that lets scripts run (classic.mjs).
. tests/lib.sh
site=$TMP/site
mkdir -p "$site/pages" "$site/assets" "$site/env"
cat >"$site/site.toml" <<'END'
name = "t"
[public]
title = "it's </script> ü"
[oauth.login]
kind = "cognito"
client_id = "it's+me/="
redirect_path = "/login.html"
[oauth.tax]
kind = "hmrc"
client_id = "abc"
redirect_path = "/tax.html"
[oauth.tax.variant.sandbox]
kind = "hmrc"
redirect_path = "/sandbox.html"
client_id = "def"
[dotenv.app]
file = "app.env"
script = "lib/env.js"
[[dotenv.app.groups]]
TITLE = "public.title"
LOGIN_CLIENT_ID = "oauth.login.client_id"
END
cat >"$site/pages/index.html" <<'END'
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>t</title>
<button id="go">Sign in</button>
<script src="/lib/env.js"></script>
<script src="/lib/env.js"></script>
<script src="/assets/page.js"></script>
<script type="module" src="/assets/compare.mjs"></script>
</html>
END
cat >"$site/pages/back.html" <<'END'
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>back</title>
</html>
END
for page in login tax sandbox; do
	cp "$site/pages/back.html" "$site/pages/$page.html"
done
# as such pages are written: strict, global, asynchronous
cat >"$site/assets/page.js" <<'END'
'use strict';
window.envReady.then((env) => {
	window.title = env.TITLE;
});
const base64 = (bytes) => btoa(String.fromCharCode(...bytes))
	.replace(/[+/=]/g, (c) => ({'+': '-', '/': '_'})[c] || '');
document.querySelector('#go').addEventListener('click', async () => {
	const state = base64(crypto.getRandomValues(new Uint8Array(32)));
	const verifier = base64(crypto.getRandomValues(new Uint8Array(32)));
	const challenge = base64(new Uint8Array(await crypto.subtle.digest(
		'SHA-256', new TextEncoder().encode(verifier))));
	sessionStorage.setItem(`verifier.${state}`, verifier);
	location.href = window.authUrlBuilder.buildTaxAuthUrl(
		state, 'read:vat', 'Sandbox', challenge);
});
END
cat >"$site/assets/compare.mjs" <<'END'
import {url} from '/oauth.mjs';
globalThis.url = url;
END
export LOWTIDE TMP
node tests/browser/classic.mjs
