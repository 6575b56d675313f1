/*
 * What a first view of each page of the example site costs: requests and bytes
 * over the wire, heads and all, with brotli behind nginx; cold, and warm after
 * that (a visit on the next day, from a new tab).
 */
import {cpSync, readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {startStack, tmp} from '../../web/stack.mjs';

export const help = 'bytes and requests of the first view, cold and warm';

const MODULE = '/usr/lib/nginx/modules/ngx_http_brotli_static_module.so';

/* The files alone: nobody is signed in, so no page asks an API. */
async function serve() {
	cpSync('site', join(tmp, 'site'), {recursive: true, filter: path =>
		!/^site\/(dist|\.lowtide)/.test(path)});
	return startStack('nginx', {files: {},
		set: ['server.brotli=true'], ready: '/', behind() {},
		wrap({dist}) {
			const conf = join(dist, 'server/nginx-example.conf');
			writeFileSync(conf, `load_module ${MODULE};\n${
				readFileSync(conf, 'utf8')}`);
		}});
}

const pages = dir => readdirSync(join(dir, 'pages'))
	.filter(name => name.endsWith('.mustache'))
	.map(name => `/${name.replace('.mustache', '.html')}`
		.replace('/index.html', '/')).sort();

/* {asked, unchanged, bytes} of going there, until nothing comes. */
async function view(page, url) {
	const before = page.received.length;
	await page.go(url);
	for (let seen = -1; seen !== page.received.length;) {
		seen = page.received.length;
		await new Promise(go => setTimeout(go, 500));
	}
	const got = page.received.slice(before)
		.filter(({url: of}) => of?.startsWith('http'));
	return {asked: got.filter(({kept}) => !kept).length,
	unchanged: got.filter(({status}) => status === 304).length,
	bytes: got.reduce((sum, {kept, bytes}) =>
		sum + (kept ? 0 : bytes), 0)};
}

export const columns = [
	{key: 'requests', title: 'cold: requests', digits: 0},
	{key: 'bytes', title: 'bytes', digits: 0},
	{key: 'again', title: 'warm: requests', digits: 0},
	{key: 'unchanged', title: 'of them 304', digits: 0},
	{key: 'warm', title: 'bytes', digits: 0},
];

export async function measure({browser, progress}) {
	const stack = await serve();
	const rows = [];
	for (const path of pages('site')) {
		progress(path);
		/* a cache of its own, so that nothing was there before */
		const page = await browser.page({own: true});
		const cold = await view(page, stack.url + path);
		await page.go('about:blank');
		const warm = await view(page, stack.url + path);
		await page.close();
		rows.push({name: path, figures: {requests: [cold.asked],
			bytes: [cold.bytes], again: [warm.asked],
			unchanged: [warm.unchanged], warm: [warm.bytes]}});
	}
	await stack.server.stop();
	return {columns, rows};
}
