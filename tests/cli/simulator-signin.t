#!/usr/bin/env node
/*
 * site/simulator-signin.mjs: the two providers that the demo signs in with, by
 * HTTP. That it is strict matters as much as that it works: what it lets pass
 * would fail only where it is real.
 */
const {spawn} = require('node:child_process');
const crypto = require('node:crypto');
const path = require('node:path');

const SITE = 'http://127.0.0.1:8080';
/* RFC 7636 Appendix B */
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const POOL = '/eu-west-2_ExAmPlE00';
const SECRETS = {COGNITO_SECRET: 'c~0', HMRC_SECRET: 'h~0',
	HMRC_SANDBOX_SECRET: 's~0'};
const cognito = {
	response_type: 'code', client_id: '4tidewaterdev0client',
	redirect_uri: `${SITE}/auth/cognito.html`,
	scope: 'openid profile email', state: 's~1', nonce: 'n-1',
	code_challenge: CHALLENGE, code_challenge_method: 'S256',
};
const hmrc = {
	response_type: 'code', client_id: 'tidewater-sandbox-client',
	redirect_uri: `${SITE}/auth/hmrc-sandbox.html`,
	scope: 'read:vat write:vat', state: 's~2',
	code_challenge: CHALLENGE, code_challenge_method: 'S256',
};

function start() {
	const child = spawn('node',
		[path.join(__dirname, '../../site/simulator.mjs')],
		{env: {...process.env, PORT: '0', ...SECRETS},
			stdio: ['ignore', 'pipe', 'inherit']});
	const base = new Promise((resolve, reject) => {
		let said = '';
		child.stdout.on('data', (some) => {
			const url = /http:\/\/\S+(?=\n)/.exec(said += some);
			if (url)
				resolve(url[0]);
		});
		child.once('exit', () => reject(new Error('it ended')));
	});
	return {base, stop: () => child.kill()};
}

