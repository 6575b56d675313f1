/*
 * oauth.mjs in front of a person: signing in, and everything that comes in
 * between. On a page with the strictest policy (oauth-strict.mjs) and, under
 * `lowtide serve`, with the one that is generated. The provider (oauth-op.mjs)
 * answers whatever the page tells it to.
 */
import {createHash} from 'node:crypto';
import {test, ok, equal, match, done} from '../tap.mjs';
import {build, compare, table} from '../vectors/oauth.mjs';
import {asked, back, browser, home, kept, leave, outcome, query, quiet,
	refusal, shared, signIn, site, state, until} from './oauth-kit.mjs';

const {LOWTIDE, LOWTIDE_URL, LOWTIDE_RUN_OP_URL: op, TMP} = process.env;
const GOOD = 'code=c0de&state={state}&iss=https%3A%2F%2Fop.example';
const sha256 = (text) => createHash('sha256').update(text)
	.digest('base64url');

test('the policy is as strict as it says, and is heard of', async () => {
	const page = await browser.page();
	await page.go(`${site.url}/policy.html`);
	const names = await until(page, () => globalThis.tried);
	equal(names, ['EvalError', 'EvalError', 'TypeError', 'TypeError',
		'TypeError', 'Error']);
	for (const end = Date.now() + 10000; site.reports.length < names.length
		&& Date.now() < end;)
		await new Promise((resolve) => setTimeout(resolve, 20));
	equal(site.reports.length, names.length);
	ok(page.complaints.length >= names.length);
	site.reports.length = 0;
});

test('a click, the provider, and the code is here', async () => {
	const page = await home();
	await asked();
	site.log.length = 0;
	await page.click('#op');
	const got = await outcome(page);
	const {result: {verifier, nonce, ...rest}} = got;
	equal(rest, {provider: 'op', code: 'c0de',
		redirectUri: `${site.url}/back.html`,
		returnTo: '/index.html?x=1#y'});
	const [{url, referer}, ...more] = await asked();
	equal(more, []);
	const sent = query(`${op}${url}`);
	equal(sent.code_challenge, sha256(verifier));
	equal([sent.code_challenge_method, sent.nonce, sent.scope],
		['S256', nonce, 'openid']);
	for (const one of [verifier, nonce, sent.state])
		match(one, /^[A-Za-z0-9_-]{43}$/);
	/* what the generator encoded travels as it was written */
	ok(url.startsWith('/authorize?own=%7e+x&response_type=code' +
		'&client_id=it%27s%2Bme%2F%3D&redirect_uri=http%3A%2F%2F'),
	url);
	equal(referer, `${site.url}/`);
	equal(await kept(page), []);
	quiet(page);
});

test('the address is clean before anything else could read it', async () => {
	const page = await home();
	site.log.length = 0;
	const got = await signIn(page, GOOD);
	ok(got.result);
	equal([got.search, await page.run(() => location.hash)], ['', '']);
	const referers = (name) => site.log.filter(({url}) =>
		url.includes(name)).map(({referer}) => referer);
	/* what the page itself names is fetched before any script runs */
	match(referers('/assets/back.')[0], /\?code=c0de/);
	equal(referers('/late.mjs'), [`${site.url}/back.html`]);
	await leave(page, () => location.assign('/index.html'));
	await until(page, () => globalThis.shown);
	equal(referers('/index.html'), [`${site.url}/back.html`]);
	/* nor does it stand where the back button finds it */
	const {entries} = await page.send('Page.getNavigationHistory');
	equal(entries.map(({url}) => url.replace(site.url, '')), ['about:blank',
		'/index.html', '/back.html', '/index.html']);
	quiet(page);
});

test('a reload or the same address again is no second sign-in', async () => {
	const page = await home();
	const answer = `code=c0de&state=${await state(page)}`;
	equal((await back(page, answer)).result.code, 'c0de');
	await page.run(() => {
		globalThis.ended = false;
	});
	await page.send('Page.reload');
	equal((await outcome(page)).code, 'unknown-state');
	const again = await back(page, answer);
	equal([again.code, again.search], ['unknown-state', '']);
	quiet(page);
});

