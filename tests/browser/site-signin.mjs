/*
 * A person signs in at the example site, with both providers; cancels, goes
 * back, signs out, and meets what can go wrong. The providers are the
 * simulator's. Runs under `lowtide serve -C site --env dev`. SCREENSHOTS=DIR
 * keeps pictures.
 */
import {test, ok, equal, match, done} from '../tap.mjs';
import {settled, signIn} from './site-kit.mjs';
import {browser, page, picture as take, simulator, site, text}
	from './site-person.mjs';

const ALLOW = 'button[value=allow]';
const CANCEL = 'button[value=cancel]';
const picture = (name, of = page) => take(`signin-${name}`, of);
const until = (fn, args = [], of = page) => settled(of, fn, ...args);
const atProvider = (of = page) => until((where) =>
	location.origin === where && document.readyState === 'complete' &&
	location.pathname, [simulator], of);
const told = (of = page) => until(() => {
	const box = document.querySelector('#callback');
	return document.readyState === 'complete' && box &&
		!box.hasAttribute('aria-busy') && {
		title: document.querySelector('h1').textContent,
		text: document.querySelector('#callback-said').textContent,
		code: document.querySelector('#callback-code').textContent,
		state: box.dataset.state, search: location.search};
}, [], of);
const ready = (of = page) => until(() => location.pathname ===
	'/sign-in.html' && document.querySelector('#sign-in-said')?.textContent,
[], of);
const home = async (of = page) => {
	await of.go(`${site}/sign-in.html`);
	return ready(of);
};
const press = (selector, of = page) => of.leave((s) =>
	document.querySelector(s).click(), selector);
const signedIn = (of = page) => of.run(() => ({
	who: document.querySelector('#who').textContent,
	shown: !document.querySelector('#account .in').hidden,
	kept: {...sessionStorage}, also: {...localStorage},
	cookie: document.cookie}));
/* From our page to the provider's, and one of its buttons. */
async function go(id, button, of = page) {
	await home(of);
	await press(`[data-sign-in="${id}"]`, of);
	await atProvider(of);
	await press(button, of);
}

test('Sign in leads to a page that says what it is', async () => {
	await home();
	equal((await signedIn()).who, 'Sign in');
	await picture('out');
	await page.click('[data-sign-in=cognito]');
	equal(await atProvider(), '/oauth2/authorize');
	equal(await text('h1'), 'Sign in to Tidewater VAT');
	match(await text('.simulated'), /simulated/);
	equal(await page.run(() => new URLSearchParams(location.search)
		.get('lang')), 'en');
	await picture('provider');
});

test('and back to where it began, with what opens it and no more', async () => {
	await page.click(ALLOW);
	equal(await ready(), 'Signed in as Robin Tidewater.');
	const {who, shown, kept, also, cookie} = await signedIn();
	equal([who, shown, also, cookie], ['Robin Tidewater', true, {}, '']);
	equal(await text('#account .email'), 'robin@tidewater.example');
	const {until: limit, sub, access, id, ...name} =
		JSON.parse(kept['signed-in']);
	equal(name, {name: 'Robin Tidewater',
		email: 'robin@tidewater.example'});
	ok(limit > Date.now() && limit <= Date.now() + 3600000);
	for (const [token, use] of [[access, 'access'], [id, 'id']]) {
		const claims = JSON.parse(Buffer.from(token.split('.')[1],
			'base64url'));
		equal([claims.token_use, claims.sub], [use, sub]);
	}
	equal(Object.keys(kept), ['signed-in']);
	const calls = await (await fetch(`${simulator}/__calls`)).json();
	ok(!calls.some(({body}) => /refresh_token/.test(body)));
	await picture('in');
});

test('a reload keeps it, another window does not have it', async () => {
	await home();
	equal((await signedIn()).who, 'Robin Tidewater');
	const other = await browser.page();
	await home(other);
	equal((await signedIn(other)).who, 'Sign in');
});

