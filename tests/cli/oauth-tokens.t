#!/usr/bin/env node
/*
 * oauth-tokens.mjs as `lowtide build` publishes it, against a token endpoint of
 * this test's own on loopback, with keys made for it. What is held: a code is
 * sent once, tokens come from nowhere else, and each rule of OIDC Core 3.1.3.7
 * refuses a token that breaks it and nothing but that.
 */
const {execFileSync, spawnSync} = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const zlib = require('node:zlib');

const lowtide = path.resolve(process.env.LOWTIDE_BIN ?? 'build/bin', 'lowtide');
const HOME = 'https://www.vat.example/auth/callback.html';

globalThis.crypto ??= crypto.webcrypto; /* node 18 */
const tmp = fs.mkdtempSync(path.join(os.tmpdir(), 'lowtide-tokens-'));
process.on('exit', () => fs.rmSync(tmp, {recursive: true, force: true}));

const providers = (op) => `
[oauth.op]
kind = "cognito"
domain = "${op}"
issuer = "${op}"
client_id = "spa"
[oauth.op.variant.test]
client_id = "spa-test"
redirect_path = "/auth/test.html"
[oauth.recent]
redirect_path = "/auth/recent.html"
authorization_endpoint = "${op}/authorize"
token_endpoint = "${op}/tokens?v=2"
jwks_uri = "${op}/keys"
issuer = "${op}"
client_id = "spa"
max_age = 300
[oauth.plain]
redirect_path = "/auth/plain.html"
authorization_endpoint = "${op}/authorize"
token_endpoint = "${op}/token"
client_id = "a&b"
pkce = "none"
nonce = false
scopes = ["read:user"]
[oauth.nonceless]
redirect_path = "/auth/nonceless.html"
kind = "cognito"
domain = "${op}"
issuer = "${op}"
client_id = "spa"
nonce = false
[oauth.anonymous]
redirect_path = "/auth/anonymous.html"
kind = "cognito"
domain = "${op}"
client_id = "spa"
[oauth.server]
redirect_path = "/auth/server.html"
kind = "cognito"
domain = "${op}"
client_id = "conf"
client_secret = { env = "NEVER_SET" }
token_path = false
[oauth.own]
redirect_path = "/auth/own.html"
kind = "cognito"
domain = "https://never.asked.example"
jwks_uri = "${op}/keys"
issuer = "${op}"
client_id = "0wn"
client_secret = { env = "NEVER_SET" }
[oauth.hmrc]
redirect_path = "/auth/hmrc.html"
kind = "hmrc"
base_uri = "${op}"
token_endpoint = "${op}/token"
client_id = "tax"
[oauth.front]
redirect_path = "/auth/front.html"
authorization_endpoint = "${op}/authorize"
client_id = "front"
`;

function write(toml) {
	const dir = fs.mkdtempSync(path.join(tmp, 'site-'));
	fs.writeFileSync(path.join(dir, 'site.toml'), 'name = "t"\n' +
		'base_url = "https://www.vat.example"\n' + toml);
	return dir;
}

/* {www: its files, said} */
function build(toml, out) {
	const {status, stderr} = spawnSync(lowtide, ['build', '-q', '-C',
		write(toml), '--out', path.join(tmp, out)],
	{encoding: 'utf8'});
	if (status !== 0)
		throw new Error(stderr);
	const www = path.join(tmp, out, 'www');
	return {said: stderr, www, module: fs.readdirSync(www).filter((name) =>
		/^oauth-tokens\.[0-9a-f]{10}\.mjs$/.test(name))
		.map((name) => path.join(www, name))[0]};
}

/* --- a provider ---------------------------------------------------------- */

/* As tests/tokens.mjs makes them, and why. */
function newPair(type, options) {
	const made = crypto.generateKeyPairSync(type, {...options,
		publicKeyEncoding: {type: 'spki', format: 'pem'},
		privateKeyEncoding: {type: 'pkcs8', format: 'pem'}});
	return {publicKey: crypto.createPublicKey(made.publicKey),
		privateKey: crypto.createPrivateKey(made.privateKey)};
}
const pairs = {
	rsa: newPair('rsa', {modulusLength: 2048}),
	other: newPair('rsa', {modulusLength: 2048}),
	short: newPair('rsa', {modulusLength: 1024}),
	ec: newPair('ec', {namedCurve: 'P-256'}),
	ec384: newPair('ec', {namedCurve: 'P-384'}),
};
const jwk = (name, more = {}) => ({kid: name, ...more,
	...pairs[name].publicKey.export({format: 'jwk'})});
const b64 = (data) => Buffer.from(data).toString('base64url');
const json = (data) => b64(JSON.stringify(data));

function signature(alg, signed, key) {
	if (alg.startsWith('HS'))
		return crypto.createHmac('sha256', key).update(signed).digest();
	const padding = alg.startsWith('PS') && {saltLength: 32,
		padding: crypto.constants.RSA_PKCS1_PSS_PADDING};
	return crypto.sign(`sha${alg.slice(2)}`, signed, {key,
		dsaEncoding: 'ieee-p1363', ...padding});
}

/* A token; `name` says whose key it is. kid null: it has none. */
function sign(claims, {name = 'rsa', alg = 'RS256', kid = name, ...more} = {}) {
	const header = {alg, typ: 'JWT', kid: kid ?? undefined, ...more};
	const signed = `${json(header)}.${json(claims)}`;
	return `${signed}.${b64(signature(alg, signed,
		pairs[name].privateKey))}`;
}

const op = {asked: [], answer: null, keys: [jwk('rsa'), jwk('ec')]};
const server = http.createServer(async (request, answer) => {
	let body = '';
	for await (const chunk of request)
		body += chunk;
	const asked = {path: request.url, method: request.method,
		headers: request.headers, body,
		form: Object.fromEntries(new URLSearchParams(body))};
	op.asked.push(asked);
	const said = !/keys|jwks/.test(request.url) ? op.answer(asked, answer) :
		op.answerKeys?.(asked, answer) ?? {body: {keys: op.keys}};
	if (!said)
		return;
	answer.writeHead(said.status ?? 200, {
		'content-type': 'application/json;charset=UTF-8',
		...said.headers});
	answer.end(typeof said.body === 'object' ?
		JSON.stringify(said.body) : said.body);
});

