/*
 * The whole sign-in in a real browser at real OpenID providers: what people do
 * there, and what the site makes of it. Then, of the same world, what those do
 * who want somebody else's account (openid-attacks.mjs, openid-tokens.mjs).
 */
import {test, ok, equal, match, done} from '../tap.mjs';
import {arrive, begin, browser, idps, kept, outcome, param, password,
	pressed, refusal, rogue, shown, signIn, silently, site, tab, text,
	verified} from './openid-world.mjs';

test('a provider whose port was taken has found another', () => {
	ok(idps.es.base !== rogue.base);
});

for (const [id, alg] of [['rs', 'RS256'], ['es', 'ES256']])
	test(`${alg}: from the button to checked claims`, async () => {
		equal(await signIn(tab, id, {as: 'alice'}), 'done');
		const now = kept[id] = await tab.run(() => ({
			signIn, got, search: location.search,
			left: Object.keys(sessionStorage),
		}));
		equal([now.search, now.left], ['', []]);
		equal([now.signIn.provider, now.signIn.returnTo],
			[id, '/?kept#here']);
		equal(now.got.token_type.toLowerCase(), 'bearer');
		const id_token = await verified(now.got.id_token, idps[id]);
		equal(id_token, {alg, claims: now.got.claims});
		const {iss, aud, nonce} = id_token.claims;
		equal([iss, aud, nonce], [idps[id].issuer, `site-${id}`,
			now.signIn.nonce]);
		const access = await verified(now.got.access_token, idps[id]);
		equal(access.claims.sub, id_token.claims.sub);
	});

test('who is signed in there needs no page: prompt=none', async () => {
	const {got} = kept.es;
	await tab.go(`${site}/`);
	await tab.go(await begin(tab, 'es', {prompt: 'none',
		id_token_hint: got.id_token}));
	equal(await outcome(tab), 'done');
	equal(await tab.run(() => globalThis.got.claims.sub), got.claims.sub);
});

test('nobody but the providers was asked, or could be', async () => {
	/* the provider's page asks who is there, and is told nobody */
	equal(tab.complaints.filter((said) => !/\/api\/auth\/grant/.test(said)),
		[]);
	const asked = new Set(tab.requests.map(({url}) => new URL(url).origin));
	equal([...asked].sort(), [site, idps.rs.base, idps.es.base].sort());
	const policy = (await fetch(site)).headers
		.get('content-security-policy');
	equal(policy.match(/connect-src 'self' (.*?);/)[1].split(' ').sort(),
		Object.values(idps).map(({base}) => base).sort());
	for (const {url, headers} of tab.requests)
		ok(!/[?&]code=/.test(headers.Referer ?? ''), url);
	const sent = tab.requests.filter(({url}) => url === idps.rs.token);
	equal(sent.length, 1);
	equal([...new URLSearchParams(sent[0].postData).keys()].sort(),
		['client_id', 'code', 'code_verifier', 'grant_type',
			'redirect_uri']);
});

test('a wrong password: the provider says so, and the right one goes on',
	async () => {
		const other = await browser.page();
		await other.go(`${site}/`);
		await other.go(await begin(other, 'rs', {prompt: 'login'}));
		await password(other, 'alice', 'wrong');
		match(await arrive(other, () =>
			document.querySelector('#said').textContent), /401/);
		equal(await other.run(() => location.pathname), '/login.html');
		await password(other, 'alice');
		await pressed(other, '#allow');
		equal(await outcome(other), 'done');
	});

test('a person who says no', async () => {
	await tab.go(`${site}/`);
	await pressed(tab, '#rs');
	await pressed(tab, '#deny');
	equal(await outcome(tab), 'access_denied');
	equal(await text(tab, '#said'), 'They said no.');
	equal(await tab.run(() => [Object.keys(sessionStorage),
		location.search]), [[], '']);
});

test('two tabs at once, each gets its own', async () => {
	const two = [await browser.page(), await browser.page()];
	for (const one of two) {
		await one.go(`${site}/`);
		await pressed(one, '#es');
		await shown(one, '#allow');
	}
	for (const one of two.reverse())
		await one.click('#allow');
	const nonces = [];
	for (const one of two) {
		equal(await outcome(one), 'done');
		nonces.push(await one.run(() => got.claims.nonce));
	}
	equal(new Set(nonces).size, 2);
});

test('two begun in one tab: the first can be answered', async () => {
	await tab.go(`${site}/`);
	const [first] = [await begin(tab, 'rs'), await begin(tab, 'rs')];
	await tab.go(first);
	await pressed(tab, '#allow');
	equal(await outcome(tab), 'done');
	equal(await tab.run(() => Object.keys(sessionStorage).length), 1);
	await tab.run(() => sessionStorage.clear());
});

test('what the provider itself refuses comes in its own words', async () => {
	await tab.go(`${site}/`);
	await tab.go(await begin(tab, 'rs', {prompt: 'none'}));
	equal(await outcome(tab), 'invalid_request');
	equal(await text(tab, '#said'), 'id_token mandatory');
});

test('max_age: kept by the provider, believed only where it says when',
	async () => {
		await tab.go(`${site}/`);
		await tab.go(await begin(tab, 'rs', {max_age: '3600'}));
		await pressed(tab, '#allow');
		equal(await outcome(tab), 'done');
		/* it knows people by a cookie, and no request brings that */
		equal(await tab.run(() => got.claims.auth_time), 0);
		equal((await refusal(tab, () => tokens.checkIdToken(
			got.id_token, {...signIn, maxAge: 3600}))).code,
		'token-auth-time');
	});

test('refresh(): new tokens for the old one', async () => {
	await tab.go(`${site}/`);
	const {got} = kept.rs;
	const fresh = await tab.run((token, claims) =>
		tokens.refresh('rs', token, {claims}),
	got.refresh_token, got.claims);
	ok(fresh.access_token !== got.access_token);
	equal(fresh.refresh_token, got.refresh_token);
	const {claims} = await verified(fresh.access_token, idps.rs);
	equal(claims.sub, got.claims.sub);
});
test('refresh(): a token that is none, or another provider\'s', async () => {
	for (const token of ['x', kept.es.got.refresh_token])
		/* it says 400 and not a word more */
		equal((await refusal(tab, (one) => tokens.refresh('rs', one),
			token)).code, 'answer-malformed');
});

await import('./openid-attacks.mjs');
await import('./openid-tokens.mjs');

test('prompt=login: somebody else, at the same browser', async () => {
	await tab.go(`${site}/`);
	await tab.go(await begin(tab, 'rs', {prompt: 'login'}));
	await password(tab, 'mallory');
	await pressed(tab, '#allow');
	equal(await outcome(tab), 'done');
	ok(await tab.run(() => got.claims.sub) !== kept.rs.got.claims.sub);
});

test('signing out there, and coming back', async () => {
	await silently(tab, 'es');
	const [out, hint] = await tab.run(() =>
		[oauth.logoutUrl('es'), got.id_token]);
	equal(param(out, 'post_logout_redirect_uri'), `${site}/out.html`);
	/* this provider wants to be told whose session it is */
	await tab.go(`${out}&id_token_hint=${hint}`);
	await pressed(tab, '#sign-out');
	await arrive(tab, () => location.pathname === '/out.html' &&
		document.body.dataset.state);
	await tab.go(await begin(tab, 'es'));
	await shown(tab, '#sign-in');
});

await done();
