/*
 * The page of a new site: the form, the ticket, the quote, and what is said
 * when the service refuses. Runs under `lowtide serve` on what init wrote.
 */
import {test, ok, equal, match, done, cleanup} from '../tap.mjs';
import {open} from './cdp.mjs';

const site = process.env.LOWTIDE_URL;
const browser = await open();
cleanup(() => browser.close());
const page = await browser.page();
const text = (id) => page.run((i) =>
	document.getElementById(i).textContent.trim(), id);

test('the page opens with its catalogue', async () => {
	await page.go(`${site}/`);
	equal(await text('plan'), 'Small, 4.50 a seat\nLarge, 9.00 a seat');
	equal(await page.run(() => document.getElementById('answer').hidden),
		true);
});

test('the form is sent and gets a ticket, then the quote', async () => {
	await page.click('button');
	await page.until(() =>
		document.getElementById('ticket').textContent.startsWith('job_'));
	await page.until(() => document.getElementById('result').textContent);
	match(await text('result'), /^Q-0001: 22\.50 a month$/);
	equal(await text('said'), 'Here is your quote.');
	equal(await page.run(() => document.querySelector('button').disabled),
		false);
});

test('a reload finds what is under way again', async () => {
	await page.click('button');
	await page.until(() =>
		document.getElementById('ticket').textContent.startsWith('job_'));
	const ticket = await text('ticket');
	await page.go(`${site}/`);
	await page.until(() => document.getElementById('result').textContent);
	match(await text('result'), /^Q-0002: 22\.50 a month$/);
	equal(await text('ticket'), ticket);
	await page.go(`${site}/`);
	equal(await page.run(() => document.getElementById('answer').hidden),
		true);
});

test('a server that is away is told in words, and nothing is sent twice', async () => {
	await page.run(() => {
		window.real = fetch;
		window.fetch = () => Promise.reject(new TypeError('none'));
	});
	await page.click('button');
	await page.until(() => /cannot be reached/.test(
		document.getElementById('said').textContent));
	await page.run(() => {
		window.fetch = window.real;
	});
	await page.click('button');
	await page.until(() => document.getElementById('result').textContent);
	match(await text('result'), /^Q-0003: 22\.50 a month$/);
});

test('what the service says no to is shown', async () => {
	await page.run(() => {
		document.getElementById('plan').options[0].value = 'none';
	});
	await page.click('button');
	await page.until(() => document.getElementById('said').textContent ===
		'There is no such plan.');
	equal(await text('result'), '');
});

test('nobody complained but about that refusal', async () => {
	const rest = page.complaints.filter((said) => !/422/.test(said));
	equal(rest, []);
	ok(page.complaints.length <= 1);
});

await done();