(async () => {
	const {test, ok, equal, match, done, cleanup} =
		await import('../tap.mjs');
	const simulator = start();
	cleanup(simulator.stop);
	const base = await simulator.base;

	const form = (fields) => new URLSearchParams(fields);
	const get = (at, fields, more = '') =>
		fetch(`${base}${at}?${form(fields)}${more}`,
			{redirect: 'manual'});
	const post = (at, fields) => fetch(`${base}${at}`, {method: 'POST',
		body: form(fields), redirect: 'manual'});
	const query = (answer) => {
		const to = new URL(answer.headers.get('location'));
		return {at: to.origin + to.pathname,
			...Object.fromEntries(to.searchParams)};
	};
	const question = (page) => /name="question" value="([\w-]+)"/
		.exec(page)?.[1];
	/* What a person does with the page: a redirect's parameters. */
	async function press(at, fields, decision) {
		const page = await (await get(at, fields)).text();
		const answer = await post(at,
			{question: question(page), decision});
		equal(answer.status, 303);
		return query(answer);
	}
	const allow = async (more) => (await press('/oauth2/authorize',
		{...cognito, ...more}, 'allow')).code;
	const token = (code, more) => post('/oauth2/token', {
		grant_type: 'authorization_code', code,
		client_id: cognito.client_id, client_secret: 'c~0',
		redirect_uri: cognito.redirect_uri, code_verifier: VERIFIER,
		...more});
	const refused = async (answer, error) => {
		equal([answer.status, (await answer.json()).error],
			[400, error]);
	};
	const decoded = (jwt) => jwt.split('.').slice(0, 2).map((part) =>
		JSON.parse(Buffer.from(part, 'base64url')));

	for (const [at, asked, button] of [
		['/oauth2/authorize', cognito, 'Sign in as Robin'],
		['/oauth/authorize', hmrc, 'Give permission as Robin']])
		test(`${at}: a page that says what it is`, async () => {
			const answer = await get(at, asked);
			const page = await answer.text();
			equal(answer.status, 200);
			match(page, /simulated sign-in/);
			ok(page.includes(`>${button}</button>`));
			ok(page.includes('>Cancel</button>'));
			equal(page.match(/<li>/g).length,
				asked.scope.split(' ').length);
			match(answer.headers.get('content-security-policy'),
				/default-src 'none'.*form-action 'self' http:/);
			equal(answer.headers.get('cache-control'), 'no-store');
			ok(!/<script/.test(page));
		});
	test('Allow: code and state, to the registered address', async () => {
		const to = await press('/oauth2/authorize', cognito, 'allow');
		equal([to.at, to.state], [cognito.redirect_uri, 's~1']);
		match(to.code, /^[\w-]{32}$/);
		const other = await press('/oauth/authorize', hmrc, 'allow');
		equal([other.at, other.state], [hmrc.redirect_uri, 's~2']);
		ok(other.code);
	});
	test('Cancel: each in its own words', async () => {
		equal(await press('/oauth2/authorize', cognito, 'cancel'), {
			at: cognito.redirect_uri, error: 'access_denied',
			error_description: 'The person did not sign in.',
			state: 's~1'});
		equal(await press('/oauth/authorize', hmrc, 'cancel'), {
			at: hmrc.redirect_uri, error: 'access_denied',
			error_description: 'user denied the authorization',
			error_code: 'USER_DENIED_AUTHORIZATION',
			state: 's~2'});
	});
	test('a page is answered once, and by its own form', async () => {
		const page = question(await (await get('/oauth2/authorize',
			cognito)).text());
		const send = (at) => post(at,
			{question: page, decision: 'allow'});
		equal((await send('/oauth2/authorize')).status, 303);
		equal((await send('/oauth2/authorize')).status, 400);
		const other = question(await (await get('/oauth/authorize',
			hmrc)).text());
		equal((await post('/oauth2/authorize', {question: other,
			decision: 'allow'})).status, 400);
		equal((await post('/oauth2/authorize', {})).status, 400);
	});

	test('who or whereto is not registered: a page, never a redirect',
		async () => {
			for (const [name, value] of [
				['client_id', ''], ['client_id', '__proto__'],
				['client_id', hmrc.client_id],
				['redirect_uri', 'https://evil.example/'],
				['redirect_uri', 'undefined/auth/cognito.html'],
				['redirect_uri', `${cognito.redirect_uri}?a`],
				['redirect_uri', `${cognito.redirect_uri}#a`],
				['redirect_uri', `${SITE}/auth/../auth/cognito.html`],
				['redirect_uri', `${SITE}@e.example/auth/cognito.html`],
				['redirect_uri', hmrc.redirect_uri]]) {
				const answer = await get('/oauth2/authorize',
					{...cognito, [name]: value});
				equal([answer.status,
					answer.headers.get('location')],
				[400, null], `${name} ${value}`);
			}
			equal((await get('/oauth2/authorize', cognito,
				'&state=again')).status, 400);
			equal((await get('/oauth2/authorize', {})).status, 400);
		});
	test('nothing comes back unescaped', async () => {
		const evil = `"'><script>alert(1)</script>&`;
		for (const more of [{client_id: evil}, {redirect_uri: evil},
			{state: evil}, {nonce: evil}, {scope: evil}]) {
			const answer = await get('/oauth2/authorize',
				{...cognito, ...more});
			ok(!(await answer.text()).includes('<script'));
		}
		const out = await get('/logout', {client_id: evil,
			logout_uri: evil});
		ok(!(await out.text()).includes('<script'));
		equal((await press('/oauth2/authorize',
			{...cognito, state: evil}, 'allow')).state, evil);
	});
	test('what is malformed goes back: Cognito leaves the state out',
		async () => {
			for (const [name, value, error] of [
				['response_type', 'token', 'invalid_request'],
				['code_challenge', '', 'invalid_request'],
				['code_challenge', 'short', 'invalid_request'],
				['code_challenge_method', 'plain',
					'invalid_request'],
				['scope', 'openid phone', 'invalid_scope']]) {
				equal(query(await get('/oauth2/authorize',
					{...cognito, [name]: value})),
				{at: cognito.redirect_uri, error});
				if (name !== 'scope')
					equal(query(await get(
						'/oauth/authorize',
						{...hmrc, [name]: value})),
					{at: hmrc.redirect_uri, error,
						state: 's~2'});
			}
			const {code_challenge: c, code_challenge_method: m,
				...without} = hmrc;
			equal((await get('/oauth/authorize', without)).status,
				200);
		});

	test('the tokens: signed with the published key, for this sign-in',
		async () => {
			const answer = await token(await allow());
			equal(answer.status, 200);
			equal(answer.headers.get('access-control-allow-origin'),
				null);
			const got = await answer.json();
			equal([got.token_type, got.expires_in],
				['Bearer', 3600]);
			const [head, claims] = decoded(got.id_token);
			const about = await (await fetch(`${base}${POOL
			}/.well-known/openid-configuration`)).json();
			const {keys} = await (await fetch(about.jwks_uri)).json();
			equal([head.alg, head.kid], ['RS256', keys[0].kid]);
			equal([claims.iss, claims.aud, claims.nonce,
				claims.token_use, claims.email],
			[base + POOL, cognito.client_id, 'n-1', 'id',
				'robin@tidewater.example']);
			equal(about.issuer, claims.iss);
			ok(claims.exp > Date.now() / 1000);
			for (const jwt of [got.id_token, got.access_token]) {
				const [h, p, s] = jwt.split('.');
				ok(crypto.verify('RSA-SHA256',
					Buffer.from(`${h}.${p}`),
					crypto.createPublicKey({key: keys[0],
						format: 'jwk'}),
					Buffer.from(s, 'base64url')));
			}
			const again = await (await post('/oauth2/token', {
				grant_type: 'refresh_token',
				refresh_token: got.refresh_token,
				client_secret: 'c~0',
				client_id: cognito.client_id})).json();
			equal(decoded(again.id_token)[1].sub, claims.sub);
			equal(decoded(again.id_token)[1].nonce, undefined);
			equal(again.refresh_token, undefined);
		});
	test('the scopes asked for are what is told', async () => {
		const got = await (await token(await allow({scope:
			'openid'}))).json();
		const [, claims] = decoded(got.id_token);
		equal([claims.email, claims.name], [undefined, undefined]);
		equal((await (await token(await allow({scope: 'email'})))
			.json()).id_token, undefined);
	});
	test('a code: once, with its verifier, for its own request',
		async () => {
			const code = await allow();
			equal((await token(code)).status, 200);
			await refused(await token(code), 'invalid_grant');
			for (const [name, value, error] of [
				['code_verifier', VERIFIER.replace('d', 'e'),
					'invalid_grant'],
				['code_verifier', '', 'invalid_grant'],
				['code', 'made-up', 'invalid_grant'],
				['redirect_uri', `${SITE}/`, 'invalid_grant'],
				['client_id', hmrc.client_id, 'invalid_client'],
				['client_secret', '', 'invalid_client'],
				['client_secret', 's~0', 'invalid_client'],
				['grant_type', 'password',
					'unsupported_grant_type'],
				['grant_type', 'refresh_token',
					'invalid_grant']])
				await refused(await token(await allow(),
					{[name]: value}), error);
			await refused(await token((await press(
				'/oauth/authorize', hmrc, 'allow')).code),
			'invalid_grant');
		});
	test('no page may ask for tokens', async () => {
		for (const at of ['/oauth2/token', '/oauth/token'])
			equal((await fetch(base + at, {method: 'OPTIONS'}))
				.headers.get('access-control-allow-origin'), null);
	});
	test('HMRC: a code and a secret for access, and on it goes',
		async () => {
			const ask = async (more) => post('/oauth/token', {
				grant_type: 'authorization_code',
				code: (await press('/oauth/authorize', hmrc,
					'allow')).code,
				client_id: hmrc.client_id, client_secret: 's~0',
				redirect_uri: hmrc.redirect_uri,
				code_verifier: VERIFIER, ...more});
			const got = await (await ask()).json();
			equal([got.token_type, got.expires_in, got.scope,
				got.id_token], ['bearer', 14400,
				'read:vat write:vat', undefined]);
			await refused(await ask({client_secret: 'h~0'}),
				'invalid_client');
			await refused(await ask({code: 'made-up'}),
				'invalid_grant');
			await refused(await ask({code_verifier: ''}),
				'invalid_grant');
			const again = await (await post('/oauth/token', {
				grant_type: 'refresh_token',
				refresh_token: got.refresh_token,
				client_id: hmrc.client_id,
				client_secret: 's~0'})).json();
			ok(again.access_token !== got.access_token);
		});

	test('two people, kept apart by what they hold', async () => {
		const as = async (decision) => (await token((await press(
			'/oauth2/authorize', cognito, decision)).code)).json();
		const [robin, ada] = [await as('allow'), await as('other')];
		const [about, other] = [robin, ada].map((got) =>
			decoded(got.id_token)[1]);
		equal([about.name, other.name],
			['Robin Tidewater', 'Ada Fielding']);
		ok(about.sub !== other.sub);
		equal(decoded(ada.access_token)[1].sub, other.sub);
		const bundles = (method, path, got) => fetch(
			`${base}/bundles${path}`, {method,
				body: method === 'PUT' ? '{}' : undefined,
				headers: got ? {authorization:
					`Bearer ${got.id_token}`} : {}});
		const count = async (got) => (await (await bundles('GET', '',
			got)).json()).bundles.length;
		await bundles('PUT', '/one', robin);
		equal([await count(robin), await count(ada), await count()],
			[1, 0, 0]);
		await bundles('DELETE', '/one', ada);
		equal(await count(robin), 1);
	});
	test('it knows again who was there, until /logout', async () => {
		const page = async (cookie) => (await fetch(`${base
		}/oauth2/authorize?${form(cognito)}`,
		{headers: cookie ? {cookie} : {}})).text();
		const first = (html) => /class="primary"[^>]*>([^<]+)/
			.exec(html)[1];
		const asked = await page();
		equal(first(asked), 'Sign in as Robin');
		const answer = await post('/oauth2/authorize',
			{question: question(asked), decision: 'other'});
		const cookie = answer.headers.get('set-cookie');
		match(cookie, /; HttpOnly; SameSite=Lax$/);
		const again = await page(`a=b; ${cookie.split(';')[0]}`);
		equal(first(again), 'Sign in as Ada');
		match(again, /You signed in here as Ada Fielding/);
		equal(first(await page('simulated-sign-in=made-up')),
			'Sign in as Robin');
		match((await get('/logout', {client_id: cognito.client_id,
			logout_uri: `${SITE}/auth/signed-out.html`})).headers
			.get('set-cookie'), /^simulated-sign-in=; .*Max-Age=0$/);
	});

	test('/logout: back to the registered page, nowhere else', async () => {
		const out = {client_id: cognito.client_id,
			logout_uri: `${SITE}/auth/signed-out.html`};
		equal(query(await get('/logout', out)).at, out.logout_uri);
		for (const more of [{logout_uri: `${SITE}/`},
			{logout_uri: 'https://evil.example/'},
			{client_id: hmrc.client_id},
			{client_id: 'constructor'}])
			equal((await get('/logout', {...out, ...more})).status,
				400);
		equal((await get('/logout', {})).status, 400);
	});

	await done();
})();