async function thrown(run) {
	try {
		await run();
	} catch (e) {
		return e;
	}
	throw new Error('nothing was thrown');
}

(async () => {
	const {test, ok, equal, match, cleanup, done} =
		await import('../tap.mjs');
	await new Promise((go) => server.listen(0, '127.0.0.1', go));
	cleanup(() => {
		server.close();
		server.closeAllConnections();
	});
	const url = `http://127.0.0.1:${server.address().port}`;
	const SITE = `api_url = "${url}"\n[oauth]\ntokens = true\n${providers(url)}`;
	const built = build(SITE, 'dist');
	const {exchange, refresh, checkIdToken, keys} =
		await import(built.module);

	/* The same module with nothing remembered. */
	let copies = 0;
	function afresh() {
		const copy = path.join(tmp, `copy${copies++}.mjs`);
		fs.copyFileSync(built.module, copy);
		return import(copy);
	}
	const seconds = () => Math.floor(Date.now() / 1000);
	const CLAIMS = () => ({iss: url, sub: 'alice', aud: 'spa',
		exp: seconds() + 300, iat: seconds(), nonce: 'n0'});
	const TOKENS = (more) => ({access_token: 'at', token_type: 'Bearer',
		expires_in: 3600, ...more});
	let codes = 0;
	const signIn = (more) => ({provider: 'op', code: `code-${codes++}`,
		verifier: 'v'.repeat(43), nonce: 'n0', redirectUri: HOME,
		returnTo: '/', ...more});
	const answers = (body, more) => {
		op.asked = [];
		op.answer = () => ({body, ...more});
	};
	const codeOf = async (run) => {
		const e = await thrown(run);
		equal(e.name, 'OAuthError', e);
		return e.code;
	};
	const check = (claims, header, more) => checkIdToken(
		sign({...CLAIMS(), ...claims}, header),
		{provider: 'op', nonce: 'n0', ...more});
	const SET = () => ({keys: [jwk('rsa'), jwk('ec')]});

	/* ---- exchange() */
	test('exchange(): the request, RFC 6749 4.1.3', async () => {
		answers(TOKENS({id_token: sign(CLAIMS())}));
		const got = await exchange(signIn({code: 'c&d=e'}));
		equal(op.asked.length, 1);
		const [{method, path: at, headers, form}] = op.asked;
		equal([method, at], ['POST', '/oauth2/token']);
		match(headers['content-type'],
			/^application\/x-www-form-urlencoded(;|$)/);
		equal(headers.accept, 'application/json');
		equal([headers.cookie, headers.authorization, headers.referer],
			[undefined, undefined, undefined]);
		equal(form, {grant_type: 'authorization_code', code: 'c&d=e',
			redirect_uri: HOME, code_verifier: 'v'.repeat(43),
			client_id: 'spa'});
		equal([got.access_token, got.expires_in, got.claims.sub],
			['at', 3600, 'alice']);
	});
	test('what fetch() is told: no cookies, cache, redirects, referrer',
		async () => {
			const real = globalThis.fetch;
			const calls = [];
			globalThis.fetch = (...call) => {
				calls.push(call);
				return real(...call);
			};
			try {
				answers(TOKENS({id_token: sign(CLAIMS())}));
				await exchange(signIn());
				await (await afresh()).keys('op');
			} finally {
				globalThis.fetch = real;
			}
			equal(calls.length, 2);
			for (const [, {credentials, cache, redirect,
				referrerPolicy}] of calls)
				equal([credentials, cache, redirect,
					referrerPolicy], ['omit', 'no-store',
					'error', 'no-referrer']);
		});
	test('a provider is at its own endpoint, a variant its own client',
		async () => {
			for (const [provider, aud, at] of [
				['op:test', 'spa-test', '/oauth2/token'],
				['recent', 'spa', '/tokens?v=2']]) {
				answers(TOKENS({id_token: sign({...CLAIMS(),
					aud, auth_time: seconds()})}));
				const got = await exchange(signIn({provider}));
				equal([got.claims.aud, op.asked[0].path,
					op.asked[0].form.client_id],
				[aud, at, aud]);
			}
			answers(TOKENS({id_token: sign(CLAIMS())}));
			equal(await codeOf(() => exchange(signIn(
				{provider: 'op:test'}))), 'token-audience');
			await (await afresh()).keys('recent');
			equal(op.asked.at(-1).path, '/keys');
		});
	test('max_age of the provider, but not for what is refreshed',
		async () => {
			const old = {...CLAIMS(), auth_time: seconds() - 1000};
			answers(TOKENS({id_token: sign(old)}));
			equal(await codeOf(() => exchange(signIn(
				{provider: 'recent'}))), 'token-auth-time');
			const got = await refresh('recent', 'r', {claims: old});
			equal(got.claims.sub, 'alice');
			await check({...old, auth_time: seconds() - 300}, {},
				{provider: 'recent'});
			await check(old, {}, {provider: 'recent', maxAge: 1000});
		});
	test('without PKCE and openid: no verifier, no id token', async () => {
		answers(TOKENS({token_type: 'bEARER', claims: {sub: 'forged'}}));
		const got = await exchange(signIn({provider: 'plain'}));
		equal('code_verifier' in op.asked[0].form, false);
		equal(op.asked[0].form.client_id, 'a&b');
		equal(got, TOKENS({token_type: 'bEARER'}));
	});
	test('a code is sent once, whatever came of it', async () => {
		answers({error: 'invalid_grant'}, {status: 400});
		const one = signIn();
		equal(await codeOf(() => exchange(one)), 'invalid_grant');
		equal(await codeOf(() => exchange(one)), 'already-exchanged');
		equal(await codeOf(() => exchange({...one})),
			'already-exchanged');
		equal(op.asked.length, 1);
	});
	test('and of two at once, one', async () => {
		answers(TOKENS({id_token: sign(CLAIMS())}));
		const one = signIn();
		const [a, b] = await Promise.allSettled(
			[exchange(one), exchange(one)]);
		equal([a.status, b.reason?.code],
			['fulfilled', 'already-exchanged']);
		equal(op.asked.length, 1);
	});
	/* ---- a client with a secret: the site's own API */
	test('with a secret: our API is asked, and told what is fresh',
		async () => {
			answers(TOKENS({id_token: sign({...CLAIMS(),
				aud: '0wn'})}));
			const got = await exchange(signIn({provider: 'own',
				code: 'c&d=f'}));
			equal([got.access_token, got.claims.sub],
				['at', 'alice']);
			equal(op.asked.length, 1);
			const [{method, path: at, headers, body}] = op.asked;
			equal([method, at, headers['content-type'],
				headers.accept], ['POST', '/api/v1/own/token',
				'application/json', 'application/json']);
			equal(JSON.parse(body), {
				grant_type: 'authorization_code', code: 'c&d=f',
				redirect_uri: HOME,
				code_verifier: 'v'.repeat(43)});
		});
	test('and for refresh tokens beside it', async () => {
		answers(TOKENS());
		const got = await refresh('own', 'r0');
		equal(got.refresh_token, 'r0');
		equal([op.asked[0].path, JSON.parse(op.asked[0].body)],
			['/api/v1/own/refresh', {grant_type: 'refresh_token',
				refresh_token: 'r0'}]);
	});
	test('while it is at it, it is asked for the same request', async () => {
		const names = [];
		op.asked = [];
		op.answer = ({headers}) => {
			names.push(headers['x-request-id']);
			return names.length > 2 ? {body: {
				error: 'invalid_grant'}, status: 400} : {
				body: {status: 'accepted'}, status: 202,
				headers: {'x-request-id': 'job_1',
					'retry-after': '0.01'}};
		};
		equal(await codeOf(() => exchange(signIn({provider: 'own'}))),
			'invalid_grant');
		equal(names, [undefined, 'job_1', 'job_1']);
		equal(new Set(op.asked.map(({body}) => body)).size, 1);
	});
	test('a provider\'s own 202 is no such thing', async () => {
		answers({status: 'accepted'}, {status: 202});
		equal(await codeOf(() => exchange(signIn())), 'token-type');
		equal(op.asked.length, 1);
	});
	test('a provider that it cannot do that with', async () => {
		answers(TOKENS());
		equal(await codeOf(() => checkIdToken(sign(CLAIMS()))),
			'unknown-provider');
		for (const [provider, code] of [['server', 'no-token-endpoint'],
			['front', 'no-token-endpoint'],
			['hmrc', 'no-token-endpoint'],
			['nobody', 'unknown-provider'],
			['toString', 'unknown-provider'],
			['__proto__', 'unknown-provider']]) {
			equal(await codeOf(() => exchange(signIn({provider}))),
				code);
			equal(await codeOf(() => refresh(provider, 'r')), code);
			equal(await codeOf(() => keys(provider)), code);
			equal(await codeOf(() => checkIdToken(sign(CLAIMS()),
				{provider, nonce: 'n0'})), code);
		}
		equal(op.asked, []);
	});
	test('the provider\'s error, whatever the status', async () => {
		for (const status of [200, 400, 401, 403, 500]) {
			answers({error: 'invalid_code', error_description: 'No.'},
				{status});
			const e = await thrown(() => exchange(signIn()));
			equal([e.name, e.code, e.message],
				['OAuthError', 'invalid_code', 'No.']);
		}
	});

	/* ---- answers that are none */
	const HTML = {headers: {'content-type': 'text/html'}};
	const GOOD = () => JSON.stringify(TOKENS({id_token: sign(CLAIMS())}));
	const hostile = [
		['HTML', () => ['<!DOCTYPE html>', HTML], 'answer-malformed'],
		['JSON that says it is HTML', () => [GOOD(), HTML],
			'answer-malformed'],
		['almost a content type', () => [GOOD(), {headers:
			{'content-type': 'application/json5'}}],
		'answer-malformed'],
		['something before it', () => [GOOD(), {headers:
			{'content-type': 'text/html, application/json'}}],
		'answer-malformed'],
		['a bare 403', () => ['', {status: 403}], 'answer-malformed'],
		['204', () => ['', {status: 204}], 'answer-malformed'],
		['500 with tokens', () => [GOOD(), {status: 500}],
			'answer-malformed'],
		['an error that is no text', () => [{...JSON.parse(GOOD()),
			error: {code: 1}}, {}], 'answer-malformed'],
		['an array', () => [[], {}], 'answer-malformed'],
		['null', () => ['null', {}], 'answer-malformed'],
		['a text', () => ['"x"', {}], 'answer-malformed'],
		['half of it', () => [GOOD().slice(0, -9), {}],
			'answer-malformed'],
		['far too much', () => [GOOD() + ' '.repeat(300000), {}],
			'answer-too-large'],
		['no token type', () => [TOKENS({id_token: sign(CLAIMS()),
			token_type: undefined}), {}], 'token-type'],
		['another token type', () => [TOKENS({id_token: sign(CLAIMS()),
			token_type: 'DPoP'}), {}], 'token-type'],
		['a list of token types', () => [TOKENS({token_type: ['bearer'],
			id_token: sign(CLAIMS())}), {}], 'token-type'],
		['no access token', () => [TOKENS({id_token: sign(CLAIMS()),
			access_token: undefined}), {}], 'no-access-token'],
		['an empty one', () => [TOKENS({id_token: sign(CLAIMS()),
			access_token: ''}), {}], 'no-access-token'],
		['a number for one', () => [TOKENS({id_token: sign(CLAIMS()),
			access_token: 1}), {}], 'no-access-token'],
		['no id token', () => [TOKENS(), {}], 'no-id-token'],
		['null for one', () => [TOKENS({id_token: null}), {}],
			'token-malformed'],
		['an id token with another nonce', () => [TOKENS({id_token:
			sign({...CLAIMS(), nonce: 'n1'})}), {}], 'token-nonce'],
		['one of another access token', () => [TOKENS({id_token:
			sign({...CLAIMS(), at_hash: 'AAAAAAAAAAAAAAAAAAAAAA'})}),
		{}], 'token-hash'],
	];
	for (const [what, make, code] of hostile)
		test(`an answer refused: ${what}`, async () => {
			answers(...make());
			equal(await codeOf(() => exchange(signIn())), code);
			equal(op.asked.length, 1);
		});
	test('an answer refused: no content type', async () => {
		op.answer = (asked, to) => {
			to.writeHead(200);
			to.end(GOOD());
		};
		equal(await codeOf(() => exchange(signIn())),
			'answer-malformed');
	});
	test('an answer without end is not read to its end', async () => {
		let sent = 0, ended, byTest = false;
		op.answer = (asked, to) => {
			ended = new Promise((go) => to.on('close', go));
			setTimeout(() => {
				byTest = !to.destroyed;
				to.destroy();
			}, 5000).unref();
			to.writeHead(200, {'content-type': 'application/json'});
			const more = () => {
				while (!to.destroyed && sent < 64 << 20 &&
					to.write(' '.repeat(65536)))
					sent += 65536;
			};
			to.on('drain', more);
			more();
		};
		equal(await codeOf(() => exchange(signIn())),
			'answer-too-large');
		ok(sent < 64 << 20);
		await ended;
		ok(!byTest, 'it hangs up');
	});
	test('a redirect is not followed', async () => {
		for (const status of [302, 307, 308]) {
			op.asked = [];
			op.answer = ({path: at}) => at === '/oauth2/token' ?
				{status, headers: {location: `${url}/else`}} :
				{body: GOOD()};
			equal(await codeOf(() => exchange(signIn())),
				'unreachable');
			equal(op.asked.map((a) => a.path), ['/oauth2/token']);
		}
	});
	test('a connection that breaks, at once or half way', async () => {
		op.answer = (asked, to) => void to.destroy();
		const e = await thrown(() => exchange(signIn()));
		equal([e.name, e.code], ['OAuthError', 'unreachable']);
		match(e.message, /127\.0\.0\.1.*oauth2\/token/);
		ok(e.cause instanceof Error);
		op.answer = (asked, to) => {
			to.writeHead(200, {'content-type': 'application/json',
				'content-length': 1000});
			to.write('{"access_token":', () => to.destroy());
		};
		equal(await codeOf(() => exchange(signIn())), 'unreachable');
	});
	test('an AbortSignal ends what hangs, by its own reason', async () => {
		for (const begins of [false, true]) {
			const abort = new AbortController();
			op.answer = (asked, to) => {
				if (begins) {
					to.writeHead(200, {'content-type':
						'application/json'});
					to.write('{');
				}
				setTimeout(() => abort.abort(), 50);
				setTimeout(() => to.destroy(), 2000);
			};
			const e = await thrown(() => exchange(signIn(),
				{signal: abort.signal}));
			equal(e.name, 'AbortError');
			const again = new AbortController();
			op.answer = (asked, to) => {
				again.abort();
				setTimeout(() => to.destroy(), 2000);
			};
			equal((await thrown(() => refresh('op', 'r',
				{signal: again.signal}))).name, 'AbortError');
		}
	});

	test('JSON is JSON, however its type is spelled', async () => {
		for (const type of ['application/json', 'Application/JSON',
			'application/json ; charset=utf-8',
			'application/vnd.acme.v1+json']) {
			op.answer = () => ({body: GOOD(),
				headers: {'content-type': type}});
			equal((await exchange(signIn())).claims.sub, 'alice',
				type);
		}
	});

	/* ---- refresh() */
	test('refresh(): the request; the old token stays if no new one came',
		async () => {
			answers(TOKENS());
			const got = await refresh('op', 'r+1');
			equal([op.asked[0].method, op.asked[0].path],
				['POST', '/oauth2/token']);
			equal(op.asked[0].form, {grant_type: 'refresh_token',
				refresh_token: 'r+1', client_id: 'spa'});
			equal(got, TOKENS({refresh_token: 'r+1'}));
			answers(TOKENS({refresh_token: 'r2'}));
			equal((await refresh('op', 'r+1')).refresh_token, 'r2');
		});
	test('refresh(): a new id token is about the same person', async () => {
		const old = {...CLAIMS(), auth_time: 7, azp: 'spa'};
		const told = async (claims, was = old) => {
			answers(TOKENS({id_token: sign({...CLAIMS(),
				nonce: undefined, ...claims})}));
			return (await refresh('op', 'r', {claims: was})).claims;
		};
		equal((await told({})).sub, 'alice');
		equal((await told({nonce: 'n0', auth_time: 7, azp: 'spa'})).sub,
			'alice');
		equal((await told({aud: ['spa', 'x'], azp: 'spa'})).sub, 'alice');
		for (const [claims, code] of [[{sub: 'mallory'}, 'token-subject'],
			[{nonce: 'n1'}, 'token-nonce'],
			[{auth_time: 8}, 'token-auth-time'],
			[{iss: 'https://evil.example'}, 'token-issuer'],
			[{aud: 'x'}, 'token-audience'],
			[{exp: 1}, 'token-expired']])
			equal(await codeOf(() => told(claims)), code);
		equal(await codeOf(() => told({}, {...old,
			iss: 'https://other.example'})), 'token-issuer');
		equal(await codeOf(() => told({azp: 'spa'},
			{...old, azp: undefined})), 'token-audience');
		for (const aud of [['spa', 'more'], 'pa'])
			equal(await codeOf(() => told({}, {...old, aud})),
				'token-audience');
	});
	test('refresh(): what it says is checked without the old one, too',
		async () => {
			answers(TOKENS({id_token: sign({...CLAIMS(), aud: 'x'})}));
			equal(await codeOf(() => refresh('op', 'r')),
				'token-audience');
			answers({error: 'invalid_grant'}, {status: 400});
			equal(await codeOf(() => refresh('op', 'r')),
				'invalid_grant');
			answers(TOKENS());
			equal((await refresh('op', 'r', {claims: CLAIMS()}))
				.claims, undefined);
			answers(TOKENS({id_token: sign(CLAIMS())}));
			equal((await refresh('op', 'r')).claims.sub, 'alice');
			answers(TOKENS({access_token: undefined}));
			equal(await codeOf(() => refresh('op', 'r')),
				'no-access-token');
		});

	/* ---- checkIdToken(): what it says */
	test('a good token: its claims', async () => {
		const claims = CLAIMS();
		equal(await checkIdToken(sign(claims), {provider: 'op',
			nonce: 'n0', keys: SET()}), claims);
		equal((await check({sub: 'Zoë'})).sub, 'Zoë');
	});
	const said = [
		['another issuer', {iss: 'https://evil.example'}, 'token-issuer'],
		['an issuer with a slash more', {iss: `${url}/`}, 'token-issuer'],
		['no issuer', {iss: undefined}, 'token-issuer'],
		['issuers in a list', {iss: [url]}, 'token-issuer'],
		['another audience', {aud: 'spa2'}, 'token-audience'],
		['no audience', {aud: undefined}, 'token-audience'],
		['an empty list', {aud: []}, 'token-audience'],
		['a list in a list', {aud: [['spa']]}, 'token-audience'],
		['a part of its name', {aud: 'a spa b'}, 'token-audience'],
		['several, without azp', {aud: ['spa', 'b']}, 'token-audience'],
		['several, for another', {aud: ['spa', 'b'], azp: 'b'},
			'token-audience'],
		['one, for another', {azp: 'b'}, 'token-audience'],
		['azp of us, audience not', {aud: 'b', azp: 'spa'},
			'token-audience'],
		['expired', {exp: seconds() - 61}, 'token-expired'],
		['no exp', {exp: undefined}, 'token-malformed'],
		['exp as text', {exp: `${seconds() + 300}`}, 'token-malformed'],
		['made tomorrow', {iat: seconds() + 86400}, 'token-early'],
		['made tomorrow, but good today', {iat: seconds() + 86400,
			nbf: seconds()}, 'token-early'],
		['no iat', {iat: undefined}, 'token-malformed'],
		['iat as text', {iat: '1'}, 'token-malformed'],
		['iat as text, nbf right', {iat: '1', nbf: 1}, 'token-malformed'],
		['not before tomorrow', {nbf: seconds() + 86400}, 'token-early'],
		['nbf as text', {nbf: '1'}, 'token-malformed'],
		['no sub', {sub: undefined}, 'token-malformed'],
		['an empty sub', {sub: ''}, 'token-malformed'],
		['a number for sub', {sub: 7}, 'token-malformed'],
		['another nonce', {nonce: 'n1'}, 'token-nonce'],
		['a longer nonce', {nonce: 'n00'}, 'token-nonce'],
		['no nonce', {nonce: undefined}, 'token-nonce'],
		['a nonce in a list', {nonce: ['n0']}, 'token-nonce'],
	];
	for (const [what, claims, code] of said)
		test(`a token refused: ${what}`, async () => {
			equal(await codeOf(() => check(claims)), code);
			/* a right signature makes it no better */
			equal(await codeOf(() => check(claims, {},
				{keys: SET()})), code);
		});
	test('exp without end is no number', async () => {
		const [header] = sign({}).split('.');
		const claims = JSON.stringify({...CLAIMS(), exp: 0})
			.replace('"exp":0', '"exp":1e999');
		equal(await codeOf(() => checkIdToken(
			`${header}.${b64(claims)}.AAAA`,
			{provider: 'op', nonce: 'n0'})), 'token-malformed');
	});
	test('audiences that are ours', async () => {
		await check({aud: ['spa']});
		await check({aud: ['spa'], azp: 'spa'});
		await check({aud: ['b', 'spa'], azp: 'spa'});
	});
	test('a minute is nothing between clocks', async () => {
		const {iat} = CLAIMS();
		const at = (s) => ({now: (iat + s) * 1000});
		const claims = {iat, nbf: iat + 10, exp: iat + 100};
		await check(claims, {}, at(-50));
		await check({...claims, nbf: iat}, {}, at(-60));
		await check(claims, {}, at(159));
		equal(await codeOf(() => check(claims, {}, at(-51))),
			'token-early');
		equal(await codeOf(() => check({...claims, nbf: iat}, {},
			at(-61))), 'token-early');
		equal(await codeOf(() => check(claims, {}, at(160))),
			'token-expired');
		equal(await codeOf(() => check(claims, {}, {now: NaN})),
			'token-expired');
	});
	test('a nonce is needed where one is sent', async () => {
		for (const nonce of [undefined, 0, ''])
			equal(await codeOf(() => check({nonce}, {}, {nonce})),
				'token-nonce');
		await check({nonce: undefined}, {}, {nonce: null});
		await check({nonce: undefined}, {},
			{provider: 'nonceless', nonce: 0});
		equal(await codeOf(() => check({nonce: undefined}, {},
			{provider: 'nonceless'})), 'token-nonce');
		answers(TOKENS({id_token: sign(CLAIMS())}));
		for (const nonce of [0, '', null, undefined])
			equal(await codeOf(() => exchange(signIn({nonce}))),
				'token-nonce');
	});
	test('an unknown issuer is never the right one', async () => {
		for (const iss of [url, '', undefined])
			equal(await codeOf(() => check({iss}, {},
				{provider: 'anonymous'})), 'token-issuer');
	});
	test('auth_time, where a sign-in may be so old', async () => {
		const was = seconds() - 1000;
		await check({auth_time: was}, {}, {maxAge: 1000});
		await check({auth_time: was}, {},
			{maxAge: 940, now: (was + 1000) * 1000});
		equal(await codeOf(() => check({auth_time: was}, {},
			{maxAge: 939, now: (was + 1000) * 1000})),
		'token-auth-time');
		await check({}, {}, {maxAge: -1});
		for (const auth_time of [was, undefined, `${was}`, 0])
			equal(await codeOf(() => check({auth_time}, {},
				{maxAge: 900})), 'token-auth-time');
		equal(await codeOf(() => check({auth_time: seconds() - 100}, {},
			{maxAge: 0})), 'token-auth-time');
		equal(await codeOf(() => check({auth_time: was}, {},
			{maxAge: NaN})), 'token-auth-time');
	});

	/* ---- checkIdToken(): its form */
	const [HEADER, , SIGNATURE] = sign({}).split('.');
	const dressed = (header, claims = json(CLAIMS())) =>
		`${header}.${claims}.${SIGNATURE}`;
	const forms = [
		['nothing', undefined], ['an object', {}], ['a word', 'abc'],
		['two parts', () => dressed(HEADER).split('.').slice(0, 2)
			.join('.')],
		['four parts', () => `${dressed(HEADER)}.${SIGNATURE}`],
		['no payload', () => dressed(HEADER, '')],
		['padding', () => dressed(HEADER, `${b64(JSON.stringify(
			{...CLAIMS(), a: 'b'})).slice(0, -1)}=`)],
		['a line break', () => dressed(HEADER, json(CLAIMS()) + '\n')],
		['a space', () => dressed(` ${HEADER}`)],
		['base64 that is not for URLs', () => dressed(HEADER, Buffer.from(
			JSON.stringify({...CLAIMS(), a: '???>>>'}))
			.toString('base64').replace(/=/g, ''))],
		['bits left over', () => dressed(HEADER, leftOver())],
		['a payload that is no UTF-8', () => dressed(HEADER, b64(
			Buffer.from(JSON.stringify({...CLAIMS(), a: '\xff'}),
				'latin1')))],
		['a list for claims', () => dressed(HEADER, json([CLAIMS()]))],
		['null for claims', () => dressed(HEADER, json(null))],
		['a text for claims', () => dressed(HEADER, json('x'))],
		['no JSON', () => dressed(HEADER, b64('{iss:1}'))],
		['a list for a header', () => dressed(json(['RS256']))],
	];
	/* the last character's low bits set, which decode to nothing */
	function leftOver() {
		const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ' +
			'abcdefghijklmnopqrstuvwxyz0123456789-_';
		let claims = {...CLAIMS(), a: ''};
		while (JSON.stringify(claims).length % 3 === 0)
			claims = {...claims, a: `${claims.a}x`};
		const text = json(claims);
		return text.slice(0, -1) + alphabet[
			alphabet.indexOf(text.at(-1)) + 1];
	}
	for (const [what, token] of forms)
		test(`a token refused: ${what}`, async () => {
			const text = typeof token === 'function' ? token() :
				token;
			equal(await codeOf(() => checkIdToken(text,
				{provider: 'op', nonce: 'n0'})),
			'token-malformed');
		});

	/* ---- who signed it */
	test('signed with each of the algorithms', async () => {
		for (const [name, alg] of [['rsa', 'RS256'], ['rsa', 'RS384'],
			['rsa', 'RS512'], ['rsa', 'PS256'], ['ec', 'ES256'],
			['ec384', 'ES384']])
			equal((await check({}, {name, alg}, {keys: {keys: [
				jwk('other'), jwk('ec'), jwk('rsa'),
				jwk('ec384')]}})).sub, 'alice', alg);
	});
	test('an algorithm refused, keys or no keys', async () => {
		const {publicKey} = pairs.rsa;
		const pem = publicKey.export({type: 'spki', format: 'pem'});
		const hmac = (alg) => {
			const text = `${json({alg, kid: 'rsa'})}.${json(CLAIMS())}`;
			return `${text}.${b64(crypto.createHmac('sha256', pem)
				.update(text).digest())}`;
		};
		for (const token of [
			`${json({alg: 'none'})}.${json(CLAIMS())}.`,
			`${json({alg: 'None'})}.${json(CLAIMS())}.`,
			`${json({alg: ''})}.${json(CLAIMS())}.`,
			`${json({})}.${json(CLAIMS())}.`,
			hmac('HS256'), hmac('HS512'), hmac('rs256'),
			hmac('toString'), hmac('__proto__'), hmac('RS1'),
			sign(CLAIMS(), {crit: ['b64'], b64: false}),
			sign(CLAIMS(), {crit: []})])
			for (const more of [{}, {keys: SET()}])
				equal(await codeOf(() => checkIdToken(token,
					{provider: 'op', nonce: 'n0', ...more})),
				'token-algorithm');
	});
	const set = (...list) => ({keys: {keys: list}});
	test('a signature that is not its own', async () => {
		const [header, , made] = sign(CLAIMS()).split('.');
		const forged = `${header}.${json({...CLAIMS(), sub: 'eve'})}.${made}`;
		equal(await codeOf(() => checkIdToken(forged, {provider: 'op',
			nonce: 'n0', keys: SET()})), 'token-signature');
		equal(await codeOf(() => checkIdToken(
			`${header}.${json(CLAIMS())}.`, {provider: 'op',
				nonce: 'n0', keys: SET()})), 'token-signature');
		equal(await codeOf(() => checkIdToken(
			`${header}.${json(CLAIMS())}.${made}=`, {provider: 'op',
				nonce: 'n0', keys: SET()})), 'token-malformed');
		equal(await codeOf(() => check({}, {name: 'other', kid: 'rsa'},
			{keys: SET()})), 'token-signature');
		/* the header is signed, too */
		const [, claims, mine] = sign(CLAIMS()).split('.');
		equal(await codeOf(() => checkIdToken(`${json({alg: 'RS256',
			kid: 'rsa'})}.${claims}.${mine}`, {provider: 'op',
			nonce: 'n0', keys: SET()})), 'token-signature');
	});
	test('ES256 is r and s, raw', async () => {
		const text = `${json({alg: 'ES256', kid: 'ec'})}.${json(CLAIMS())}`;
		const der = crypto.sign('sha256', text, pairs.ec.privateKey);
		for (const bytes of [der, Buffer.alloc(64), Buffer.alloc(0)])
			equal(await codeOf(() => checkIdToken(
				`${text}.${b64(bytes)}`, {provider: 'op',
					nonce: 'n0', keys: SET()})),
			'token-signature');
	});
	test('several keys without a kid, of either side', async () => {
		const bare = ({kid, ...key}) => key;
		await check({}, {kid: null}, set(bare(jwk('other')),
			bare(jwk('ec')), bare(jwk('rsa'))));
		await check({}, {kid: null}, set(jwk('other'), jwk('rsa')));
		equal(await codeOf(() => check({}, {kid: null},
			set(jwk('other'), jwk('ec')))), 'token-signature');
		/* one of the same name is no obstacle */
		await check({}, {}, set({...jwk('other'), kid: 'rsa'},
			jwk('rsa')));
	});
	const RSA = jwk('rsa'), EC = jwk('ec');
	const unfit = [
		['another kid', {}, {...RSA, kid: 'rsb'}],
		['none, where the token names one', {}, {...RSA, kid: undefined}],
		['an RSA key for ES256', {name: 'ec', alg: 'ES256', kid: 'rsa'},
			RSA],
		['an EC key for RS256', {kid: 'ec'}, EC],
		['another curve', {name: 'ec', alg: 'ES256', kid: 'ec384'},
			jwk('ec384')],
		['P-256 for ES384', {name: 'ec', alg: 'ES384', kid: 'ec'}, EC],
		['a key for encryption', {}, {...RSA, use: 'enc'}],
		['a key for something else', {}, {...RSA, key_ops: ['wrapKey']}],
		['operations that are no list', {}, {...RSA, key_ops: 1}],
		['a key for another algorithm', {}, {...RSA, alg: 'RS512'}],
		['an RSA key of 1024 bits', {name: 'short'}, jwk('short')],
		['a secret', {}, {kty: 'oct', kid: 'rsa', k: 'AAAA'}],
		['no key', {}, null], ['half a key', {}, {kty: 'RSA', kid: 'rsa'}],
		['no type', {}, {...RSA, kty: undefined}],
	];
	for (const [what, header, key] of unfit)
		test(`a key refused: ${what}`, async () => {
			equal(await codeOf(() => check({}, header, set(key))),
				'token-key');
		});
	test('keys that say what they are for', async () => {
		await check({}, {}, set({...RSA, use: 'sig', alg: 'RS256',
			key_ops: ['verify'], ext: true, x5c: ['…']}));
		await check({}, {name: 'ec', alg: 'ES256'},
			set({...EC, use: 'sig', alg: 'ES256'}));
	});
	test('a key that cannot be read is passed over', async () => {
		const offCurve = {...EC, x: EC.y, y: EC.x};
		await check({}, {}, set({...RSA, e: '!'},
			{...RSA, e: undefined}, RSA));
		await check({}, {name: 'ec', alg: 'ES256'}, set(offCurve, EC));
		for (const [key, header] of [[{...RSA, e: '!'}],
			[{...RSA, e: undefined}],
			[offCurve, {name: 'ec', alg: 'ES256'}]])
			equal(await codeOf(() => check({}, header, set(key))),
				'token-signature');
	});
	test('keys that are none are not "do not look"', async () => {
		for (const none of [undefined, null, {}, {keys: null},
			{keys: []}, 'x', Promise.resolve()])
			equal(await codeOf(() => check({}, {}, {keys: none})),
				'token-key');
	});

	/* ---- at_hash: OIDC Core 3.1.3.6, values of its A.4 */
	test('at_hash is held against the access token', async () => {
		const accessToken = 'jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y';
		const at_hash = '77QmUPtjPfzWtF2AnpK9RQ';
		await check({at_hash}, {}, {accessToken});
		await check({at_hash}, {});
		await check({}, {}, {accessToken});
		for (const [claims, header, token] of [
			[{at_hash}, {}, 'another'], [{at_hash}, {}, ''],
			[{at_hash}, {alg: 'RS512'}, accessToken],
			[{at_hash: ''}, {}, accessToken],
			[{at_hash: null}, {}, accessToken]])
			equal(await codeOf(() => check(claims, header,
				{accessToken: token})), 'token-hash');
		const long = crypto.createHash('sha384').update(accessToken)
			.digest().subarray(0, 24).toString('base64url');
		await check({at_hash: long}, {name: 'ec384', alg: 'ES384'},
			{accessToken});
	});

	/* ---- keys() */
	const jwks = () => op.asked.filter((a) =>
		a.path === '/.well-known/jwks.json');
	test('keys(): fetched once, and used', async () => {
		const fresh = await afresh();
		op.asked = [];
		const got = await fresh.keys('op');
		equal(got, SET());
		ok(await fresh.keys('op') === got);
		equal(jwks().length, 1);
		equal([jwks()[0].method, jwks()[0].headers.cookie],
			['GET', undefined]);
		await fresh.checkIdToken(sign(CLAIMS()), {provider: 'op',
			nonce: 'n0', keys: fresh.keys('op')});
		equal(jwks().length, 1);
	});
	test('keys(): a new kid has them fetched anew, once a minute',
		async () => {
			const fresh = await afresh();
			const now = Date.now;
			let ahead = 0;
			Date.now = () => now() + ahead;
			const look = async (header) => fresh.checkIdToken(
				sign(CLAIMS(), header), {provider: 'op',
					nonce: 'n0', keys: fresh.keys('op')});
			try {
				op.asked = [];
				await look();
				op.keys = [jwk('other')];
				await look({name: 'other'});
				equal(jwks().length, 2);
				for (const kid of ['x', 'y', 'z'])
					equal(await codeOf(() => look({kid})),
						'token-key');
				equal(jwks().length, 2);
				/* it is kept: the new one, and no other */
				await look({name: 'other'});
				equal(await codeOf(() => look()), 'token-key');
				ahead = 61000;
				equal(await codeOf(() => look({kid: 'x'})),
					'token-key');
				equal(await codeOf(() => look({kid: 'x'})),
					'token-key');
				equal(jwks().length, 3);
			} finally {
				Date.now = now;
				op.keys = SET().keys;
			}
		});
	test('keys(): a set of the page\'s own is left alone', async () => {
		op.asked = [];
		equal(await codeOf(() => check({}, {kid: 'x'}, {keys: SET()})),
			'token-key');
		equal(op.asked, []);
	});
	test('keys(): what is no set is refused, and not kept', async () => {
		const fresh = await afresh();
		for (const [body, more, code] of [[{keys: 1}, {},
			'answer-malformed'], [{}, {}, 'answer-malformed'],
		[SET(), HTML, 'answer-malformed'],
		[SET(), {status: 500}, 'answer-malformed'],
		['{"keys":[' + ' '.repeat(300000), {}, 'answer-too-large']]) {
			op.answerKeys = () => ({body, ...more});
			equal(await codeOf(() => fresh.keys('op')), code);
		}
		op.answerKeys = null;
		equal(await fresh.keys('op'), SET());
		op.answerKeys = () => ({body: SET(), headers: {'content-type':
			'application/jwk-set+json'}});
		equal(await (await afresh()).keys('op'), SET());
		op.answerKeys = null;
		const abort = new AbortController();
		abort.abort();
		equal((await thrown(async () => (await afresh()).keys('op',
			{signal: abort.signal}))).name, 'AbortError');
	});
	test('keys(): where nobody said where they are', async () => {
		equal(await codeOf(() => keys('plain')), 'no-jwks-uri');
	});

	test('without crypto.subtle: a named error', async () => {
		Object.defineProperty(globalThis.crypto, 'subtle',
			{configurable: true, value: undefined});
		try {
			equal(await codeOf(() => check({}, {}, {keys: SET()})),
				'needs-https');
			equal(await codeOf(() => check({at_hash: 'x'}, {},
				{accessToken: 'x'})), 'needs-https');
		} finally {
			delete globalThis.crypto.subtle;
		}
	});

	/* ---- what is built */
	test('the module: fingerprinted, its providers and no other', () => {
		const text = fs.readFileSync(built.module, 'utf8');
		match(text, /'op': \{token: 'http:\/\/127/);
		match(text, /'server': 0/);
		match(text, /'own': \{token: 'http:\/\/127.*\/api\/v1\/own\/token', own: '/);
		match(text, /'front': 0/);
		ok(!text.includes('conf'));
		console.log(`# ${zlib.gzipSync(text, {level: 9}).length} bytes ` +
			'gzipped as published');
	});
	test('it needs no more than script-src \'self\', and keeps nothing',
		() => {
			const text = fs.readFileSync(built.module, 'utf8')
				.replace(/\/\/ .*/g, '');
			ok(!/\beval\b|Function\(|innerHTML|\bimport\b|Storage|cookie/
				.test(text));
		});
	const connect = (dir) => fs.readFileSync(path.join(dir.www, '_headers'),
		'utf8').match(/connect-src ([^;]*);/)[1];
	test('pages may connect to those, each once, and to no other', () => {
		equal(connect(built), `'self' ${url}`);
		const many = build(`[oauth]\ntokens = true
[oauth.login]
authorization_endpoint = "https://op.acme.example/authorize"
token_endpoint = "https://token.acme.example/token"
jwks_uri = "https://www.acme.example/keys"
issuer = "https://op.acme.example"
client_id = "g"
[oauth.hmrc]
kind = "hmrc"
client_id = "h"
redirect_path = "/auth/hmrc.html"
[oauth.server]
kind = "cognito"
domain = "https://login.acme.example"
issuer = "https://idp.acme.example"
client_id = "s"
client_secret = { env = "NEVER_SET" }
token_path = false
redirect_path = "/auth/server.html"
`, 'many');
		equal(connect(many), '\'self\' https://token.acme.example ' +
			'https://www.acme.example');
		const conf = path.join(tmp, 'many/server/nginx-http.conf');
		ok(fs.readFileSync(conf, 'utf8').includes('connect-src \'self\' ' +
			'https://token.acme.example https://www.acme.example;'));
	});
	test('without `tokens`: no module, no connection', () => {
		for (const oauth of ['', '[oauth]\ntokens = false\n']) {
			const none = build(oauth + providers(url), 'none');
			equal([none.module, connect(none)],
				[undefined, '\'self\'']);
		}
	});
	test('asked for in vain: a warning, with its place', () => {
		const none = build(`[oauth]\ntokens = true
[oauth.front]
authorization_endpoint = "https://op.example/a"
client_id = "front"
redirect_path = "/auth/front.html"
`, 'vain');
		equal([none.module, connect(none)], [undefined, '\'self\'']);
		match(none.said, /site\.toml:4:10: warning: tokens-without-provider: .*; /);
		match(build('[oauth]\ntokens = true\n', 'vain').said,
			/site\.toml:4:10: warning: tokens-without-provider: /);
		const secret = build(`[oauth]\ntokens = true
[oauth.hmrc]
kind = "hmrc"
client_id = "h"
[oauth.hmrc.variant.sandbox]
client_id = "s"
redirect_path = "/auth/sandbox.html"
`, 'secret');
		equal([secret.module, connect(secret)], [undefined, '\'self\'']);
		match(secret.said, /site\.toml:4:10: warning: tokens-without-provider: \[oauth\.hmrc\] of kind "hmrc" .* client secret, .*; /);
		equal(built.said.match(/tokens-without-\w+/g),
			['tokens-without-issuer']);
		match(built.said, /site\.toml:\d+:8: warning: tokens-without-issuer: \[oauth\.anonymous\] .*; /);
	});
	test('a refused provider is told once', () => {
		const {status, stderr} = spawnSync(lowtide, ['check', '-C',
			write('[oauth]\ntokens = true\n[oauth.a]\n' +
				'kind = "google"\nclient_id = ""\n')],
		{encoding: 'utf8'});
		equal(status, 1);
		equal(stderr.match(/site\.toml:\d+:\d+: [a-z-]+/g),
			['site.toml:7:13: client-id-empty']);
	});
	test('lowtide client writes it, and its types', () => {
		const dir = path.join(tmp, 'client');
		execFileSync(lowtide, ['client', '-q', '-C', write(SITE), dir]);
		equal(fs.readFileSync(path.join(dir, 'oauth-tokens.mjs'), 'utf8'),
			fs.readFileSync(built.module, 'utf8'));
		match(fs.readFileSync(path.join(dir, 'oauth-tokens.d.mts'),
			'utf8'), /Provider = .*'op' \| /);
		execFileSync(lowtide, ['client', '-q', '-C',
			write(providers(url)), `${dir}-not`]);
		ok(!fs.existsSync(`${dir}-not/oauth-tokens.mjs`));
	});

	await done();
})();
