/*
 * catalogue.mjs in a real browser: a site with a catalogue behind nginx, built
 * again with another version while a page is open, broken on its way, and out
 * of reach.
 */
import {readdirSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {bin, run, startStack, tmp} from '../web/stack.mjs';
import {open} from './cdp.mjs';

const plans = (version, price) =>
	`version = "${version}"\n[plans.one]\nprice = ${price}\n`;
const stack = await startStack('nginx', {
	behind: () => {}, ready: '/plans.json', files: {
		'env/base.toml': '',
		'site.toml': 'name = "acme-shop"\n[client]\ncatalogue = true\n[catalogue.plans]',
		'catalogue/plans.toml': plans('1.0.0', 100),
		'api.toml': `auth = "none" # startStack() wants one
			[upstream.nobody]
			base = "http://127.0.0.1:9"
			local = true
			[read.nothing]
			call.it = { upstream = "nobody", path = "/" }
		`,
		'pages/index.mustache': '<!doctype html><html lang=en>' +
			'<title>plans {{{catalogue.plans.version}}}</title>' +
			'<script type=module src=/assets/page.mjs></script>',
		'assets/page.mjs': `
			import {openCatalogue} from '/catalogue.mjs';
			const told = [];
			const open = async (url, options) => {
				const it = await openCatalogue(url, options);
				it.addEventListener('version', ({detail}) =>
					told.push(detail));
				return globalThis.it = it;
			};
			const seen = ({version, value, url, stale}) =>
				[version, value.plans.one.price,
					new URL(url).pathname, stale];
			Object.assign(globalThis,
				{openCatalogue: open, seen, told, ready: true});
		`,
	}});
const www = join(stack.dist, 'www');

/* As an operator does it: the version raised, built into the same place. */
async function publish(version, price) {
	writeFileSync(join(tmp, 'site/catalogue/plans.toml'),
		plans(version, price));
	await run(join(bin, 'lowtide'), ['build', '-q', '--force', '-C',
		join(tmp, 'site'), '--out', stack.dist, '--set',
		`base_url=${stack.url}`, '--set', 'server.kinds=nginx'])
		.catch((e) => {
			throw new Error(e.stderr);
		});
}
/* Other bytes on the wire, whatever their coding. */
function spoil(version, text) {
	const name = `plans-v${version}.json`;
	for (const file of readdirSync(www))
		if (file.startsWith(`${name}.`))
			rmSync(join(www, file));
	writeFileSync(join(www, name), text);
}

const browser = await open();
cleanup(() => browser.close());
async function tab() {
	const page = await browser.page();
	await page.go(`${stack.url}/`);
	await page.until(() => globalThis.ready);
	return Object.assign(page, {
		open: (options = {}) => page.run(async (how) =>
			seen(await openCatalogue('/plans.json', how)), options),
		seen: () => page.run(() => seen(it)),
		update: () => page.run(async () =>
			(await it.update()).plans.one.price),
		check: () => page.run(() => it.check()),
		told: () => page.run(() => told),
		asked: (path) => page.requests.filter(({url}) =>
			new URL(url).pathname === path).length,
		offline: (offline) => page.send(
			'Network.emulateNetworkConditions', {offline, latency: 0,
				downloadThroughput: -1, uploadThroughput: -1}),
	});
}
const at = (version, price, stale = false) =>
	[version, price, `/plans-v${version}.json`, stale];
const page = await tab();

test('the pointer, then the file', async () => {
	equal(await page.open(), at('1.0.0', 100));
	equal([page.asked('/plans.json'), page.asked('/plans-v1.0.0.json')],
		[1, 1]);
	equal(page.complaints, []);
});
test('what the page knows needs neither', async () => {
	const known = await (await fetch(`${stack.url}/plans.json`)).json();
	equal(await page.open({known}), at('1.0.0', 100));
	equal([page.asked('/plans.json'), page.asked('/plans-v1.0.0.json')],
		[1, 1]);
});
test('a version that is published meanwhile is told, and shown on demand',
	async () => {
		await page.open();
		equal(await page.check(), null);
		await publish('1.10.0', 200);
		equal(await page.check(), '1.10.0');
		equal(await page.check(), '1.10.0');
		equal([await page.told(), await page.seen()],
			[['1.10.0'], at('1.0.0', 100)]);
		equal(await page.update(), 200);
		equal(await page.seen(), at('1.10.0', 200));
		equal([await page.check(), await page.told()],
			[null, ['1.10.0']]);
		equal(page.complaints, []);
	});
test('another tab finds it there', async () => {
	const other = await tab();
	equal(await other.open(), at('1.10.0', 200));
	equal(other.asked('/plans-v1.10.0.json'), 0);
	await other.close();
});
test('it looks by itself: when the page is shown again', async () => {
	const other = await tab();
	const window = async (windowState) => {
		const {windowId} = await other.send('Browser.getWindowForTarget');
		await other.send('Browser.setWindowBounds',
			{windowId, bounds: {windowState}});
	};
	await other.open({every: 3600000});
	await window('minimized');
	await other.until(() => document.hidden);
	await publish('1.11.0', 300);
	equal(await other.told(), []);
	await window('normal');
	await other.until(() => told.length);
	equal(await other.told(), ['1.11.0']);
	await other.close();
});
test('and every so often', async () => {
	const other = await tab();
	await other.open({every: 20});
	await publish('1.12.0', 400);
	await other.until(() => told.length);
	equal(await other.told(), ['1.12.0']);
	equal(await other.update(), 400);
	equal(other.complaints, []);
	await other.close();
});
test('other bytes than it should be: the last good one, and said so',
	async () => {
		await publish('2.0.0', 500);
		spoil('2.0.0', '{"plans":{"one":{"price":1}}}');
		const other = await tab();
		equal(await other.open(), at('1.12.0', 400, true));
		equal(await other.update(), 400);
		equal(await other.seen(), at('1.12.0', 400, true));
		ok(other.complaints.some((one) => /integrity|digest/i.test(one)),
			other.complaints.join('\n'));
		await other.run(() => caches.delete('lowtide:catalogue'));
		const error = await other.run(async () =>
			String(await openCatalogue('/plans.json').catch((e) => e)));
		match(error, /TypeError/);
		await other.close();
		await publish('2.0.0', 500);
		equal([await page.update(), await page.seen()],
			[500, at('2.0.0', 500)]);
		await publish('2.0.1', 500);
		equal(await page.update(), 500);
	});
test('a pointer that is none: the last good one', async () => {
	for (const file of readdirSync(www))
		if (file.startsWith('plans.json'))
			rmSync(join(www, file));
	equal([await page.check(), await page.seen()],
		[null, at('2.0.1', 500, true)]);
	equal(await page.open(), at('2.0.1', 500, true));
	writeFileSync(join(www, 'plans.json'), '<!doctype html>');
	equal(await page.open(), at('2.0.1', 500, true));
	await publish('2.0.2', 600);
	equal(await page.update(), 600);
	equal(await page.seen(), at('2.0.2', 600));
});
test('offline: the last good one, and back', async () => {
	await page.offline(true);
	equal(await page.open(), at('2.0.2', 600, true));
	equal(await page.open({known: {name: 'plans', version: '2.0.3',
		url: '/plans-v2.0.3.json', integrity: `sha512-${
			'A'.repeat(86)}==`}}), at('2.0.2', 600, true));
	equal(await page.check(), null);
	await page.offline(false);
	equal([await page.check(), await page.seen()],
		[null, at('2.0.2', 600)]);
});
test('an older one, from a node that was left behind', async () => {
	const known = await (await fetch(`${stack.url}/plans.json`)).json();
	await publish('2.1.0', 700);
	await page.update();
	for (const file of readdirSync(www))
		if (/^plans\.json\./.test(file))
			rmSync(join(www, file));
	writeFileSync(join(www, 'plans.json'), JSON.stringify(known));
	const before = (await page.told()).length;
	equal([await page.check(), await page.update(), await page.open()],
		[null, 700, at('2.1.0', 700)]);
	equal((await page.told()).length, before);
});
test('no room: it is shown, and not kept', async () => {
	await publish('2.2.0', 800);
	const other = await tab();
	await other.run(() => caches.delete('lowtide:catalogue'));
	await other.send('Storage.overrideQuotaForOrigin',
		{origin: stack.url, quotaSize: 100});
	equal(await other.open(), at('2.2.0', 800));
	equal(await other.open(), at('2.2.0', 800));
	equal(await other.run(async () => (await (await caches.open(
		'lowtide:catalogue')).keys()).length), 0);
	await other.send('Storage.overrideQuotaForOrigin', {origin: stack.url});
	await other.close();
});
await done();