test('back and forward: no page on the way has the code again', async () => {
	const page = await home();
	const {result} = await signIn(page, GOOD);
	equal(result.code, 'c0de');
	await leave(page, () => void history.back());
	await until(page, () => globalThis.shown?.length > 0);
	/* from there it can sign in anew */
	await page.click('#op');
	ok((await outcome(page)).result.verifier !== result.verifier);
	await leave(page, () => void history.back());
	await until(page, () => globalThis.shown?.length > 0);
	await leave(page, () => void history.forward());
	await until(page, () => location.pathname === '/back.html');
	const {code, search} = await outcome(page);
	equal([code, search], ['unknown-state', '']);
	quiet(page);
});

/* What a cache for back and forward does; this browser has none. */
test('a page that was left and is there again, as it was', async () => {
	const page = await home();
	await asked();
	await page.run(() => oauth.go('op', {params: {page: 'stay'}}));
	await until(page, () => Object.keys(sessionStorage).length === 1);
	await page.click('#op');
	equal((await outcome(page)).result.code, 'c0de');
	const [first, second] = (await asked()).map(({url}) =>
		query(op + url).state);
	ok(first && second && first !== second);
	equal(await kept(page), [`oauth.${first}`]);
	/* and on the page that had the code, once more */
	equal(await page.run(() => {
		try {
			return oauth.finish();
		} catch ({code}) {
			return code;
		}
	}), 'unknown-state');
	equal(await kept(page), [`oauth.${first}`]);
	equal((await back(page, `code=d&state=${first}`)).result.code, 'd');
	quiet(page);
});

test('back from the provider, and another try: both would do', async () => {
	const page = await home();
	const first = await state(page);
	await leave(page, (answer) => void oauth.go('op',
		{params: {answer, page: '1'}}), GOOD);
	await until(page, () => document.querySelector('#allow'));
	await leave(page, () => void history.back());
	await until(page, () => globalThis.shown?.length > 0);
	equal((await kept(page)).length, 2);
	await page.click('#op');
	ok((await outcome(page)).result);
	equal((await kept(page)).length, 2);
	equal((await back(page, `code=d&state=${first}`)).result.code, 'd');
	quiet(page);
});

test('a double click signs in once', async () => {
	const page = await home();
	const at = await page.run(() => {
		const {x, y} = document.querySelector('#op')
			.getBoundingClientRect();
		return {x: x + 5, y: y + 5};
	});
	await Promise.all([1, 1, 2, 2].map((clickCount, i) => page.send(
		'Input.dispatchMouseEvent', {...at, button: 'left', clickCount,
			type: i % 2 ? 'mouseReleased' : 'mousePressed'})
		.catch(() => {}))); /* it is on its way by then */
	equal((await outcome(page)).result.code, 'c0de');
	quiet(page);
});

test('two clicks at the very same time sign in once', async () => {
	const page = await home();
	await asked();
	await leave(page, () => {
		document.querySelector('#op').click();
		document.querySelector('#op').click();
	});
	const {result} = await outcome(page);
	equal(result.code, 'c0de');
	const states = (await asked()).map(({url}) => query(op + url).state);
	equal(new Set(states).size, states.length);
	/* the other one's record, if it came to that, is left to be swept */
	const left = await kept(page);
	ok(left.length < 2 && !left.includes(`oauth.${states.at(-1)}`));
	quiet(page);
});

