#!/usr/bin/env node
/*
 * The sign-in module as `lowtide build` publishes it, run under node with what
 * a browser would give it: location, history, storage. What is held: no
 * sign-in without PKCE, one record per state, used once, and URLs that are
 * RFC 3986 to the byte. finish() has a test for each of its lines.
 */
const {execFileSync, spawnSync} = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const lowtide = path.resolve(process.env.LOWTIDE_BIN ?? 'build/bin', 'lowtide');
const SITE = `name = "t"
base_url = "https://www.vat.example"
[oauth.cognito]
kind = "cognito"
domain = "https://auth.example"
issuer = "https://idp.example/pool"
client_id = "abc"
redirect_path = "/auth/cognito.html"
allow_params = ["lang", "login_hint"]
[oauth.cognito.logout]
endpoint = "https://auth.example/logout"
return_path = "/auth/signed-out.html"
[oauth.hmrc]
kind = "hmrc"
client_id = "def"
redirect_path = "/auth/hmrc.html"
[oauth.hmrc.variant.sandbox]
client_id = "test"
redirect_path = "/auth/hmrc.html2"
[oauth.insists]
authorization_endpoint = "https://op2.example/a"
issuer = "https://op2.example"
iss = "required"
client_id = "abc"
redirect_path = "/auth/insists.html"
[oauth.asks]
authorization_endpoint = "https://op3.example/a"
client_id = "abc"
redirect_uri = "HTTPS://www.VAT.example:443/auth/asks?from=op3"
allow_params = ["x:y"]
[oauth.odd]
authorization_endpoint = "https://op.example/a?p='1"
client_id = "it's </script>"
pkce = "none"
`;
const HOME = 'https://www.vat.example/';
const COGNITO = 'https://auth.example/oauth2/authorize?response_type=code' +
	'&client_id=abc&redirect_uri=' +
	encodeURIComponent('https://www.vat.example/auth/cognito.html') +
	'&scope=openid%20profile%20email';
/* RFC 7636 Appendix B */
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const FRESH = {state: 's', nonce: 'n', challenge: CHALLENGE};

globalThis.crypto ??= crypto.webcrypto; /* node 18 */
const tmp = fs.mkdtempSync(path.join(os.tmpdir(), 'lowtide-oauth-'));
process.on('exit', () => fs.rmSync(tmp, {recursive: true, force: true}));

function build(site, out) {
	const dir = fs.mkdtempSync(path.join(tmp, 'site-'));
	fs.writeFileSync(path.join(dir, 'site.toml'), site);
	execFileSync(lowtide, ['build', '-q', '-C', dir, '--out',
		path.join(tmp, out)], {stdio: ['ignore', 'ignore', 'inherit']});
	const www = path.join(tmp, out, 'www');
	return path.join(www, fs.readdirSync(www).find((name) =>
		/^oauth\.[0-9a-f]{10}\.mjs$/.test(name)));
}

/*
 * As the browser's: values are text, what is kept are own properties, and what
 * it can do is found by for…in, too. `room`: for how many records.
 */
class Methods {
	key() {}
	getItem() {}
	setItem() {}
}
for (const name of ['key', 'getItem', 'setItem'])
	Object.defineProperty(Methods.prototype, name, {enumerable: true});
const storageOf = (room = Infinity) => new Proxy(new Methods(), {
	set(kept, key, value) {
		if (Object.keys(kept).length >= room && !Object.hasOwn(kept, key))
			throw new DOMException('full', 'QuotaExceededError');
		kept[key] = String(value);
		return true;
	},
});

function give(name, get) {
	Object.defineProperty(globalThis, name, {configurable: true, get});
}

/* A page to be on; what happens to it is noted, and its address changes. */
function onPage(url, storage = storageOf()) {
	const noted = {assigned: [], replaced: []};
	const at = new URL(url);
	at.assign = (to) => noted.assigned.push(String(to));
	give('location', () => at);
	give('history', () => ({replaceState(state, title, to) {
		noted.replaced.push([state, String(to)]);
		at.href = new URL(to, at);
	}}));
	give('sessionStorage', () => storage);
	return noted;
}

