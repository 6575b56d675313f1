/*
 * The pages are at one origin and the APIs at another (api_url), behind the
 * nginx that the build configures: what a page may send there in a real
 * browser, what it can read of each answer, and that a page of nobody's can
 * read nothing. The pages come with the policy that the build wrote.
 */
import {randomUUID} from 'node:crypto';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {files, state, token} from '../web/contract-site.mjs';
import {ask as askAt, freePort, startStack, startUpstream}
	from '../web/stack.mjs';
import {open} from './cdp.mjs';

const [here, there, elsewhere] = [await freePort(), await freePort(),
	await freePort()];
const at = port => `http://127.0.0.1:${port}`;
const [pages, api, stranger] = [here, there, elsewhere].map(at);
const up = await startUpstream();
const site = files(up.url);
site['site.toml'] = site['site.toml'].replace('\n', `
	api_url = "${api}"
	origins = ["${pages}"]
	credentials = true
`);
/* One server at three addresses: an origin is an address. */
const stack = await startStack('nginx', {files: site, state, port: there,
	set: [`base_url=${pages}`], wrap({dist}) {
		const conf = join(dist, 'server/nginx-example.conf');
		writeFileSync(conf, readFileSync(conf, 'utf8').replace(
			`listen ${new URL(pages).host};`, ['', pages, api, stranger]
				.map(one => one && `listen ${new URL(one).host};`)
				.join('\n')));
	}});
const browser = await open();
cleanup(() => browser.close());
const [mine, theirs, nobodys] = [await browser.page(), await browser.page(),
	await browser.page()];
await mine.go(`${pages}/`);
await theirs.go(`${stranger}/`);
await nobodys.go('data:text/html,<title>nobody</title>');

/* As a page would do it: {status, headers it can read, text, json} or failed. */
const send = (page, url, options) => page.run(async (where, how) => {
	try {
		const body = how.fill ? 'x'.repeat(how.fill) : how.body;
		const r = await fetch(where, {cache: 'no-store', ...how, body});
		const said = await r.text();
		let json;
		try {
			json = JSON.parse(said);
		} catch {
			/* not JSON, then */
		}
		return {status: r.status, h: Object.fromEntries(r.headers),
			text: said, json};
	} catch ({name}) {
		return {failed: name};
	}
}, url, options ?? {});
const fetched = (url, options) => send(mine, url, options);
/* More than nginx passes on; of much more it would not read the rest. */
const LARGE = 3 << 19;
const JSON_TYPE = {'content-type': 'application/json'};
const post = (name, headers, body = {sku: 'tea'}, page = mine) =>
	send(page, `${api}/api/${name}`, {method: 'POST', body:
		JSON.stringify(body), headers: {...JSON_TYPE, ...headers}});
const AT_ONCE = {'x-wait-time-ms': '0'};

let holds = 0;
/* A job that is at the service behind it until release(). */
async function held(name = 'order', headers = {}) {
	const hold = `hold-${++holds}`;
	const r = await post(name, {...AT_ONCE, 'x-request-id': randomUUID(),
		say: JSON.stringify({hold}), ...headers});
	equal(r.status, 202, r.text);
	await up.arrived(hold);
	return {...r.json, release: () => up.release(hold)};
}
cleanup(() => {
	for (; holds; holds--)
		up.release(`hold-${holds}`);
});

test('the pages may talk to the APIs by their own policy', async () => {
	const csp = (await fetch(`${pages}/`)).headers
		.get('content-security-policy');
	ok(csp.includes(`connect-src 'self' ${api}`), csp);
});

test('202: what it says in headers can be read', async () => {
	const hold = `hold-${++holds}`;
	const name = randomUUID();
	const r = await post('order', {...AT_ONCE, 'idempotency-key': name,
		'x-initial-request': 'true', say: JSON.stringify({hold})});
	equal(r.status, 202, JSON.stringify(r));
	equal(r.h.location, r.json.statusUrl);
	equal(r.h['x-request-id'], r.json.requestId);
	equal(r.h['x-wait-time-ms'], '0');
	ok(Number(r.h['retry-after']) >= 1);
	match(r.h.traceparent, /^00-/);
	for (const url of ['statusUrl', 'eventsUrl', 'cancelUrl'])
		ok(r.json[url].startsWith(`${api}/api/jobs/`), r.json[url]);
	up.release(hold);
	const b = await post('order', {'idempotency-key': name,
		'x-wait-time-ms': '20000', say: JSON.stringify({hold})});
	equal([b.status, b.json], [200, {id: 7}], b.text);
	equal(b.h['x-wait-time-ms'], '20000');
});

test('Prefer: wait, and that it was applied', async () => {
	const r = await post('order', {prefer: 'wait=20'});
	equal([r.status, r.json], [200, {id: 7}], r.text);
	match(r.h['preference-applied'], /wait/);
});

