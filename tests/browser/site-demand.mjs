/*
 * What a press needs and a look does not: loaded when somebody is near the
 * button, or has sent something; without a network, when there is one again.
 * And what each page costs. Runs under `lowtide serve -C site --env dev`.
 */
import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {brotliCompressSync} from 'node:zlib';
import {test, ok, equal, match, done} from '../tap.mjs';
import {interpose, problem, settled} from './site-kit.mjs';
import {arrivals, browser, page, reload, says, seen, signIn, site, text, texts,
	unplugged, vrn} from './site-person.mjs';

const path = ({url}) => new URL(url).pathname;
/* Modules that came, by the names that they were written under. */
const loaded = (of = page) => of.run(() => performance
	.getEntriesByType('resource').map(({name}) => new URL(name).pathname)
	.filter((name) => name.endsWith('.mjs'))
	.map((name) => name.replace(/\.[0-9a-f]{10}/, '')));
const has = async (name, of = page) => (await loaded(of)).includes(name);
const comes = (name, of = page) => of.until((stem) => performance
	.getEntriesByType('resource').some((entry) => new URL(entry.name)
		.pathname.startsWith(stem) && entry.responseEnd > 0),
name.replace('mjs', ''));
const quiet = (of = page) => of.until(() =>
	document.readyState === 'complete' &&
	!document.querySelector('[aria-busy=true]'));
async function open(at, of = page) {
	await of.go(`${site}${at}`);
	await quiet(of);
}
/* A window of its own, in which nothing was sent. */
async function window() {
	const other = await browser.page();
	await signIn(other, {permit: true});
	return other;
}

await signIn(page, {permit: true});

for (const [at, near, what] of [
	['/vat.html', '#box6', '/assets/vat-return.mjs'],
	['/bundles.html', '.bundle button', '/assets/api.mjs'],
	['/export.html', '#year', '/assets/api.mjs'],
])
	test(`${at}: how to send comes when somebody is near`, async () => {
		await open(at);
		ok(!await has(what), 'not for a look');
		ok(!await has('/requests.mjs'), 'nor what that needs');
		await page.run((s) => document.querySelector(s).focus(), near);
		await comes(what);
		await comes('/requests.mjs');
	});

test('a mouse that comes near is enough', async () => {
	await open('/export.html');
	const {x, y} = await page.run(() => {
		const r = document.querySelector('#year').getBoundingClientRect();
		return {x: r.x + 5, y: r.y + 5};
	});
	await page.send('Input.dispatchMouseEvent',
		{type: 'mouseMoved', x, y});
	await comes('/requests.mjs');
});

test('receipts are read without what sends', async () => {
	await open('/receipts.html');
	ok(await has('/cache.mjs'));
	ok(!await has('/requests.mjs'));
});

test('a read that is put off is asked again, by what knows how', async () => {
	const other = await window();
	const answers = await interpose(other);
	let asked = 0;
	answers['GET /api/v1/bundle'] = () => asked++ ? undefined :
		problem(503, 'store-unavailable');
	/* another window may have read it just now */
	await other.send('Storage.clearDataForOrigin', {origin: site,
		storageTypes: 'cache_storage'});
	await open('/bundles.html', other);
	await says('#bundles-said', 'You have none yet', other);
	equal([asked, await has('/requests.mjs', other)], [2, true]);
	await other.close();
});

test('pressed without a network, it is sent when there is one', async () => {
	const other = await window();
	await open('/vat.html', other);
	const number = vrn();
	await other.run((value) => {
		document.querySelector('#vrn').value = value;
		document.querySelector('#finalised').checked = true;
	}, number);
	ok(!await has('/requests.mjs', other));
	await other.send('Network.clearBrowserCache');
	await unplugged(async () => {
		await other.until(() => !navigator.onLine);
		await other.run(() => {
			const form = document.querySelector('#return-form');
			form.requestSubmit();
			form.requestSubmit();
		});
		await says('#return-said', 'it is sent when you are back', other);
		ok(await other.run(() => document.querySelector(
			'#return-fields').disabled));
	}, other);
	await seen('#receipt', other);
	equal((await arrivals('POST', number)).length, 1);
	/* and a window that has sent something asks at once what became of it */
	await other.type('#box6', '1');
	await other.run(() => {
		sessionStorage.setItem('lowtide:/api/other', JSON.stringify(
			{api: 'x', requestId: 'x', statusUrl: null}));
	});
	await reload(other);
	await comes('/requests.mjs', other);
	await other.until(() => !document.querySelector('#return-fields')
		.disabled);
	await other.close();
});