let one; /* page for all of these */
for (const [answer, code, message] of [
	['code=c0de', 'unknown-state'],
	['', 'unknown-state'],
	['code=c0de&state=', 'unknown-state'],
	['code=c0de&state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
		'unknown-state'],
	['code=c0de&state=__proto__', 'unknown-state'],
	['code=c0de&state={state}x', 'unknown-state'],
	['error=access_denied', 'unknown-state'],
	['code=c0de&code=d&state={state}', 'repeated-parameter'],
	['code=c0de&state={state}&state={state}', 'repeated-parameter'],
	['code=c0de&state={state}&x=1&x=1', 'repeated-parameter'],
	[`${GOOD}&iss=https%3A%2F%2Fop.example`, 'repeated-parameter'],
	['code=c0de&state={state}&iss=https%3A%2F%2Fop.example%2F',
		'issuer-mismatch'],
	['code=c0de&state={state}&iss=https%3A%2F%2Fevil.example',
		'issuer-mismatch'],
	['error=access_denied&state={state}&iss=https%3A%2F%2Fevil.example',
		'issuer-mismatch'],
	['error=access_denied&iss=https%3A%2F%2Fop.example%2F&state={state}',
		'issuer-mismatch'],
	['state={state}', 'no-code'],
	['error=access_denied&error_description=Not+%C3%BCber+here.&' +
		'state={state}', 'access_denied', 'Not über here.'],
	['error=server_error&code=c0de&state={state}', 'server_error'],
])
	test(`${code}: ?${answer}`, async () => {
		one ??= await home();
		const got = await signIn(one, answer);
		equal([got.result, got.code, got.search], [null, code, '']);
		equal(got.failed.name, 'OAuthError');
		if (message)
			equal(got.failed.message, message);
		quiet(one);
	});

test('what else a provider says does not matter', async () => {
	const {result} = await signIn(one, `${GOOD}&session_state=x&scope=openid` +
		'&toString=1&__proto__=2&hasOwnProperty=3&=4&%F0%9F=5&');
	equal(result.code, 'c0de');
	quiet(one);
});

test('an answer of nobody\'s clears nothing, one of ours its own',
	async () => {
		const page = await home();
		const [a, b] = [await state(page), await state(page)];
		for (const answer of ['error=server_error', 'code=x', 'code=x' +
			'&state=y', `code=x&state=${a}&state=${b}`])
			ok((await back(page, answer)).code);
		equal(await kept(page), [`oauth.${a}`, `oauth.${b}`].sort());
		equal((await back(page, `error=access_denied&state=${a}`)).code,
			'access_denied');
		equal(await kept(page), [`oauth.${b}`]);
		equal((await back(page, `code=x&state=${a}`)).code,
			'unknown-state');
		equal((await back(page, `code=x&state=${b}`)).result.code, 'x');
		equal(await kept(page), []);
		quiet(page);
	});

test('after ten minutes it is too late', async () => {
	for (const [seconds, code] of [[500, null], [601, 'state-expired']]) {
		const page = await home();
		const fresh = await state(page);
		await page.send('Page.addScriptToEvaluateOnNewDocument', {
			source: `{const now = Date.now;
				Date.now = () => now() + ${seconds}e3;}`});
		const got = await back(page, `code=x&state=${fresh}`);
		equal(got.code, code);
		equal(await kept(page), []);
		quiet(page);
	}
});

test('a code for another provider\'s page is refused there', async () => {
	const page = await home();
	equal((await back(page, `code=x&state=${await state(page)}`,
		{to: 'other.html'})).code, 'wrong-page');
	equal((await back(page, `code=x&state=${await state(page, 'other')}`))
		.code, 'wrong-page');
	equal(await kept(page), []);
	equal((await back(page, `code=x&state=${await state(page, 'other')}`,
		{to: 'other.html'})).result.provider, 'other');
	quiet(page);
});

test('iss = "required": an answer without it is refused', async () => {
	const page = await home();
	for (const [answer, code] of [['code=x', 'issuer-mismatch'],
		['error=access_denied', 'issuer-mismatch'],
		['code=x&iss=', 'issuer-mismatch'],
		['code=x&iss=https%3A%2F%2Fop.example', null]])
		equal((await back(page, `${answer}&state=${await state(page,
			'insists')}`, {to: 'insists.html'})).code, code);
	quiet(page);
});

test('two tabs do not meet', async () => {
	const [a, b] = [await home(), await home()];
	const [one, two] = [await state(a), await state(b)];
	equal((await back(b, `code=x&state=${one}`)).code, 'unknown-state');
	equal((await back(b, `code=x&state=${two}`)).result.code, 'x');
	equal((await back(a, `code=x&state=${one}`)).result.code, 'x');
	quiet(a);
	quiet(b);
});

