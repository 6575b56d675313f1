/*
 * A small site whose people sign in elsewhere: a page to begin on, callback
 * pages, one to come to after signing out. Its modules show
 * on the page what became of it, and hand the rest to whoever tests it:
 *
 *	globalThis.oauth, globalThis.tokens   the two modules
 *	globalThis.signIn, .got               what finish(), exchange() gave
 *	document.body.dataset.state           done | finished | the error's code
 */
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';

/* Providers are {id, page, client, issuer, authorize, token, jwks, logout}. */
export function make(folder, url, providers) {
	const write = (name, text) => {
		const file = path.join(folder, name);
		mkdirSync(path.dirname(file), {recursive: true});
		writeFileSync(file, text);
	};
	write('site.toml', `name = "openid"
base_url = "${url}"
[oauth]
tokens = true
${providers.map((p) => `
[oauth.${p.id}]
client_id = "${p.client}"
issuer = "${p.issuer}"
iss = "required"
authorization_endpoint = "${p.authorize}"
token_endpoint = "${p.token}"
jwks_uri = "${p.jwks}"
redirect_path = "/auth/${p.page}.html"
allow_params = ["prompt", "max_age", "id_token_hint"]
logout = { endpoint = "${p.logout}", style = "oidc", return_path = "/out.html" }
`).join('')}`);
	write('pages/index.html', page('home', providers.map(({id}) =>
		`<button id="${id}">Sign in</button>`).join('')));
	for (const name of new Set(providers.map((p) => p.page)))
		write(`pages/auth/${name}.html`, page('callback'));
	write('pages/out.html', page('home'));
	write('assets/home.mjs', HOME);
	write('assets/callback.mjs', CALLBACK);
}

const page = (module, body = '') => `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${module}</title>
<meta name="referrer" content="no-referrer">
<script type="module" src="/assets/${module}.mjs"></script>
<body>${body}<p id="said"></p></body></html>
`;

const HOME = `import * as oauth from '/oauth.mjs';
import * as tokens from '/oauth-tokens.mjs';
Object.assign(globalThis, {oauth, tokens});
for (const button of document.querySelectorAll('button'))
	button.onclick = () => oauth.go(button.id, {returnTo: '/?kept#here'});
document.body.dataset.state = 'ready';
`;

/* With sessionStorage.pause it stops before the code is exchanged. */
const CALLBACK = `import * as oauth from '/oauth.mjs';
import * as tokens from '/oauth-tokens.mjs';
Object.assign(globalThis, {oauth, tokens});
const show = (state, text = '') => {
	document.getElementById('said').textContent = text;
	document.body.dataset.state = state;
};
try {
	globalThis.signIn = oauth.finish();
	if (!sessionStorage.pause) {
		globalThis.got = await tokens.exchange(signIn);
		await tokens.checkIdToken(got.id_token, {...signIn,
			keys: await tokens.keys(signIn.provider)});
	}
	show(sessionStorage.pause ? 'finished' : 'done');
} catch (e) {
	show(e.code ?? e.name, e.message);
}
`;