test('Back, and Allow once more: it says that it is done', async () => {
	await page.run(() => sessionStorage.clear());
	await go('cognito', ALLOW);
	await ready();
	await page.leave(() => history.back());
	await atProvider();
	await page.click(ALLOW);
	const {title, state, search} = await told();
	equal([title, state, search],
		['You are signed in already', 'done', '']);
	await picture('already');
});

test('Sign out: at the provider as well, and nothing is left', async () => {
	await home();
	await page.click('#sign-out');
	await until(() => location.pathname === '/auth/signed-out.html' &&
		document.readyState === 'complete');
	equal(await text('h1'), 'You are signed out');
	const calls = await (await fetch(`${simulator}/__calls`)).json();
	const {path: asked, status} = calls.findLast((c) =>
		c.path.startsWith('/logout'));
	equal([new URL(asked, simulator).searchParams.get('logout_uri'), status],
		[`${site}/auth/signed-out.html`, 303]);
	equal(await page.run(() => sessionStorage.getItem('signed-in')), null);
	await picture('signed-out');
	await page.leave(() => history.back());
	await ready();
	await until(() => document.querySelector('#who').textContent ===
		'Sign in');
});

test('Cancel: nothing has changed, and one can start again', async () => {
	await go('cognito', CANCEL);
	const {title, text: said, code, search} = await told();
	equal([title, code, search],
		['You did not sign in', 'access_denied', '']);
	match(said, /Nothing has changed/);
	await picture('cancelled');
	await page.click('#callback-again');
	await atProvider();
	await page.click(ALLOW);
	await ready();
	equal((await signedIn()).who, 'Robin Tidewater');
});

test('HMRC: what happened, and honestly what comes next', async () => {
	await home();
	await press('[data-sign-in=hmrc]');
	equal(await atProvider(), '/oauth/authorize');
	await picture('hmrc');
	await page.click(ALLOW);
	const {title, state, search} = await told();
	equal([title, state, search], ['You gave permission', 'done', '']);
	ok(await page.run(() => !document.querySelector('#callback-next')
		.hidden));
	match(await text('#callback-said'), /gave us access .* 4 hours/);
	match(await text('#callback-next'), /nothing that lasts longer was kept/);
	equal(await page.run(() => Object.keys(sessionStorage).sort()),
		['permission', 'signed-in']);
	ok(!await page.run(() => /refresh/.test(JSON.stringify(
		{...sessionStorage}))));
	await picture('permission');
});

test('HMRC, cancelled; and the sandbox, which is not the real one',
	async () => {
		await go('hmrc', CANCEL);
		await until(() => location.pathname === '/vat.html' &&
			!document.querySelector('#no-permission').hidden);
		await go('hmrc:sandbox', ALLOW);
		equal((await told()).title, 'You gave permission');
		equal(await page.run(() => location.pathname),
			'/auth/hmrc-sandbox.html');
	});

test('by keyboard alone, from link to link', async () => {
	const key = async (name, more) => {
		for (const type of ['keyDown', 'keyUp'])
			await page.send('Input.dispatchKeyEvent', {type,
				key: name, code: name, ...more});
	};
	const enter = () => key('Enter',
		{windowsVirtualKeyCode: 13, text: '\r'});
	await home();
	await page.run(() => sessionStorage.clear());
	await home();
	await page.run(() => document.querySelector('[data-sign-in=cognito]')
		.focus());
	await enter();
	await atProvider();
	await key('Tab', {windowsVirtualKeyCode: 9});
	equal(await page.run(() => document.activeElement.value), 'allow');
	await enter();
	await ready();
	equal((await signedIn()).who, 'Robin Tidewater');
	await page.run(() => document.querySelector('#sign-out').focus());
	await enter();
	await until(() => location.pathname === '/auth/signed-out.html');
});