test('two tabs share what is in local storage, once', async () => {
	const [a, b] = [await home(shared), await home(shared)];
	const [one, two] = [await state(a), await state(b)];
	const at = {at: shared};
	equal((await back(b, `code=x&state=${one}`, at)).result.code, 'x');
	equal((await back(a, `code=x&state=${one}`, at)).code,
		'unknown-state');
	equal((await back(a, `code=x&state=${two}`, at)).result.code, 'x');
	equal(await kept(a), []);
	quiet(a);
	quiet(b);
});

test('the provider in a window of its own: with an opener it has a copy',
	async () => {
		const page = await home();
		await page.run(async (answer) => {
			open(await oauth.begin('op', {params: {answer}}));
		}, GOOD);
		const other = await browser.opened();
		equal((await outcome(other)).result.code, 'c0de');
		equal(await kept(other), []);
		await other.close();
		quiet(page);
	});

test('the provider in a window without an opener: it knows nothing',
	async () => {
		for (const [at, code] of [[site, 'unknown-state'],
			[shared, null]]) {
			const page = await home(at);
			await page.run(async (answer) => {
				open(await oauth.begin('op', {params:
					{answer}}), '_blank', 'noopener');
			}, GOOD);
			const other = await browser.opened();
			equal((await outcome(other)).code, code);
			await other.close();
			quiet(page);
		}
	});

test('storage that is full: no-storage, and nobody is sent away',
	async () => {
		const page = await home();
		const codes = await page.run(async () => {
			let text = 'x'.repeat(1 << 20);
			for (let i = 0; text; i++)
				try {
					sessionStorage.setItem(i, text);
				} catch {
					text = text.slice(text.length / 2 + 1);
				}
			return Promise.all(['begin', 'go'].map((name) =>
				oauth[name]('op').catch(({name: n, code}) =>
					`${n} ${code}`)));
		});
		equal(codes, Array(2).fill('OAuthError no-storage'));
		equal(await page.run(() => location.pathname), '/index.html');
		quiet(page);
	});

test('storage that a page may not have: no-storage', async () => {
	const page = await home({url: `${site.url}/sandboxed`});
	equal(await refusal(page, 'op'), 'OAuthError no-storage');
	const {code, search} = await back(page, 'code=x&state=y',
		{at: {url: `${site.url}/sandboxed`}});
	equal([code, search], ['no-storage', '']);
	quiet(page);
});

test('storage that is not there at all: no-storage', async () => {
	const page = await browser.page();
	await page.send('Page.addScriptToEvaluateOnNewDocument', {source:
		`Object.defineProperty(globalThis, 'sessionStorage',
			{value: null})`});
	await home(site, page);
	equal(await refusal(page, 'op'), 'OAuthError no-storage');
	equal((await back(page, 'code=x&state=y')).code, 'no-storage');
	quiet(page);
});

test('without https: needs-https, and nobody is sent away', async () => {
	const page = await home({url: site.plain});
	equal(await page.run(() => [isSecureContext, typeof crypto.subtle]),
		[false, 'undefined']);
	equal(await page.run(() => Promise.all(['begin', 'go'].map((name) =>
		oauth[name]('op').catch((e) => `${e.name} ${e.code}`)))),
	Array(2).fill('OAuthError needs-https'));
	equal(await page.run(() => location.pathname), '/index.html');
	equal(await kept(page), []);
	quiet(page);
});

test('whereto afterwards: a path of this site', async () => {
	const page = await home();
	for (const [returnTo, whereto] of [['/a?b=1#c', '/a?b=1#c'],
		['/', '/'], [undefined, '/'], ['/%20+\u00e9', undefined],
		['/.//evil.example'], ['/x/..//evil.example'], ['a/../b'],
		[`${site.url}/x`], ['/a b'], ['/\u2028'], ['?x'], ['#y'],
		['.//evil.example']]) {
		const url = await page.run((to) => oauth.begin('op',
			{returnTo: to ?? undefined}).catch(({code}) => code),
		returnTo);
		if (url === 'return-to') {
			equal(whereto, undefined);
			continue;
		}
		const {result} = await back(page,
			`code=x&state=${query(url).state}`);
		equal(result.returnTo, whereto ?? result.returnTo);
		equal(await page.run((to) => {
			const link = document.createElement('a');
			link.href = to;
			return link.origin;
		}, result.returnTo), site.url, returnTo);
	}
	for (const returnTo of ['https://evil.example/', '//evil.example',
		'/\\evil.example', '\\\\evil.example', '/\t/evil.example',
		'\n//evil.example', ' //evil.example', '\t/\\evil.example',
		'javascript:alert(1)', 'data:,x', 'https:evil.example',
		`${site.url.replace('http', 'https')}/`, 'blob:x', '//',
		`${site.url}@evil.example/`])
		equal(await refusal(page, 'op', {returnTo}),
			'OAuthError return-to', returnTo);
	equal(await kept(page), []);
	quiet(page);
});

