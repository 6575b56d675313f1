/*
 * Signing in, by HTTP, as a browser would: the site's own modules begin it and
 * end it, with stand-ins for the few things they want of a browser; only what a
 * person does on the provider's page is done here.
 */
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

/* `must` and `say`: check.mjs; `get` and `published` too */
export async function signIn({site, must, say, get, published}) {
	const page = await (await get('/')).text();
	const {begin, finish, logoutUrl} = await published(page, 'oauth');
	define('sessionStorage', {});

	/* begins, presses, and is on the page it was sent back to */
	async function go(id, decision) {
		arrive(`${site}/`);
		const url = await begin(id, {returnTo: '/#sign-in'});
		const back = await press(url, decision);
		must(back?.startsWith(`${site}/auth/`),
			`${id}: sent back to ${new URL(back).pathname}`);
		arrive(back);
		return new URL(url).searchParams;
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
	must(mine.provider === 'cognito' && mine.returnTo === '/#sign-in' &&
		location.search === '',
	'the state fits, and code and state are gone from the address');
	const server = new URL(logoutUrl('cognito')).origin;
	must(callback.headers.get('content-security-policy')
		.includes(` connect-src 'self' ${server};`),
	`that page may ask ${server} for tokens, and nobody else`);
	const got = await tokens.exchange(mine);
	must(got.claims.nonce === asked.get('nonce'),
		'code and verifier were good for tokens; the nonce fits');
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
	const {provider, code: hmrcs, nonce} = finish();
	must(provider === 'hmrc' && hmrcs && !nonce,
		'the state fits; its code waits for a server with a secret');
	const trying = await go('hmrc:sandbox', 'allow');
	must(finish().provider === 'hmrc:sandbox' &&
		trying.get('client_id') === 'tidewater-sandbox-client',
	'the sandbox is a client of its own');
}
