/*
 * What the tests of templates/client/requests.mjs have in common: a server that
 * follows a script, each step of which answers one request; a clock that nobody
 * has to wait for; and stand-ins for what only a browser has.
 */
import http from 'node:http';
import {webcrypto} from 'node:crypto';
import {ok, equal, test as plan} from '../tap.mjs';

globalThis.crypto ??= webcrypto; /* node 18 */
const MODULE = new URL('../../templates/client/requests.mjs', import.meta.url);
const real = {setTimeout, clearTimeout, random: Math.random};
export const tick = (ms = 0) => new Promise((go) => real.setTimeout(go, ms));

let copies = 0;
/* A page of its own: what the module remembers is not another's. */
export const load = () => import(`${MODULE}?${copies++}`);

/* ---- answers */

export const STATUS = '/api/jobs/job_1';
export const ACCEPTED = {status: 'accepted', jobId: 'job_1', statusUrl: STATUS,
	eventsUrl: `${STATUS}/events`, requestId: 'r'};
export const json = (status, body, headers = {}) => (req, res) => {
	res.writeHead(status, {'content-type': 'application/json', ...headers});
	res.end(JSON.stringify(body));
};
export const problem = (status, type, more = {}, headers = {}) =>
	json(status, {type: `/problems/${type}`, error: type, status, ...more},
		{'content-type': 'application/problem+json', ...headers});
export const empty = (status, headers = {}) => (req, res) =>
	res.writeHead(status, headers).end();
/* The same, by somebody who is not the endpoint. */
export const elsewhere = (step) => (req, res) => {
	res.removeHeader('x-request-id');
	step(req, res);
};
export const website = (status) => elsewhere((req, res) =>
	res.writeHead(status, {'content-type': 'text/html'}).end('<h1>Hello</h1>'));
export const hangUp = (req) => req.socket.destroy();
export const silence = () => {};
export const accepted = json(202, ACCEPTED, {location: STATUS});
/* No stream of its own. */
export const plain = json(202, {...ACCEPTED, eventsUrl: undefined});
/* A document; at which version. */
export const at = (version, status, more = {}, headers = {}) =>
	json(200, {...ACCEPTED, eventsUrl: undefined, status, ...more},
		{...version && {etag: `"${version}"`}, ...headers});
export const block = (version, status, more = {}) => `id: ${version}\n` +
	`event: job\ndata: ${JSON.stringify({...ACCEPTED, status, ...more})}\n\n`;
/* A stream that says this, and stays; 'end' and 'cut' do not stay. */
export const stream = (...says) => (req, res) => {
	res.writeHead(200, {'content-type': 'text/event-stream'});
	for (const text of says)
		if (text === 'end')
			res.end();
		else if (text === 'cut')
			real.setTimeout(() => res.destroy(), 10);
		else
			res.write(text);
	res.flushHeaders();
};

/* A server that answers with these, in turn; .seen is what came. */
export async function scripted(...steps) {
	const seen = [];
	const server = http.createServer((req, res) => {
		const parts = [];
		req.on('data', (some) => parts.push(some));
		req.on('end', () => {
			const one = {method: req.method, url: req.url, req, res,
				headers: req.headers, gone: false,
				body: Buffer.concat(parts).toString()};
			res.on('close', () => {
				one.gone = true;
			});
			seen.push(one);
			/* as the endpoint does, whatever it answers */
			res.setHeader('x-request-id',
				req.headers['x-request-id'] ?? 'job_1');
			const step = (steps[0]?.always ? steps[0] : steps.shift()) ??
				problem(500, 'internal', {title: 'the script is over'});
			step(req, res);
		});
	});
	await new Promise((go) => server.listen(0, '127.0.0.1', go));
	const base = `http://127.0.0.1:${server.address().port}`;
	return {seen, base, api: `${base}/api/`, left: () => steps.filter((step) => !step.always).length, more: (...others) => steps.push(...others),
		lines: () => seen.map(({method, url}) => `${method} ${url}`),
		close() {
			server.closeAllConnections?.();
			server.close();
		}};
}

/* ---- time */

/*
 * For the module what is less than 10 s is over at once, and its length is in
 * .slept; what is more stays, until pass() says that so many ms are over. Those
 * are in held(), but for the limits of requests that are under way (35 s and
 * what they may wait). What is left to chance is half of what it might be.
 */
