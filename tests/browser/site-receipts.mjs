/* Receipts at the example site, with a network and without. */
import {test, ok, equal, match} from '../tap.mjs';
import {browser, page, picture, reload, says, seen,
	signIn, site, text, unplugged} from './site-person.mjs';
import {settled} from './site-kit.mjs';

const list = (of = page) => of.until(() => {
	const all = document.querySelectorAll('#receipt-list a');
	return all.length && [...all].map((a) => a.hash);
});
const ready = (of = page) => of.until(async () =>
	(await navigator.serviceWorker.getRegistration('/receipts.html'))
		?.active?.state === 'activated');

test('receipts are listed, the newest first', async () => {
	await page.go(`${site}/receipts.html`);
	ok((await list()).length > 3);
	await picture('receipts');
});

test('one is shown, by its address, and can be printed', async () => {
	const [first] = await list();
	await page.click('#receipt-list li:first-child a');
	await seen('#receipt');
	equal(await page.run(() => location.hash), first);
	equal(`#${await text('.bundle-number')}`, first);
	ok(await page.run(() => document.querySelector(
		'#receipt-list [aria-current]') !== null));
	await page.run(() => {
		globalThis.printed = 0;
		globalThis.print = () => printed++;
	});
	await page.click('#receipt button');
	equal(await page.run(() => printed), 1);
	await page.send('Emulation.setEmulatedMedia', {media: 'print'});
	equal(await page.run(() => ['.top', '.hero', '#receipts', '#receipt']
		.map((s) => document.querySelector(s).checkVisibility())),
	[false, false, false, true]);
	await picture('receipts-printed');
	await page.send('Emulation.setEmulatedMedia', {media: ''});
});

test('one that there is none of is said', async () => {
	await page.run(() => {
		location.hash = '#1';
	});
	await says('#receipt-shown', 'There is no such receipt');
});

test('without a network it opens after one visit, with what was seen', async () => {
	await ready();
	const worker = await browser.worker('/sw.js');
	const [first] = await list();
	await unplugged(() => unplugged(async () => {
		await reload();
		equal(await text('h1'), 'Receipts');
		equal((await list())[0], first);
		await says('#receipts-said', 'you are offline');
		match(await text('#receipts-said'), /^As of .* offline\.$/);
		await page.click('#receipt-list li:first-child a');
		await seen('#receipt');
		equal(`#${await text('.bundle-number')}`, first);
		await picture('receipts-offline');
	}), worker);
	await page.until(() => !document.querySelector('#receipts-said')
		.textContent.includes('offline'));
});

/* Every URL that some cache of this origin has. */
const kept = (of = page) => of.run(async () => (await Promise.all(
	(await caches.keys()).map(async (name) =>
		(await (await caches.open(name)).keys()).map(({url}) =>
			new URL(url).pathname)))).flat());

test('its worker keeps the page, and no answer of an API', async () => {
	const own = await page.run(async () => (await (await caches.open(
		'lowtide-page:receipts')).keys())
		.map(({url}) => new URL(url).pathname));
	ok(own.includes('/receipts.html'));
	ok(own.some((path) => /^\/cache\.[0-9a-f]+\.mjs$/.test(path)));
	equal(own.filter((path) => path.startsWith('/api/')), []);
});

test('what the page does not name any more is let go', async () => {
	await page.run(async () => {
		const cache = await caches.open('lowtide-page:receipts');
		await cache.put('/assets/old.0123456789.mjs', new Response(''));
	});
	await reload();
	await list();
	await page.until(async () => !await caches.match(
		'/assets/old.0123456789.mjs'));
});

test('another person sees nothing of it, and signing out leaves nothing',
	async () => {
		const other = await browser.page();
		await signIn(other, {as: 'other', permit: true,
			to: '/receipts.html'});
		await says('#receipts-said', 'No receipt yet', other);
		equal(await other.run(() => document.querySelectorAll(
			'#receipt-list a').length), 0);
		await other.go(`${site}/sign-in.html`);
		await other.until(() => document.querySelector('#sign-out')
			?.checkVisibility());
		await other.leave(() =>
			document.querySelector('#sign-out').click());
		await settled(other, () => location.pathname ===
			'/auth/signed-out.html');
		ok(!(await kept(other)).includes('/receipts.html'));
		equal(await other.run(async () =>
			(await navigator.serviceWorker.getRegistrations())
				.length), 0);
		await other.close();
	});
