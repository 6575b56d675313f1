/*
 * What a person in front of the browser meets, page after page: what is said
 * to somebody who is not signed in, returns, bundles, receipts, exports (each in
 * a file of its own), cases; signing in is site-signin.mjs. Runs under
 * `lowtide serve -C site --env dev`. SCREENSHOTS=DIR keeps pictures.
 */
import {test, ok, equal, match, done} from '../tap.mjs';
import {browser, calls, page, picture, pictures, signIn, simulator, site, text}
	from './site-person.mjs';

test('the page opens', async () => {
	await page.go(`${site}/`);
	equal(await text('h1'), 'VAT returns, handed in and done.');
});

test('its policy allows nothing but its own files', async () => {
	const policy = (await fetch(`${site}/`)).headers
		.get('content-security-policy');
	match(policy ?? '', /default-src 'self'/);
	ok(!/unsafe|nonce-|\*/.test(policy));
});

test('the home page needs no more than it shows', async () => {
	await page.until(() => document.querySelector('#who').textContent);
	equal(page.requests.filter((r) => /\/(requests|cache|oauth)/
		.test(new URL(r.url).pathname)), []);
});

test('the catalogue page is a file: nothing of it is fetched', async () => {
	await page.go(`${site}/catalogue.html`);
	const names = await page.run(() => [...document.querySelectorAll(
		'.bundle h3, #activity-list h3')].map((h) => h.textContent));
	equal(names.slice(0, 4),
		['Starter', 'Sole trader', 'Limited company', 'Agent']);
	equal(names.length, 12);
	equal(await page.run(() => [...document.querySelectorAll(
		'.bundle:first-child li')].map((li) => li.textContent)),
	['VAT return', 'Obligations']);
	const {version, url} = await (await fetch(`${site}/products.json`))
		.json();
	equal(await text('#catalogue-version'), version);
	ok(await page.run((u) => document.querySelector(`a[href="${u}"]`),
		url) !== null);
});

