/*
 * What the example site's static pages cost, and the catalogue's page while
 * another version is published. Runs under `lowtide serve -C $SITE --env dev`,
 * which builds anew what is saved there.
 */
import {readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {brotliCompressSync} from 'node:zlib';
import {test, ok, equal, match, done, cleanup} from '../tap.mjs';
import {open} from './cdp.mjs';

const site = process.env.LOWTIDE_URL;
const catalogue = join(process.env.SITE, 'catalogue/products.toml');
const COLD = 20480; /* bytes on the wire, heads of answers among them */

const browser = await open();
cleanup(() => browser.close());
const page = await browser.page();
const text = (selector) => page.run((s) =>
	document.querySelector(s)?.textContent.trim(), selector);
const path = ({url}) => new URL(url).pathname;

/* Loads it, and what was received for it once nothing more is asked for. */
async function view(at) {
	page.received.length = page.requests.length = 0;
	await page.go(`${site}${at}`);
	await page.run(() => new Promise((idle) => requestIdleCallback(idle)));
	while (page.received.length < page.requests.length)
		await page.run(() => new Promise((soon) => setTimeout(soon, 10)));
	return [...page.received];
}

/* `lowtide serve` compresses nothing; heads as they came, bodies as they would. */
async function bytesOf({url, bytes}) {
	const body = Buffer.from(await (await fetch(url)).arrayBuffer());
	return bytes - body.length + Math.min(body.length,
		brotliCompressSync(body).length);
}

test('the home page, cold: within what was promised', async () => {
	const all = await view('/');
	const bytes = (await Promise.all(all.map(bytesOf)))
		.reduce((sum, n) => sum + n);
	ok(bytes <= COLD, `${bytes} bytes for ${all.map(path)}`);
	console.log(`# ${bytes} bytes in ${all.length} answers`);
	ok(all.some((r) => /\.css$/.test(path(r))));
	equal(all.filter((r) => /\/(requests|cache|oauth|shared|catalogue)/
		.test(path(r))), []);
});

test('warm: one question whether the page is still the same', async () => {
	const all = await view('/');
	equal(all.filter((r) => !r.kept).map((r) => [path(r), r.status]),
		[['/', 304]]);
});

/* Loads it without any script, and what is in it then. */
async function bare(at, look) {
	const other = await browser.page();
	await other.send('Emulation.setScriptExecutionDisabled', {value: true});
	await other.go(`${site}${at}`);
	const found = await other.run(look);
	await other.close();
	return found;
}

test('the catalogue page is there without a script', async () =>
	equal(await bare('/catalogue.html', () =>
		document.querySelectorAll('.bundle').length), 4));

/* Pages that lack nothing then. */
const WHOLE = ['/404.html', '/auth/signed-out.html', '/index.html'];
const pages = readdirSync(join(process.env.SITE, 'pages'),
	{recursive: true})
	.filter((name) => /\.mustache$/.test(name))
	.map((name) => `/${name.replace(/mustache$/, 'html')}`).sort();

test('each page says what is missing without a script', async () => {
	const silent = [];
	for (const at of pages)
		if (!/JavaScript/.test(await bare(at, () =>
			document.querySelector('main').innerText)))
			silent.push(at);
	equal(silent, WHOLE);
});

test('what is read for somebody has its place from the first sight', async () => {
	const kept = () => [...document.querySelectorAll(
		'#signed-in [aria-busy=true] .ghost')]
		.map((ghost) => getComputedStyle(ghost).display !== 'none');
	for (const at of ['bundles', 'receipts', 'requests', 'vat']) {
		const seen = await bare(`/${at}.html`, kept);
		ok(seen.length > 1, at);
		/* without a script nothing comes, and nothing shimmers */
		ok(!seen.includes(true), `${at}: for ever`);
	}
});

/* At each build the web server lets go of connections: then it is asked again. */
async function pointer() {
	for (;;)
		try {
			return await (await fetch(`${site}/products.json`)).json();
		} catch {
			await new Promise((go) => setTimeout(go, 20));
		}
}
const told = () => page.until(() =>
	document.querySelector('#catalogue-news button') &&
	document.querySelector('#catalogue-news').textContent);
test('a version that is published meanwhile is told, and not shown', async () => {
	await view('/catalogue.html');
	await page.until(() => caches.has('lowtide:catalogue'));
	const before = readFileSync(catalogue, 'utf8');
	writeFileSync(catalogue, before.replace('"2.0.0"', '"2.1.0"')
		.replace('price = 6', 'price = 7')
		.replace('name = "Agent"', 'name = "Practice"'));
	while ((await pointer()).version !== '2.1.0')
		;
	await page.run(() => document.dispatchEvent(
		new Event('visibilitychange')));
	equal(await told(), 'Version 2.1.0 is out. Show it');
	equal(await text('[data-id=sole-trader] .price'), '£6 a month');
});

test('it is shown where it is wanted, and said to be', async () => {
	await page.click('#catalogue-news button');
	await page.until(() => document.querySelector('#catalogue-version')
		.textContent === '2.1.0');
	equal([await text('[data-id=sole-trader] .price'),
		await text('[data-id=agent] h3')], ['£7 a month', 'Practice']);
	equal(await page.run(() => document.activeElement.id), 'bundles-title');
	equal(await page.run(() => [...document.querySelectorAll(
		'.bundle:first-child li')].map((li) => li.textContent)),
	['VAT return', 'Obligations']);
	match(await text('#catalogue-news'), /This is version 2\.1\.0/);
	equal(await page.run(() => document.querySelectorAll(
		'#activity-list li').length), 8);
	const {integrity, url} = await pointer();
	await page.until((bytes) => document.querySelector(
		'#catalogue-integrity').textContent === bytes, integrity);
	ok(await page.run((u) => document.querySelector('#catalogue-json').href
		.endsWith(u), url));
});

test('a page that was left behind says so at once', async () => {
	/* as out of a cache that keeps it for too long */
	await page.send('Fetch.enable', {patterns: [{urlPattern:
		`${site}/catalogue.html`, requestStage: 'Response'}]});
	page.on('Fetch.requestPaused', async ({requestId}) => {
		const {body} = await page.send('Fetch.getResponseBody',
			{requestId});
		const old = Buffer.from(body, 'base64').toString()
			.replaceAll('2.1.0', '2.0.0');
		await page.send('Fetch.fulfillRequest', {requestId,
			responseCode: 200, body: Buffer.from(old)
				.toString('base64'),
			responseHeaders: [{name: 'content-type',
				value: 'text/html; charset=utf-8'}]});
	});
	await page.go(`${site}/catalogue.html`);
	equal(await told(), 'Version 2.1.0 is out. Show it');
});

test('one that cannot be had is not shown, nor an older one told', async () => {
	const other = await browser.page();
	const publish = async (from, to) => {
		writeFileSync(catalogue, readFileSync(catalogue, 'utf8')
			.replace(`"${from}"`, `"${to}"`));
		while ((await pointer()).version !== to)
			;
	};
	const says = (words) => other.until((w) => document.querySelector(
		'#catalogue-news').textContent.startsWith(w), words);
	await publish('2.1.0', '2.2.0');
	await other.send('Network.setBlockedURLs', {urls: ['*products-v2*']});
	await other.go(`${site}/catalogue.html`);
	while (!other.received.some((r) => path(r) === '/products.json'))
		await other.run(() => new Promise((go) => setTimeout(go, 10)));
	equal(await other.run(async () => {
		await (await fetch('/products.json')).json();
		return document.querySelector('#catalogue-news').textContent;
	}), '');
	await publish('2.2.0', '2.3.0');
	await other.run(() => document.dispatchEvent(
		new Event('visibilitychange')));
	await says('Version 2.3.0 is out. ');
	await other.click('#catalogue-news button');
	await says('Version 2.3.0 is out, but cannot be had');
	equal(await other.run(() => document.querySelector(
		'#catalogue-version').textContent), '2.2.0');
	await other.send('Network.setBlockedURLs', {urls: []});
	await other.click('#catalogue-news button');
	await says('This is version 2.3.0.');
	await other.close();
});

test('nothing was left to complain about', () =>
	equal(page.complaints, []));

await done();
