/*
 * Tabs of a browser, for shared-stream.mjs: each has the module and globals of
 * its own; locks and channels are those of the browser. And a server with one
 * owner's stream, as client.events() gives it.
 *
 *	const browser = newBrowser();
 *	const server = newServer();
 *	const tab = browser.open(server, {owner: 'ann'});
 *	server.happen('job_1');
 *	await settled();
 *	equal(tab.told, [1]);
 */
import {readFileSync} from 'node:fs';

const source = readFileSync('templates/client/shared-stream.mjs', 'utf8')
	.replace(/^export (?=function)/gm, '');
const GLOBALS = ['globalThis', 'BroadcastChannel', 'setInterval',
	'clearInterval', 'performance'];

/* Everything that could follow from what was done has happened. */
export async function settled() {
	for (let i = 0; i < 40; i++)
		await new Promise((done) => setImmediate(done));
}

/* ---- the server ---------------------------------------------------------- */


/*
 * Versions count up. A stream begins behind `since`, or behind the newest one,
 * and says where it is; .streams is those that are connected, .asked every
 * `since` that one began with.
 */
export function newServer() {
	const wakers = new Set();
	const server = {
		base: 'https://vat.example/api/',
		rows: [], streams: new Set(), asked: [], most: 0,
		up: true,
		refuses: null, /* what it says to a tab, or nothing */
		newest: () => server.rows.at(-1)?.n ?? 0,
		/* something happens to a job; its version */
		happen(jobId = 'job_1', status = 'processing') {
			const n = server.newest() + 1;
			server.rows.push({n, event: 'job', id: String(n),
				document: {jobId, status}});
			server.wake();
			return n;
		},
		/* each stream gives a sign of life, or is cut off */
		all(what) {
			for (const stream of server.streams)
				stream[what] = true;
			server.wake();
		},
		/* another store, which counts from the beginning */
		replace() {
			server.rows = [];
			server.all('cut');
		},
		wake() {
			for (const wake of wakers)
				wake();
		},
		wait: (signal) => new Promise((done) => {
			const wake = () => {
				wakers.delete(wake);
				signal.removeEventListener('abort', wake);
				done();
			};
			wakers.add(wake);
			signal.addEventListener('abort', wake, {once: true});
		}),
	};
	return server;
}

/* client.events(): connects again by itself, and tells how far it is. */
async function* events(server, tab, {since, signal, told}) {
	let at = since === undefined ? undefined : Number(since);
	for (;;) {
		while (!server.up && !signal.aborted)
			await server.wait(signal);
		await null; /* the network takes a while */
		signal.throwIfAborted();
		server.asked.push(at);
		const refusal = server.refuses?.(tab);
		if (refusal)
			throw refusal;
		const stream = {tab};
		server.streams.add(stream);
		server.most = Math.max(server.most, server.streams.size);
		const gone = () => server.streams.delete(stream);
		signal.addEventListener('abort', gone);
		try {
			if (at === undefined || at > server.newest())
				at = server.newest();
			told(String(at));
			while (!stream.cut && !signal.aborted) {
				const row = server.rows.find((r) => r.n > at);
				if (row) {
					at = row.n;
					const {event, id, document} = row;
					yield {event, id, document};
				} else if (stream.beat) {
					stream.beat = false;
					told(String(at));
				} else {
					await server.wait(signal);
				}
			}
		} finally {
			gone();
			signal.removeEventListener('abort', gone);
		}
		signal.throwIfAborted();
		told(null);
		await null;
	}
}

/* ---- the browser --------------------------------------------------------- */


/* As navigator.locks is: one has it, the others queue. */
function newLocks() {
	const held = new Map(); /* name → queue, whose first one has it */
	const next = (name) => {
		const queue = held.get(name);
		const [one] = queue;
		if (!one || one.has)
			return;
		one.has = true;
		Promise.resolve().then(() => one.run({name})).finally(() => {
			queue.splice(queue.indexOf(one), 1);
			next(name);
		}).then(one.done, one.fail);
	};
	return {
		held,
		request(name, {signal}, run) {
			const queue = held.get(name) ?? [];
			held.set(name, queue);
			return new Promise((done, fail) => {
				const one = {run, done, fail};
				signal.addEventListener('abort', () => {
					const at = queue.indexOf(one);
					if (at < 0 || one.has)
						return;
					queue.splice(at, 1);
					fail(signal.reason);
				});
				queue.push(one);
				next(name);
			});
		},
	};
}

