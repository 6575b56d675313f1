/*
 * What a person in front of the browser meets: catalogue, a VAT return from the
 * form to the receipt, a bundle, and what is said when the tax service
 * misbehaves; signing in is site-signin.mjs. Runs under `lowtide serve -C site --env dev`.
 * SCREENSHOTS=DIR keeps pictures.
 */
import {randomInt} from 'node:crypto';
import path from 'node:path';
import {test, ok, equal, match, done, cleanup} from '../tap.mjs';
import {open} from './cdp.mjs';

const site = process.env.LOWTIDE_URL;
const simulator = process.env.LOWTIDE_RUN_SIMULATOR_URL;
const pictures = process.env.SCREENSHOTS;
const RETURN = '/api/v1/hmrc/vat/return';

const browser = await open();
cleanup(() => browser.close());
const page = await browser.page();
const text = (selector, of = page) => of.run((s) =>
	document.querySelector(s)?.textContent.trim(), selector);
const vrn = () => String(randomInt(1e8, 1e9));
const picture = (name, of = page) => pictures &&
	of.screenshot(path.join(pictures, `${name}.png`));

/* A VAT number nobody used, and its open periods. */
async function fresh(of = page) {
	const number = vrn();
	await of.run(() => document.querySelector('#period').replaceChildren());
	await of.type('#vrn', number);
	await of.until(() => document.querySelector('#period').value);
	return number;
}

/* Presses the button and waits for the receipt or the trouble. */
async function hand(of = page) {
	/* the last one's end must not pass for this one's */
	await of.run(() => {
		document.querySelector('#return-status').dataset.state = '';
	});
	await of.click('#finalised');
	await of.click('#submit-return');
	/* the button comes back when all has been said */
	await of.until(() => ['completed', 'failed'].includes(
		document.querySelector('#return-status').dataset.state) &&
		!document.querySelector('#submit-return').disabled);
}

async function arrivals(number) {
	const calls = await (await fetch(`${simulator}/__calls`)).json();
	return calls.filter((c) => c.method === 'POST' &&
		c.path.includes(number));
}

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

test('the catalogue is there, read from its versioned file', async () => {
	const names = await page.until(() => {
		const all = [...document.querySelectorAll('.bundle h3')];
		return all.length && all.map((h) => h.textContent);
	});
	equal(names, ['Starter', 'Sole trader', 'Limited company', 'Agent']);
	match(await text('#catalogue-said'), /^Catalogue \d+\.\d+\.\d+$/);
	const read = page.requests.map((r) => new URL(r.url).pathname)
		.filter((p) => p.startsWith('/products'));
	equal(read.length, 2);
	equal(read[0], '/products.json');
	match(read[1], /^\/products-v\d+\.\d+\.\d+\.json$/);
});

test('modules and assets come under fingerprinted names', () => {
	const own = page.requests.map((r) => new URL(r.url).pathname)
		.filter((p) => /\.(mjs|css)$/.test(p));
	ok(own.length >= 6, own.join(' '));
	for (const p of own)
		match(p, /\.[0-9a-f]{10}\.(mjs|css)$/);
});