/* The state of a sign-in that was begun there. */
const begun = (id, of) => of.run(async (provider) => {
	const {begin} = await import('/oauth.mjs');
	return new URL(await begin(provider)).searchParams.get('state');
}, id);
/* A callback as it would be met, in a window of its own. */
async function callback(provider, search, of, prepare) {
	const at = `${site}/auth/${provider}.html`;
	await of.go(at);
	const state = await begun(provider, of);
	if (prepare)
		await of.run(prepare);
	await of.go(`${at}?${search.replace('STATE', state)}`);
	return told(of);
}
const refused = (answer, title, code) => {
	equal([answer.title, answer.code, answer.state, answer.search],
		[title, code, 'failed', '']);
	ok(answer.text.length > 40);
};

test('what can go wrong on the way back is told in plain words', async () => {
	const other = await browser.page();
	const foreign = 'This belongs to no sign-in of this window';
	for (const [provider, search, title, code] of [
		['cognito', `code=x&state=${'A'.repeat(43)}`, foreign,
			'unknown-state'],
		['cognito', 'error=invalid_request', foreign, 'unknown-state'],
		['hmrc', 'code=x&code=y&state=STATE',
			'We cannot read this answer', 'repeated-parameter'],
		['hmrc', 'state=STATE', 'The answer is empty', 'no-code'],
		['cognito', 'code=made-up&state=STATE', 'That did not count',
			'invalid_grant'],
		['cognito', 'error=server_error&state=STATE',
			'Your account has a problem', 'server_error'],
		['cognito', 'error=odd&state=STATE', 'That did not work',
			'odd'],
	])
		refused(await callback(provider, search, other), title, code);
	refused(await callback('cognito', 'code=x&state=STATE', other, () => {
		for (const [key, value] of Object.entries({...sessionStorage}))
			sessionStorage[key] = value.replace(/^\d+/,
				(ends) => ends - 660000);
	}), 'That took too long', 'state-expired');
	await picture('late', other);
	/* an answer for another page */
	const state = await begun('cognito', other);
	await other.go(`${site}/auth/hmrc.html?code=x&state=${state}`);
	refused(await told(other), 'We did not take this answer', 'wrong-page');
});

test('each error of the modules has words, and none blames the wrong one',
	async () => {
		const {explain} = await import(
			'../../site/assets/signin-words.mjs');
		const title = (code, name = 'OAuthError') => explain(
			Object.assign(new Error(code), {name, code}), 'hmrc')[0];
		for (const code of ['param-not-allowed', 'return-to', 'no-state',
			'no-challenge', 'no-logout', 'unknown-provider',
			'no-token-endpoint', 'no-jwks-uri'])
			equal(title(code), 'Something is wrong with our page');
		equal(explain(new TypeError('x'), 'cognito'), [
			...explain({name: 'x'}).slice(0, 2), 'TypeError']);
		for (const code of ['token-nonce', 'token-signature',
			'no-id-token', 'issuer-mismatch', 'wrong-page'])
			equal(title(code), 'We did not take this answer');
		for (const code of ['server_error', 'answer-malformed'])
			equal(title(code), 'HMRC has a problem');
		for (const code of ['invalid_scope', 'toString', 'login_required'])
			equal(title(code), 'That did not work');
		equal(explain({code: 'access_denied'}, 'cognito')[0],
			'You did not sign in');
	});

test('the last step fails: who is to blame is told', async () => {
	const other = await browser.page();
	await other.send('Network.setBlockedURLs', {urls: ['*/v1/cognito/token']});
	await go('cognito', ALLOW, other);
	refused(await told(other), 'We cannot reach your account',
		'unreachable');
});

for (const [name, source, said] of [
	['storage is blocked', `Object.defineProperty(window, 'sessionStorage',
		{get() { throw new DOMException('no', 'SecurityError'); }})`,
	/Your browser will not let us remember.*Allow this site/],
	['there is no https', `Object.defineProperty(Crypto.prototype, 'subtle',
		{get: () => undefined})`,
	/This page is not protected.*https/],
])
	test(`${name}: it is told before anybody goes anywhere`, async () => {
		const other = await browser.page();
		await other.send('Page.addScriptToEvaluateOnNewDocument',
			{source});
		await home(other);
		await press('[data-sign-in=cognito]', other);
		match(await until(() => document.querySelector('#account .bad')
			.textContent, [], other), said);
		await picture(name.replaceAll(' ', '-'), other);
		equal(await other.run(() => location.origin), site);
	});

