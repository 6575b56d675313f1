#!/usr/bin/env node
/*
 * Makes tests/vectors/tokens.json, tokens that another tool than ours signed,
 * and what is to become of each; and the corpora of the fuzzers of tokens and
 * of key sets. The private keys are gone when it ends, so each run makes all
 * of it anew:
 *
 *	node tests/vectors/tokens.mjs
 */
import crypto from 'node:crypto';
import {mkdirSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {base64, hmac, jwks, newKey, sign, signWith, unsigned}
	from '../tokens.mjs';

const now = 1795250000;
const providers = {
	plain: {kind: 'oidc', issuer: 'https://id.example',
		audiences: ['https://api.example', 'api'],
		algorithms: ['RS256', 'ES256'], leewayMs: 30000},
	pool: {kind: 'cognito', clientIds: ['web', 'app'],
		issuer: 'https://cognito-idp.eu-west-2.amazonaws.com/pool',
		algorithms: ['RS256'], leewayMs: 0},
};
const rs = newKey('RS256', 'rs'), es = newKey('ES256', 'es');
const enc = newKey('RS256', 'enc', {use: 'enc'});
const pool = newKey('RS256', 'qZ+/=', {use: 'sig', alg: 'RS256'});
const eve = newKey('RS256', 'rs'), eveEs = newKey('ES256', 'es');
const sets = {plain: [rs, es, enc], pool: [pool]};

const claims = {iss: providers.plain.issuer, aud: 'api', sub: 'ann',
	iat: now - 60, exp: now + 60};
const access = {iss: providers.pool.issuer, client_id: 'web', sub: 'ann',
	token_use: 'access', scope: 'openid', iat: now - 60, exp: now + 60};
const without = (name, from = claims) => {
	const {[name]: _, ...rest} = from;
	return rest;
};
const last = (token) => token.slice(token.lastIndexOf('.'));
const der = (key, what) => crypto.sign('sha256', Buffer.from(what),
	key.privateKey);
const publicPem = rs.publicKey.export({type: 'spki', format: 'pem'});
const head = {alg: 'RS256', kid: 'rs'};
const bare = unsigned(head, claims);

/* provider, what it is, the token, its verdict */
const rows = [
	['plain', 'an honest one', sign(rs, claims), 'ok'],
	['plain', 'by elliptic curve', sign(es, claims), 'ok'],
	['plain', 'several audiences', sign(es, {...claims,
		aud: ['x', 'https://api.example']}), 'ok'],
	['plain', 'an access token by RFC 9068', sign(rs, claims,
		{typ: 'at+jwt'}), 'ok'],
	['plain', 'no kid, one key of its kind', signWith(es, {alg: 'ES256'},
		claims), 'ok'],
	['plain', 'a subject of many alphabets', sign(es, {...claims,
		sub: 'Ωμέγα 名 🗝'}), 'ok'],
	['plain', 'over within the leeway', sign(es, {...claims,
		exp: now - 1}), 'ok'],
	['plain', 'to begin within the leeway', sign(es, {...claims,
		nbf: now + 30}), 'ok'],
	['plain', 'seconds with a fraction', sign(es, {...claims,
		exp: now + 0.5}), 'ok'],
	['plain', 'over', sign(es, {...claims, exp: now - 30}), 'time'],
	['plain', 'not yet', sign(es, {...claims, nbf: now + 31}), 'time'],
	['plain', 'made tomorrow', sign(es, {...claims, iat: now + 86400}),
		'time'],
	['plain', 'no exp', sign(es, without('exp')), 'claims'],
	['plain', 'exp as text', sign(es, {...claims, exp: `${now + 60}`}),
		'claims'],
	['plain', 'exp in milliseconds', sign(es, {...claims,
		exp: (now + 60) * 1000}), 'claims'],
	['plain', 'another audience', sign(es, {...claims, aud: 'web'}),
		'claims'],
	['plain', 'no audience', sign(es, without('aud')), 'claims'],
	['plain', 'an audience that is not text', sign(es, {...claims,
		aud: ['api', 1]}), 'claims'],
	['plain', 'another issuer', sign(es, {...claims,
		iss: 'https://id.example/'}), 'claims'],
	['plain', 'no issuer', sign(es, without('iss')), 'claims'],
	['plain', 'no subject', sign(es, without('sub')), 'claims'],
	['plain', 'an empty subject', sign(es, {...claims, sub: ''}), 'claims'],
	['plain', 'the pool\'s', sign(pool, access), 'claims'],
	['plain', 'alg none, no signature', `${unsigned({alg: 'none'},
		claims)}.`, 'malformed'],
	['plain', 'alg none, some signature', `${unsigned({alg: 'none',
		kid: 'rs'}, claims)}${last(sign(rs, claims))}`, 'algorithm'],
	['plain', 'alg NONE', `${unsigned({alg: 'NONE', kid: 'rs'},
		claims)}.AA`, 'algorithm'],
	['plain', 'the public key as a secret (PEM)', hmac(publicPem,
		{alg: 'HS256', kid: 'rs'}, claims), 'algorithm'],
	['plain', 'the public key as a secret (modulus)', hmac(Buffer.from(
		rs.jwk.n, 'base64url'), {alg: 'HS256', kid: 'rs'}, claims),
		'algorithm'],
	['plain', 'the same, said to be RS256', hmac(publicPem, head, claims),
		'signature'],
	['plain', 'RS512', signWith(rs, {alg: 'RS512', kid: 'rs'}, claims),
		'algorithm'],
	['plain', 'PS256', signWith(rs, {alg: 'PS256', kid: 'rs'}, claims),
		'algorithm'],
	['plain', 'ES256 by the name of an RSA key', signWith(es,
		{alg: 'ES256', kid: 'rs'}, claims), 'algorithm'],
	['plain', 'RS256 by the name of an EC key', signWith(rs,
		{alg: 'RS256', kid: 'es'}, claims), 'algorithm'],
	['plain', 'somebody\'s key of the same name', sign(eve, claims),
		'signature'],
	['plain', 'somebody\'s curve of the same name', sign(eveEs, claims),
		'signature'],
	['plain', 'a key that it brings along', signWith(eve, {...head,
		jwk: eve.jwk}, claims), 'signature'],
	['plain', 'a key at an address of its own', signWith(eve, {...head,
		jku: 'https://evil.example/jwks.json'}, claims), 'signature'],
	['plain', 'a key for encryption', sign(enc, claims), 'unknown-key'],
	['plain', 'an unknown key', sign(rs, claims, {kid: 'new'}),
		'unknown-key'],
	['plain', 'a key\'s name that is a path', sign(rs, claims,
		{kid: '../../../../etc/passwd'}), 'unknown-key'],
	['plain', 'a key\'s name of 10,000 bytes', sign(rs, claims,
		{kid: 'k'.repeat(10000)}), 'malformed'],
	['plain', 'a key\'s name that is a number', sign(rs, claims, {kid: 1}),
		'malformed'],
	['plain', 'other claims, the same signature', `${unsigned(head,
		{...claims, sub: 'bob'})}${last(sign(rs, claims))}`,
		'signature'],
	['plain', 'r and s as DER', `${unsigned({alg: 'ES256', kid: 'es'},
		claims)}.${base64(der(es, unsigned({alg: 'ES256', kid: 'es'},
		claims)))}`, 'signature'],
	['plain', 'r and s of zero', `${unsigned({alg: 'ES256', kid: 'es'},
		claims)}.${base64(Buffer.alloc(64))}`, 'signature'],
	['plain', 'a signature of one', `${bare}.${base64(Buffer.concat([
		Buffer.alloc(255), Buffer.from([1])]))}`, 'signature'],
	['plain', 'no signature', `${bare}.`, 'malformed'],
	['plain', 'two parts', bare, 'malformed'],
	['plain', 'four parts', `${sign(rs, claims)}.AA`, 'malformed'],
	['plain', 'an encrypted one', 'eyJhbGciOiJkaXIifQ..a.b.c', 'malformed'],
	['plain', 'padding', `${sign(rs, claims)}==`, 'malformed'],
	['plain', 'crit', sign(rs, claims, {crit: ['b64'], b64: false}),
		'malformed'],
	['plain', 'a logout token', sign(rs, claims, {typ: 'logout+jwt'}),
		'malformed'],
	['plain', 'alg twice', signWith(rs,
		'{"alg":"RS256","kid":"rs","alg":"RS256"}', claims),
		'malformed'],
	['plain', 'sub twice', signWith(rs, head,
		`{"sub":"eve",${JSON.stringify(claims).slice(1)}`),
		'malformed'],
	['plain', 'sub twice, once with an escape', signWith(rs, head,
		`{"\\u0073ub":"eve",${JSON.stringify(claims).slice(1)}`),
		'malformed'],
	['plain', 'a claim within a claim, twice', signWith(rs, head,
		`{"x":{"a":1,"a":2},${JSON.stringify(claims).slice(1)}`),
		'malformed'],
	['plain', 'a deep one', signWith(rs, head, `{"x":${'['.repeat(60)}1${
		']'.repeat(60)},${JSON.stringify(claims).slice(1)}`),
		'malformed'],
	['plain', 'a NUL in the subject', signWith(rs, head,
		`{"x":"\\u0000",${JSON.stringify(claims).slice(1)}`),
		'malformed'],
	['plain', 'claims that are an array', signWith(rs, head, '[]'),
		'malformed'],
	['plain', 'claims that are no JSON', signWith(rs, head, 'sub=ann'),
		'malformed'],
	['pool', 'an access token', sign(pool, access), 'ok'],
	['pool', 'of the other client', sign(pool, {...access,
		client_id: 'app'}), 'ok'],
	['pool', 'its id token', sign(pool, {...without('client_id', access),
		aud: 'web', token_use: 'id'}), 'claims'],
	['pool', 'an id token that names the client', sign(pool, {...access,
		token_use: 'id'}), 'claims'],
	['pool', 'of a client of others', sign(pool, {...access,
		client_id: 'x'}), 'claims'],
	['pool', 'aud instead of client_id', sign(pool, {
		...without('client_id', access), aud: 'web'}), 'claims'],
	['pool', 'a second ago, without a leeway', sign(pool, {...access,
		exp: now - 1}), 'time'],
	['pool', 'an algorithm that it does not use', signWith(es,
		{alg: 'ES256', kid: 'es'}, access), 'algorithm'],
	['pool', 'the other provider\'s key', sign(rs, access, {kid: 'qZ+/='}),
		'signature'],
	['pool', 'the other provider\'s token', sign(rs, claims), 'claims'],
];

const here = new URL('.', import.meta.url);
writeFileSync(new URL('tokens.json', here), JSON.stringify({now, providers,
	sets: Object.fromEntries(Object.entries(sets).map(([name, keys]) =>
		[name, JSON.parse(jwks(...keys))])),
	tokens: rows.map(([provider, name, token, verdict]) =>
		({provider, name, verdict, token})),
}, null, 1) + '\n');

function corpus(name, files) {
	const dir = new URL(`../fuzz/corpus/${name}/`, here);
	mkdirSync(dir, {recursive: true});
	for (const old of readdirSync(dir))
		rmSync(new URL(old, dir));
	for (const [file, bytes] of files)
		writeFileSync(new URL(file, dir), bytes);
}

const decoded = (token) => token.split('.').slice(0, 2).map((part) =>
	Buffer.from(part, 'base64url').toString()).join('\n');
corpus('token', rows.flatMap(([provider, name, token]) => {
	const file = `${provider}-${name.replace(/[^a-zA-Z0-9]+/g, '-')}`;
	return [[file, `Bearer ${token}`],
		[`${file}.decoded`, decoded(token)]];
}));
corpus('jwks', [
	['plain', jwks(rs, es, enc)], ['pool', jwks(pool)],
	['none', '{"keys":[]}'], ['twins', jwks(rs, es, eve)],
	['private', jwks(newKey('ES256', 'p', {d: 'AQAB'}))],
	['others', JSON.stringify({keys: [{kty: 'oct', k: 'AQAB'},
		{kty: 'OKP', crv: 'Ed25519', x: 'AQAB'}, {kty: 'RSA'}, 1]})],
	['no-name', jwks(newKey('ES256'))],
]);