test('polling: the document, its ETag, 304, a long poll, the result',
	async () => {
		const job = await held();
		const c = await fetched(job.statusUrl);
		equal([c.status, c.json.status], [200, 'processing']);
		match(c.h.etag, /^"\d+"$/);
		ok(Number(c.h['retry-after']) >= 1);
		const same = await fetched(job.statusUrl,
			{headers: {'if-none-match': c.h.etag}});
		equal([same.status, same.text, same.h.etag],
			[304, '', c.h.etag]);
		const poll = fetched(job.statusUrl, {headers: {
			'if-none-match': c.h.etag, prefer: 'wait=20'}});
		job.release();
		const next = await poll;
		equal([next.status, next.json.status, next.json.result],
			[200, 'completed', {id: 7}], next.text);
		ok(next.h.etag !== c.h.etag);
		const d = await fetched(`${job.statusUrl}/result`);
		equal([d.status, d.json], [200, {id: 7}]);
		match((await fetched(job.statusUrl, {method: 'HEAD'})).h.etag,
			/^"\d+"$/);
	});

test('DELETE: cancelled, and purged', async () => {
	const first = await held('turn');
	const r = await post('turn', AT_ONCE, {});
	const gone = await fetched(r.json.statusUrl, {method: 'DELETE'});
	equal([gone.status, gone.json?.status], [200, 'cancelled'],
		JSON.stringify(gone));
	const purged = await fetched(`${r.json.statusUrl}?purge=1`,
		{method: 'DELETE'});
	equal(purged.status, 204, purged.text);
	equal((await fetched(r.json.statusUrl)).status, 410);
	first.release();
});

/* Events of a stream that is fetched, up to the first `until`; and its end. */
const stream = (url, headers) => mine.run(async (where, more) => {
	const r = await fetch(where, {headers: {accept: 'text/event-stream',
		...more}});
	globalThis.streams ??= [];
	const kept = {reader: r.body?.pipeThrough(new TextDecoderStream())
		.getReader(), text: ''};
	return {status: r.status, at: streams.push(kept) - 1};
}, url, headers);
const events = (at, until) => mine.run(async (index, last) => {
	const kept = streams[index];
	for (let over; !over && !kept.text.includes(last);) {
		const {value = '', done: end} = await kept.reader.read();
		kept.text += value;
		over = end;
	}
	return kept.text.split('\n\n').filter(one => /^data:/m.test(one))
		.map(one => ({id: one.match(/^id: (.*)/m)[1], ...JSON.parse(
			one.match(/^data: (.*)/m)[1])}));
}, at, until);

test('a token, and a stream that is fetched with it, from where it was',
	async () => {
		const authorization = token('alice');
		const job = await held('sealed', {authorization});
		const without = await fetched(job.statusUrl);
		equal([without.status, without.json.error],
			[401, 'unauthorized'], without.text);
		const one = await stream(job.eventsUrl, {authorization});
		equal(one.status, 200);
		const [seen] = (await events(one.at, '"processing"')).slice(-1);
		const two = await stream(job.eventsUrl,
			{authorization, 'last-event-id': seen.id});
		equal(two.status, 200);
		job.release();
		const all = await events(one.at, '"completed"');
		const later = await events(two.at, '"completed"');
		equal(all.at(-1).status, 'completed');
		ok(later.every(e => Number(e.id) > Number(seen.id)),
			JSON.stringify(later));
		equal(later.at(-1).id, all.at(-1).id);
		/* final already: there is nothing more to come */
		equal((await stream(job.eventsUrl, {authorization,
			'last-event-id': all.at(-1).id})).status, 204);
		const r = await post('sealed', {});
		equal([r.status, r.json.error], [401, 'unauthorized'], r.text);
		const other = await post('sealed', {authorization:
			token('bob', {claims: {scope: 'other'}})});
		equal([other.status, other.json.error], [403, 'forbidden']);
	});

test('EventSource, with nothing but the address of the job', async () => {
	const job = await held();
	await mine.run(url => {
		globalThis.told = [];
		const source = new EventSource(url);
		source.addEventListener('job', ({data, lastEventId}) => {
			told.push([lastEventId, JSON.parse(data).status]);
			if (told.at(-1)[1] === 'completed')
				source.close();
		});
	}, job.eventsUrl);
	await mine.until(() => told.length > 0);
	job.release();
	const told = await mine.until(() =>
		globalThis.told.at(-1)[1] === 'completed' && globalThis.told);
	equal(told[0][1], 'processing');
});

