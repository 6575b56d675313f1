/*
 * Those who are after somebody else's account, or are that provider. What is
 * held: a code reaches only the token endpoint it was meant for, and only for
 * the sign-in it answers; nothing that comes from outside is taken for more
 * than a text.
 */
import {createHmac, generateKeyPairSync} from 'node:crypto';
import {test, ok, equal} from '../tap.mjs';
import {answered, begin, callback, idps, kept, outcome, param, pause, refusal,
	rogue, silently, site, tab, text} from './openid-world.mjs';
import {base64, encoded, signed} from './idp-rogue.mjs';

/* Alice comes back from the provider, and the code is not yet exchanged. */
async function paused(id) {
	await tab.go(`${site}/`);
	await pause(tab, true);
	const end = await silently(tab, id);
	await pause(tab, false);
	equal(end, 'finished');
	return tab.run(() => signIn);
}
const arrived = () => tab.requests.filter(({url}) =>
	url.startsWith(`${site}/auth/`)).at(-1);
const exchanged = (signIn) => refusal(tab, (one) => tokens.exchange(one),
	signIn);

/* --- codes and answers, once more or elsewhere ---------------------------- */

test('an answer counts once: reloaded, back, or sent again', async () => {
	equal(await silently(tab, 'rs'), 'done');
	const {url} = arrived();
	ok(param(url, 'code'));
	for (const again of [url, `${site}/auth/rs.html`]) {
		await tab.go(again);
		equal(await outcome(tab), 'unknown-state');
	}
});

test('a code counts once: here, and at the provider', async () => {
	const signIn = await paused('rs');
	const {refresh_token: old} = await tab.run((one) =>
		tokens.exchange(one), signIn);
	equal((await exchanged(signIn)).code, 'already-exchanged');
	await tab.go(`${site}/out.html`); /* which knows nothing of it */
	equal((await exchanged(signIn)).code, 'invalid_code');
	/* and takes it for stolen */
	equal((await refusal(tab, (token) => tokens.refresh('rs', token),
		old)).code, 'answer-malformed');
});

test('a code without its verifier is worth nothing', async () => {
	const signIn = await paused('es');
	equal((await exchanged({...signIn, verifier: 'x'.repeat(43)})).code,
		'invalid_code');
	equal((await exchanged({...signIn, code: 'made-up'})).code,
		'invalid_code');
});

test('login CSRF: a callback URL that mallory prepared', async () => {
	await tab.go(`${site}/`);
	const url = await answered('rs', 'mallory');
	ok(param(url, 'code'));
	await tab.go(url);
	equal(await outcome(tab), 'unknown-state');
});

test('code injection: mallory\'s code in alice\'s answer', async () => {
	const state = param(await begin(tab, 'rs'), 'state');
	const code = param(await answered('rs', 'mallory'), 'code');
	await tab.go(callback('rs', {code, state}));
	equal(await outcome(tab), 'invalid_code');
});

/* --- tokens that are not what they say ------------------------------------ */

const {privateKey: another} = generateKeyPairSync('ec', {namedCurve: 'P-256'});
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

const MARKUP = '<img src=x onerror="globalThis.harm = 1">';
const soon = () => Math.floor(Date.now() / 1000);
const claims = (nonce, more) => ({iss: rogue.issuer, sub: 'mallory',
	aud: 'site-rogue', nonce, iat: soon(), exp: soon() + 60, ...more});
const bearer = (id_token) => ({json: {access_token: 'at', id_token,
	token_type: 'Bearer'}});
const CORS = {'access-control-allow-origin': '*'};

const answers = {
	'its own token': [(n) => bearer(rogue.sign(claims(n))), 'done'],
	'a redirect to the honest one\'s token endpoint': [() => ({status: 307,
		headers: {...CORS, location: idps.rs.token}}), 'unreachable'],
	'a redirect to itself': [() => ({status: 302,
		headers: {...CORS, location: rogue.jwks}}), 'unreachable'],
	'what no other origin may read': [(n) =>
		({...bearer(rogue.sign(claims(n))), headers: {}}), 'unreachable'],
	'a page': [() => ({text: MARKUP}), 'answer-malformed'],
	'an answer without end': [() =>
		({json: {access_token: 'x'.repeat(1 << 20)}}), 'answer-too-large'],
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
		{alg: 'ES256', kid: 'rogue'}, claims(n)), another)),
	'token-signature'],
	'an unsigned token': [(n) => bearer(`${encoded({alg: 'none'},
		claims(n))}.`), 'token-algorithm'],
	'markup for an error': [() => ({status: 400, json: {error: MARKUP,
		error_description: MARKUP}}), MARKUP],
};
for (const [name, [answer, code]] of Object.entries(answers))
	test(`a token endpoint that answers with ${name}`, async () => {
		const asked = await begin(tab, 'rogue');
		const before = rogue.asked.length;
		rogue.answer = () => answer(param(asked, 'nonce'));
		await tab.go(callback('rogue', {code: `code of ${name}`,
			state: param(asked, 'state')}));
		equal(await outcome(tab), code);
		equal(rogue.asked.length, before + 1);
		equal(await tab.run(() => globalThis.harm), undefined);
	});

test('markup in an answer is a text', async () => {
	const state = param(await begin(tab, 'rogue'), 'state');
	await tab.go(callback('rogue', {error: MARKUP, state,
		error_description: MARKUP}));
	equal(await outcome(tab), MARKUP);
	equal(await text(tab, '#said'), MARKUP);
	equal(await tab.run(() => globalThis.harm), undefined);
});

test('a returnTo of elsewhere begins nothing', async () => {
	await tab.go(`${site}/`);
	const before = await tab.run(() => Object.keys(sessionStorage).length);
	for (const returnTo of ['//evil.example/', '/\\evil.example', '\t//evil',
		'/.//evil.example', 'https://evil.example/', 'javascript:alert(1)',
		'data:text/html,x', `${site}//evil.example`,
		`${site}@evil.example/`])
		equal((await refusal(tab, (to) => oauth.begin('rs',
			{returnTo: to}), returnTo)).code, 'return-to', returnTo);
	equal(await tab.run(() => Object.keys(sessionStorage).length), before);
});
