/*
 * Signing in, by HTTP, as a browser would: the site's own modules begin it and
 * end it, with stand-ins for the few things they want of a browser; only what a
 * person does on the provider's page is done here.
 */
import {randomUUID} from 'node:crypto';

const define = (name, value) => Object.defineProperty(globalThis, name,
	{value, configurable: true, writable: true});

/* On this page of the site; its address is changed as a page would. */
function arrive(url) {
	let here = new URL(url);
	define('location', {
		get pathname() {
			return here.pathname;
		},
		get search() {
			return here.search;
		},
		toString: () => here.href,
	});
	define('history', {replaceState(state, title, to) {
		here = new URL(to, here);
	}});
}

const field = (page, name) =>
	new RegExp(`name="${name}" value="([^"]+)"`).exec(page)?.[1];

/* Reads the provider's page and presses one of its buttons. */
async function press(url, decision) {
	const page = await (await fetch(url)).text();
	const answer = await fetch(new URL(/<form method="post" action="([^"]+)"/
		.exec(page)[1], url), {
		method: 'POST', redirect: 'manual', body: new URLSearchParams({
			question: field(page, 'question'), decision}),
	});
	return answer.headers.get('location');
}

/* The code of the error that it ends with. */
async function refusal(run) {
	try {
		await run();
	} catch (error) {
		return error.code;
	}
	return undefined;
}

/*
 * `must` and `say`: check.mjs; `get` and `published` too. Gives the headers of
 * requests that are the person's.
 */
export async function signIn({site, simulator, must, say, get, published}) {
	const real = globalThis.fetch;
	define('fetch', (url, more) => real(new URL(url, site), more));
	const page = await (await get('/')).text();
	const {begin, finish, logoutUrl} = await published(page, 'oauth');
	define('sessionStorage', {});

	/* begins, presses, and is on the page it was sent back to */
	async function go(id, decision) {
		arrive(`${site}/sign-in.html`);
		const url = await begin(id, {returnTo: '/sign-in.html'});
		const back = await press(url, decision);
		must(back?.startsWith(`${site}/auth/`),
			`${id}: sent back to ${new URL(back).pathname}`);
		arrive(back);
		return new URL(url).searchParams;
	}

	/* the API itself, as any client may ask */
	const ask = (body, name) => real(
		new URL('/api/v1/hmrc/token', site), {method: 'POST',
			headers: {'content-type': 'application/json',
				'x-request-id': name},
			body: JSON.stringify(body)});
	async function exchanges(verifier, code) {
		const wrong = await ask({code: 'made-up'}, randomUUID());
		must(wrong.status === 400 &&
			(await wrong.json()).error === 'invalid_grant',
		'a code that HMRC never gave: its own 400, unchanged');
		const name = randomUUID();
		const body = {code, code_verifier: verifier,
			redirect_uri: 'https://evil.example/',
			grant_type: 'client_credentials'};
		const [first, second] = [await ask(body, name),
			await ask(body, name)];
		const [got, same] = [await first.json(), await second.json()];
		must(first.status === 200 && got.token_type === 'bearer',
			'its own code: tokens, in the first answer');
		must(second.status === 200 &&
			same.access_token === got.access_token,
		'asked again under the same name: the same, not a second try');
	}
	/* Who was told the secrets that the simulator knows us by. */
	async function secrets() {
		const calls = await (await real(
			new URL('/__calls', simulator))).json();
		const told = calls.filter(({path}) => /\/token$/.test(path))
			.map(({body}) => Object.fromEntries(
				new URLSearchParams(body)));
		must(told.length >= 5 && told.every((form) =>
			form.client_secret && form.grant_type !==
				'client_credentials' && (!form.redirect_uri ||
				form.redirect_uri.startsWith(site))),
		`the worker sent ${told.length} forms with a secret, a grant ` +
			'and an address of our own choice');
	}

	say('Signing in to the account, as a browser would:');
	const asked = await go('cognito', 'allow');
	must(asked.get('code_challenge_method') === 'S256' &&
		asked.get('state').length === 43 &&
		asked.get('nonce').length === 43,
	'it went with a state, a nonce and a PKCE challenge, all fresh');
	const callback = await get(location.pathname);
	const tokens = await published(await callback.text(), 'oauth-tokens');
	const mine = finish();
	must(mine.provider === 'cognito' && mine.returnTo === '/sign-in.html' &&
		location.search === '',
	'the state fits, and code and state are gone from the address');
	const server = new URL(logoutUrl('cognito')).origin;
	const own = new URL(site).origin;
	must(callback.headers.get('content-security-policy')
		.includes(` connect-src 'self' ${server};`),
	`that page may ask ${own}, and ${server} for its keys`);
	const got = await tokens.exchange(mine);
	must(got.claims.nonce === asked.get('nonce'),
		'our API gave tokens for code and verifier; the nonce fits');
	await tokens.checkIdToken(got.id_token, {provider: 'cognito',
		nonce: mine.nonce, keys: tokens.keys('cognito')});
	must(true, `the id token is signed by ${new URL(got.claims.iss).host}: ${
		got.claims.name}, ${got.claims.email}`);
	must(await refusal(() => tokens.exchange({...mine})) ===
		'already-exchanged' && await refusal(finish) === 'unknown-state',
	'neither state nor code can be used again');
	const out = await fetch(logoutUrl('cognito'), {redirect: 'manual'});
	must(out.headers.get('location') === `${site}/auth/signed-out.html`,
		'signing out comes back to /auth/signed-out.html');

	say('Permission from HMRC:');
	await go('hmrc', 'cancel');
	must(await refusal(finish) === 'access_denied', 'Cancel is told as a no');
	await go('hmrc', 'allow');
	const {provider, code: hmrcs, nonce, verifier} = finish();
	must(provider === 'hmrc' && hmrcs && !nonce, 'the state fits');
	await exchanges(verifier, hmrcs);
	const trying = await go('hmrc:sandbox', 'allow');
	const sandbox = await tokens.exchange(finish());
	must(sandbox.access_token && trying.get('client_id') ===
		'tidewater-sandbox-client',
	'the sandbox is a client of its own, with a secret of its own');
	const again = await tokens.refresh('hmrc:sandbox',
		sandbox.refresh_token);
	must(again.access_token !== sandbox.access_token,
		'and its refresh token is good for another one');
	await secrets();
	return {authorization: `Bearer ${got.access_token}`,
		'account-token': got.id_token,
		'hmrc-access-token': sandbox.access_token};
}
