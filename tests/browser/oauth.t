#!/usr/bin/env bash
# Sign-in in a real browser: under `lowtide serve` with the policy it writes,
# and on a server of the test's own with the strictest there is (oauth.mjs).
. tests/lib.sh
site=$TMP/site
mkdir -p "$site/pages" "$site/assets" "$site/env"
cp tests/browser/oauth-op.mjs "$site"
cat >"$site/site.toml" <<'END'
name = "t"
[oauth]
tokens = true
[oauth.op]
client_id = "it's+me/="
redirect_path = "/back.html"
allow_params = ["answer", "page"]
[oauth.insists]
client_id = "abc"
redirect_path = "/insists.html"
iss = "required"
[oauth.other]
client_id = "abc"
redirect_path = "/other.html"
allow_params = ["answer"]
[oauth.query]
client_id = "abc"
redirect_path = "/query.html?own=1&two=%20"
allow_params = ["answer"]
[oauth.public]
nonce = false # no OpenID
scopes = ["read:user"]
client_id = "abc"
redirect_path = "/tokens.html"
allow_params = ["answer"]
END
providers() { # WHERE: what depends on where the provider is
	cat <<END
[oauth.op]
authorization_endpoint = "$1/authorize?own=%7e+x"
issuer = "https://op.example"
logout = { endpoint = "$1/out?own=%7e+x", return_path = "/index.html" }
[oauth.insists]
authorization_endpoint = "$1/authorize"
issuer = "https://op.example"
[oauth.other]
authorization_endpoint = "$1/authorize"
[oauth.query]
authorization_endpoint = "$1/authorize"
[oauth.public]
authorization_endpoint = "$1/authorize"
token_endpoint = "$1/token"
END
}
providers '{run.op.url}' >"$site/env/dev.toml"
cat >>"$site/env/dev.toml" <<'END'
[serve.run.op]
command = ["node", "oauth-op.mjs"]
END
page() { # NAME SCRIPT
	cat >"$site/pages/$1.html" <<END
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>$1</title>
<button id="op">Sign in</button>
<script type="module" src="/assets/$2.mjs"></script>
</html>
END
}
page index home
page back back
page other back
page insists back
page query back
page tokens back
cat >"$site/assets/home.mjs" <<'END'
import * as oauth from '/oauth.mjs';
globalThis.oauth = oauth;
globalThis.shown = [];
addEventListener('pageshow', (e) => shown.push(e.persisted));
document.querySelector('#op').addEventListener('click', () =>
	oauth.go('op', {returnTo: '/index.html?x=1#y', params: {answer:
		'code=c0de&state={state}&iss=https%3A%2F%2Fop.example'}}));
END
cat >"$site/assets/back.mjs" <<'END'
import * as oauth from '/oauth.mjs';
import {exchange} from '/oauth-tokens.mjs';
Object.assign(globalThis, {oauth, exchange});
try {
	globalThis.result = oauth.finish();
} catch ({name, code, message}) {
	globalThis.failed = {name, code, message};
}
/* what is fetched from now on tells of this page's address */
const late = document.createElement('link');
late.rel = 'modulepreload';
late.href = '/assets/late.mjs';
late.onload = () => {
	globalThis.ended = true;
};
document.head.append(late);
END
echo 'export {};' >"$site/assets/late.mjs"
# what the strictest policy stops; nothing of it runs anywhere else
page policy policy
cat >"$site/assets/policy.mjs" <<'END'
globalThis.tried = [
	() => (0, eval)('1'),
	() => Function(''),
	() => trustedTypes.createPolicy('x', {}),
	() => {
		document.body.innerHTML = '<p>';
	},
	() => {
		document.createElement('script').src = '/x.mjs';
	},
	() => {
		const inline = document.createElement('script');
		inline.append('globalThis.ran = true');
		document.head.append(inline);
		if (!globalThis.ran)
			throw Error();
	},
].map((run) => {
	try {
		run();
		return 'done';
	} catch ({name}) {
		return name;
	}
});
END
export LOWTIDE TMP
"$LOWTIDE" serve -C "$site" --env dev --port "$(free_port)" -- \
	node "$PWD/tests/browser/oauth.mjs" 2>"$TMP/err"
status=$?
[ "$status" -eq 0 ] || sed 's/^/# serve: /' "$TMP/err" | tail -60
exit $status