const keys = (storage) => Object.keys(storage);
const sha256 = (text) => crypto.createHash('sha256').update(text)
	.digest('base64url');
const query = (url) => Object.fromEntries(new URL(url).searchParams);
async function thrown(run) {
	try {
		await run();
	} catch (e) {
		return e;
	}
	throw new Error('nothing was thrown');
}

(async () => {
	const {test, ok, equal, match, done} = await import('../tap.mjs');
	const file = build(SITE, 'dist');
	const {url, begin, go, finish, logoutUrl} = await import(file);

	async function refused(run, code, text = undefined) {
		const e = await thrown(run);
		equal([e.name, e.code], ['OAuthError', code]);
		ok(e instanceof Error && e.message && e.stack);
		if (text !== undefined)
			equal(e.message, text);
	}

	/* begin(), and be back with what the provider would send */
	async function comeBack(answer, {id = 'cognito', more = '',
		to = undefined, returnTo = '/a?b=1#c', storage = storageOf()} = {}) {
		onPage(HOME, storage);
		const sent = await begin(id, {returnTo});
		const {state, redirect_uri: back} = query(sent);
		const given = new URLSearchParams({state, ...answer});
		const page = to ?? back;
		const noted = onPage(page + (page.includes('?') ? '&' : '?') +
			given + more, storage);
		return {sent, state, storage, noted, back};
	}
	/* What it comes to, and that nothing of it is left. */
	async function ends(code, answer, how = {}) {
		const {noted, storage} = await comeBack(answer, how);
		await refused(finish, code, how.text);
		equal(noted.replaced.length, 1);
		equal([location.search, location.hash], ['', '']);
		equal(keys(storage), how.left ?? []);
	}

	test('url(): the prefix, then state, nonce, challenge in order', () => {
		equal(url('cognito', FRESH), `${COGNITO}&state=s&nonce=n` +
			`&code_challenge=${CHALLENGE}` +
			'&code_challenge_method=S256');
	});
	test('url(): an empty nonce is absent, HMRC gets none', () => {
		for (const nonce of ['', undefined])
			ok(!url('cognito', {...FRESH, nonce})
				.includes('nonce'));
		const to = url('hmrc', FRESH);
		equal(query(to).nonce, undefined);
		match(to, /scope=read%3Avat%20write%3Avat&state=s&code_ch/);
	});
	test('url(): extras are RFC 3986, to the byte', () => {
		const to = url('cognito', {...FRESH,
			params: {lang: 'cy', login_hint: "a b+c~d!*'()£&=#!*'()"}});
		ok(to.endsWith('&lang=cy&login_hint=a%20b%2Bc~d%21%2A%27%28%29' +
			'%C2%A3%26%3D%23%21%2A%27%28%29'));
		match(url('asks', {...FRESH, params: {'x:y': 1}}), /&x%3Ay=1$/);
	});
	test('url(): what is fresh is encoded likewise', () => {
		const odd = "'a b*";
		equal(url('cognito', {state: odd, nonce: odd, challenge: odd}),
			`${COGNITO}&state=X&nonce=X&code_challenge=X`
				.replaceAll('X', '%27a%20b%2A') +
			'&code_challenge_method=S256');
	});
	test('url(): 0 is something, nothing is nothing', () => {
		const end = (lang) => url('cognito', {...FRESH,
			params: {lang}}).split('&').at(-1);
		equal([0, '', undefined, null, false].map(end),
			['lang=0', 'lang=', 'lang=', 'lang=', 'lang=false']);
	});
	test('url(): no state, no challenge: no URL', async () => {
		for (const state of [undefined, null, ''])
			await refused(() => url('cognito', {...FRESH, state}),
				'no-state');
		await refused(() => url('hmrc'), 'no-state');
		for (const challenge of [undefined, null, ''])
			await refused(() => url('hmrc', {...FRESH, challenge}),
				'no-challenge');
		equal(query(url('odd', FRESH)).code_challenge, undefined);
	});
	test('url(): a parameter nobody allowed is refused', async () => {
		for (const id of ['cognito', 'hmrc'])
			for (const name of ['prompt', 'state', '',
				'lang login_hint', 'langlogin_hint', 'LANG',
				'0', 'includes', 'constructor', '__proto__'])
				await refused(() => url(id, {...FRESH,
					params: {[name]: 'x'}}),
				'param-not-allowed', name || undefined);
	});
	test('a lone surrogate is an error', async () => {
		for (const bad of [{state: '\ud800'}, {nonce: 'a\udfff'},
			{challenge: '\udc00\ud800'}, {params: {lang: '\ud800'}}])
			equal((await thrown(() => url('cognito',
				{...FRESH, ...bad}))).name, 'URIError');
	});
	test('an unknown provider is an error', async () => {
		for (const id of ['nobody', 'toString', 'constructor',
			'__proto__', 'hmrc:', 'hmrc:live', 'sandbox', '']) {
			onPage(HOME);
			for (const run of [() => url(id, FRESH),
				() => begin(id), () => go(id),
				() => logoutUrl(id)])
				await refused(run, 'unknown-provider',
					id || undefined);
			equal(keys(sessionStorage), []);
		}
	});
	test('a variant is a provider of its own', () => {
		match(url('hmrc', FRESH), /^https:\/\/www\.tax\..*=def&/);
		match(url('hmrc:sandbox', FRESH),
			/^https:\/\/test-www\.tax\..*=test&/);
	});
	test('quotes and tags in values stay what they are', () => {
		equal(url('odd', FRESH), "https://op.example/a?p='1" +
			'&response_type=code&client_id=it%27s%20%3C%2Fscript%3E' +
			'&redirect_uri=https%3A%2F%2Fwww.vat.example%2Fauth%2F' +
			'callback.html&scope=openid&state=s&nonce=n');
	});

	test('begin(): fresh values, the challenge fits the verifier',
		async () => {
			const storage = storageOf();
			onPage(HOME, storage);
			const before = Date.now();
			const to = await begin('cognito');
			const got = query(to);
			ok(to.startsWith(`${COGNITO}&state=`));
			equal(keys(storage), [`oauth.${got.state}`]);
			const [till, id, verifier, nonce, returnTo, ...more] =
				storage[`oauth.${got.state}`].split(' ');
			equal([id, nonce, returnTo, more],
				['cognito', got.nonce, '/', []]);
			ok(till >= before + 600e3 && till <= Date.now() + 600e3);
			const all = [got.state, nonce, verifier];
			for (const one of all)
				match(one, /^[A-Za-z0-9_-]{43}$/);
			equal(new Set(all).size, 3);
			equal(got.code_challenge, sha256(verifier));
			equal(got.code_challenge_method, 'S256');
			const again = query(await begin('cognito'));
			ok(again.state !== got.state);
			equal(keys(storage).length, 2);
		});
	test('begin(): a page gives parameters, and nothing that is fresh',
		async () => {
			onPage(HOME);
			const got = query(await begin('cognito', {state: 'mine',
				nonce: 'mine', challenge: 'mine',
				params: {lang: 'cy'}}));
			equal(got.lang, 'cy');
			for (const name of ['state', 'nonce', 'code_challenge'])
				equal(got[name].length, 43);
		});
	test('RFC 7636 Appendix B comes out of it', async () => {
		onPage(HOME);
		Object.defineProperty(globalThis.crypto, 'getRandomValues', {
			configurable: true, value: (into) => {
				into.set(Buffer.from(VERIFIER, 'base64url'));
				return into;
			}});
		try {
			equal(query(await begin('cognito')).code_challenge,
				CHALLENGE);
		} finally {
			delete globalThis.crypto.getRandomValues;
		}
	});
	test('octets of every value come out as base64url', async () => {
		onPage(HOME);
		for (const octets of [[255, 239, 190], [251, 240, 0]]) {
			const value = (into) => into.map((_, i) =>
				octets[i % octets.length]);
			Object.defineProperty(globalThis.crypto,
				'getRandomValues', {configurable: true, value});
			const {state} = query(await begin('cognito'));
			delete globalThis.crypto.getRandomValues;
			equal(state, Buffer.from(value(new Uint8Array(32)))
				.toString('base64url'));
		}
	});
	test('without crypto.subtle: a named error, nothing kept', async () => {
		onPage(HOME);
		Object.defineProperty(globalThis.crypto, 'subtle',
			{configurable: true, value: undefined});
		try {
			for (const id of ['cognito', 'odd'])
				await refused(() => begin(id), 'needs-https');
		} finally {
			delete globalThis.crypto.subtle;
		}
		equal(keys(sessionStorage), []);
	});
	const strange = ['https://evil.example/', '//evil.example',
		'/\\evil.example', '\\\\evil.example', 'javascript:alert(1)',
		'/.//evil.example', '/a/..//evil.example', '/.\\/evil.example',
		`${HOME}/evil.example`, '/\t/evil.example', '/\n/evil.example',
		' /a', '/a b', 'a', '', '?a', '#a', `${HOME}a`, '\0/a'];
	test('returnTo: a path of this site only', async () => {
		for (const returnTo of strange) {
			onPage(HOME);
			await refused(() => begin('cognito', {returnTo}),
				'return-to');
			equal(keys(sessionStorage), []);
		}
	});
	test('returnTo: any path, query and fragment, as it was given',
		async () => {
			for (const returnTo of ['/', '/?a#b', '/#//x', '/a/b/',
				'/ü', '/a?to=https://b.example//c\\d', '/~a',
				'/.well-known/x', '/%20,%2F', '/a,b']) {
				await comeBack({code: 'c'}, {returnTo});
				equal(finish().returnTo, returnTo);
				equal(new URL(returnTo, HOME).origin + '/', HOME);
			}
		});
	test('stale records are swept, others left alone', async () => {
		const storage = storageOf();
		const others = {'oauth.foreign': 'not ours', other: '1 x',
			'xoauth.a': '1 x', oauthx: '1 x', 'oauth.json': '{"a":1}',
			'oauth.new': `${Date.now() + 60e3} x`};
		Object.assign(storage, {'oauth.old': `${Date.now() - 1} x`,
			'oauth.older': `${Date.now() - 3600e3}{}`, ...others});
		onPage(HOME, storage);
		const {state} = query(await begin('cognito'));
		equal(keys(storage).sort(),
			[...keys(others), `oauth.${state}`].sort());
	});
	test('go(): begin and off', async () => {
		const noted = onPage(HOME);
		await go('cognito', {returnTo: '/x', params: {lang: 'cy'}});
		equal(noted.assigned.length, 1);
		const {state, lang} = query(noted.assigned[0]);
		match(sessionStorage[`oauth.${state}`], / \/x$/);
		equal(lang, 'cy');
	});
	test('a double click: whichever comes back is a sign-in', async () => {
		const noted = onPage(HOME);
		await Promise.all([go('hmrc'), go('hmrc')]);
		const states = noted.assigned.map((to) => query(to).state);
		equal(new Set(states).size, 2);
		for (const state of states) {
			onPage(`${HOME}auth/hmrc.html?code=c&state=${state}`,
				sessionStorage);
			equal(finish().provider, 'hmrc');
		}
		equal(keys(sessionStorage), []);
	});
	test('nowhere to keep it: no-storage, and nobody is sent away',
		async () => {
			for (const broken of [
				() => {
					throw new DOMException('no', 'SecurityError');
				},
				() => null,
				() => undefined,
				() => storageOf(0),
			]) {
				const noted = onPage(HOME);
				give('sessionStorage', broken);
				await refused(() => begin('hmrc'), 'no-storage');
				await refused(() => go('hmrc'), 'no-storage');
				equal(noted.assigned, []);
			}
		});

	test('finish(): the code, once, and the address is clean', async () => {
		const {sent, storage, noted} = await comeBack({code: 'c0de',
			iss: 'https://idp.example/pool'}, {more: '#frag'});
		const {verifier, ...rest} = finish();
		equal(noted.replaced, [[null, `${HOME}auth/cognito.html`]]);
		equal(sha256(verifier), query(sent).code_challenge);
		equal(rest, {provider: 'cognito', code: 'c0de',
			nonce: query(sent).nonce, returnTo: '/a?b=1#c',
			redirectUri: `${HOME}auth/cognito.html`});
		equal(keys(storage), []);
	});
	test('finish(): again on the cleaned page: unknown-state', async () => {
		const {storage, state} = await comeBack({code: 'c'});
		const before = location.href;
		equal(finish().code, 'c');
		await refused(finish, 'unknown-state');
		/* and with the very same address, by hand */
		onPage(before, storage);
		await refused(finish, 'unknown-state');
		equal([keys(storage), state.length], [[], 43]);
	});
	test('finish(): no nonce, no challenge was sent: none is given',
		async () => {
			await comeBack({code: 'c'}, {id: 'hmrc'});
			const {nonce, verifier} = finish();
			equal([nonce, verifier.length], [undefined, 43]);
			await comeBack({code: 'c'}, {id: 'odd'});
			const odd = finish();
			equal([odd.verifier, odd.nonce.length], [undefined, 43]);
		});
	test('finish(): the address is cleaned before anything else',
		async () => {
			onPage(`${HOME}auth/hmrc.html?code=c&state=s`);
			give('sessionStorage', () => {
				equal(location.href, `${HOME}auth/hmrc.html`);
				throw new DOMException('no', 'SecurityError');
			});
			await refused(finish, 'no-storage');
			/* answers that come where none is looked for, too */
			onPage(`${HOME}auth/hmrc.html#access_token=x`);
			await refused(finish, 'unknown-state');
			equal(location.href, `${HOME}auth/hmrc.html`);
			/* wherever a path that begins with two slashes leads */
			onPage(`${HOME}/evil.example/?code=c&state=s`);
			await refused(finish, 'unknown-state');
			equal(location.href, `${HOME}/evil.example/`);
		});
	test('finish(): no state, and states of nobody', async () => {
		const {storage, state} = await comeBack({code: 'c'});
		storage['oauth.'] = storage['oauth.undefined'] = 'x';
		for (const answer of ['', 'code=c', 'code=c&state=', 'code=c&state',
			'error=access_denied', 'error=server_error&state=',
			'code=c&state=nobody', 'code=c&state=toString',
			'code=c&state=__proto__', 'code=c&state=constructor',
			`code=c&state=${state}x`, `code=c&State=${state}`,
			`code=c&state=${state.toUpperCase()}`,
			`code=c&state=oauth.${state}`]) {
			onPage(`${HOME}auth/cognito.html?${answer}`, storage);
			await refused(finish, 'unknown-state');
			ok(keys(storage).includes(`oauth.${state}`));
		}
		/* what was ours is as it was */
		onPage(`${HOME}auth/cognito.html?code=c&state=${state}`, storage);
		equal(finish().code, 'c');
	});
	test('finish(): what is said twice', async () => {
		for (const more of ['&code=d', '&code=c', '&code=', '&state=x',
			'&error=a&error=b', '&x=1&x=2', '&c%6fde=d',
			'&__proto__=1&__proto__=2', '&toString=&toString=']) {
			const {storage, state, noted} = await comeBack(
				{code: 'c'}, {more});
			await refused(finish, 'repeated-parameter');
			equal(noted.replaced.length, 1);
			equal(keys(storage), [`oauth.${state}`]);
		}
		await comeBack({code: 'c'}, {more: '&toString=1&__proto__=2' +
			'&constructor=3&hasOwnProperty=4&then='});
		equal(finish().code, 'c');
	});
	test('finish(): too late, to the millisecond', async () => {
		for (const [left, code] of [[-1, 'state-expired'],
			[-3600e3, 'state-expired'], [60e3, null]]) {
			const {state, storage} = await comeBack({code: 'c'});
			const key = `oauth.${state}`;
			storage[key] = storage[key].replace(/^\d+/,
				Date.now() + left);
			if (code)
				await refused(finish, code);
			else
				equal(finish().code, 'c');
			equal(keys(storage), []);
		}
		/* nor is an error of the provider's worth more then */
		const {state, storage} = await comeBack({error: 'access_denied'});
		storage[`oauth.${state}`] = storage[`oauth.${state}`]
			.replace(/^\d+/, 1);
		await refused(finish, 'state-expired');
	});
	test('finish(): records of an older release, and damaged ones',
		async () => {
			const soon = Date.now() + 60e3;
			for (const [record, code] of [
				['', 'unknown-state'],
				['{', 'unknown-state'],
				['null', 'unknown-state'],
				['[object Object]', 'unknown-state'],
				[`${soon}`, 'unknown-state'],
				[`${soon} gone v n /`, 'unknown-state'],
				[`${soon} toString v n /`, 'unknown-state'],
				[`${soon} __proto__ v n /`, 'unknown-state'],
				[`${Date.now()}{"id":"cognito","verifier":"v"}`,
					'unknown-state'],
				[' cognito v n /', 'state-expired'],
				['NaN cognito v n /', 'state-expired'],
				['x cognito v n /', 'state-expired'],
				...strange.filter((to) => to && !/\s/.test(to))
					.map((to) => [`${soon} cognito v n ${to}`,
						'return-to']),
			]) {
				const {state, storage} = await comeBack({code: 'c'});
				storage[`oauth.${state}`] = record;
				await refused(finish, code);
				equal(keys(storage), [], record);
			}
		});
	test('finish(): on another provider\'s page', async () => {
		const text = `${HOME}auth/cognito.html`;
		for (const to of ['auth/hmrc.html', 'auth/cognito', '', 'auth/',
			'auth/cognito.html/', 'auth/cognito.html2',
			'auth/cognito.htm', 'x/auth/cognito.html',
			'auth/Cognito.html', 'auth/cognito%2Ehtml'])
			await ends('wrong-page', {code: 'c'},
				{to: HOME + to, text});
		await ends('wrong-page', {error: 'access_denied'},
			{to: `${HOME}auth/hmrc.html`});
		await ends('wrong-page', {code: 'c'}, {id: 'hmrc',
			to: `${HOME}auth/hmrc.html2`});
		await ends('wrong-page', {code: 'c'},
			{to: `https://evil.example/?${text}`});
	});
	test('finish(): a redirect with a query of its own', async () => {
		const id = 'asks';
		const page = `${HOME}auth/asks`;
		const back = 'HTTPS://www.VAT.example:443/auth/asks?from=op3';
		equal((await comeBack({code: 'c'}, {id})).back, back);
		equal(finish().redirectUri, back);
		for (const to of [page, `${page}?from=op`, `${page}?from=op34`,
			`${page}?a=1`, `${page}?From=op3`])
			await ends('wrong-page', {code: 'c'},
				{id, to});
	});
	test('finish(): whose answer it is (RFC 9207)', async () => {
		for (const iss of ['https://idp.example/other',
			'https://idp.example/pool/', 'https://IDP.example/pool',
			'https://idp.example', '', 'undefined'])
			for (const answer of [{code: 'c'}, {error: 'e'}])
				await ends('issuer-mismatch', {...answer, iss});
		await comeBack({code: 'c'});
		equal(finish().code, 'c');
		/* where none is known, none is looked at */
		await comeBack({code: 'c', iss: 'https://x.example'},
			{id: 'hmrc'});
		equal(finish().code, 'c');
	});
	test('finish(): whose answer it is, where that must be said', async () => {
		const id = 'insists';
		for (const answer of [{}, {iss: ''}, {iss: 'https://op.example'}])
			for (const what of [{code: 'c'}, {error: 'e'}])
				await ends('issuer-mismatch', {...what, ...answer},
					{id});
		await comeBack({code: 'c', iss: 'https://op2.example'}, {id});
		equal(finish().code, 'c');
	});
	test('finish(): what the provider says, in its words', async () => {
		await ends('access_denied', {error: 'access_denied',
			error_description: 'No.'}, {text: 'No.'});
		await ends('server_error', {error: 'server_error'},
			{text: 'server_error'});
		await ends('e', {error: 'e', error_description: '', code: 'c'});
		/* an error that is empty is none */
		await comeBack({error: '', code: 'c'});
		equal(finish().code, 'c');
	});
	test('finish(): of several things, the first is told', async () => {
		const iss = 'https://x.example';
		const to = `${HOME}auth/hmrc.html`;
		const late = async (more = '') => {
			const {state, storage} = await comeBack({error: 'e', iss},
				{to, more});
			storage[`oauth.${state}`] = storage[`oauth.${state}`]
				.replace(/^\d+/, 1);
		};
		await late('&x&x');
		await refused(finish, 'repeated-parameter');
		await late();
		await refused(finish, 'state-expired');
		await ends('wrong-page', {error: 'e', iss}, {to});
		await ends('issuer-mismatch', {error: 'e', iss});
		await ends('e', {error: 'e', code: 'c'});
	});
	test('finish(): neither a code nor an error', async () => {
		await ends('no-code', {});
		await ends('no-code', {code: ''});
		await ends('no-code', {access_token: 'x', id_token: 'y'});
	});
	test('finish(): storage that is disabled, or gone by then', async () => {
		for (const broken of [
			() => {
				throw new DOMException('no', 'SecurityError');
			},
			() => null,
		]) {
			const {noted} = await comeBack({code: 'c'});
			give('sessionStorage', broken);
			await refused(finish, 'no-storage');
			equal(noted.replaced.length, 1);
		}
	});
	test('finish(): a full storage has room for what it takes', async () => {
		const storage = storageOf(1);
		await comeBack({code: 'c'}, {storage});
		equal(finish().code, 'c');
		equal(keys(storage), []);
	});
	test('two tabs do not meet', async () => {
		const [a, b] = [await comeBack({code: 'a'}),
			await comeBack({code: 'b'})];
		const page = `${HOME}auth/cognito.html?code=x&state=`;
		onPage(page + a.state, b.storage);
		await refused(finish, 'unknown-state');
		onPage(page + b.state, b.storage);
		equal(finish().code, 'x');
		onPage(page + a.state, a.storage);
		equal(finish().code, 'x');
	});
	test('logoutUrl(): complete as it is, or none', async () => {
		equal(logoutUrl('cognito'), 'https://auth.example/logout' +
			'?client_id=abc&logout_uri=' +
			encodeURIComponent(`${HOME}auth/signed-out.html`));
		for (const id of ['hmrc', 'hmrc:sandbox', 'odd'])
			await refused(() => logoutUrl(id), 'no-logout');
	});

	test('local storage and another ttl, where the site says so',
		async () => {
			const other = build(SITE.replace('[oauth.cog',
				'[oauth]\nstorage = "local"\nttl = "1m"\n' +
				'[oauth.cog'), 'local');
			const local = storageOf();
			onPage(HOME);
			give('localStorage', () => local);
			const module = await import(other);
			const before = Date.now();
			const {state} = query(await module.begin('hmrc'));
			equal(keys(sessionStorage), []);
			const till = parseInt(local[`oauth.${state}`]);
			ok(till >= before + 60e3 && till <= Date.now() + 60e3);
			onPage(`${HOME}auth/hmrc.html?code=c&state=${state}`);
			equal(module.finish().code, 'c');
			equal(keys(local), []);
		});
	test('nothing in it needs more than script-src \'self\'', () => {
		const text = fs.readFileSync(file, 'utf8');
		ok(!/\beval\b|Function\(|innerHTML|\bfetch\b|\bimport\b/
			.test(text));
		ok(!/{{|}}/.test(text));
	});

	test('all refusals of a site at once, with their places', () => {
		const dir = fs.mkdtempSync(path.join(tmp, 'site-'));
		fs.writeFileSync(path.join(dir, 'site.toml'), `name = "t"
base_url = "https://www.vat.example"
[oauth.a]
client_id = ""
authorization_endpoint = "http://op.example/"
[oauth.b]
kind = "cognito"
domain = "https://x.example"
client_id = "\${ID}"
scopes = ["email"]
client_secret = "abc"
`);
		const out = path.join(tmp, 'never');
		const {status, stderr} = spawnSync(lowtide,
			['build', '-C', dir, '--out', out], {encoding: 'utf8'});
		equal(status, 1);
		equal(stderr.match(/site\.toml:\d+:\d+: [a-z-]+/g), [
			'site.toml:4:13: client-id-empty',
			'site.toml:5:26: endpoint-scheme',
			'site.toml:6:8: redirect-shared',
			'site.toml:9:13: client-id-placeholder',
			'site.toml:10:10: openid-missing',
			'site.toml:11:1: secret-present',
		]);
		ok(!fs.existsSync(out));
	});

	await done();
})();