/* As BroadcastChannel is: told later, in order, and not to oneself. */
function newChannels() {
	const all = new Set();
	return class Channel {
		onmessage = null;
		queue = null; /* of one that is frozen */
		static posted = []; /* all that was said */
		static deaf = null; /* whose onmessage is not called */
		static names = () => [...new Set([...all].map((c) => c.name))];
		static newest = () => [...all].at(-1);
		constructor(name) {
			this.name = name;
			all.add(this);
		}
		postMessage(message) {
			if (!all.has(this))
				throw new Error('the channel is closed');
			const data = structuredClone(message);
			Channel.posted.push(data);
			for (const one of all)
				if (one !== this && one !== Channel.deaf &&
					one.name === this.name)
					setImmediate(() => one.hear({data}));
		}
		hear(event) {
			if (this.queue)
				this.queue.push(event);
			else if (all.has(this))
				this.onmessage?.(event);
		}
		freeze() {
			this.queue ??= [];
		}
		thaw() {
			const queue = this.queue ?? [];
			this.queue = null;
			for (const event of queue)
				this.hear(event);
		}
		close() {
			all.delete(this);
		}
	};
}

/* As localStorage is. */
const newStorage = () => ({
	marks: new Map(),
	getItem(key) {
		return this.marks.get(key) ?? null;
	},
	setItem(key, value) {
		this.marks.set(key, String(value));
	},
});

/* lacks: what this browser has not, 'locks', 'channels' or 'storage' */
export function newBrowser({lacks = []} = {}) {
	const locks = newLocks();
	const Channel = newChannels();
	const storage = newStorage();
	return {locks, Channel, storage, open: (server, options) =>
		newTab({server, lacks, locks, Channel, storage, ...options})};
}

/*
 * A tab. .told: the versions that came as events; .log: those and what else it
 * heard, in order. sleep() and wake(), freeze() and thaw() as browsers do them.
 */
function newTab({server, lacks, locks, Channel, storage, owner, base,
	events: own}) {
	let channel = null;
	const window = new EventTarget();
	const timers = new Map();
	const tab = {told: [], log: [], why: undefined, time: 0, window};
	const globals = {
		addEventListener: (...how) => window.addEventListener(...how),
		...!lacks.includes('locks') && {navigator: {locks}},
		...!lacks.includes('channels') && {BroadcastChannel:
			class extends Channel {
				constructor(name) {
					super(name);
					channel = this;
				}
			}},
		get localStorage() {
			if (lacks.includes('storage'))
				throw new Error('it is not allowed');
			return storage;
		},
	};
	const start = new Function(...GLOBALS,
		`'use strict';${source}; return shareStream;`)(globals,
		globals.BroadcastChannel, (run, ms) => {
			const id = timers.size + 1;
			timers.set(id, {run, ms});
			return id;
		}, (id) => timers.delete(id), {now: () => tab.time});
	tab.client = {base: base ?? server.base, stream: null,
		events: own ?? ((how) => events(server, tab, how))};
	tab.stream = start(tab.client, {owner});
	for (const type of ['live', 'lost', 'gap', 'close'])
		tab.stream.addEventListener(type, ({detail}) => {
			tab.log.push(type);
			if (type === 'lost')
				tab.why = detail;
		});
	tab.stream.addEventListener('job', ({detail}) => {
		tab.told.push(Number(detail.id));
		tab.log.push(Number(detail.id));
	});
	tab.timers = timers;
	/* so many ms later, by its own clock */
	tab.pass = (ms) => {
		for (const end = tab.time + ms; tab.time < end;) {
			tab.time += 1000;
			for (const {run, ms: every} of timers.values())
				if (tab.time % every === 0)
					run();
		}
	};
	tab.fire = (type) => window.dispatchEvent(new Event(type));
	tab.sleep = () => tab.fire('pagehide');
	tab.wake = () => tab.fire('pageshow');
	tab.freeze = () => {
		tab.fire('freeze');
		channel?.freeze();
	};
	/* early: before it hears what was said meanwhile */
	tab.thaw = (early) => {
		if (early)
			tab.fire('resume');
		channel?.thaw();
		tab.fire('resume');
	};
	/* what a job hears that is followed */
	tab.follow = (jobId) => {
		const heard = [];
		const stop = tab.stream.follow(jobId, (document, version) =>
			heard.push(document ? Number(version) : document));
		return Object.defineProperty(heard, 'stop', {value: stop});
	};
	return tab;
}
