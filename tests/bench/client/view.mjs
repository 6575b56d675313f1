/*
 * What a first view of each page of the example site costs: answers and bytes
 * over the wire, heads and all, with brotli behind nginx; cold, and warm after
 * that (a visit on the next day, from a new tab).
 *
 * Browsers take brotli over TLS (and of this machine), where they speak
 * HTTP/2; so each page is looked at over that, too, with a certificate of the
 * moment. The answers of APIs are nobody's in particular: they are given by
 * us, and not counted. Nor is what a service worker gets for later.
 */
import {createHash, X509Certificate} from 'node:crypto';
import {cpSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync}
	from 'node:fs';
import {join} from 'node:path';
import {authority} from '../../cli/certificates.mjs';
import {freePort, startStack, tmp} from '../../web/stack.mjs';

export const help = 'bytes and answers of the first view, cold and warm';

const MODULE = '/usr/lib/nginx/modules/ngx_http_brotli_static_module.so';

/* Trusted for its key: nothing is kept of what a browser has doubts about. */
const {key, cert} = authority().make({name: 'site', self: true});
const spki = createHash('sha256').update(new X509Certificate(readFileSync(cert))
	.publicKey.export({type: 'spki', format: 'der'})).digest('base64');
export const flags = [`--ignore-certificate-errors-spki-list=${spki}`];

/* The files alone, over HTTP/1.1 at .url and HTTP/2 at .safe */
async function serve() {
	const port = await freePort();
	cpSync('site', join(tmp, 'site'), {recursive: true, filter: path =>
		!/^site\/(dist|\.lowtide)/.test(path)});
	const stack = await startStack('nginx', {files: {},
		set: ['server.brotli=true'], ready: '/', behind() {},
		wrap({dist}) {
			const conf = join(dist, 'server/nginx-example.conf');
			const text = readFileSync(conf, 'utf8');
			writeFileSync(conf, `load_module ${MODULE};\n${
				text.replace(/\n}\s*$/, `
	server {
		listen 127.0.0.1:${port} ssl http2;
		ssl_certificate ${cert};
		ssl_certificate_key ${key};
		root "www";
		include nginx-site.conf;
	}
}
`)}`);
		}});
	return {...stack, safe: `https://127.0.0.1:${port}`};
}

const pages = dir => readdirSync(join(dir, 'pages'))
	.filter(name => name.endsWith('.mustache'))
	.map(name => `/${name.replace('.mustache', '.html')}`
		.replace('/index.html', '/')).sort();

/* ---- somebody who is signed in, and what the APIs know of him ------------- */

const signIn = () => sessionStorage.setItem('signed-in', JSON.stringify({
	sub: 'robin', name: 'Robin Tidewater', email: 'robin@tidewater.example',
	until: Date.now() + 3600000, access: 'x', id: 'y'}));

const receipt = {formBundleNumber: '412709335218', vrn: '193054661',
	processingDate: '2026-07-06T10:04:00Z', periodKey: '26A2',
	paymentIndicator: 'DD', netVatDue: 2225.3};
const answers = [
	[/\/bundle$/, {bundles: [{id: 'b1', bundleId: 'starter',
		since: '2026-01-01'}]}],
	[/\/receipt$/, {receipts: [receipt]}],
	[/\/receipt\//, receipt],
	[/\/obligations$/, {obligations: [{periodKey: '26A2', status: 'O',
		start: '2026-04-01', end: '2026-06-30', due: '2026-08-07'}]}],
	[/\/case\//, {data: {summaries: {cases: []}}, upstreamFailures: []}],
	[/\/jobs$/, {jobs: [], next: null}],
];

async function answering(page) {
	page.on('Fetch.requestPaused', ({requestId, request: {url}}) => {
		const [, body] = answers.find(([path]) =>
			path.test(new URL(url).pathname)) ?? [];
		page.send('Fetch.fulfillRequest', {requestId,
			responseCode: body ? 200 : 404, responseHeaders: [
				{name: 'content-type', value: 'application/json'}],
			body: btoa(JSON.stringify(body ?? {}))});
	});
	await page.send('Fetch.enable', {patterns: [{urlPattern: '*/api/*'}]});
}

/* ---- looking -------------------------------------------------------------- */

/*
 * All that came of going there, until nothing comes any more. Without a head a
 * browser shows no icon; with one it asks for that, too.
 */
async function view(page, url) {
	const before = page.received.length;
	await page.go(url);
	await page.run(() => {
		new Image().src = document.querySelector('link[rel=icon]').href;
	});
	for (let seen = -1; seen !== page.received.length;) {
		seen = page.received.length;
		await new Promise(go => setTimeout(go, 500));
	}
	return page.received.slice(before).filter(({url: of, kept}) =>
		of?.startsWith('http') && !of.includes('/api/') && !kept);
}

const bytesOf = got => got.reduce((sum, {bytes}) => sum + bytes, 0);

/* The first kind that fits: "heads 2,870, page 2,911, …". */
const kinds = {
	styles: path => path.endsWith('.css'),
	'the site’s modules': path => path.startsWith('/assets/') &&
		path.endsWith('.mjs'),
	'lowtide’s': path => path.endsWith('.mjs'),
	icon: path => path.endsWith('.svg'),
	page: () => true,
};
function kindsOf(got, www) {
	const sums = {heads: bytesOf(got), page: 0};
	for (const {url} of got) {
		const path = new URL(url).pathname.replace(/\/$/, '/index.html');
		const file = join(www, decodeURIComponent(path));
		const [name] = Object.entries(kinds).find(([, is]) => is(path));
		const {size} = statSync(existsSync(`${file}.br`) ?
			`${file}.br` : file);
		sums[name] = (sums[name] ?? 0) + size;
		sums.heads -= size;
	}
	return Object.entries(sums).map(([name, sum]) =>
		`${name} ${sum.toLocaleString('en-GB')}`).join(', ');
}

export const columns = [
	{key: 'answers', title: 'cold: answers', digits: 0},
	{key: 'one', title: 'bytes, HTTP/1.1', digits: 0},
	{key: 'two', title: 'HTTP/2', digits: 0},
	{key: 'again', title: 'warm: answers', digits: 0},
	{key: 'unchanged', title: 'of them 304', digits: 0},
	{key: 'warm', title: 'bytes, HTTP/2', digits: 0},
];

export async function measure({browser, progress}) {
	const stack = await serve();
	const rows = [];
	/* each time a cache of its own, so that nothing was there before */
	async function look(path, somebody, name) {
		progress(name);
		const cold = {};
		for (const way of ['url', 'safe']) {
			const page = await browser.page({own: true});
			await answering(page);
			if (somebody)
				await page.send(
					'Page.addScriptToEvaluateOnNewDocument',
					{source: `(${signIn})()`});
			cold[way] = await view(page, stack[way] + path);
			await page.go('about:blank');
			if (way === 'safe' && !somebody)
				cold.warm = await view(page, stack.safe + path);
			await page.close();
		}
		rows.push({name, note: kindsOf(cold.safe, join(stack.dist, 'www')),
			figures: {answers: [cold.safe.length],
				one: [bytesOf(cold.url)], two: [bytesOf(cold.safe)],
				...cold.warm && {again: [cold.warm.length],
					unchanged: [cold.warm.filter(({status}) =>
						status === 304).length],
					warm: [bytesOf(cold.warm)]}}});
	}
	for (const path of pages('site')) {
		await look(path, false, path);
		await look(path, true, `${path}, signed in`);
	}
	await stack.server.stop();
	return {columns, rows};
}
