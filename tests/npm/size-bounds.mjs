/*
 * The bounds of size.mjs, and that what stands beside our modules there does the
 * work that it is counted for: a comparison with what does nothing is none.
 */
import {webcrypto} from 'node:crypto';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {test, ok, equal, match, cleanup, done} from '../tap.mjs';
import {added, bundle, ENGINE, entry, MODULES, PROVIDER, sizes, stop}
	from './size.mjs';

const tmp = mkdtempSync(join(tmpdir(), 'lowtide-bounds.'));
cleanup(() => rmSync(tmp, {recursive: true}));
cleanup(stop);
const rows = await sizes();

for (const [name, most] of Object.entries(MODULES))
	test(`${name}.mjs: ${most} bytes at most`, () => {
		const {brotli, minified, published} = rows[name];
		ok(brotli <= most, `${brotli}`);
		/* whole, and nothing that is published for nothing */
		ok(brotli > most / 4 && brotli < minified);
		ok(published > brotli && published < 1.5 * brotli + 100,
			`${published}`);
	});
test(`the engine: ${ENGINE} bytes at most`, () => {
	ok(rows.engine.gzipped <= ENGINE, `${rows.engine.gzipped}`);
	/* with all that it is there for */
	ok(rows.engine.minified > 1500 && rows.engine.gzipped > 900);
});
test(`a provider more: ${PROVIDER} bytes at most`, () => {
	const [[, first], ...more] = Object.entries(added(rows));
	equal(more.length, 3);
	for (const [name, n] of more)
		ok(n > 0 && n <= PROVIDER, `${name}: ${n}`);
	/* the first brings the words that all of them share */
	ok(first <= 2.5 * PROVIDER, `${first}`);
});
test('three providers are less than a library that knows none', () => {
	for (const name of ['openid-client-url', 'openid-client',
		'oidc-client-ts', 'appauth'])
		ok(rows['hmrc:sandbox'].gzipped < rows[name].gzipped, name);
	ok(rows['hmrc:sandbox'].gzipped + rows.tokens.gzipped <
		rows['openid-client'].gzipped);
});

/* ---- what the libraries do there */
const HOME = 'https://www.vat.example/';
const kept = {};
const fetched = [];
const give = (name, value) => Object.defineProperty(globalThis, name,
	{configurable: true, writable: true, value});
globalThis.crypto ??= webcrypto; /* node 18 */
give('window', globalThis);
give('sessionStorage', {
	getItem: (key) => kept[key] ?? null,
	removeItem: (key) => delete kept[key],
	setItem(key, value) {
		kept[key] = value;
	},
});
give('history', {replaceState() {}});
give('fetch', async (url, {body}) => {
	fetched.push([String(url), Object.fromEntries(body)]);
	return new Response('{"error":"invalid_grant"}', {status: 400,
		headers: {'content-type': 'application/json'}});
});
/* One of them tells what it does. */
const [loud, quiet] = [console, {...console, log() {}}];
cleanup(() => give('console', loud));
/* A page to be on; says where it was left for. */
function page(url) {
	const at = new URL(url);
	at.assign = (to) => {
		at.left = to;
	};
	give('location', at);
	return at;
}

for (const name of ['openid-client', 'oidc-client-ts', 'appauth'])
	test(`${name}: a URL with PKCE and state, and its callback`,
		async () => {
			const file = join(tmp, `${name}.mjs`);
			page(HOME);
			writeFileSync(file, await bundle(entry(name)));
			give('console', quiet);
			const library = await import(pathToFileURL(file));
			const at = page(HOME);
			const to = await library.begin('/');
			while (!to && !at.left)
				await new Promise((resolve) => setImmediate(resolve));
			const query = new URL(to ?? at.left).searchParams;
			for (const part of ['state', 'code_challenge'])
				match(query.get(part), /^[\w-]{10,}$/);
			equal(query.get('code_challenge_method'), 'S256');
			equal(query.get('client_id'), 'abc');
			page(`${HOME}auth/callback.html?code=c0de&state=${
				query.get('state')}`);
			const got = await library.finish().catch((e) => e);
			give('console', loud);
			const [[where, sent]] = fetched.length ? fetched : [[]];
			equal(sent?.code ?? got.code, 'c0de');
			ok((sent?.code_verifier ?? got.verifier).length >= 43);
			ok(!where || where === 'https://op.example/token');
			fetched.length = 0;
		});
/* ---- and what those beside the other modules do */
async function library(name) {
	const file = join(tmp, `${name}.mjs`);
	writeFileSync(file, await bundle(entry(name)));
	return import(pathToFileURL(file));
}
test('query-core: asked once while it is fresh, and changed ahead', async () => {
	let asked = 0;
	give('fetch', async () => new Response(String(++asked)));
	const {get, expect, invalidate, clear} = await library('query-core');
	equal(await Promise.all([get('/a', 1e6), get('/a', 1e6)]), [1, 1]);
	equal(await get('/a', 1e6), 1);
	expect('/a', (n) => n + 10);
	equal(await get('/a', 1e6), 11);
	await invalidate('/a');
	equal(await get('/a', 1e6), 2);
	clear();
});
test('fetch-event-source: told what a stream says', async () => {
	give('document', {hidden: false, addEventListener() {},
		removeEventListener() {}});
	give('fetch', async () => new Response(
		'event: job\nid: 7\ndata: {"status":"pending"}\n\n',
		{headers: {'content-type': 'text/event-stream'}}));
	const {follow} = await library('fetch-event-source');
	const told = [];
	await follow('/events', {}, new AbortController().signal,
		(...all) => told.push(all));
	equal(told, [['job', '7', {status: 'pending'}]]);
});
test('workbox, swr: what they are counted for is in there', async () => {
	for (const [name, words] of [
		['workbox', /caches\.open|indexedDB|stale-while-revalidate/i],
		['swr', /refreshInterval/]]) {
		match(Buffer.from(await bundle(entry(name))).toString(), words);
		ok(rows[name].minified > 5000);
	}
});
await done();