test('credentials: include, where the site says so', async () => {
	const r = await mine.run(async url => {
		const {status} = await fetch(url, {credentials: 'include'});
		return status;
	}, `${api}/api/jobs/health`);
	equal(r, 200);
	const job = await held();
	job.release();
	const told = await mine.run(url => new Promise(go => {
		const source = new EventSource(url, {withCredentials: true});
		source.addEventListener('job', () => go(source.close()));
		source.onerror = () => go('failed');
	}), job.eventsUrl);
	ok(told !== 'failed');
});

test('errors of the endpoint can be read: 400, 404, 405, 413, 415, 429',
	async () => {
		const of = r => [r.status, r.json?.error ?? JSON.stringify(r)];
		equal(of(await post('order', AT_ONCE, {})),
			[400, 'validation-failed']);
		equal(of(await fetched(`${api}/api/none`)),
			[404, 'not-found']);
		equal(of(await fetched(`${api}/api/jobs/job_x`)),
			[404, 'job-not-found']);
		equal(of(await fetched(`${api}/api/order`)),
			[405, 'method-not-allowed']);
		equal(of(await post('order', AT_ONCE, {sku: 'x'.repeat(5000)})),
			[413, 'payload-too-large']);
		equal(of(await fetched(`${api}/api/order`, {method: 'POST',
			body: 'plain'})), [415, 'unsupported-media-type']);
		const job = await held('few');
		const r = await post('few', AT_ONCE);
		equal(of(r), [429, 'rate-limited']);
		ok(Number(r.h['retry-after']) >= 1);
		job.release();
	});

test('a page of another origin reads nothing, nor does one of none',
	async () => {
		const job = await held();
		for (const page of [theirs, nobodys]) {
			for (const [url, how] of [[job.statusUrl],
				[`${api}/api/jobs/health`],
				[`${api}/api/none`],
				[job.statusUrl, {method: 'DELETE'}],
				[job.statusUrl, {credentials: 'include'}],
				[`${api}/api/order`, {method: 'POST', fill: LARGE}]])
				equal(await send(page, url, how),
					{failed: 'TypeError'}, url);
			equal(await post('order', AT_ONCE, {sku: 'tea'}, page),
				{failed: 'TypeError'});
		}
		/* and DELETE, which they may not send, did nothing */
		equal((await fetched(job.statusUrl)).json.status, 'processing');
		job.release();
	});

test('Vary: Origin, whoever asks and whatever is answered', async () => {
	const job = await held();
	const {pathname} = new URL(job.statusUrl);
	job.release();
	const preflight = {'access-control-request-method': 'POST',
		'access-control-request-headers': 'x-wait-time-ms'};
	const rows = [['GET', pathname], ['HEAD', pathname],
		['GET', '/api/jobs/health'], ['GET', '/api/jobs'],
		['GET', '/api/jobs/job_x'], ['GET', '/api/order'],
		['GET', `${pathname}/events`, {'last-event-id': '999999999'}],
		['OPTIONS', '/api/order', preflight], ['OPTIONS', pathname],
		['POST', '/api/order', AT_ONCE, 'x'.repeat(LARGE)],
		['POST', '/api/order', {...JSON_TYPE, ...AT_ONCE}, {sku: 'tea'}],
		['POST', '/api/sealed', JSON_TYPE, {}]];
	for (const origin of [pages, stranger, 'null', undefined])
		for (const [method, path, headers, body] of rows) {
			const r = await askAt(stack, method, path, {body, headers:
				{...headers, ...(origin && {origin})}});
			const said = `${origin} ${method} ${path} ${r.status}`;
			match(r.h.vary ?? '', /\bOrigin\b/i, said);
			equal(r.h['access-control-allow-origin'],
				origin === pages ? pages : undefined, said);
			equal(r.h['access-control-allow-credentials'],
				origin === pages ? 'true' : undefined, said);
		}
});

test('what nginx answers by itself can be read: 413, 503', async () => {
	for (const credentials of ['omit', 'include']) {
		const r = await fetched(`${api}/api/order`,
			{method: 'POST', fill: LARGE, credentials});
		equal([r.status, r.json?.error], [413, 'payload-too-large'],
			JSON.stringify(r));
	}
	await stack.endpoint.stop();
	for (const credentials of ['omit', 'include']) {
		const r = await fetched(`${api}/api/jobs/health`, {credentials});
		equal([r.status, r.json?.error], [503, 'store-unavailable'],
			JSON.stringify(r));
		ok(Number(r.h['retry-after']) >= 1);
	}
	equal(await send(theirs, `${api}/api/jobs/health`),
		{failed: 'TypeError'});
});

test('while the endpoint is away even a preflight is refused', async () => {
	/* nginx alone knows no API: the page learns that it failed, no more */
	equal(await post('order', AT_ONCE), {failed: 'TypeError'});
});

await done();
