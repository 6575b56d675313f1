/*
 * Tokens of a real OpenID provider, once with RS256 and once with ES256: signed
 * in over HTTP, its published keys put where lowtide-cgi looks for them, and
 * its tokens sent as they came.
 */
import {createHash} from 'node:crypto';
import {mkdirSync, renameSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {freePort, provider} from '../browser/idp.mjs';
import {Client} from '../fcgi-client.mjs';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {startLine} from './line.mjs';

const people = {ann: 'correct horse', bob: 'battery staple'};
const page = `http://127.0.0.1:${await freePort()}/callback`;
const verifier = 'v'.repeat(43);

const idps = {};
for (const alg of ['RS256', 'ES256']) {
	idps[alg] = await provider({alg, users: people,
		clients: [{id: 'spa', redirects: [page]}]});
	cleanup(() => idps[alg].stop());
}

/* What the token endpoint answers to somebody who has signed in. */
async function signIn({base, authorize, token}, username) {
	const came = await fetch(`${base}/api/auth/`, {method: 'POST',
		headers: {'content-type': 'application/json'},
		body: JSON.stringify({username, password: people[username]})});
	const query = new URLSearchParams({client_id: 'spa', scope: 'openid',
		redirect_uri: page, response_type: 'code', state: 's',
		nonce: 'n', code_challenge_method: 'S256',
		code_challenge: createHash('sha256').update(verifier)
			.digest('base64url')});
	const back = await fetch(`${authorize}?${query}&g_continue`, {
		redirect: 'manual', headers: {
			cookie: came.headers.get('set-cookie').split(';')[0]}});
	const code = new URL(back.headers.get('location')).searchParams
		.get('code');
	const got = await fetch(token, {method: 'POST',
		body: new URLSearchParams({grant_type: 'authorization_code',
			code, redirect_uri: page, client_id: 'spa',
			code_verifier: verifier})});
	return got.json();
}

const claimsOf = (token) =>
	JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
const name = (alg) => alg.toLowerCase();
const tokens = {};
for (const [alg, idp] of Object.entries(idps))
	for (const who of Object.keys(people))
		tokens[`${alg} ${who}`] = await signIn(idp, who);
const audience = claimsOf(tokens['RS256 ann'].access_token).aud;

const line = await startLine({
	providers: Object.entries(idps).map(([alg, {issuer}]) => ({
		name: name(alg), kind: 'oidc', issuer, leewayMs: 5000,
		audiences: [].concat(audience), algorithms: [alg]})),
	upstreams: [{name: 'up', base: 'http://127.0.0.1:9'}],
	apis: Object.keys(idps).map((alg) => ({name: name(alg),
		auth: name(alg), upstream: 'up'}))});
mkdirSync(join(line.dir, 'state', 'jwks'));
for (const [alg, {jwks}] of Object.entries(idps)) {
	const file = join(line.dir, 'state', 'jwks', `${name(alg)}.json`);
	writeFileSync(`${file}.new`, await (await fetch(jwks)).text());
	renameSync(`${file}.new`, file);
}
const client = await Client.dial(line.socket);
cleanup(() => client.close());
const ask = (method, uri, token) => client.ask({method, uri,
	headers: {authorization: `Bearer ${token}`},
	...(method === 'POST' ? {body: '{}', type: 'application/json'} : {})});

for (const alg of Object.keys(idps)) {
	const other = Object.keys(idps).find((one) => one !== alg);
	const token = (who, of = alg) => tokens[`${of} ${who}`].access_token;
	test(`${alg}: an access token is taken`, async () => {
		match(token('ann'), /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
		const r = await ask('POST', `/api/${name(alg)}`, token('ann'));
		equal(r.status, 202, r.body);
		const {statusUrl} = JSON.parse(r.body);
		equal((await ask('GET', statusUrl, token('ann'))).status, 200);
		equal((await ask('GET', statusUrl, token('bob'))).status, 404);
		equal((await ask('GET', statusUrl, token('ann', other)))
			.status, 401);
		equal((await ask('GET', '/api/jobs', token('ann'))).status,
			200);
	});
	test(`${alg}: the same with a signature of others is not`,
		async () => {
			const [head, claims] = token('ann').split('.');
			const [, , sign] = token('bob').split('.');
			const r = await ask('POST', `/api/${name(alg)}`,
				`${head}.${claims}.${sign}`);
			equal(r.status, 401);
			match(r.headers['www-authenticate'], /signature/);
		});
	test(`${alg}: its id token is for the page, not for the API`,
		async () => {
			const id = tokens[`${alg} ann`].id_token;
			ok(id);
			const r = await ask('POST', `/api/${name(alg)}`, id);
			equal(r.status, 401);
		});
}
await done();
