/*
 * cache.mjs in a real browser: its Cache API, its clock, its quota, its tabs,
 * before lowtide-read and the endpoint behind nginx. How often a service was
 * asked is counted there, how often the server was asked in the page.
 */
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import http from 'node:http';
import {join} from 'node:path';
import {cleanup, done, equal, ok, test} from '../tap.mjs';
import {bin, startStack, until} from '../web/stack.mjs';
import {open} from './cdp.mjs';

/* ---- the service, the site, the browser ---------------------------------- */

/* GET /thing/ID and /bundles; POST /bundles waits for decide(id, status). */
async function startService() {
	const service = {calls: {}, held: [], n: 0, bundles: ['starter'],
		deciding: {}, holding: false};
	const send = (res, status, body) => {
		res.writeHead(status, {'content-type': 'application/json'});
		res.end(JSON.stringify(body));
	};
	const server = http.createServer((req, res) => {
		const [, what, id = ''] = req.url.split('/');
		const of = `${req.method} ${what}/${id}`;
		service.calls[of] = (service.calls[of] ?? 0) + 1;
		let text = '';
		req.on('data', (some) => text += some);
		req.on('end', () => {
			if (req.method === 'POST') {
				const {bundleId} = JSON.parse(text);
				service.deciding[bundleId] = (status) => {
					if (status === 201)
						service.bundles.push(bundleId);
					send(res, status, {bundleId});
				};
			} else if (what === 'bundles') {
				send(res, 200, service.bundles);
			} else if (service.holding) {
				service.held.push(() => send(res, 200,
					{id, n: ++service.n}));
			} else {
				send(res, service.status ?? 200,
					{id, n: ++service.n,
						fill: 'x'.repeat(service.fill ?? 0)});
			}
		});
	});
	await new Promise((go) => server.listen(0, '127.0.0.1', go));
	cleanup(() => {
		server.closeAllConnections?.();
		server.close();
	});
	return Object.assign(service, {
		url: `http://127.0.0.1:${server.address().port}`,
		asked: (of) => service.calls[of] ?? 0,
		release() {
			service.holding = false;
			service.held.splice(0).forEach((go) => go());
		},
		async decide(id, status) {
			await until(`the service has ${id}`,
				() => service.deciding[id]);
			service.deciding[id](status);
			delete service.deciding[id];
		},
	});
}

const service = await startService();
const stack = await startStack('nginx', {read: true, files: {
	'env/base.toml': '',
	'site.toml': 'name = "acme-shop"\n[client]\ncache = true',
	'pages/index.html': '<!doctype html><html lang=en><title>a page</title>' +
		'<script type=module src=/assets/page.mjs></script>',
	'assets/page.mjs': readFileSync(
		new URL('cache-page.mjs', import.meta.url), 'utf8'),
	'api.toml': `auth = "none"
		[upstream.shop]
		base = "${service.url}"
		local = true
		retries = 0
		breaker = { window = "0s" }
		[read.thing]
		path = "/thing/{id}"
		call.thing = { upstream = "shop", path = "/thing/{path.id}", ttl = "5m" }
		[read.plain]                    # no-store
		path = "/plain/{id}"
		call.plain = { upstream = "shop", path = "/plain/{path.id}" }
		[read.part]                     # of two, one is missing
		path = "/part/{id}"
		call.part = { upstream = "shop", path = "/thing/{path.id}", ttl = "5m" }
		call.gone = { upstream = "gone", path = "/", required = false }
		[upstream.gone]
		base = "http://127.0.0.1:9"
		local = true
		retries = 0
		[read.bundles]
		path = "/bundles"
		call.bundles = { upstream = "shop", path = "/bundles", ttl = "20s" }
		[api.bundle-post]
		path = "/bundle"
		pattern = "fire-and-forget"
		upstream = "shop"
		on_lost = "fail"
		request = { method = "POST", path = "/bundles" }
	`,
}});
/* The server's own cache has forgotten what begins so. */
const purge = (prefix) => execFileSync(join(bin, 'lowtide-read'), ['--purge',
	prefix, '--control', `unix:${stack.control}`], {stdio: 'pipe'});

