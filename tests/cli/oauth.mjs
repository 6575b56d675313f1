/*
 * oauth.mjs on its way out: url(), begin(), go(), logoutUrl(). No sign-in
 * without PKCE, none that is not kept, and URLs that are RFC 3986 to the byte.
 */
import {spawnSync} from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import {test, ok, equal, match, done} from '../tap.mjs';
import {HOME, SITE, begin, build, comeBack, file, finish, give, go, keys,
	logoutUrl, lowtide, onPage, query, refused, sha256, storageOf, strange,
	thrown, tmp, url} from './oauth-kit.mjs';

const COGNITO = 'https://auth.example/oauth2/authorize?response_type=code' +
	'&client_id=abc&redirect_uri=' +
	encodeURIComponent('https://www.vat.example/auth/cognito.html') +
	'&scope=openid%20profile%20email';
/* RFC 7636 Appendix B */
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const FRESH = {state: 's', nonce: 'n', challenge: CHALLENGE};

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
