/*
 * Those who are after somebody else's account. What is held: a code reaches
 * only the token endpoint it was meant for, once, and only for the sign-in that
 * it answers; and what comes from outside is no more than a text.
 */
import {test, ok, equal} from '../tap.mjs';
import {MARKUP, answered, begin, callback, idps, outcome, param, pause,
	pressed, refusal, rogue, signIn, silently, site, tab,
	text} from './openid-world.mjs';

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
const sent = (id) => tab.requests.filter(({url}) =>
	url === idps[id].token).length;
const exchanged = (answer) => refusal(tab, (one) => tokens.exchange(one),
	answer);

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

test('back to the provider\'s page, and allowed again', async () => {
	equal(await signIn(tab, 'es'), 'done');
	const before = sent('es');
	await tab.leave(() => history.back());
	await pressed(tab, '#allow');
	equal(await outcome(tab), 'unknown-state');
	equal(sent('es'), before);
});

test('a code counts once: here, and at the provider', async () => {
	const answer = await paused('rs');
	const before = sent('rs');
	const [old, code] = await tab.run(async (one) => {
		const first = tokens.exchange(one);
		const again = await tokens.exchange(one).catch((e) => e.code);
		return [(await first).refresh_token, again];
	}, answer);
	equal([code, sent('rs')], ['already-exchanged', before + 1]);
	await tab.go(`${site}/out.html`); /* which knows nothing of it */
	equal((await exchanged(answer)).code, 'invalid_code');
	/* and takes it for stolen */
	equal((await refusal(tab, (token) => tokens.refresh('rs', token),
		old)).code, 'answer-malformed');
});

test('a code without its verifier is worth nothing', async () => {
	const answer = await paused('es');
	for (const wrong of [{verifier: 'x'.repeat(43)}, {code: 'made-up'}])
		equal((await exchanged({...answer, ...wrong})).code,
			'invalid_code');
});

test('a code on another provider\'s page', async () => {
	await tab.go(`${site}/`);
	const state = param(await begin(tab, 'rs'), 'state');
	await tab.go(callback('es', {code: 'c', state, iss: idps.rs.issuer}));
	equal(await outcome(tab), 'wrong-page');
});

test('iss of another, or none', async () => {
	for (const iss of [idps.es.issuer, `${idps.rs.issuer}/`, '']) {
		const state = param(await begin(tab, 'rs'), 'state');
		await tab.go(callback('rs', {code: 'c', state, iss}));
		equal(await outcome(tab), 'issuer-mismatch');
	}
	const state = param(await begin(tab, 'rs'), 'state');
	await tab.go(`${site}/auth/rs.html?code=c&state=${state}`);
	equal(await outcome(tab), 'issuer-mismatch');
});

/* RFC 9700 4.4: the rogue sends people on, to collect the code. */
for (const [id, code] of [['rs', 'issuer-mismatch'], ['es', 'wrong-page']])
	test(`mix-up: begun with the rogue, answered by ${id}: ${code}`,
		async () => {
			await tab.go(`${site}/`);
			const asked = new URL(await begin(tab, 'rogue'));
			const on = new URL(idps[id].authorize);
			on.search = new URLSearchParams({
				...Object.fromEntries(asked.searchParams),
				client_id: idps[id].client,
				redirect_uri: `${site}/auth/${id}.html`,
				g_continue: '',
			});
			await tab.go(String(on));
			equal(await outcome(tab), code);
			const {url} = arrived();
			ok(param(url, 'code'));
			equal(param(url, 'state'),
				asked.searchParams.get('state'));
			equal(rogue.asked, []);
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

/* --- texts from outside --------------------------------------------------- */

const MARKED = {error: MARKUP, error_description: MARKUP};
for (const [name, answer] of [['an answer', MARKED], ['a token endpoint',
	{code: 'c'}]])
	test(`markup from ${name} is a text`, async () => {
		rogue.answer = () => ({status: 400, json: MARKED});
		const state = param(await begin(tab, 'rogue'), 'state');
		await tab.go(callback('rogue', {state, ...answer}));
		equal(await outcome(tab), MARKUP);
		equal(await text(tab, '#said'), MARKUP);
		equal(await tab.run(() => globalThis.harm), undefined);
	});

test('a returnTo of elsewhere begins nothing', async () => {
	await tab.go(`${site}/`);
	const before = await tab.run(() => Object.keys(sessionStorage).length);
	for (const to of ['//evil.example/', '/\\evil.example', '\t//evil',
		'/.//evil.example', '/a/..//evil.example', 'data:text/html,x',
		'https://evil.example/', 'javascript:alert(1)',
		`${site}//evil.example`, `${site}@evil.example/`])
		equal((await refusal(tab, (returnTo) =>
			oauth.begin('rs', {returnTo}), to)).code, 'return-to');
	equal(await tab.run(() => Object.keys(sessionStorage).length), before);
});
