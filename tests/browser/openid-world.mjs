/*
 * What the tests of the whole sign-in share: two real OpenID providers, one
 * that signs with RS256 (rs) and one with ES256 (es), a dishonest one (rogue)
 * that has its callback page in common with rs, a site that knows all three, a
 * browser, and what people do with them.
 *
 * What the browser's module makes of a token is checked a second time here,
 * with node's crypto and the provider's published keys.
 */
import {spawn} from 'node:child_process';
import {createHash, createPublicKey, verify} from 'node:crypto';
import path from 'node:path';
import {ok, cleanup} from '../tap.mjs';
import {open} from './cdp.mjs';
import {start as startRogue} from './idp-rogue.mjs';
import {freePort, provider} from './idp.mjs';
import {make} from './openid-site.mjs';

const {LOWTIDE, TMP} = process.env;
const PATIENCE = 20000; /* ms for what should be there at once */
export const MARKUP = '<img src=x onerror="globalThis.harm = 1">';
const PEOPLE = {alice: 'correct horse', mallory: 'battery staple'};

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* --- the parts ------------------------------------------------------------ */

const port = await freePort();
export const site = `http://127.0.0.1:${port}`;

export const rogue = await startRogue();
cleanup(() => rogue.stop());

/* es wants a port that is taken, and must find another. */
const started = await Promise.all([['rs', 'RS256'], ['es', 'ES256',
	new URL(rogue.base).port]].map(async ([id, alg, taken]) => {
	const client = `site-${id}`;
	const idp = await provider({alg, port: taken, users: PEOPLE, clients: [{
		id: client, redirects: [`${site}/auth/${id}.html`],
		logouts: [`${site}/out.html`],
	}]});
	cleanup(() => idp.stop());
	return [id, {...idp, id, page: id, client}];
}));
export const idps = {...Object.fromEntries(started),
	rogue: Object.assign(rogue, {id: 'rogue', page: 'rs',
		client: 'site-rogue'})};

make(path.join(TMP, 'site'), site, Object.values(idps));
await serve();
export const browser = await open();
cleanup(() => browser.close());

async function serve() {
	const child = spawn(LOWTIDE, ['serve', '-q', '-C',
		path.join(TMP, 'site'), '--port', port],
	{stdio: ['ignore', 'ignore', 'inherit']});
	const gone = new Promise((resolve) => child.once('close', resolve));
	cleanup(() => child.kill() && gone);
	process.once('exit', () => child.kill()); /* should a test break off */
	for (const end = Date.now() + PATIENCE; Date.now() < end;) {
		if (await fetch(site).catch(() => null))
			return;
		if (child.exitCode !== null)
			break;
		await sleep(20);
	}
	throw new Error('the site is not served');
}

/* --- what a person does --------------------------------------------------- */

/* As until() of a page, but across navigations, where there is no page. */
export async function arrive(tab, what, ...args) {
	for (const end = Date.now() + PATIENCE; Date.now() < end;) {
		const there = await tab.run(what, ...args).catch(() => null);
		if (there)
			return there;
		await sleep(10);
	}
	throw new Error(`${await tab.run(() => location.href +
		document.body.innerText)}: this never came true: ${what}`);
}

export const shown = (tab, selector) => arrive(tab, (s) =>
	document.querySelector(s)?.checkVisibility(), selector);
export const pressed = async (tab, selector) => {
	await shown(tab, selector);
	await tab.click(selector);
};
export const text = (tab, selector) => tab.run((s) =>
	document.querySelector(s).textContent, selector);

export const tab = await browser.page();
export const kept = {}; /* by provider: {signIn, got} of one that went well */

/* What the callback page made of it. */
export const outcome = (tab) => arrive(tab, () =>
	location.pathname.startsWith('/auth/') && document.body.dataset.state);

export async function password(tab, name, secret = PEOPLE[name]) {
	await shown(tab, '#sign-in');
	await tab.type('#username', name);
	await tab.type('#password', secret);
	await tab.click('#sign-in');
}

/* From the site's first page through the provider's to the callback. */
export async function signIn(tab, id, {as} = {}) {
	await tab.go(`${site}/`);
	await pressed(tab, `#${id}`);
	if (as)
		await password(tab, as);
	await pressed(tab, '#allow');
	return outcome(tab);
}

export const pause = (tab, on) => tab.run((yes) => yes ?
	sessionStorage.setItem('pause', '1') :
	sessionStorage.removeItem('pause'), on);
export const begin = (tab, id, params) => tab.run((one, more) =>
	oauth.begin(one, {params: more}), id, params);
export const callback = (id, params) => {
	const query = new URLSearchParams({iss: idps[id].issuer, ...params});
	return `${site}/auth/${idps[id].page}.html?${query}`;
};
export const param = (url, name) => new URL(url).searchParams.get(name);

/* Who is signed in there: a new code, its page left out (idp-login.html). */
export async function silently(one, id) {
	await one.go(`${site}/`);
	await one.go(`${await begin(one, id)}&g_continue`);
	return outcome(one);
}

/* Where the provider sends somebody else, in another browser far away. */
export async function answered(id, username) {
	const {base, authorize, client} = idps[id];
	const res = await fetch(`${base}/api/auth/`, {method: 'POST',
		headers: {'content-type': 'application/json'},
		body: JSON.stringify({username, password: PEOPLE[username]})});
	const query = new URLSearchParams({client_id: client, scope: 'openid',
		redirect_uri: `${site}/auth/${id}.html`, response_type: 'code',
		state: 'his', nonce: 'his', code_challenge_method: 'S256',
		code_challenge: createHash('sha256').update('x'.repeat(43))
			.digest('base64url')});
	const {headers} = await fetch(`${authorize}?${query}&g_continue`, {
		redirect: 'manual', headers: {
			cookie: res.headers.get('set-cookie').split(';')[0]}});
	return headers.get('location');
}

/* What a function in the page threw: name, code, message. */
export const refusal = (tab, fn, ...args) => tab.run(`async (...args) => {
	try {
		await (${fn})(...args);
	} catch ({name, code, message}) {
		return {name, code, message};
	}
}`, ...args);

/* --- tokens, looked at by somebody else ----------------------------------- */

const PARTS = ['header', 'claims'];
const read = (token) => Object.fromEntries(token.split('.').slice(0, 2)
	.map((part, i) => [PARTS[i],
		JSON.parse(Buffer.from(part, 'base64url'))]));

export async function verified(token, {jwks}) {
	const {header: {alg, kid}, claims} = read(token);
	const {keys} = await (await fetch(jwks)).json();
	const key = createPublicKey({format: 'jwk',
		key: keys.find((one) => one.kid === kid)});
	const [, signed, signature] = token.match(/^(.*)\.([^.]*)$/);
	ok(verify(alg.startsWith('RS') ? 'RSA-SHA256' : 'SHA256', signed,
		{key, dsaEncoding: 'ieee-p1363'},
		Buffer.from(signature, 'base64url')));
	return {alg, claims};
}
