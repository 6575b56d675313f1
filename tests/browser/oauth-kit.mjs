/*
 * What oauth.mjs tests with: the site of oauth.t on servers of the test's own,
 * a browser, and the ways that people take through it.
 */
import {execFileSync} from 'node:child_process';
import {cpSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {equal, cleanup} from '../tap.mjs';
import {open} from './cdp.mjs';
import {PLAIN, serve} from './oauth-strict.mjs';

const {LOWTIDE, LOWTIDE_RUN_OP_URL: op, TMP} = process.env;
const MOVED = /context|navigat|Inspected/i; /* under way to another page */

/* A copy: what is served is built again when it changes. */
const source = path.join(TMP, 'own');
cpSync(path.join(TMP, 'site'), source, {recursive: true});
const [providers] = readFileSync(path.join(source, 'env/dev.toml'), 'utf8')
	.replaceAll('{run.op.url}', op).split('[serve.');

/* The site of oauth.t for a server of ours; `more`: TOML on top. */
async function strict(name, more = '') {
	const www = path.join(TMP, name, 'www');
	const site = await serve(www, {'/tokens.html': `connect-src ${op}`});
	cleanup(site.close);
	writeFileSync(path.join(source, `env/${name}.toml`),
		`base_url = "${site.url}"\n${more}\n${providers}`);
	execFileSync(LOWTIDE, ['build', '-q', '--fast', '-C', source,
		'--env', name, '--out', path.join(TMP, name)],
	{stdio: ['ignore', 'ignore', 'inherit']});
	return site;
}

export const site = await strict('strict');
export const shared = await strict('local', '[oauth]\nstorage = "local"');
export const browser = await open(
	`--host-resolver-rules=MAP ${PLAIN} 127.0.0.1`);
cleanup(() => browser.close());

export const query = (url) => Object.fromEntries(new URL(url).searchParams);
export const asked = async () => (await fetch(`${op}/__log`)).json();

/* page.until(), also while it is on its way from one page to the next */
export async function until(page, ...what) {
	for (;;)
		try {
			return await page.until(...what);
		} catch (e) {
			if (!MOVED.test(e.message))
				throw e;
		}
}
const begin = (page, id = 'op', how = {}) =>
	page.run((...a) => oauth.begin(...a), id, how);
export const state = async (...how) => query(await begin(...how)).state;
export const kept = (page) => page.run(() => Object.keys(sessionStorage)
	.concat(Object.keys(localStorage)).sort());

export async function home(at = site, page = undefined) {
	page ??= await browser.page();
	await page.go(`${at.url}/index.html`);
	if (!await page.run(() => Boolean(globalThis.oauth)))
		throw Error(`no module:\n${page.complaints.join('\n')}`);
	return page;
}
/* What finish() made of where the page is now, or will be. */
export const outcome = (page) => until(page, () => globalThis.ended && {
	result: globalThis.result ?? null,
	code: globalThis.failed?.code ?? null,
	failed: globalThis.failed ?? null,
	search: location.search,
});
/* Something after which the page is another one, maybe before it answers. */
export const leave = (page, ...what) => page.run(...what).catch((e) => {
	if (!MOVED.test(e.message))
		throw e;
});
/* Back from the provider with this query. */
export async function back(page, answer, {to = 'back.html', at = site} = {}) {
	await page.go(`${at.url}/${to}?${answer}`);
	return outcome(page);
}
/* The whole way, from wherever it is; the provider's part is `answer`. */
export async function signIn(page, answer, id = 'op') {
	await leave(page, (i, a) => {
		globalThis.ended = false;
		oauth.go(i, {params: {answer: a}});
	}, id, answer);
	return outcome(page);
}
/* What begin() fails with. */
export const refusal = (page, ...how) => page.run((...a) =>
	oauth.begin(...a).then(() => 'nothing', ({name, code}) =>
		`${name} ${code}`), ...how);
/* Nobody complained: neither the console nor the policy. */
export const quiet = (page) => equal(page.complaints, []);