const browser = await open();
cleanup(() => browser.close());
async function tab() {
	const page = await browser.page();
	await page.go(`${stack.url}/`);
	await page.until(() => globalThis.ready);
	const asked = (path) => page.requests.filter(({url}) =>
		new URL(url).pathname === path).length;
	return Object.assign(page, {asked,
		read: (url, options = {}, name = 'me') => page.run(
			(...all) => read(...all), name, url, options),
		begin: (url, options = {}, name = 'me') => page.run((...all) => {
			globalThis.later = read(...all);
		}, name, url, options),
		later: () => page.run(() => later),
		pass: (...all) => page.run((...how) => pass(...how), ...all),
		/* of these, by an ETag */
		named: (path) => page.requests.filter(({url, headers}) =>
			new URL(url).pathname === path && Object.keys(headers)
			.some((one) => /^if-none-match$/i.test(one))).length,
		offline: (offline) => page.send(
			'Network.emulateNetworkConditions', {offline, latency: 0,
				downloadThroughput: -1, uploadThroughput: -1}),
		kept: (name = 'me') => page.run(async (cache) => {
			if (!await caches.has(`lowtide:${cache}`))
				return null;
			const its = await caches.open(`lowtide:${cache}`);
			return (await its.keys()).map(({url}) =>
				new URL(url).pathname.replace('&lowtide', ''));
		}, name),
		bundles: async (options) => {
			const it = await page.read('/api/bundles', options);
			return [it.value?.data.bundles.join(' ') ?? it.error,
				it.expected ? 'expected' : it.from];
		}});
}
const page = await tab();
const told = ({value, from, stale, error, status}) => error ? [error, status] :
	[value.data.thing.n, from, ...stale ? ['stale'] : []];

/* ---- reads --------------------------------------------------------------- */

test('asked for once, then kept', async () => {
	const first = await page.read('/api/thing/1');
	equal([told(first), first.age, first.fresh], [[1, 'network'], 0, false]);
	equal(told(await page.read('/api/thing/1')), [1, 'cache']);
	equal([page.asked('/api/thing/1'), await page.kept()],
		[1, ['/api/thing/1']]);
});
test('a reload finds it there', async () => {
	await page.go(`${stack.url}/`);
	await page.until(() => globalThis.ready);
	equal(told(await page.read('/api/thing/1')), [1, 'cache']);
	equal(page.asked('/api/thing/1'), 1);
});
test('when it is old: 304, and it is as good as new', async () => {
	await page.pass(301);
	equal(told(await page.read('/api/thing/1')), [1, 'revalidated']);
	equal(told(await page.read('/api/thing/1')), [1, 'cache']);
	equal([page.asked('/api/thing/1'), page.named('/api/thing/1')], [2, 1]);
	equal(service.asked('GET thing/1'), 1);
});
test('shown at once, and what is newer after it', async () => {
	purge('shop/thing/1');
	await page.pass(400);
	const {then, ...it} = await page.read('/api/thing/1', {stale: 600});
	equal([told(it), it.fresh, then.data.thing.n > 1],
		[[1, 'cache', 'stale'], true, true]);
	equal((await page.read('/api/thing/1')).value, then);
});
test('ten at the same time: one request, one call', async () => {
	service.holding = true;
	await page.run(() => {
		globalThis.ten = Promise.all(Array.from({length: 10}, () =>
			read('me', '/api/thing/ten')));
	});
	await until('the call', () => service.held.length);
	service.release();
	const all = await page.run(() => ten);
	equal(new Set(all.map((it) => JSON.stringify(told(it)))).size, 1);
	equal([page.asked('/api/thing/ten'), service.asked('GET thing/ten')],
		[1, 1]);
});
test('one of them leaves: the others get it; all leave: it is dropped',
	async () => {
		for (const stay of [true, false]) {
			service.holding = true;
			const path = `/api/thing/leave-${stay}`;
			await page.run((url, both) => {
				const stop = new AbortController();
				const {signal} = stop;
				globalThis.two = Promise.all([{signal},
					both ? {} : {signal}].map((how) =>
					read('me', url, how)));
				globalThis.leave = () => stop.abort();
			}, path, stay);
			await until('the call', () => service.held.length);
			await page.run(() => leave());
			/* that request itself is given up, or is not */
			if (stay)
				service.release();
			const [gone, other] = await page.run(() => two);
			equal([gone.error, other.error, page.asked(path)],
				['AbortError', stay ? undefined : 'AbortError',
					1]);
			service.release();
			equal((await page.kept()).includes(path), stay);
		}
	});
