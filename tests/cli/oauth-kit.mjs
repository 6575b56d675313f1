/*
 * What oauth.t and oauth-finish.t test with: the sign-in module as `lowtide
 * build` publishes it, run under node with what a browser would give it:
 * location, history, storage.
 */
import {execFileSync} from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {ok, equal} from '../tap.mjs';

export const lowtide = path.resolve(process.env.LOWTIDE_BIN ?? 'build/bin',
	'lowtide');
export const SITE = `name = "t"
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
export const HOME = 'https://www.vat.example/';
/* no paths of this site, whatever browsers make of them */
export const strange = ['https://evil.example/', '//evil.example',
	'/\\evil.example', '\\\\evil.example', 'javascript:alert(1)',
	'/.//evil.example', '/a/..//evil.example', '/.\\/evil.example',
	`${HOME}/evil.example`, '/\t/evil.example', '/\n/evil.example',
	' /a', '/a b', 'a', '', '?a', '#a', `${HOME}a`, '\0/a'];

globalThis.crypto ??= crypto.webcrypto; /* node 18 */
export const tmp = fs.mkdtempSync(path.join(os.tmpdir(), 'lowtide-oauth-'));
process.on('exit', () => fs.rmSync(tmp, {recursive: true, force: true}));

export function build(site, out) {
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
export const storageOf = (room = Infinity) => new Proxy(new Methods(), {
	set(kept, key, value) {
		if (Object.keys(kept).length >= room && !Object.hasOwn(kept, key))
			throw new DOMException('full', 'QuotaExceededError');
		kept[key] = String(value);
		return true;
	},
});

export function give(name, get) {
	Object.defineProperty(globalThis, name, {configurable: true, get});
}

/* A page to be on; what happens to it is noted, and its address changes. */
export function onPage(url, storage = storageOf()) {
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

export const keys = (storage) => Object.keys(storage);
export const sha256 = (text) => crypto.createHash('sha256').update(text)
	.digest('base64url');
export const query = (url) => Object.fromEntries(new URL(url).searchParams);
export async function thrown(run) {
	try {
		await run();
	} catch (e) {
		return e;
	}
	throw new Error('nothing was thrown');
}

export const file = build(SITE, 'dist');
export const {url, begin, go, finish, logoutUrl} = await import(file);


export async function refused(run, code, text = undefined) {
	const e = await thrown(run);
	equal([e.name, e.code], ['OAuthError', code]);
	ok(e instanceof Error && e.message && e.stack);
	if (text !== undefined)
		equal(e.message, text);
}

/* begin(), and be back with what the provider would send */
export async function comeBack(answer, {id = 'cognito', more = '',
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
export async function ends(code, answer, how = {}) {
	const {noted, storage} = await comeBack(answer, how);
	await refused(finish, code, how.text);
	equal(noted.replaced.length, 1);
	equal([location.search, location.hash], ['', '']);
	equal(keys(storage), how.left ?? []);
}
