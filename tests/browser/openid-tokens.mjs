/*
 * Tokens that are not what they say, and a provider that is not honest: what
 * checkIdToken() and exchange() make of them, in the browser.
 */
import {createHmac} from 'node:crypto';
import {test, equal} from '../tap.mjs';
import {newPair} from '../tokens.mjs';
import {base64, encoded, signed} from './idp-rogue.mjs';
import {MARKUP, idps, kept, refusal, rogue, site,
	tab} from './openid-world.mjs';

/* --- tokens that are not what they say ------------------------------------ */

const {privateKey: another, publicKey} =
	newPair('ec', {namedCurve: 'P-256'});
const anothers = publicKey.export({format: 'jwk'});
const flip = (text) => (text[0] === 'A' ? 'B' : 'A') + text.slice(1);
const forged = {
	'as it came': [([h, c, s]) => `${h}.${c}.${s}`],
	'another subject': [([h, c, s], claims) =>
		`${h}.${base64(JSON.stringify({...claims, sub: 'root'}))}.${s}`,
	'token-signature'],
	'another signature': [([h, c, s]) => `${h}.${c}.${flip(s)}`,
		'token-signature'],
	'signed by somebody else': [([h, c]) => signed(`${h}.${c}`, another),
		'token-signature'],
	'a key nobody knows': [([, c], claims) => signed(encoded(
		{alg: 'ES256', kid: 'nobody'}, claims), another), 'token-key'],
	'no signature': [([, c]) =>
		`${base64('{"alg":"none"}')}.${c}.`, 'token-algorithm'],
	'the public key as a secret': [([, c], claims, jwks) => {
		const text = `${base64('{"alg":"HS256"}')}.${c}`;
		return `${text}.${createHmac('sha256', JSON.stringify(jwks))
			.update(text).digest('base64url')}`;
	}, 'token-algorithm'],
	'a key of its own in it': [([, c], claims) => signed(encoded(
		{alg: 'ES256', jwk: anothers, jku: rogue.jwks}, claims),
	another), 'token-signature'],
	'the key of another algorithm': [([, c], claims, {keys: [{kid}]}) =>
		signed(encoded({alg: 'RS256', kid}, claims), another),
	'token-key'],
	'what must be understood': [([, c], claims) => signed(encoded(
		{alg: 'ES256', crit: ['x'], x: 1}, claims), another),
	'token-algorithm'],
	'cut off': [([h, c]) => `${h}.${c}`, 'token-malformed'],
	'another provider\'s': [() => kept.rs.got.id_token, 'token-issuer'],
	'an access token': [() => kept.es.got.access_token, 'token-audience'],
};
for (const [name, [make, code]] of Object.entries(forged))
	test(`an id token, ${name}: ${code ?? 'good'}`, async () => {
		const {signIn, got} = kept.es;
		const jwks = await (await fetch(idps.es.jwks)).json();
		const token = make(got.id_token.split('.'), got.claims, jwks);
		equal((await refusal(tab, async (one, {provider, nonce}) =>
			tokens.checkIdToken(one, {provider, nonce,
				keys: await tokens.keys(provider)}),
		token, signIn))?.code, code);
	});
test('an id token: of another sign-in, or too late', async () => {
	const {signIn, got} = kept.es;
	for (const [code, more] of [['token-nonce', {nonce: 'another'}],
		['token-nonce', {nonce: ''}], ['token-expired',
			{now: (got.claims.exp + 61) * 1000}]])
		equal((await refusal(tab, (one, check) =>
			tokens.checkIdToken(one, check), got.id_token,
		{...signIn, ...more})).code, code);
});

/* --- a provider that is not honest ---------------------------------------- */

const soon = () => Math.floor(Date.now() / 1000);
const claims = (nonce, more) => ({iss: rogue.issuer, sub: 'mallory',
	aud: 'site-rogue', nonce, iat: soon(), exp: soon() + 60, ...more});
const bearer = (id_token) => ({json: {access_token: 'at', id_token,
	token_type: 'Bearer'}});
