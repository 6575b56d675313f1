#!/usr/bin/env node
/*
 * The sign-in module as `lowtide build` publishes it, run under node with what
 * a browser would give it: location, history, storage. What is held: no
 * sign-in without PKCE, one record per state, used once, and URLs that are
 * RFC 3986 to the byte.
 */
const {execFileSync, spawnSync} = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const zlib = require('node:zlib');

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
[oauth.hmrc]
kind = "hmrc"
client_id = "def"
redirect_path = "/auth/hmrc.html"
[oauth.odd]
authorization_endpoint = "https://op.example/a?p='1"
client_id = "it's </script>"
pkce = "none"
`;
const COGNITO = 'https://auth.example/oauth2/authorize?response_type=code' +
	'&client_id=abc&redirect_uri=' +
	encodeURIComponent('https://www.vat.example/auth/cognito.html') +
	'&scope=openid%20profile%20email';
/* RFC 7636 Appendix B */
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

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

/* As the browser's: what is kept are own, enumerable properties. */
class Storage {
	getItem(key) {
		return Object.hasOwn(this, key) ? this[key] : null;
	}
	setItem(key, value) {
		this[key] = String(value);
	}
	removeItem(key) {
		delete this[key];
	}
}

/* A page to be on; what happens to it is noted. */
function onPage(url, storage = new Storage()) {
	const noted = {assigned: [], replaced: []};
	const {origin, pathname, search} = new URL(url);
	globalThis.location = {origin, pathname, search,
		assign: (to) => noted.assigned.push(String(to))};
	globalThis.history = {replaceState: (a, b, to) =>
		noted.replaced.push(to)};
	globalThis.sessionStorage = storage;
	return noted;
}

const HOME = 'https://www.vat.example/';
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
	const {url, begin, go, finish} = await import(file);

	/* begin() and come back with what the provider would send */
	async function comeBack(answer, more = '') {
		const storage = new Storage();
		onPage(HOME, storage);
		const to = await begin('cognito', {returnTo: '/a?b=1#c'});
		const {state} = query(to);
		const back = new URLSearchParams({state, ...answer});
		const noted = onPage(`${HOME}auth/cognito.html?${back}${more}`,
			storage);
		return {to, state, storage, noted};
	}

	test('url(): the prefix, then state, nonce, challenge in order', () => {
		equal(url('cognito', {state: 's', nonce: 'n',
			challenge: CHALLENGE}), `${COGNITO}&state=s&nonce=n` +
			`&code_challenge=${CHALLENGE}` +
			'&code_challenge_method=S256');
	});
	test('url(): an empty nonce is absent, HMRC gets none', () => {
		equal(query(url('cognito', {state: 's', nonce: '',
			challenge: 'c'})).nonce, undefined);
		const to = url('hmrc', {state: 's', nonce: 'n', challenge: 'c'});
		equal(query(to).nonce, undefined);
		match(to, /scope=read%3Avat%20write%3Avat&state=s&code_ch/);
	});
	test('url(): extras are RFC 3986, to the byte', () => {
		const to = url('cognito', {state: 's', nonce: 'n',
			challenge: 'c',
			params: {lang: 'cy', login_hint: "a b+c~d!*'()£&=#"}});
		ok(to.endsWith('&lang=cy&login_hint=' +
			'a%20b%2Bc~d%21%2A%27%28%29%C2%A3%26%3D%23'));
	});
	test('url(): a parameter nobody allowed is refused', async () => {
		for (const name of ['prompt', 'state', '', 'lang login_hint'])
			equal((await thrown(() => url('cognito', {state: 's',
				params: {[name]: 'x'}}))).code,
			'param-not-allowed');
	});
	test('a lone surrogate is an error', async () => {
		equal((await thrown(() => url('cognito', {state: 's',
			params: {lang: '\ud800'}}))).name, 'URIError');
	});
	test('an unknown provider is an error', async () => {
		for (const id of ['nobody', 'toString', '__proto__']) {
			const e = await thrown(() => url(id, {state: 's'}));
			equal([e.name, e.code],
				['OAuthError', 'unknown-provider']);
		}
	});
	test('quotes and tags in values stay what they are', () => {
		equal(url('odd', {state: 's'}), "https://op.example/a?p='1" +
			'&response_type=code&client_id=it%27s%20%3C%2Fscript%3E' +
			'&redirect_uri=https%3A%2F%2Fwww.vat.example%2Fauth%2F' +
			'callback.html&scope=openid&state=s');
	});

	test('begin(): fresh values, the challenge fits the verifier',
		async () => {
			const storage = new Storage();
			onPage(HOME, storage);
			const to = await begin('cognito');
			const got = query(to);
			ok(to.startsWith(`${COGNITO}&state=`));
			const kept = storage.getItem(`oauth.${got.state}`);
			const record = JSON.parse(kept.slice(
				kept.indexOf('{')));
			for (const one of [got.state, got.nonce,
				record.verifier])
				match(one, /^[A-Za-z0-9_-]{43}$/);
			equal(got.code_challenge, sha256(record.verifier));
			equal(got.code_challenge_method, 'S256');
			const again = query(await begin('cognito'));
			ok(again.state !== got.state);
			equal(Object.keys(storage).length, 2);
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
	test('without crypto.subtle: a named error, nothing kept', async () => {
		const storage = new Storage();
		onPage(HOME, storage);
		Object.defineProperty(globalThis.crypto, 'subtle',
			{configurable: true, value: undefined});
		const e = await thrown(() => begin('cognito'));
		delete globalThis.crypto.subtle;
		equal([e.name, e.code], ['OAuthError', 'needs-https']);
		match(e.message, /https/);
		equal(Object.keys(storage), []);
	});
	test('returnTo: a path of this site only', async () => {
		for (const returnTo of ['https://evil.example/', '//evil.example',
			'/\\evil.example', 'javascript:alert(1)',
			'/.//evil.example', '/a/..//evil.example',
			`${HOME}/evil.example`]) {
			onPage(HOME);
			equal((await thrown(() => begin('cognito',
				{returnTo}))).code, 'return-to');
		}
	});
	test('stale records are swept, others left alone', async () => {
		const storage = new Storage();
		storage['oauth.old'] = `${Date.now() - 601e3}{}`;
		storage['oauth.new'] = `${Date.now() - 590e3}{}`;
		storage['oauth.foreign'] = 'not ours';
		storage.other = '1{}';
		onPage(HOME, storage);
		await begin('cognito');
		equal(Object.keys(storage).slice(0, 3),
			['oauth.new', 'oauth.foreign', 'other']);
	});
	test('go(): begin and off', async () => {
		const noted = onPage(HOME);
		await go('hmrc');
		equal(noted.assigned.length, 1);
		match(noted.assigned[0],
			/^https:\/\/www\.tax\.service\.gov\.uk\/oauth\/auth/);
	});

	test('finish(): the code, once, and the address is clean', async () => {
		const {to, storage, noted} = await comeBack({code: 'c0de',
			iss: 'https://idp.example/pool'});
		const got = finish();
		equal(noted.replaced, ['/auth/cognito.html']);
		equal(sha256(got.verifier), query(to).code_challenge);
		equal([got.provider, got.code, got.returnTo, got.redirectUri,
			got.nonce], ['cognito', 'c0de', '/a?b=1#c',
			`${HOME}auth/cognito.html`, query(to).nonce]);
		equal(Object.keys(storage), []);
		equal((await thrown(finish)).code, 'unknown-state');
	});
	test('finish(): what is refused', async () => {
		await comeBack({error: 'access_denied',
			error_description: 'No.'});
		const e = await thrown(finish);
		equal([e.code, e.message], ['access_denied', 'No.']);
		await comeBack({code: 'c', iss: 'https://idp.example/other'});
		equal((await thrown(finish)).code, 'issuer-mismatch');
		await comeBack({});
		equal((await thrown(finish)).code, 'no-code');
		const {noted} = await comeBack({code: 'c'}, '&code=d');
		equal((await thrown(finish)).code, 'repeated-parameter');
		equal(noted.replaced.length, 1);
		onPage(`${HOME}auth/cognito.html?code=c`);
		equal((await thrown(finish)).code, 'unknown-state');
	});
	test('finish(): too late', async () => {
		const {state, storage} = await comeBack({code: 'c'});
		const key = `oauth.${state}`;
		storage[key] = storage[key].replace(/^\d+/, Date.now() - 601e3);
		equal((await thrown(finish)).code, 'state-expired');
		equal(Object.keys(storage), []);
	});
	test('an answer without a state clears nothing', async () => {
		const storage = new Storage();
		onPage(HOME, storage);
		await begin('cognito');
		onPage(`${HOME}auth/cognito.html?error=server_error`, storage);
		await thrown(finish);
		equal(Object.keys(storage).length, 1);
	});

	test('local storage and another ttl, where the site says so',
		async () => {
			const other = build(SITE.replace('[oauth.cog',
				'[oauth]\nstorage = "local"\nttl = "1m"\n' +
				'[oauth.cog'), 'local');
			onPage(HOME);
			globalThis.localStorage = new Storage();
			const module = await import(other);
			await module.begin('hmrc');
			equal(Object.keys(globalThis.sessionStorage), []);
			equal(Object.keys(globalThis.localStorage).length, 1);
			match(fs.readFileSync(other, 'utf8'), /\+ 60000 </);
		});
	test('small: the engine and what a provider adds', () => {
		const text = fs.readFileSync(file, 'utf8');
		const size = (s) => zlib.gzipSync(s, {level: 9}).length;
		const bare = text.replace(/^\t'.*},\n/gm, '');
		console.log(`# ${size(text)} bytes gzipped as published, ` +
			`${size(bare)} without providers`);
		ok(size(bare) < 1500);
	});
	test('nothing in it needs more than script-src \'self\'', () => {
		const text = fs.readFileSync(file, 'utf8');
		ok(!/\beval\b|Function\(|innerHTML|\bfetch\b|https?:\/\/(?!auth|www|op|idp)/
			.test(text));
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