test('what is not to be kept is not', async () => {
	await page.read('/api/plain/1', {ttl: 60});
	await page.read('/api/plain/1', {ttl: 60});
	const part = await page.read('/api/part/1', {ttl: 60});
	equal([part.from, part.value.upstreamFailures.length], ['network', 1]);
	await page.read('/api/part/1', {ttl: 60});
	equal([page.asked('/api/plain/1'), page.asked('/api/part/1')], [2, 2]);
	equal((await page.kept()).filter((path) => /plain|part/.test(path)), []);
});
test('an error is one, and not kept', async () => {
	service.status = 500;
	equal(told(await page.read('/api/thing/broken')), ['ReadError', 502]);
	delete service.status;
	equal((await page.read('/api/thing/broken')).from, 'network');
});

/* ---- offline, clocks, quota ---------------------------------------------- */

test('offline, what was read can be read', async () => {
	await page.read('/api/thing/receipt');
	await page.pass(86400);
	await page.offline(true);
	const month = {staleIfError: 31 * 86400};
	const it = await page.read('/api/thing/receipt', month);
	equal([it.from, it.stale, it.age >= 86400], ['cache', true, true]);
	equal(told(await page.read('/api/thing/receipt')),
		['TypeError', undefined]);
	equal(told(await page.read('/api/thing/never', month)),
		['TypeError', undefined]);
	await page.offline(false);
	equal((await page.read('/api/thing/receipt', month)).from,
		'revalidated');
});
test('the server is gone: the same', async () => {
	await stack.read.stop();
	await page.pass(301);
	const it = await page.read('/api/thing/receipt', {staleIfError: 3600});
	equal([it.from, it.stale], ['cache', true]);
	const {status} = await page.read('/api/thing/receipt');
	ok(status >= 502 && status <= 504, String(status));
	await stack.startRead();
	/* the server may take a moment until it asks there again */
	await until('it is back', async () =>
		(await page.read('/api/thing/receipt')).from === 'network');
});
test('a page that is years ahead, or behind, of the server', async () => {
	for (const years of [1, -2]) {
		const other = await tab();
		const api = `/api/thing/years${years}`;
		const read = () => other.read(api, {}, 'years');
		const from = async () => (await read()).from;
		await other.pass(years * 365 * 86400, true);
		const {age} = await read();
		ok(Math.abs(age) < 10, `${age} seconds, not ${years} years`);
		equal(await from(), 'cache');
		/* the server takes off up to a tenth, by chance */
		await other.pass(250, true);
		equal(await from(), 'cache');
		await other.pass(50, true);
		equal(await from(), 'revalidated');
		await other.pass(-1, true);
		equal(await from(), 'revalidated');
		await other.close();
	}
});
test('no room: everything is read, nothing kept, nothing complains',
	async () => {
		const quota = (bytes) => page.send(
			'Storage.overrideQuotaForOrigin',
			{origin: stack.url, quotaSize: bytes});
		service.fill = 100000;
		await quota(1000);
		for (const id of ['full-1', 'full-2'])
			for (const time of [1, 2])
				equal([time, (await page.read(
					`/api/thing/${id}`)).from],
				[time, 'network']);
		const settle = await page.run(async () => {
			const its = await cacheOf('me').expect(
				'/api/thing/full-1', (all) => all && 'mine');
			globalThis.settle = its;
			return typeof its;
		});
		equal(settle, 'function');
		const {value, expected} = await page.read('/api/thing/full-1');
		equal([value, expected], ['mine', true]);
		await page.run(() => settle({confirmed: false}));
		await quota(undefined);
		await page.read('/api/thing/full-2');
		equal((await page.read('/api/thing/full-2')).from, 'cache');
		service.fill = 0;
	});
test('room for some: the oldest goes', async () => {
	const other = await tab();
	const name = 'somebody with little room';
	service.fill = 500000;
	await other.read('/api/thing/room-1', {}, name);
	await other.read('/api/thing/room-2', {}, name);
	const {usage} = await other.run(() => navigator.storage.estimate());
	await other.send('Storage.overrideQuotaForOrigin',
		{origin: stack.url, quotaSize: usage + 100000});
	equal((await other.read('/api/thing/room-3', {}, name)).from, 'network');
	equal(await other.kept(name), ['/api/thing/room-2', '/api/thing/room-3']);
	await other.send('Storage.overrideQuotaForOrigin', {origin: stack.url});
	service.fill = 0;
	await other.close();
});

