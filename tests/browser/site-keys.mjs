/*
 * The example site without a mouse: Tab from the top of each page to its end
 * and back, in the order that it is read in, each stop to be seen; skip links,
 * the menu, and where one is after something happened. Runs under
 * `lowtide serve -C site --env dev`.
 */
import {test, ok, equal, match, done, cleanup} from '../tap.mjs';
import {open} from './cdp.mjs';
import {settled, signIn} from './site-kit.mjs';

const site = process.env.LOWTIDE_URL;
const browser = await open();
cleanup(() => browser.close());
const page = await browser.page();
/* what is scrolled to is there at once */
await page.send('Emulation.setEmulatedMedia', {features: [
	{name: 'prefers-reduced-motion', value: 'reduce'}]});

const CODES = {Tab: 9, Enter: 13, Escape: 27, Space: 32};
const SHIFT = 8;
async function key(name, {modifiers = 0, of = page} = {}) {
	for (const type of ['keyDown', 'keyUp'])
		await of.send('Input.dispatchKeyEvent', {type, modifiers,
			key: name, code: name, windowsVirtualKeyCode: CODES[name],
			...type === 'keyDown' && name === 'Enter' && {text: '\r'}});
}

/* Runs in the page: what is focused, and whether a person can tell. */
function stop() {
	const it = document.activeElement;
	if (it === document.body || !it)
		return null;
	const all = [...document.querySelectorAll('*')];
	const name = `${it.localName}${it.id && `#${it.id}`} ${
		(it.getAttribute('aria-label') ?? (it.labels?.[0] ?? it)
			.textContent).trim().slice(0, 30)}`;
	const {x, y, width, height} = it.getBoundingClientRect();
	const [cx, cy] = [x + Math.min(width / 2, 40), y + Math.min(height / 2, 20)];
	const there = document.elementFromPoint(cx, cy);
	const rings = [it, it.closest('.way')].filter(Boolean).map((e) =>
		getComputedStyle(e)).some((s) => s.outlineStyle !== 'none' &&
			parseFloat(s.outlineWidth) >= 2);
	return {name, at: all.indexOf(it), ringed: rings,
		positive: it.tabIndex > 0,
		seen: width > 1 && height > 1 && !!there &&
			(it.contains(there) || there.contains(it) ||
				[...it.labels ?? []].some((l) => l.contains(there)))};
}

/* From where it is to the end, by Tab or Shift+Tab. */
async function walk(modifiers = 0, of = page) {
	const stops = [];
	for (;;) {
		await key('Tab', {modifiers, of});
		const here = await of.run(stop);
		if (!here || here.at === stops[0]?.at || stops.length > 150)
			return stops;
		stops.push(here);
	}
}

async function check(of = page) {
	const there = await walk(0, of);
	equal(there.filter((s) => !s.seen).map((s) => s.name), [], 'to be seen');
	equal(there.filter((s) => !s.ringed).map((s) => s.name), [], 'marked');
	equal(there.filter((s) => s.positive), []);
	equal(there.map((s) => s.at), there.map((s) => s.at)
		.sort((a, b) => a - b), 'as it is read');
	match(there[0].name, /Skip to the content/);
	return there;
}

/* The pages that the menu has, and those that it has not. */
await page.go(`${site}/`);
const paths = await page.run(() => ['/', '/sign-in.html',
	...[...document.querySelectorAll('#menu a')].map((a) =>
		a.getAttribute('href'))]);
const quiet = (of = page) => settled(of, () =>
	document.readyState === 'complete' && document.querySelector('h1') &&
	!document.querySelector('[aria-busy=true]'));

for (const path of paths)
	test(`${path}, signed out: from the top to the end, and back`, async () => {
		await page.go(site + path);
		await quiet();
		const there = await check();
		const back = await walk(SHIFT);
		equal(back.filter((s) => !s.seen).map((s) => s.name), [],
			'nothing lies over it on the way back');
		equal(back.map((s) => s.at).reverse(), there.map((s) => s.at));
	});

test('the skip link leads behind the menu', async () => {
	await page.go(`${site}/vat.html`);
	await quiet();
	await key('Tab');
	await key('Enter');
	await key('Tab');
	ok(await page.run(() => document.querySelector('main')
		.contains(document.activeElement)));
});

test('a link, by Enter: another page, from its top', async () => {
	await page.go(`${site}/`);
	await page.run(() => document.querySelector('#menu a').focus());
	await key('Enter');
	await settled(page, () => location.pathname === '/vat.html' &&
		document.readyState === 'complete');
	await quiet();
	equal(await page.run(() => [document.querySelectorAll('h1').length,
		document.querySelector('#menu [aria-current]').textContent]),
	[1, 'VAT']);
	await key('Tab');
	match((await page.run(stop)).name, /Skip/);
});

test('each page has a title of its own that begins with what it is',
	async () => {
		const titles = [];
		for (const path of paths) {
			await page.go(site + path);
			titles.push(await page.run(() => document.title));
		}
		equal(new Set(titles).size, paths.length);
		for (const title of titles)
			match(title, /Tidewater VAT/);
	});

test('the menu of a telephone: opened, walked through, closed', async () => {
	const phone = await browser.page({width: 390, height: 844});
	await phone.go(`${site}/`);
	await phone.run(() => document.querySelector('.menu').focus());
	ok(!await phone.run(() => document.querySelector('#menu a')
		.checkVisibility()));
	await key('Enter', {of: phone});
	await phone.until(() => document.querySelector('#menu')
		.matches(':popover-open'));
	await key('Tab', {of: phone});
	const first = await phone.run(stop);
	match(first.name, /VAT/);
	ok(first.seen && first.ringed);
	await key('Escape', {of: phone});
	equal(await phone.run(() => [document.querySelector('#menu')
		.matches(':popover-open'), document.activeElement.className]),
	[false, 'menu']);
	await phone.close();
});

test('somebody signs in', () => signIn(page,
	{permit: true, to: '/'}));
for (const path of paths)
	test(`${path}, signed in: from the top to the end`, async () => {
		await page.go(site + path);
		await quiet();
		await check();
	});

test('a form that is not complete: the field that is missing', async () => {
	await page.go(`${site}/vat.html`);
	await quiet();
	await page.type('#vrn', '12');
	await page.run(() => document.querySelector('#submit-return').focus());
	await key('Enter');
	await page.until(() => document.activeElement.id === 'vrn');
});

test('a token that is not good any more: it is said, and one is there',
	async () => {
		await page.run(async () => {
			const kept = JSON.parse(sessionStorage['signed-in']);
			sessionStorage['signed-in'] = JSON.stringify(
				{...kept, access: `${kept.access}x`});
			await caches.delete(`lowtide:${kept.sub}`);
		});
		await page.go(`${site}/bundles.html`);
		await page.until(() => document.activeElement.id ===
			'signed-out-title');
		equal(await page.run(() => document.activeElement.textContent),
			'You have been signed out');
		equal(await page.run(() => document.querySelector('#who')
			.textContent), 'Sign in');
		await key('Tab');
		match((await page.run(stop)).name, /^button Sign in/);
	});

test('nothing was left to complain about', () =>
	equal(page.complaints.filter((c) => !/status of 401/.test(c)), []));

await done();