test('what cannot be loaded is said, and may be pressed again', async () => {
	const other = await window();
	await other.send('Network.setBlockedURLs', {urls: ['*/api.*.mjs']});
	await open('/vat.html', other);
	await other.run(() => {
		document.querySelector('#finalised').checked = true;
		document.querySelector('#submit-return').click();
	});
	await says('#return-said', 'We cannot be reached', other);
	await open('/bundles.html', other);
	await other.run(() => document.querySelector(
		'.bundle[data-id=starter] button').click());
	await says('.bundle[data-id=starter] .bundle-said', 'Not added yet.',
		other);
	await open('/export.html', other);
	await other.run(() => document.querySelector('#export-start').click());
	await says('#export-said', 'We cannot be reached', other);
	ok(await other.run(() => !document.querySelector('#export-fields')
		.disabled));
	await other.send('Network.setBlockedURLs', {urls: []});
	await other.run(() => document.querySelector('#export-start').click());
	await seen('#export-result', other);
	await other.close();
});

test('signing out without a network forgets all the same', async () => {
	const other = await window();
	await open('/receipts.html', other);
	await other.until(async () => (await caches.keys())
		.some((name) => /^lowtide:(?!catalogue)/.test(name)));
	await open('/sign-in.html', other);
	await unplugged(async () => {
		await other.leave(() => document.querySelector('#sign-out')
			.click());
		/* where that leads there is no way to */
		await settled(other, () => location.protocol ===
			'chrome-error:' || !Object.keys(sessionStorage).length);
	}, other);
	await open('/', other);
	equal(await other.run(async () => [Object.keys(sessionStorage),
		(await caches.keys()).filter((name) =>
			/^lowtide:(?!catalogue)/.test(name)),
		document.querySelector('#who').textContent]),
	[[], [], 'Sign in']);
	await other.close();
});

/*
 * Without heads: those differ from server to server; bench-client counts them.
 * The list of requests holds a stream, and needs all of requests.mjs for it.
 */
const MOST = {
	'/404.html': [3, 6000],
	'/bundles.html': [9, 14900],
	'/case.html': [8, 15000],
	'/catalogue.html': [8, 10400], /* and what it looks up when idle */
	'/export.html': [7, 12000],
	'/index.html': [4, 7100],
	'/receipts.html': [9, 13200],
	'/requests.html': [8, 19000],
	'/sign-in.html': [7, 11800],
	'/vat.html': [9, 15200],
};
const pages = readdirSync(join(process.env.SITE, 'pages')).filter((name) =>
	name.endsWith('.mustache')).map((name) =>
	`/${name.replace('mustache', 'html')}`);
for (const at of pages)
	test(`${at}: answers and bytes of a first view`, async () => {
		const other = await browser.page({own: true});
		await signIn(other);
		await other.send('Network.clearBrowserCache');
		const before = other.received.length;
		await open(at, other);
		await other.run(() => new Promise((idle) =>
			requestIdleCallback(idle)));
		const files = other.received.slice(before).map((one) => one.url)
			.filter((url) => url?.startsWith(`${site}/`) &&
				!url.includes('/api/'));
		let bytes = 0;
		for (const url of files)
			bytes += brotliCompressSync(Buffer.from(await (
				await fetch(url)).arrayBuffer())).length;
		console.log(`# ${files.length} answers, ${bytes} bytes`);
		const [many, most] = MOST[at];
		ok(files.length <= many, `${files.map((url) => path({url}))}`);
		ok(bytes <= most, `${bytes} bytes`);
		await other.close();
	});

await done();
