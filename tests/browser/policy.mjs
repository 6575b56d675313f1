/*
 * Every module of [client] in one page, loaded once each, by the import map and
 * by no other way; and a service worker: all of it under `script-src 'self'` and
 * what else the build says.
 */
import {test, ok, equal, match, done, cleanup} from '../tap.mjs';
import {open} from './cdp.mjs';

const site = process.env.LOWTIDE_URL;
const modules = process.env.MODULES.split(' ');
const browser = await open();
cleanup(() => browser.close());
const page = await browser.page();
const asked = () => page.requests.map(({url}) => new URL(url).pathname);

test('every module is there', async () => {
	await page.go(`${site}/`);
	await page.until(() => globalThis.found);
	const found = await page.run(() => globalThis.found);
	equal(Object.keys(found), modules);
	for (const [name, exported] of Object.entries(found))
		ok(exported.length > 0, name);
	ok(found['use-job.mjs'].includes('useJob'));
});

test('each was asked for once, under the name that never changes', () => {
	for (const name of [...modules, 'assets/react.mjs']) {
		const stem = name.slice(0, -4);
		equal(asked().filter((path) => path.startsWith(`/${stem}.`)).length,
			1, `${name}: ${asked()}`);
		ok(!asked().includes(`/${name}`), name);
	}
});

test('the element is defined, and has its style', async () => {
	equal(await page.run(() => {
		const job = document.createElement('lowtide-job');
		document.body.append(job);
		return [job.state, getComputedStyle(job).display];
	}), ['idle', 'block']);
});

test('a service worker may be one of the site\'s files', async () => {
	equal(await page.run(async () => {
		await navigator.serviceWorker.register('/sw.js');
		await navigator.serviceWorker.ready;
		if (!navigator.serviceWorker.controller)
			await new Promise((go) => navigator.serviceWorker
				.addEventListener('controllerchange', go));
		return (await fetch('/of-the-worker')).text();
	}), 'the worker');
});

test('a worker is held to it, too', async () => {
	const before = page.complaints.length;
	equal(await page.run(() => new Promise((go) => {
		new Worker('/elsewhere.mjs', {type: 'module'})
			.onmessage = ({data}) => go(data);
	})), ['refused', 'refused', 'done']);
	const said = page.complaints.splice(before).join();
	match(said, /connect-src|default-src/);
	match(said, /script-src/);
});

test('nobody complained', () => equal(page.complaints, []));

test('a script in the page does not run, and is told of', async () => {
	await page.run(() => {
		const script = document.createElement('script');
		script.textContent = 'globalThis.ran = true';
		document.body.append(script);
	});
	equal(await page.run(() => globalThis.ran ?? 'it did not'), 'it did not');
	match(page.complaints.join(), /Content Security Policy/);
});

await done();