export function clock() {
	const held = new Set();
	const slept = [];
	Math.random = () => 0.5;
	globalThis.setTimeout = (run, ms, ...more) => {
		if (!/client\/requests\.mjs/.test(new Error().stack))
			return real.setTimeout(run, ms, ...more);
		if (ms < 10000) {
			slept.push(ms);
			return real.setTimeout(run, 0, ...more);
		}
		const one = {ms, run};
		held.add(one);
		return one;
	};
	globalThis.clearTimeout = (one) =>
		held.delete(one) || real.clearTimeout(one);
	return {
		slept,
		held: () => [...held].map(({ms}) => ms).filter((ms) =>
			ms < 35000 || ms > 40000 && ms < 1e9),
		all: () => held.size,
		/* whole ms: a body has a part of one for a few bytes */
		async pass(ms) {
			const is = (one) => Math.floor(one.ms) === ms;
			await until(() => [...held].some(is));
			for (const one of held)
				if (is(one) && held.delete(one))
					one.run();
			await tick();
		},
		restore() {
			Object.assign(globalThis, {setTimeout: real.setTimeout,
				clearTimeout: real.clearTimeout});
			Math.random = real.random;
		},
	};
}

/* Until that is so; only a test that fails waits for long. */
export async function until(is, what = String(is)) {
	for (let n = 0; n < 1000; n++, await tick(n < 100 ? 0 : 5))
		if (is())
			return;
	throw new Error(`never: ${what}`);
}

/* ---- the browser */

const put = (name, value) => Object.defineProperty(globalThis, name,
	{value, configurable: true, writable: true});

/* Somebody's window: hidden or not, on the network or not, with locks. */
export function page({locks = null} = {}) {
	const listening = new Set();
	const taken = new Set();
	const it = {
		listening, taken,
		document: {hidden: false},
		navigator: {onLine: true, locks: locks ?? undefined},
		fire(type) {
			for (const one of listening)
				if (one.type === type)
					one.act({type});
		},
		hide(hidden) {
			it.document.hidden = hidden;
			it.fire('visibilitychange');
		},
		line(onLine) {
			it.navigator.onLine = onLine;
			it.fire(onLine ? 'online' : 'offline');
		},
		leave() {
			for (const name of ['document', 'navigator', 'addEventListener'])
				put(name, undefined);
		},
	};
	put('document', it.document);
	put('navigator', it.navigator);
	put('addEventListener', (type, act, {signal}) => {
		const one = {type, act};
		listening.add(one);
		signal.addEventListener('abort', () => listening.delete(one));
	});
	return it;
}

/* As navigator.locks, of one page. */
export function lockManager() {
	const taken = new Set();
	return {taken, async request(name, {ifAvailable}, run) {
		ok(ifAvailable);
		await null;
		if (taken.has(name))
			return run(null);
		taken.add(name);
		try {
			return await run({name});
		} finally {
			taken.delete(name);
		}
	}};
}

/* As sessionStorage, by names; .full: nothing more can be written. */
export function shelve() {
	const shelf = {full: false, kept: {}};
	put('sessionStorage', new Proxy(shelf.kept, {
		set(kept, name, text) {
			if (shelf.full)
				throw new Error('QuotaExceededError');
			kept[name] = `${text}`;
			return true;
		},
	}));
	return shelf;
}

/* ---- tests */

export async function caught(promise) {
	try {
		await promise;
	} catch (e) {
		return e;
	}
	throw new Error('nothing was thrown');
}

export async function states(job) {
	const seen = [];
	for await (const {status, progress} of job)
		seen.push(progress === undefined ? status : `${status} ${progress}`);
	return seen;
}

process.on('unhandledRejection', (e) => {
	console.log(`Bail out! nobody took ${e.stack}`);
	process.exit(1);
});

/*
 * A test with a scripted server, a clock and a window, which are put away
 * whatever happens. Afterwards the script is at its end, and neither a timer
 * nor a listener is left.
 */
export function against(name, steps, run) {
	plan(name, async () => {
		const server = await scripted(...steps);
		const time = clock();
		const tab = page();
		const shelf = shelve();
		const {connect, RequestError} = await load();
		try {
			await run({...server, time, tab, shelf, connect, RequestError,
				api: connect({base: server.api}), url: server.api});
			equal(server.left(), 0);
			await until(() => time.all() === 0, 'no timer is left');
			await until(() => tab.listening.size === 0,
				'nobody listens');
		} finally {
			time.restore();
			tab.leave();
			server.close();
		}
	});
}