test('who is not signed in is told so, and nothing is asked', async () => {
	await page.go(`${site}/vat.html`);
	await page.until(() => document.querySelector('#signed-in').hidden &&
		!document.querySelector('#signed-out').hidden);
	equal(page.requests.filter((r) => /\/api\//.test(r.url)), []);
});

test('modules and assets come under fingerprinted names', () => {
	const own = page.requests.map((r) => new URL(r.url).pathname)
		.filter((p) => /\.(mjs|css)$/.test(p));
	ok(own.length >= 6, own.join(' '));
	for (const p of own)
		match(p, /\.[0-9a-f]{10}\.(mjs|css)$/);
});

test('where signing in leads is told, and nobody was asked', async () => {
	await page.go(`${site}/sign-in.html`);
	match(await page.until(() => document.querySelector('#sign-in-said')
		.textContent), /no server is asked/);
	const cards = await page.run(() => Object.fromEntries(
		[...document.querySelectorAll('.provider')].map((card) =>
			[card.dataset.provider, [...card.querySelectorAll('dd')]
				.map((dd) => dd.textContent)])));
	const {host} = new URL(simulator);
	equal(cards, {
		cognito: [host, 'openid profile email', '/auth/cognito.html',
			'state, nonce, PKCE'],
		hmrc: [host, 'read:vat write:vat', '/auth/hmrc.html',
			'state, PKCE'],
	});
	equal(page.requests.filter((r) => r.url.startsWith(simulator)).length,
		0);
	equal(await page.run(() => Object.keys(sessionStorage)), []);
});

test('whoever signs in is back where he wanted to go', async () => {
	await signIn(page, {permit: true, to: '/vat.html'});
	equal(await text('#who'), 'Robin Tidewater');
});

await import('./site-vat.mjs');
await import('./site-bundles.mjs');
await import('./site-receipts.mjs');
await import('./site-export.mjs');

/* Of three calls for premises one fails: the fourth trader has none. */
const case_ = (crn) => page.run((c) => [...document.querySelectorAll('.case')]
	.filter((e) => e.querySelector('code').textContent === c)
	.map((e) => [...e.querySelectorAll('h3, .badge, dd')]
		.map((n) => n.textContent))[0], crn);
const shown = () => page.until(() => {
	const {textContent} = document.querySelector('#case-said');
	return /^4 traders in \d+ ms/.test(textContent) && textContent;
});
test('cases come from five services, and what is missing is said', async () => {
	await page.go(`${site}/case.html`);
	match(await shown(), /Not all of it: the premises of 1 could not be had/);
	equal(await case_('TW-0014'), ['Okoro’s Book shop', 'low risk',
		'193000014', 'Grace Okoro', 'C', 'none']);
	await picture('cases');
});
test('asked again, only what was missing is fetched', async () => {
	const risks = async () => (await calls()).filter((c) =>
		/^\/(risks|people|case-)/.test(c.path)).length;
	const before = await risks();
	await page.run(() => { document.querySelector('#case-said').textContent = ''; });
	await page.click('#case-form button');
	ok(!(await shown()).includes('Not all'));
	match((await case_('TW-0043'))[5], /Road, /);
	equal(await risks(), before);
});
test('a reference that nobody knows, and one that is none', async () => {
	await page.type('#crns', 'TW-9999');
	await page.click('#case-form button');
	await page.until(() => document.querySelector('#case-said')
		.textContent === 'Nobody knows a trader of that reference.');
	await page.type('#crns', ' , ');
	await page.click('#case-form button');
	await page.until(() => document.querySelector('#case-said')
		.textContent === 'Give at least one reference.');
});

test('while they are asked for, others stand in for them', async () => {
	await page.type('#crns', 'TW-0001, TW-0002, TW-0014, TW-0043');
	equal(await page.run(() => {
		const list = document.querySelector('#case-list');
		document.querySelector('#case-form').requestSubmit();
		return [list.getAttribute('aria-busy'),
			list.querySelectorAll('.ghost').length];
	}), ['true', 4]);
	await shown();
	equal(await page.run(() => document.querySelectorAll(
		'[aria-busy], .ghost').length), 0);
});

test('every request that was sent had a name of its own', () => {
	const names = page.requests.filter((r) => /\/api\/v1\/(?!.*\/token$)/.test(r.url) &&
		r.method !== 'GET').map((r) => r.headers['x-request-id']);
	ok(names.length > 10 && names.every(Boolean));
});

test('nothing was left to complain about', () => {
	/* refusals are answers of 4xx or 5xx by design; what was cut off, too */
	equal(page.complaints.filter((c) => !/^network: Failed to load/
		.test(c)), []);
});

/* Each page, and what is there when it has read what it reads. */
const pages = {
	'': () => document.querySelector('#who').textContent,
	'vat.html': () => document.querySelector('.obligations .badge'),
	'bundles.html': () => document.querySelector('#my-bundles .does'),
	'receipts.html': () => document.querySelector('#receipt-list a'),
	'export.html': () => document.querySelector('lowtide-job[state=idle]'),
	'case.html': () => document.querySelector('.case .badge'),
	'catalogue.html': () => document.querySelector('.bundle'),
	'sign-in.html': () => document.querySelector('#sign-in-said')
		.textContent,
};
const looks = {
	narrow: {width: 320, height: 640},
	dark: {width: 1280, dark: true},
	...pictures && {phone: {width: 390, height: 844},
		'phone-dark': {width: 390, height: 844, dark: true}},
};
/* Beside the menu, where there is room for it, and beside its button else. */
const WIDTHS = {320: 'Robin', 600: 'Robin Tidewater', 800: 'Robin Tidewater',
	960: 'Robin Tidewater', 961: 'Robin Tidewater',
	1000: 'Robin Tidewater', 1280: 'Robin Tidewater'};
for (const [width, name] of Object.entries(WIDTHS))
	test(`${width} px: the menu is there, and the name is whole`, async () => {
		const other = await browser.page({width: Number(width),
			dark: width % 3 === 0});
		await signIn(other);
		/* on its own page it is in bold, and others are in the menu */
		for (const at of ['sign-in.html', 'requests.html', 'vat.html']) {
			await other.go(`${site}/${at}`);
			const {sees, ...top} = await other.run(() => {
				const who = document.querySelector('#who');
				const links = [...document.querySelectorAll('nav a')]
					.filter((a) => a.checkVisibility());
				return {sees: document.querySelector('.menu')
					.checkVisibility(),
				name: who.innerText,
				cut: who.scrollWidth > who.clientWidth,
				links: links.length,
				lines: new Set(links.map((a) => a.offsetTop)).size,
				out: document.documentElement.scrollWidth >
					innerWidth};
			});
			const wide = width > 960;
			equal(sees, !wide, at);
			equal(top, {name, cut: false, links: wide ? 7 : 0,
				lines: wide ? 1 : 0, out: false}, at);
		}
		/* a name that is too long for it gives way */
		equal(await other.run(() => {
			const who = document.querySelector('#who');
			who.textContent = 'Wolfeschlegelsteinhausenbergerdorff'
				.repeat(3);
			const {right} = who.getBoundingClientRect();
			return [right <= innerWidth, who.scrollWidth >
				who.clientWidth, new Set([...document
				.querySelectorAll('nav a')].filter((a) =>
				a.checkVisibility()).map((a) => a.offsetTop))
				.size < 2, document.documentElement.scrollWidth <=
				innerWidth];
		}), [true, true, true, true]);
		await other.close();
	});

/* How many cards are in each row, by the width. */
for (const [at, card, rows] of [['', '.way', {320: [1, 1, 1], 800: [3]}],
	['catalogue.html', '.bundle', {320: [1, 1, 1, 1], 600: [2, 2],
		800: [2, 2], 1000: [4], 1280: [4]}]])
	test(`/${at}: no card is alone in its row`, async () => {
		const other = await browser.page();
		for (const [width, counts] of Object.entries(rows)) {
			await other.send('Emulation.setDeviceMetricsOverride', {
				width: Number(width), height: 900,
				deviceScaleFactor: 1, mobile: false});
			await other.go(`${site}/${at}`);
			equal(await other.run((s) => {
				const tops = [...document.querySelectorAll(s)]
					.map((one) => one.offsetTop);
				return [...new Set(tops)].map((top) =>
					tops.filter((t) => t === top).length);
			}, card), counts, width);
		}
		await other.close();
	});

for (const [name, look] of Object.entries(looks))
	test(`nothing is cut off, nothing complains: ${name}`, async () => {
		const other = await browser.page(look);
		await signIn(other, {permit: true});
		for (const [at, there] of Object.entries(pages)) {
			await other.go(`${site}/${at}`);
			await other.until(there);
			/* a phone's innerWidth grows with what sticks out */
			ok(await other.run(() => document.documentElement
				.scrollWidth) <= look.width, at);
			equal(other.complaints, [], at);
			await picture(`${at.replace('.html', '') || 'home'}-${
				name}`, other);
		}
		await other.close();
	});

await done();