test('a redirect with a query of its own', async () => {
	const page = await home();
	const {result, search} = await signIn(page, GOOD, 'query');
	equal([result?.code, result?.redirectUri],
		['c0de', `${site.url}/query.html?own=1&two=%20`]);
	ok(!search.includes('c0de'));
	quiet(page);
});

test('signing out is a plain link', async () => {
	const page = await home();
	await asked();
	const link = await page.run(() => {
		const a = document.createElement('a');
		a.href = oauth.logoutUrl('op');
		a.textContent = 'Sign out';
		a.id = 'out';
		document.body.append(a);
		return oauth.logoutUrl('op');
	});
	await page.click('#out');
	await until(page, () => document.querySelector('#bye'));
	const [{url}] = await asked();
	equal([op + url, url], [link, '/out?own=%7e+x&client_id=' +
		'it%27s%2Bme%2F%3D&post_logout_redirect_uri=' +
		encodeURIComponent(`${site.url}/index.html`)]);
	await home(site, page);
	equal(await page.run(() => {
		try {
			return oauth.logoutUrl('other');
		} catch ({name, code}) {
			return `${name} ${code}`;
		}
	}), 'OAuthError no-logout');
	quiet(page);
});

test('oauth-tokens.mjs needs connect-src, and nothing else', async () => {
	const page = await home();
	const {result} = await signIn(page, 'code=c0de&state={state}',
		'public');
	equal((await page.run((signIn) => exchange(signIn), result))
		.access_token, 't0ken');
	quiet(page);
	/* the policy of this one allows no connection */
	await home(site, page);
	equal(await page.run((signIn) => import('/oauth-tokens.mjs').then((m) =>
		m.exchange({...signIn, code: 'x'})).catch(({code}) => code),
	result), 'unreachable');
	await until(page, () => true);
	match(page.complaints.join(), /connect-src|Connecting to/);
	for (const end = Date.now() + 10000; !site.reports.length &&
		Date.now() < end;)
		await new Promise((resolve) => setTimeout(resolve, 20));
	match(site.reports.splice(0).join(), /connect-src|default-src/);
});

test('tests/vectors/oauth.json, in a browser', async () => {
	const page = await home();
	const modules = build(LOWTIDE, TMP);
	for (const [i, file] of modules.entries())
		site.add(`/vectors/${i}.mjs`, file);
	const {n, wrong} = await page.run(compare, table,
		modules.map((_, i) => `/vectors/${i}.mjs`));
	equal(wrong, []);
	ok(n > table.urls.length + table.encode.length);
	console.log(`# ${n} comparisons`);
	quiet(page);
});

test('under nginx, with the policy that is generated', async () => {
	const at = {url: LOWTIDE_URL};
	const page = await home(at);
	const policy = (await fetch(LOWTIDE_URL)).headers
		.get('content-security-policy');
	match(policy, /script-src 'self'/);
	ok(!/unsafe|nonce-|\*/.test(policy));
	await page.click('#op');
	const {result, search} = await outcome(page);
	equal([result.code, result.redirectUri, search],
		['c0de', `${LOWTIDE_URL}/back.html`, '']);
	equal((await back(page, 'code=x', {at})).code, 'unknown-state');
	/* its connect-src has the token endpoint */
	const {result: other} = await signIn(page, 'code=d&state={state}',
		'public');
	equal((await page.run((signIn) => exchange(signIn), other))
		.access_token, 't0ken');
	quiet(page);
});

test('the policy was never broken', () => {
	equal(site.reports, []);
	equal(shared.reports, []);
});

await done();