/* ---- owners, tabs -------------------------------------------------------- */

test('two tabs have one store, two people have two', async () => {
	const other = await tab();
	await page.read('/api/thing/both');
	equal((await other.read('/api/thing/both')).from, 'cache');
	equal((await other.read('/api/thing/both', {}, 'her')).from, 'network');
	await other.run(() => cacheOf('me').invalidate('/api/thing/both'));
	equal((await page.read('/api/thing/both')).from, 'network');
	await other.close();
});
test('who signs out leaves nothing, also of what is under way elsewhere',
	async () => {
		const other = await tab();
		service.holding = true;
		await other.begin('/api/thing/late');
		await until('the call', () => service.held.length);
		await page.run(() => cacheOf('me').clear());
		service.release();
		equal((await other.later()).from, 'network');
		equal([await page.kept(), await other.kept()], [null, null]);
		ok(await page.kept('her'));
		equal((await page.read('/api/thing/both')).from, 'network');
		await other.close();
	});
test('what is forgotten is not put back by who had asked for it', async () => {
	purge('shop/thing/both');
	await page.pass(301);
	service.holding = true;
	await page.begin('/api/thing/both');
	await until('the call', () => service.held.length);
	equal(await page.run(() => cacheOf('me').invalidate('/api/')), 1);
	service.release();
	equal((await page.later()).from, 'network');
	equal(await page.kept(), []);
});

/* ---- what is expected ---------------------------------------------------- */

test('a bundle is shown at once, over a reload, and stays when it is confirmed',
	async () => {
		equal(await page.bundles(), ['starter', 'network']);
		await page.run(() => void addBundle('agent'));
		await page.until(async () => (await read('me',
			'/api/bundles')).expected);
		equal(await page.bundles(), ['starter agent', 'expected']);
		const other = await tab();
		equal(await other.bundles(), ['starter agent', 'expected']);
		await other.close();
		await service.decide('agent', 201);
		await page.until(() => ends.agent);
		equal(await page.run(() => ends.agent), 'completed');
		/* the server says what it has kept, for 20 seconds more */
		equal(await page.bundles(), ['starter agent', 'cache']);
		purge('shop/bundles');
		await page.pass(21);
		equal(await page.bundles(), ['starter agent', 'network']);
	});
test('one that is refused goes, the other one stays', async () => {
	for (const id of ['limited', 'sole-trader'])
		await page.run((its) => void addBundle(its), id);
	await page.until(async () => /limited.*sole/.test(JSON.stringify(
		await read('me', '/api/bundles'))));
	equal(await page.bundles(),
		['starter agent limited sole-trader', 'expected']);
	await service.decide('limited', 409);
	await page.until(() => ends.limited);
	equal(await page.run(() => ends.limited), 'upstream-refused');
	equal(await page.bundles(), ['starter agent sole-trader', 'expected']);
	await service.decide('sole-trader', 201);
	await page.until(() => ends['sole-trader']);
	equal(await page.bundles(), ['starter agent sole-trader', 'cache']);
});
test('refused after a reload: shown till then, and gone', async () => {
	purge('shop/bundles');
	await page.run(() => cacheOf('me').invalidate('/api/bundles'));
	await page.bundles();
	await page.run(() => void addBundle('gold'));
	await page.until(() => api.kept().some(({statusUrl}) => statusUrl));
	await page.go(`${stack.url}/`);
	await page.until(() => globalThis.ready);
	equal(await page.bundles(),
		['starter agent sole-trader gold', 'expected']);
	/* what a page does that finds it under way */
	await page.run(() => {
		const over = () => cacheOf('me').invalidate('/api/bundles');
		api.resume('gold').result().then(over, async ({type}) => {
			await over();
			ends.gold = type;
		});
	});
	await service.decide('gold', 409);
	await page.until(() => ends.gold);
	equal(await page.bundles(), ['starter agent sole-trader', 'network']);
});
test('nothing was rejected behind anybody\'s back', async () => {
	equal(await page.run(() => unhandled), []);
});
await done();