test('the same site by another name: where to go is told', async () => {
	const other = await browser.page();
	await other.go(`${site.replace('127.0.0.1', 'localhost')}/sign-in.html`);
	await ready(other);
	await press('[data-sign-in=cognito]', other);
	equal(await other.run(() => document.querySelector('#account .bad a')
		.href), `${site}/sign-in.html`);
	equal(await other.run(() => Object.keys(sessionStorage)), []);
});

/* To where somebody comes who has signed in at that address of ours. */
async function endOf(at, of) {
	await of.go(`${site}${at}`);
	await ready(of);
	await of.run(() => sessionStorage.clear());
	await press('[data-sign-in=cognito]', of);
	await atProvider(of);
	await press(ALLOW, of);
	await until((origin) => location.origin === origin &&
		!location.pathname.startsWith('/auth/') &&
		document.readyState === 'complete', [site], of);
	return of.run(() => location.pathname + location.search +
		location.hash);
}

/*
 * The same, by what oauth.mjs keeps of it: who signs in too often is kept
 * waiting.
 */
async function keptOf(at, of) {
	await of.go(`${site}${at}`);
	await ready(of);
	await of.run(() => sessionStorage.clear());
	await press('[data-sign-in=cognito]', of);
	await atProvider(of);
	await of.go(`${site}/404.html`);
	const [record] = await of.run(() => Object.values({...sessionStorage}));
	return record.split(' ').at(-1);
}
const asking = (to) => `/sign-in.html?${new URLSearchParams({to})}`;

test('who came for a page is back on it', async () => {
	const other = await browser.page();
	equal(await endOf('/sign-in.html', other), '/sign-in.html');
	equal(await endOf(asking('/vat.html?a=//b#c d'), other),
		'/vat.html?a=//b#c%20d');
	for (const [to, end] of [['', '/sign-in.html'],
		['/vat.html', '/vat.html'],
		['/a/../receipts.html', '/receipts.html']])
		equal(await keptOf(asking(to), other), end, to);
	await other.close();
});

test('where signing in does not work, no server is told which job it was for',
	async () => {
		const other = await browser.page();
		const job = `#job_${'A'.repeat(48)}`;
		await other.send('Network.setBlockedURLs',
			{urls: ['*/oauth.*.mjs']});
		await other.go(`${site}/export.html?x=1${job}`);
		await until(() => !document.querySelector('#signed-out').hidden,
			[], other);
		await press('#signed-out button', other);
		await until(() => location.pathname === '/sign-in.html' &&
			document.readyState === 'complete', [], other);
		equal(await other.run(() => [location.search, location.hash]),
			['?to=%2Fexport.html%3Fx%3D1', job]);
		ok(!other.requests.some(({url, headers}) =>
			/job_/.test(url + JSON.stringify(headers))));
		await other.send('Network.setBlockedURLs', {urls: []});
		await other.leave(() => location.reload());
		await ready(other);
		await press('[data-sign-in=cognito]', other);
		await atProvider(other);
		await press(ALLOW, other);
		await until(() => location.pathname === '/export.html', [], other);
		equal(await other.run(() => location.search + location.hash),
			`?x=1${job}`);
		await other.close();
	});

test('what is no page of ours to come back to is the home page', async () => {
	const other = await browser.page();
	for (const odd of ['//evil.example/vat.html', '/\\evil.example/vat.html',
		'\\\\evil', '/\t/evil.example', '\t//evil.example', '/\n\\evil/x',
		'/.//evil', '/x/..//evil', '//', '/%2e//evil.example',
		' //evil.example', 'https://evil.example/vat.html',
		'https:evil.example', 'evil.html', 'javascript:alert(1)',
		'java\tscript:alert(1)', 'data:text/html,x', `blob:${site}/x`,
		`${site}/vat.html`, '/auth/signed-out.html', 'http://[', '\u0000'])
		equal(await keptOf(asking(odd), other), '/',
			JSON.stringify(odd));
	for (const odd of ['/\t/evil', 'javascript:alert(1)'])
		equal(await endOf(asking(odd), other), '/', odd);
	ok(!other.requests.some(({url}) => /evil|script/.test(
		new URL(url).hostname)));
	await other.close();
});