test('where signing in leads is told, and nobody was asked', async () => {
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

test('what is due is listed, and the form offers what is open', async () => {
	await page.until(() => document.querySelector('.obligations .badge'));
	equal(await page.run(() => [...document.querySelectorAll('.badge')]
		.map((b) => b.textContent)),
	['filed', 'filed', 'overdue', 'open']);
	equal(await page.run(() =>
		document.querySelector('#period').options.length), 2);
	await picture('page');
});

test('boxes 3 and 5 follow as one types', async () => {
	await page.type('#box1', '100.10');
	await page.type('#box4', '0.20');
	equal([await text('#box3'), await text('#box5')],
		['£100.10', '£99.90']);
	await page.type('#box4', '150');
	equal([await text('#net-label'), await text('#box5')],
		['To get back Box 5', '£49.90']);
	await page.type('#box4', '0.20');
});

test('a return is accepted, watched and ends in a receipt', async () => {
	const number = await fresh();
	await page.run(() => {
		globalThis.states = [];
		const panel = document.querySelector('#return-status');
		new MutationObserver(() => states.push(panel.dataset.state))
			.observe(panel, {attributeFilter: ['data-state']});
	});
	await page.click('#finalised');
	await page.click('#submit-return');
	await page.until(() => /^\d+ s so far/.test(
		document.querySelector('#elapsed').textContent));
	match(await text('#ticket'), /^job_/);
	await picture('watching');
	await page.until(() => document.querySelector('#receipt'));
	await picture('receipt');
	match(await text('.bundle-number'), /^\d{12}$/);
	match(await text('.payment'), /^£99\.90 by bank transfer$/);
	const states = await page.run(() => [...new Set(states)]);
	equal(states[0], 'sending');
	ok(states.includes('accepted') && states.at(-1) === 'completed',
		states.join(' '));
	const [call, ...more] = await arrivals(number);
	equal(more.length, 0);
	const sent = JSON.parse(call.body);
	equal([sent.vatDueSales, sent.netVatDue, sent.finalised],
		[100.1, 99.9, true]);
});

test('it is filed afterwards', async () => {
	await page.until(() => document.querySelector('#obligations-said')
		.textContent === 'One period is open.');
});

test('a form that is not complete is not sent', async () => {
	const before = page.requests.length;
	await page.run(() => document.querySelector('#finalised').checked =
		false);
	await page.click('#submit-return');
	equal(page.requests.slice(before).filter((r) =>
		r.method === 'POST').length, 0);
});

for (const [scenario, title] of [
	['DUPLICATE_SUBMISSION', 'HMRC did not accept it'],
	['SERVER_ERROR', 'HMRC has a problem'],
	['CLOSE_SILENTLY', 'We do not know whether it arrived'],
])
	test(`${scenario}: a person is told what to make of it`, async () => {
		const number = await fresh();
		await page.run((s) => document.querySelector('#scenario')
			.value = s, scenario);
		await hand();
		equal(await text('#return-said h4'), title);
		equal((await arrivals(number)).length, 1);
		await picture(scenario.toLowerCase());
		await page.run(() => document.querySelector('#scenario')
			.value = '');
	});

test('a bundle is shown at once and confirmed later', async () => {
	await page.click('.bundle[data-id=limited] button');
	const card = '.bundle[data-id=limited]';
	match(await text(`${card} .bundle-said`), /Added|Yours/);
	await page.until((s) => document.querySelector(s).dataset.state ===
		'completed', card);
	equal(await text(`${card} .bundle-said`), 'Yours. Confirmed.');
	const post = page.requests.findLast((r) => r.method === 'POST');
	equal(post.headers['x-wait-time-ms'], '0');
	await picture('bundle');
});

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
	const risks = async () => (await (await fetch(`${simulator}/__calls`))
		.json()).filter((c) => /^\/(risks|people|case-)/.test(c.path)).length;
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

test('every request had a name of its own', () => {
	const names = page.requests.filter((r) => /\/api\/v1\//.test(r.url))
		.map((r) => r.headers['x-request-id']);
	ok(names.length > 5);
	equal(new Set(names).size, names.length);
	ok(page.requests.some((r) => r.url.endsWith(RETURN)));
});

test('nothing was left to complain about', () => {
	/* a refused return's own answer is a 4xx or 5xx by design */
	equal(page.complaints.filter((c) =>
		!/^network: Failed to load.*\/api\/jobs\/job_.*\/result/
			.test(c)), []);
});

test('on a telephone nothing is cut off; in the dark neither', async () => {
	for (const [name, look] of [['phone', {width: 390, height: 844}],
		['dark', {width: 1280, dark: true}]]) {
		const other = await browser.page(look);
		await other.go(`${site}/`);
		await other.until(() => document.querySelector('.bundle') &&
			document.querySelector('.obligations .badge'));
		/* a phone's innerWidth grows with what sticks out */
		ok(await other.run(() => document.documentElement.scrollWidth) <=
			look.width);
		equal(other.complaints, []);
		await picture(name, other);
		await other.go(`${site}/case.html`);
		await other.until(() => document.querySelector('.case .badge'));
		ok(await other.run(() => document.documentElement.scrollWidth) <=
			look.width);
		equal(other.complaints, []);
		await picture(`cases-${name}`, other);
	}
});

await done();
