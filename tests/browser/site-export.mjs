/* The export of the example site: a program's progress, and its table. */
import {mkdtempSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {cleanup, test, ok, equal, match} from '../tap.mjs';
import {killed, page, picture, reload, says, seen, site, text,
	texts} from './site-person.mjs';

const state = (of = page) => of.run(() =>
	document.querySelector('lowtide-job').getAttribute('state'));
const table = () => page.until(() => {
	const rows = document.querySelectorAll('#export-table tbody th');
	return document.querySelector('#export-result').checkVisibility() &&
		[...rows].map((th) => th.textContent);
});
const becomes = (what, of = page) => of.until((w) => document
	.querySelector('lowtide-job').getAttribute('state') === w, what);
const value = (of = page) => of.run(() => document.querySelector('lowtide-job')
	.shadowRoot.querySelector('progress').value);
const part = (name, of = page) => of.run((n) => document
	.querySelector('lowtide-job').shadowRoot
	.querySelector(`[part=${n}]`).click(), name);
async function make(year, of = page) {
	await of.type('#year', year);
	await of.click('#export-start');
}

/* What a press of the link leaves on the disk. */
async function saved() {
	const folder = mkdtempSync(path.join(tmpdir(), 'lowtide-saved.'));
	cleanup(() => rmSync(folder, {recursive: true, force: true}));
	await page.send('Page.setDownloadBehavior',
		{behavior: 'allow', downloadPath: folder});
	await page.click('#export-save');
	for (;;) {
		const [name] = readdirSync(folder);
		if (name?.endsWith('.csv'))
			return readFileSync(path.join(folder, name), 'utf8');
		await new Promise((soon) => setTimeout(soon, 20));
	}
}

test('a year is made, and its progress seen', async () => {
	await page.go(`${site}/export.html`);
	await becomes('idle');
	await picture('export');
	await make('2025');
	await page.until(() => document.querySelector('lowtide-job').shadowRoot
		.querySelector('progress').value >= 20);
	equal(await state(), 'processing');
	await picture('export-progress');
	equal(await table(), ['Q1', 'Q2', 'Q3', 'Q4']);
	equal(await state(), 'completed');
	equal(await page.run(() => document.querySelector('#export-save')
		.download), 'vat-2025.csv');
	const csv = await saved();
	equal(csv.trim().split('\n').length, 5);
	match(csv, /^period,from,to,sales,vatDue\nQ1,2025-01-01,/);
	await picture('export-done');
});

test('its address shows it again', async () => {
	match(await page.run(() => location.hash), /^#job_/);
	await reload();
	equal((await table()).length, 4);
});

test('loaded anew in the middle, it goes on; stopped, it stops', async () => {
	await make('2024');
	await becomes('processing');
	await reload();
	await page.until(() => ['accepted', 'pending', 'processing'].includes(
		document.querySelector('lowtide-job').getAttribute('state')));
	equal(await page.run(() => document.querySelector('#year').value),
		'2024');
	await part('cancel');
	await becomes('cancelled');
	equal(await page.run(() => document.querySelector('lowtide-job')
		.shadowRoot.querySelector('[part=message]').textContent),
	'Stopped. Nothing was made.');
	ok(await page.run(() => !document.querySelector('#export-fields')
		.disabled));
	await picture('export-stopped');
});

test('a year that there are no books of', async () => {
	await make('1999');
	await becomes('failed');
	equal(await text('#export-trouble h3'),
		'There are no books of that year');
	await picture('export-failed');
});

test('a worker that dies: another one makes it', async () => {
	await make('2023');
	await becomes('processing');
	killed('lowtide-worker');
	equal((await table()).length, 4);
});

test('too many at once: it is said, and goes on by itself', async () => {
	let asked = 0;
	page.on('Fetch.requestPaused', ({requestId}) => asked++ ?
		page.send('Fetch.continueRequest', {requestId}) :
		page.send('Fetch.fulfillRequest', {requestId,
			responseCode: 429, responseHeaders: [
				{name: 'content-type',
					value: 'application/problem+json'},
				{name: 'retry-after', value: '4'}],
			body: btoa(JSON.stringify({status: 429,
				type: '/problems/rate-limited'}))}));
	await page.send('Fetch.enable', {patterns: [
		{urlPattern: '*/api/v1/hmrc/vat/export'}]});
	await make('2022');
	await says('#export-said', 'five exports of yours');
	await picture('export-busy');
	await becomes('processing');
	equal(await text('#export-said'), 'You may leave this page, and come ' +
		'back to its address.');
	await page.send('Fetch.disable');
	equal(asked, 2);
	await part('cancel');
	await becomes('cancelled');
});