test('Back, to a page of who has left: it is nobody’s any more', async () => {
	const other = await browser.page();
	await signIn(other, {to: '/bundles.html'});
	await until(() => document.querySelector('#bundles-said').textContent,
		[], other);
	await other.run(() => {
		globalThis.asItWas = true;
	});
	await home(other);
	await press('#sign-out', other);
	await until(() => location.pathname === '/auth/signed-out.html', [], other);
	await other.leave(() => history.go(-2));
	await until(() => location.pathname === '/bundles.html' &&
		!document.querySelector('#signed-out').hidden &&
		document.querySelector('#signed-in').hidden, [], other);
	await other.close();
});

test('somebody else signs in here: nothing of the first is left', async () => {
	const other = await browser.page();
	await signIn(other);
	await signIn(other, {with: 'hmrc'});
	const robin = await other.run(async () => {
		const {sub} = JSON.parse(sessionStorage['signed-in']);
		sessionStorage['lowtide:/api/return'] = '{}';
		const cache = await caches.open(`lowtide:${sub}`);
		await cache.put('/api/v1/bundle', new Response('his'));
		/* and of who has closed the window, and what is nobody's */
		for (const name of ['lowtide:long-gone', 'lowtide:catalogue',
			'lowtide-page:receipts'])
			await caches.open(name);
		return sub;
	});
	await signIn(other, {as: 'other'});
	equal((await signedIn(other)).who, 'Ada Fielding');
	equal(await other.run(() => Object.keys(sessionStorage)),
		['signed-in']);
	equal(await other.run(async (sub) => Promise.all([sub, 'long-gone']
		.map((name) => caches.has(`lowtide:${name}`))), robin),
	[false, false]);
	equal(await other.run(() => Promise.all(['lowtide:catalogue',
		'lowtide-page:receipts'].map((name) => caches.delete(name)))),
	[true, true]);
	await other.close();
});

test('signed out in one window, signed out in all of them', async () => {
	const [one, two, ada] = [await browser.page(), await browser.page(),
		await browser.page()];
	await signIn(one);
	await signIn(two, {to: '/bundles.html'});
	await signIn(ada, {as: 'other'});
	await press('#sign-out', one);
	await until(() => location.pathname === '/auth/signed-out.html', [], one);
	await until(() => document.querySelector('#who').textContent ===
		'Sign in' && !document.querySelector('#signed-out').hidden,
	[], two);
	equal(await two.run(() => Object.keys(sessionStorage)), []);
	equal((await signedIn(ada)).who, 'Ada Fielding');
	for (const other of [one, two, ada])
		await other.close();
});

test('on a telephone and in the dark', async () => {
	for (const [name, look] of [['phone', {width: 320, height: 640}],
		['dark', {width: 1280, dark: true}]]) {
		const other = await browser.page(look);
		const fits = async (what) => {
			ok(await other.run(() => document.documentElement
				.scrollWidth) <= look.width, what);
			equal(await other.run(() => document.querySelectorAll(
				'h1').length), 1);
			await picture(`${name}-${what}`, other);
		};
		await home(other);
		await press('[data-sign-in=cognito]', other);
		await atProvider(other);
		await fits('provider');
		await press(ALLOW, other);
		await ready(other);
		await fits('in');
		await go('hmrc', ALLOW, other);
		await told(other);
		await fits('permission');
		await go('hmrc', CANCEL, other);
		await until(() => location.pathname === '/vat.html' &&
			!document.querySelector('#no-permission').hidden &&
			document.querySelector('.obligations .badge'), [], other);
		await fits('cancelled');
		equal(other.complaints, []);
	}
});

test('nothing was left to complain about', () =>
	equal(page.complaints, []));

await done();
