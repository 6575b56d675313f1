/*
 * The site of references-site.mjs: built, served by nginx as configured, and
 * looked at. Three copies: as built, with the import map taken out of its
 * pages, and with one module changed by somebody else.
 */
import {execFile, spawn} from 'node:child_process';
import {appendFileSync, cpSync, readFileSync, readdirSync,
	writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import path from 'node:path';
import {promisify} from 'node:util';
import {test, ok, equal, match, done, cleanup} from '../tap.mjs';
import {open} from './cdp.mjs';
import {CHUNKS, chunk, make} from './references-site.mjs';

const {LOWTIDE, TMP} = process.env;
const run = promisify(execFile);
const site = path.join(TMP, 'site');
const dist = path.join(TMP, 'dist');
const PATIENCE = 10000; /* ms until nginx answers */

const freePort = () => new Promise((resolve) => {
	const server = createServer().listen(0, '127.0.0.1', () => {
		const {port} = server.address();
		server.close(() => resolve(port));
	});
});
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const files = make(site, url);

/* nginx on a copy of the output; its own port where it is not the first. */
async function serve(folder, own = port) {
	const conf = path.join(folder, 'server/nginx-example.conf');
	writeFileSync(conf, readFileSync(conf, 'utf8')
		.replace(`127.0.0.1:${port}`, `127.0.0.1:${own}`));
	const nginx = spawn('nginx', ['-p', folder, '-c',
		'server/nginx-example.conf', '-e', 'stderr'],
	{stdio: ['ignore', 'ignore', 'inherit']});
	const gone = new Promise((resolve) => nginx.once('close', resolve));
	cleanup(() => nginx.kill('SIGTERM') && gone);
	const base = `http://127.0.0.1:${own}`;
	for (const end = Date.now() + PATIENCE; Date.now() < end;) {
		if (await fetch(base).catch(() => null))
			return base;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	throw new Error('nginx does not answer');
}

async function copy(name, change) {
	const folder = path.join(TMP, name);
	cpSync(dist, folder, {recursive: true});
	change(path.join(folder, 'www'));
	return serve(folder, await freePort());
}

const all = (folder) => readdirSync(folder, {withFileTypes: true})
	.flatMap((e) => e.isDirectory() ?
		all(path.join(folder, e.name)) : [path.join(folder, e.name)]);
/* Without compressed siblings: the copies are changed by hand. */
const build = (out, ...more) => run(LOWTIDE,
	['build', '-C', site, '--out', out, '--quiet', '--fast', ...more]);
const paths = (out) => JSON.parse(readFileSync(
	path.join(out, 'www/manifest.json'))).files.map((f) => f.path);
const good = {n: CHUNKS, lazy: true, answer: 42, worker: true, picture: 2,
	legacy: true};

let said;
let browser;
cleanup(() => browser?.close());

/* The page when all in it has come to an end, and what came. */
async function look(base, where = '/') {
	const page = await browser.page();
	await page.go(`${base}${where}`);
	const result = await page.until(() => globalThis.result);
	await page.run(() => document.fonts.ready.then(() => true));
	const seen = await page.run(async () => ({
		pictures: await Promise.all([...document.images].map((i) =>
			i.decode().then(() => true, () => i.currentSrc))),
		fonts: [...document.fonts].map((f) => `${f.family} ${f.status}`),
		colour: getComputedStyle(document.querySelector('.own')).color,
		hero: document.querySelector('.hero') && getComputedStyle(
			document.querySelector('.hero')).backgroundImage,
		bad: performance.getEntriesByType('resource')
			.filter((e) => e.responseStatus !== 200)
			.map((e) => `${e.responseStatus} ${e.name}`),
		got: performance.getEntriesByType('resource')
			.map((e) => new URL(e.name).pathname),
	}));
	return {page, result, ...seen};
}
/* Without those of the worker: import maps do not reach into workers. */
const chunks = (seen) => seen.page.requests
	.map((r) => new URL(r.url).pathname)
	.filter((p) => /chunk-|lazy-/.test(p));

test('it builds, and nothing is missing', async () => {
	ok(files > 400, `${files} files`);
	said = await build(dist);
	ok(!/missing-reference|import-map/.test(said.stderr), said.stderr);
});

test('it opens in a browser, modules, pictures and fonts', async () => {
	await serve(dist);
	browser = await open();
	const seen = await look(url);
	equal(seen.page.complaints, []);
	equal(seen.bad, []);
	equal(seen.result, good);
	equal(seen.pictures.length, 61);
	equal(seen.pictures.filter((good) => good !== true), []);
	equal(seen.fonts, ['Own loaded']);
	equal(seen.colour, 'rgb(18, 52, 86)');
	match(seen.hero, /\/assets\/img\/p2\.[0-9a-f]{10}\.png/);
	for (const p of seen.got.filter((q) => /\.(png|css|ttf|svg)$/.test(q)))
		ok(/\.[0-9a-f]{10}\.\w+$/.test(p) || p.endsWith('/p1.png'), p);
});

test('the import map leads every import to a fingerprinted name', async () => {
	const got = chunks(await look(url));
	equal(got.length, CHUNKS + 1);
	for (const p of got)
		match(p, /\.[0-9a-f]{10}\.mjs$/);
});

test('what is fingerprinted is kept, what is not is asked for', async () => {
	const www = path.join(dist, 'www');
	const of = async (name) => {
		const answer = await fetch(`${url}/${name}`);
		equal(answer.status, 200, name);
		return answer.headers.get('cache-control');
	};
	const name = readdirSync(path.join(www, 'assets/app')).find((n) =>
		n.startsWith(chunk(0).replace('.mjs', '.')) &&
		/\.[0-9a-f]{10}\.mjs$/.test(n));
	match(await of(`assets/app/${name}`), /immutable/);
	equal(await of(`assets/app/${chunk(0)}`), 'no-cache');
	equal(await of('assets/img/p1.png'), 'no-cache');
});

test('everything works by relative URLs when the map is gone', async () => {
	const base = await copy('bare', (www) => {
		for (const file of all(www).filter((f) => f.endsWith('.html'))) {
			const html = readFileSync(file, 'utf8');
			writeFileSync(file, html.replace(
				/<script type="importmap">.*?<\/script>\n/, ''));
		}
	});
	const seen = await look(base);
	equal(seen.page.complaints, []);
	equal(seen.bad, []);
	equal(seen.result, good);
	const got = chunks(seen);
	equal(got.length, CHUNKS + 1);
	for (const p of got)
		ok(!/\.[0-9a-f]{10}\.mjs$/.test(p), p);
});

test('a module that somebody else changed is refused', async () => {
	const base = await copy('changed', (www) => {
		const stem = `${chunk(7).replace('.mjs', '')}.`;
		for (const file of all(www).filter((f) =>
			path.basename(f).startsWith(stem) && f.endsWith('.mjs')))
			appendFileSync(file, '\nglobalThis.evil = true;');
	});
	const page = await browser.page();
	await page.go(`${base}/`);
	match(page.complaints.join('\n'), /integrity/);
	equal(await page.run(() => [globalThis.result ?? null,
		globalThis.evil ?? null]), [null, null]);
});

test('other pages have no map and want for nothing', async () => {
	const page = await browser.page();
	await page.go(`${url}/guide/p7.html`);
	equal(page.complaints, []);
	equal(await page.run(() => [...document.images].map((i) =>
		i.naturalWidth > 0)), [true]);
	const html = await (await fetch(`${url}/guide/p7.html`)).text();
	ok(!html.includes('importmap'));
	match(html, new RegExp(
		`content="${url}/assets/img/p5\\.[0-9a-f]{10}\\.png"`));
});

test('what lies in static/ is untouched, and works', async () => {
	const was = path.join(site, 'static');
	for (const file of all(was))
		ok(readFileSync(file).equals(readFileSync(path.join(dist, 'www',
			path.relative(was, file)))), file);
	const seen = await look(url, '/old/');
	equal(seen.page.complaints, []);
	equal(seen.bad, []);
	const {legacy, ...others} = good;
	equal(seen.result, others);
	equal(seen.fonts, ['Own loaded']);
});

test('one changed module renames only itself', async () => {
	const next = path.join(TMP, 'next');
	const changed = path.join(site, 'assets/app', chunk(3));
	appendFileSync(changed, '\n// changed');
	await build(next);
	const [before, after] = [new Set(paths(dist)), new Set(paths(next))];
	const stem = `assets/app/${chunk(3).replace('.mjs', '')}`;
	const only = (a, b) => [...a].filter((p) => !b.has(p))
		.map((p) => p.replace(/\.[0-9a-f]{10}\./, '.'));
	equal(only(before, after), [`${stem}.mjs`]);
	equal(only(after, before), [`${stem}.mjs`]);
});

await done();