const CORS = {'access-control-allow-origin': '*'};

const answers = {
	'its own token': [(n) => bearer(rogue.sign(claims(n)))],
	'a redirect to the honest one\'s token endpoint': [() => ({status: 307,
		headers: {...CORS, location: idps.rs.token}}), 'unreachable'],
	'a redirect to itself': [() => ({status: 302,
		headers: {...CORS, location: rogue.jwks}}), 'unreachable'],
	'what no other origin may read': [(n) => ({headers: {},
		...bearer(rogue.sign(claims(n)))}), 'unreachable'],
	'a page': [() => ({text: MARKUP}), 'answer-malformed'],
	'an answer without end': [() => ({endless: true, text: ' '.repeat(80)}),
		'answer-too-large'],
	'no id token': [() => bearer(undefined), 'no-id-token'],
	'another kind of token': [(n) => ({json: {access_token: 'at',
		id_token: rogue.sign(claims(n)), token_type: 'mac'}}),
	'token-type'],
	'the honest one\'s id token': [() => bearer(kept.rs.got.id_token),
		'token-issuer'],
	'a token in the honest one\'s name': [(n) => bearer(rogue.sign(
		claims(n, {iss: idps.rs.issuer}))), 'token-issuer'],
	'a token for another client': [(n) => bearer(rogue.sign(
		claims(n, {aud: 'site-rs'}))), 'token-audience'],
	'a token of another sign-in': [() => bearer(rogue.sign(
		claims(kept.rs.signIn.nonce))), 'token-nonce'],
	'a token that it did not sign': [(n) => bearer(signed(encoded(
		{alg: 'ES256', kid: '1'}, claims(n)), another)),
	'token-signature'],
	'a token of other tokens': [(n) => bearer(rogue.sign(
		claims(n, {at_hash: base64('x'.repeat(16))}))), 'token-hash'],
	'a token of tomorrow': [(n) => bearer(rogue.sign(
		claims(n, {iat: soon() + 90}))), 'token-early'],
	'an unsigned token': [(n) => bearer(`${encoded({alg: 'none'},
		claims(n))}.`), 'token-algorithm'],
	'an error': [() => ({json: {error: 'invalid_grant'}}),
		'invalid_grant'],
};
/* As the callback page does it. */
const accept = async (signIn) => {
	const {id_token} = await tokens.exchange(signIn);
	await tokens.checkIdToken(id_token, {...signIn,
		keys: await tokens.keys(signIn.provider)});
};
for (const [name, [answer, code]] of Object.entries(answers))
	test(`a token endpoint answers with ${name}: ${code ?? 'good'}`,
		async () => {
			const before = rogue.asked.length;
			rogue.answer = () => answer('n');
			equal((await refusal(tab, accept, {provider: 'rogue',
				code: name, verifier: 'v', nonce: 'n',
				redirectUri: `${site}/auth/rs.html`}))?.code,
			code);
			equal(rogue.asked.length, before + 1);
		});

test('a provider that changes its key is asked again, but not at will',
	async () => {
		const check = (token) => refusal(tab, async (one) =>
			tokens.checkIdToken(one, {provider: 'rogue', nonce: 'n',
				keys: await tokens.keys('rogue')}), token);
		await tab.go(`${site}/`);
		const before = rogue.fetched;
		for (let i = 0; i < 2; i++) {
			equal(await check(rogue.sign(claims('n'))), undefined);
			rogue.rotate();
		}
		equal(rogue.fetched, before + 2);
		for (let i = 0; i < 3; i++)
			equal((await check(rogue.sign(claims('n')))).code,
				'token-key');
		equal(rogue.fetched, before + 2);
	});

test('one who waits no longer', async () => {
	rogue.answer = () => new Promise(() => {});
	equal((await refusal(tab, () => {
		const control = new AbortController();
		setTimeout(() => control.abort());
		return tokens.refresh('rogue', 'token',
			{signal: control.signal});
	})).name, 'AbortError');
});
