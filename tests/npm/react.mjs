/*
 * use-job.mjs and <lowtide-job> in React itself, in a real browser, with jobs of
 * the real programs behind nginx: as React is published, as it is developed
 * with, in StrictMode, where every effect is had twice, and the oldest one that
 * the hook is for, which can give an element no property.
 */
import {mkdirSync, rmSync, writeFileSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';
import {startWorld} from '../browser/client-kit.mjs';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {tmp, until} from '../web/stack.mjs';

const modules = resolve('build/npm/node_modules');
const {default: esbuild} = await import(pathToFileURL(
	join(modules, 'esbuild-wasm/lib/main.js')));

async function bundle(mode, {first = '', alias = {}} = {}) {
	const {outputFiles: [{text}]} = await esbuild.build({
		stdin: {contents: `${first}\nimport './react-page.mjs';`,
			resolveDir: 'tests/npm'},
		nodePaths: [modules], bundle: true, alias, format: 'esm',
		define: {'process.env.NODE_ENV': JSON.stringify(mode)},
		banner: {js: first}, target: 'es2022', write: false,
	});
	return text;
}
const html = (name) => `<!doctype html>
<html lang="en-GB"><head><meta charset="utf-8"><title>React</title>
<script type="module" src="/assets/${name}.mjs"></script></head>
<body><h1>React</h1></body></html>`;

/* A program that is at row 40 until it is let go. */
const put = (folder) => {
	mkdirSync(join(tmp, folder), {recursive: true});
	writeFileSync(join(tmp, folder, 'rows'), `#!/bin/sh
echo '40 row 40 of 100' >&3
while [ ! -e '${tmp}/go' ]; do sleep 0.05; done
echo '{"rows": 100}'
`, {mode: 0o755});
};
put('site/handlers');

const world = await startWorld({
	files: {
		'pages/index.html': html('plain'),
		'pages/other.html': html('plain'),
		'pages/strict.html': html('strict'),
		'pages/oldest.html': html('oldest'),
		'assets/plain.mjs': await bundle('production'),
		'assets/strict.mjs': await bundle('development',
			{first: 'globalThis.strict = true;'}),
		'assets/oldest.mjs': await bundle('development', {
			first: 'globalThis.strict = true;',
			alias: {react: 'react-18', 'react-dom': 'react-dom-18'}}),
	},
	more: `
		[api.rows]
		exec = ["rows"]
		on_lost = "retry"
		result = { type = "application/json" }
	`,
});
esbuild.stop();
put('etc/handlers'); /* where it is installed */

check('published', '/', /^19\./);
check('strict', '/strict.html', /^19\./);
check('18, strict', '/oldest.html', /^18\./);

function check(name, path, version) {
	let page;
	const withElement = !name.startsWith('18');
	const line = () => page.run(() =>
		document.querySelector('#line')?.textContent);
	const comes = (what) => page.until((s) =>
		document.querySelector('#line')?.textContent === s, what);
	/* At the service behind until the test lets it go. */
	const submit = (api, hold) => page.run((what, its) => hook.submit(what,
		{sku: 'tea'}, {wait: 0, headers: its ? {say: JSON.stringify(
			{hold: its, body: {id: 7}})} : {}}), api, hold);

	test(`${name}: idle at first`, async () => {
		page = await world.page(path);
		equal(await line(), '- - false - -');
		match(await page.run(() => reactVersion), version);
		equal(await page.run(() => Boolean(globalThis.strict)),
			name !== 'published');
	});
	test(`${name}: from the press of a button to the result`, async () => {
		const hold = world.hold();
		await submit('order', hold);
		await world.up.arrived(hold);
		await comes('processing 0 true - -');
		equal(await page.run(() => document.querySelector('lowtide-job')
			.state), withElement ? 'processing' : 'idle');
		world.up.release(hold);
		await comes('completed 100 false {"id":7} -');
		equal(world.arrivals(hold), 1);
		/* it only moves forward, and ends once */
		const shown = await page.run(() => globalThis.shown);
		equal(shown.filter((l) => /completed.*false/.test(l)).length, 1);
		match(shown.join(), /^- - false - -,- - true - -,.*processing/);
		if (!withElement)
			return;
		await page.until(() => told.length);
		equal(await page.run(() => [told, document
			.querySelector('[slot=result]').checkVisibility()]),
		[[['done', {id: 7}]], true]);
	});
	test(`${name}: progress as the program tells of it`, async () => {
		rmSync(join(tmp, 'go'), {force: true});
		await submit('rows');
		await comes('processing 40 true - -');
		equal(await page.run(() => {
			const root = document.querySelector('lowtide-job')
				.shadowRoot;
			return [document.querySelector('section > progress').value,
				root.querySelector('progress').value,
				root.querySelector('[part=message]').textContent];
		}), withElement ? [40, 40, 'row 40 of 100'] : [40, 0, '']);
		writeFileSync(join(tmp, 'go'), '');
		await comes('completed 100 false {"rows":100} -');
	});
	test(`${name}: cancelled`, async () => {
		const [first, second] = [world.hold(), world.hold()];
		await submit('turn', first);
		await world.up.arrived(first);
		await submit('turn', second); /* has to wait for its turn */
		await comes('pending 0 true - -');
		await page.click('#cancel');
		await comes('cancelled 0 false - job-cancelled');
		if (withElement) {
			await page.until(() => told.length === 3);
			equal(await page.run(() => told.at(-1)),
				['failed', 'job-cancelled']);
		}
		world.up.release(first);
		equal(world.arrivals(second), 0);
	});
	test(`${name}: refused`, async () => {
		await page.run(() => hook.submit('order', {no: 'sku'}));
		await comes('- - false - validation-failed');
		await page.run(() => hook.reset());
		await comes('- - false - -');
	});
	test(`${name}: gone, nothing is asked any more; the job goes on`,
		async () => {
			const hold = world.hold();
			await submit('order', hold);
			await world.up.arrived(hold);
			await comes('processing 0 true - -');
			await page.run(() => toggle());
			await page.until(() => !document.querySelector('#line'));
			await page.run(() => new Promise((go) => setTimeout(go)));
			const asked = page.requests.length;
			world.up.release(hold);
			await until('the job', async () => (await world.rows(
				'--status', 'processing')).length === 0);
			await page.run(() => toggle());
			await comes('- - false - -');
			equal(page.requests.length, asked);
		});
	test(`${name}: a key finds it after a reload`, async () => {
		const hold = world.hold();
		await page.go(`${world.url}${path}?key=tea-${name}`);
		await page.until(() => globalThis.ready);
		await submit('order', hold);
		await world.up.arrived(hold);
		await comes('processing 0 true - -');
		await page.go(`${world.url}${path}?key=tea-${name}`);
		await comes('processing 0 true - -');
		/* the same, taken away and put back */
		await page.run(() => toggle());
		await page.until(() => !document.querySelector('#line'));
		await page.run(() => toggle());
		await comes('processing 0 true - -');
		world.up.release(hold);
		await comes('completed 100 false {"id":7} -');
		equal(world.arrivals(hold), 1);
		await page.go(`${world.url}${path}?key=tea-${name}`);
		await comes('- - false - -');
	});
	test(`${name}: gone before it has a ticket, it is sent`, async () => {
		const hold = world.hold();
		await page.run((its) => {
			hook.submit('order', {sku: 'tea'}, {wait: 0,
				headers: {say: JSON.stringify({hold: its})}});
			toggle();
		}, hold);
		await world.up.arrived(hold);
		world.up.release(hold);
		ok(world.arrivals(hold) === 1);
	});
	test(`${name}: nothing to complain about`, () => equal(
		page.complaints.filter((c) => !/the server responded with a status of 4/
			.test(c)), []));
	test(`${name}: and over`, () => page.close());
}
await done();
