/*
 * For tests of the modules that keep things: a stand-in for `caches` as
 * browsers have it (put replaces and goes to the end, handles outlive the
 * deletion of their Cache), a clock that is ours, and a server that does as it
 * is told.
 *
 *	const clock = ownClock();
 *	const stores = new Stores();
 *	globalThis.caches = stores;
 *	const server = await startServer();
 *	server.says('/a', {body: {n: 1}, headers: {etag: '"1"'}});
 */
import http from 'node:http';
import {cleanup} from '../tap.mjs';

const full = () => new DOMException('full', 'QuotaExceededError');

/* room: how many entries fit into all caches together */
class Store {
	constructor(stores) {
		this.stores = stores;
		this.entries = new Map();
	}

	async match(key) {
		this.stores.asked('match', key);
		return this.entries.get(String(key?.url ?? key))?.clone();
	}

	async put(key, response) {
		const url = new Request(key).url;
		this.stores.asked('put', url);
		if (response.headers.get('vary') === '*')
			throw new TypeError('Vary: *');
		const fresh = this.entries.has(url) ? 0 : 1;
		if (this.stores.count() + fresh > this.stores.room)
			throw full();
		const body = await response.text();
		this.entries.delete(url);
		this.entries.set(url, new Response(body,
			{headers: response.headers}));
	}

	async delete(key) {
		const url = new Request(key).url;
		this.stores.asked('delete', url);
		return this.entries.delete(url);
	}

	async keys() {
		this.stores.asked('keys');
		return [...this.entries.keys()].map((url) => new Request(url));
	}
}

export class Stores {
	named = new Map();
	room = Infinity;
	/* called with each operation and its URL; what it throws is thrown */
	asked = () => {};

	count() {
		return [...this.named.values()]
			.reduce((sum, {entries}) => sum + entries.size, 0);
	}

	async open(name) {
		this.asked('open', name);
		if (!this.named.has(name))
			this.named.set(name, new Store(this));
		return this.named.get(name);
	}

	async delete(name) {
		this.asked('delete-all', name);
		return this.named.delete(name);
	}

	/* the URLs that are kept, without the server's own part of them */
	paths(name) {
		return [...this.named.get(name)?.entries.keys() ?? []].map(
			(url) => url.replace(/^https?:\/\/[^/]*/, ''));
	}
}

/* Date.now() goes by what it is told alone: pass(seconds). */
export function ownClock() {
	const real = Date.now;
	let now = real();
	Date.now = () => now;
	cleanup(() => Date.now = real);
	return {pass: (seconds) => now += seconds * 1000, now: () => now};
}

/*
 * Answers GET with what says(path, {status, body, headers, hold, close}) told
 * it last, 404 else; `body` is sent as JSON unless it is a string. An ETag among
 * the headers that If-None-Match names makes it 304. What is to `hold` waits for
 * release(path). asked(path): the requests that came; gone(path): how many of
 * them were given up.
 */
export async function startServer() {
	const told = new Map(), held = new Map(), seen = new Map();
	const left = new Map();
	const arrivals = new Set();
	function answer(req, res, {status = 200, body, headers = {}, close}) {
		if (close)
			return req.socket.destroy();
		const same = headers.etag &&
			req.headers['if-none-match'] === headers.etag;
		const text = typeof body === 'string' ? body :
			JSON.stringify(body ?? null);
		res.writeHead(same ? 304 : status,
			{'content-type': 'application/json', ...headers});
		return res.end(same ? undefined : text);
	}
	const server = http.createServer((req, res) => {
		const path = req.url;
		seen.set(path, [...seen.get(path) ?? [], req]);
		res.on('close', () => res.writableFinished ||
			left.set(path, (left.get(path) ?? 0) + 1));
		const say = told.get(path) ??
			{status: 404, body: {status: 404}};
		const now = () => answer(req, res, say);
		if (say.hold)
			held.set(path, [...held.get(path) ?? [], now]);
		else
			now();
		for (const arrived of arrivals)
			arrived();
	});
	await new Promise((go) => server.listen(0, '127.0.0.1', go));
	cleanup(() => {
		server.closeAllConnections?.();
		server.close();
	});
	return {
		url: `http://127.0.0.1:${server.address().port}`,
		says: (path, say) => told.set(path, say),
		asked: (path) => seen.get(path) ?? [],
		gone: (path) => left.get(path) ?? 0,
		arrived: (path, count = 1) => new Promise((go) => {
			const look = () => {
				if ((seen.get(path)?.length ?? 0) < count)
					return;
				arrivals.delete(look);
				go();
			};
			arrivals.add(look);
			look();
		}),
		release(path) {
			held.get(path)?.forEach((now) => now());
			held.delete(path);
		},
		close: () => new Promise((go) => {
			server.closeAllConnections?.();
			server.close(go);
		}),
	};
}

/* Comes back when it is true, asked again and again. */
export async function until(ask) {
	for (;;) {
		const found = await ask();
		if (found)
			return found;
		await new Promise((go) => setTimeout(go, 5));
	}
}
