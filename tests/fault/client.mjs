/*
 * A client that trusts nobody: it sends requests by name until somebody takes
 * them, asks about them in every way there is, and writes each answer down the
 * moment it comes, a JSON line each (journal). It judges nothing but what it
 * needs to go on; compare.mjs reads the journal afterwards.
 *
 *	{what: 'send', t, name, kind, key}          before each accept leaves
 *	{what: 'answer', from, t, name, kind, key, ask, status, requestId,
 *	 jobId, version, state, endedAt, inside,
 *	 digest, secret, ids, holder, page,
 *	 origin, retry}                                  from: when it was asked
 *	{what: 'lost', from, t, name, ask, error}   no answer came
 *	{what: 'told', from, t, owner, stream, over, jobAsked, jobId, version,
 *	 state, secret}                             an event; from: its stream's
 *	{what: 'stream', t, stream, over, jobAsked, owner, clean}   its end
 *
 * `name` is one request's in the whole journal. Two owners may send the same
 * one: then `wire` is what was sent, and `owner` who sent it.
 *
 * An `ask` is a function ({method, target, headers, params, body}) → {status,
 * headers, text}, which may throw.
 */
import {createHash, randomUUID} from 'node:crypto';
import {appendFileSync, readFileSync} from 'node:fs';
import {Client, request} from '../fcgi-client.mjs';

export const pause = ms => new Promise(r => setTimeout(r, ms));
export const TERMINAL = ['completed', 'failed', 'cancelled'];
/* In each result that may be read once. */
export const ONCE_MARK = 'ONLY-ONCE';

export class Journal {
	constructor(path) {
		this.path = path;
	}
	write(line) {
		appendFileSync(this.path, `${JSON.stringify(line)}\n`);
	}
	read() {
		return readFileSync(this.path, 'utf8').split('\n')
			.filter(Boolean).map(l => JSON.parse(l));
	}
}

/* ---- two ways to the endpoint ------------------------------------------ */

export function overHttp(base) {
	return async ({method, target, headers, body}) => {
		const r = await fetch(new URL(target, base), {method, headers,
			body, redirect: 'manual',
			signal: AbortSignal.timeout(40000)});
		return {status: r.status, text: await r.text(),
			headers: Object.fromEntries(r.headers)};
	};
}

/* A kept connection, dialled anew when it was closed. */
export function overFcgi(socket) {
	let c, id = 0;
	const ask = async ({method, target, headers = {}, params = {},
		body = ''}) => {
		c ??= await Client.dial(socket);
		const mine = c;
		mine.closed.then(() => {
			if (c === mine)
				c = undefined;
		});
		id = id % 60000 + 1;
		const {'content-type': type = '', ...others} = headers;
		try {
			mine.send(request({id, method, uri: target, body, type,
				params, headers: others}));
			const a = await mine.answer(id, 40000);
			if (!a.status)
				throw new Error('an empty answer');
			return {...a, text: a.body};
		} catch (e) {
			mine.close();
			if (c === mine)
				c = undefined;
			throw e;
		}
	};
	ask.close = () => {
		c?.close();
		c = undefined;
	};
	return ask;
}

/* ---- what is sent ------------------------------------------------------ */

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
let count = Math.floor(Math.random() * 36 ** 3);

/* Periods that the tax service takes, each one once. */
function period() {
	let n = count++ % 36 ** 4, text = '';
	for (let i = 0; i < 4; i++, n = Math.floor(n / 36))
		text = alphabet[n % 36] + text;
	return text;
}

export function makeRequest(kind = Math.random() < 0.5 ? 'return' : 'bundle') {
	const name = randomUUID();
	const key = kind === 'return' ? period() : name.slice(0, 8);
	return kind === 'return' ?
		{name, kind, key, target: '/api/v1/hmrc/vat/return',
			body: JSON.stringify({returnId: key, vrn: '123456789',
				periodKey: key, finalised: true})} :
		{name, kind, key, target: '/api/v1/bundle',
			body: JSON.stringify({bundleId: key})};
}

/* ---- what came --------------------------------------------------------- */

function parsed(text) {
	try {
		return JSON.parse(text);
	} catch {
		return undefined; /* a page of the web server's own */
	}
}

/* What an answer says of a job, in one shape for all the ways of asking. */
export function understand(a) {
	const json = parsed(a.text);
	const seen = {status: a.status, requestId: a.headers['x-request-id'],
		origin: a.headers['access-control-allow-origin'],
		secret: a.text?.includes(ONCE_MARK) || undefined,
		retry: a.headers['retry-after']};
	const etag = /^(?:W\/)?"(\d+)"$/.exec(a.headers.etag ?? '');
	if (etag)
		seen.version = Number(etag[1]);
	if (!json)
		return seen;
	if (json.jobs)
		seen.ids = json.jobs.map(j => j.jobId);
	if (/id-conflict/.test(json.type))
		return {...seen, requestId: undefined, problem: json.type,
			holder: json.jobId}; /* who has it, not this one */
	seen.jobId = json.jobId;
	seen.inside = json.requestId;
	seen.problem = json.type;
	if (json.status === 'accepted')
		seen.state = 'open';
	else if (json.jobId && json.api) {
		seen.state = json.status; /* a document */
		seen.endedAt = json.completedAt ?? undefined;
		seen.bundleId = json.result?.bundleId;
	} else if (json.jobStatus) {
		seen.state = json.jobStatus; /* a problem */
	} else if (json.jobs) {
		/* a list */
	} else if (a.status >= 200 && a.status < 300) {
		seen.state = 'completed'; /* the stored answer itself */
		seen.bundleId = json.bundleId;
		seen.digest = createHash('sha256').update(a.text)
			.digest('hex').slice(0, 16);
	}
	return seen;
}

/* ---- a stream of events ------------------------------------------------ */

/* What the blocks of a stream say, as they come; the rest is kept. */
export function* eventsIn(held) {
	for (let end; (end = held.text.indexOf('\n\n')) >= 0;) {
		const block = held.text.slice(0, end);
		held.text = held.text.slice(end + 2);
		const said = Object.fromEntries(block.split('\n').map(l => [
			l.slice(0, l.indexOf(': ')), l.slice(l.indexOf(': ') + 2)]));
		if (said.event)
			yield said;
	}
}

let streams = 0;

/*
 * Follows `target` on a connection of its own and writes down what it is told.
 * Resolves with {status, clean, last} when it is over; `line` is in each line
 * of the journal.
 */
export async function follow(socket, journal, line, what) {
	const from = Date.now(), stream = ++streams;
	const c = await Client.dial(socket);
	const held = {text: '', head: ''};
	let last = what.headers?.['last-event-id'], status = 0;
	const take = bytes => {
		held.text += bytes;
		const end = held.text.indexOf('\r\n\r\n');
		if (!status && end < 0)
			return;
		if (!status) {
			status = Number(/^Status: (\d+)/.exec(held.text)?.[1]);
			held.text = held.text.slice(end + 4);
		}
		for (const {id, data} of eventsIn(held)) {
			const doc = parsed(data);
			last = id;
			journal.write({what: 'told', from, t: Date.now(),
				stream, ...line, jobId: doc.jobId,
				version: Number(id), state: doc.status,
				inside: doc.requestId,
				endedAt: doc.completedAt ?? undefined,
				secret: data.includes(ONCE_MARK) || undefined});
		}
	};
	const clean = await new Promise(over => {
		c.closed.then(() => over(false));
		what.opened?.(() => c.close());
		c.follow({id: 1, method: 'GET', uri: what.target,
			headers: what.headers, params: what.params},
		bytes => bytes === null ? over(true) : take(bytes));
	});
	c.close();
	journal.write({what: 'stream', t: Date.now(), stream, ...line, status,
		clean});
	return {status, clean, last};
}

/* ---- the client -------------------------------------------------------- */

const at = (job, tail = '') => `/api/jobs/${job.jobId}${tail}`;
const ways = {
	again: (job, wait) => ({method: 'POST', target: job.target,
		body: job.body, headers: {'content-type': 'application/json',
			'x-request-id': job.wire ?? job.name,
			'x-wait-time-ms': String(wait), ...job.headers}}),
	look: job => ({method: 'GET', target: at(job)}),
	longPoll: job => ({method: 'GET', target: at(job),
		headers: {'if-none-match': `"${job.version ?? 0}"`,
			prefer: 'wait=1'}}),
	cancel: job => ({method: 'DELETE', target: at(job)}),
	result: job => ({method: 'GET', target: at(job, '/result')}),
	list: () => ({method: 'GET', target: '/api/jobs?limit=100'}),
	/* asked by somebody whose it is not */
	foreign: job => draw([
		{method: 'GET', target: at(job)},
		{method: 'GET', target: at(job, '/result')},
		{method: 'GET', target: at(job, '/events')},
		{method: 'DELETE', target: at(job)},
		{method: 'DELETE', target: at(job, '?purge=1')},
		{method: 'POST', target: at(job, '/cancel')}]),
};

const QUESTIONS = ['again', 'look', 'longPoll', 'result'];
const CANCELLED = 0.05; /* of those that were taken, at once */
const draw = list => list[Math.floor(Math.random() * list.length)];

/* Not taken, and that is the answer: quotas, or another has that id. */
const refusal = a => !a.state && (a.status === 429 || a.status === 409 ||
	/queue-full/.test(a.problem)) && Boolean(a.problem);

/*
 * `make` draws what is sent. `who`: {owner, lines() → {headers, params} of each
 * request, foreign: another's who}; nobody by default.
 */
export class Sender {
	constructor(ask, journal, {make = makeRequest, who = {}} = {}) {
		Object.assign(this, {ask, journal, make, who, jobs: []});
	}

	/* Asks once and writes down what came; undefined: nothing came. */
	async once(job, way, wait = 0) {
		const from = Date.now();
		const {name, wire, kind, key, slot} = job;
		const who = way === 'foreign' ? this.who.foreign : this.who;
		const line = {from, name, wire, kind, key, slot,
			owner: this.who.owner, by: who.owner, ask: way,
			jobAsked: job.jobId};
		const mine = who.lines?.() ?? {};
		line.page = mine.headers?.origin;
		line.login = Boolean(mine.params?.LOWTIDE_OWNER) || undefined;
		if (way === 'again' && !job.jobId)
			this.journal.write({what: 'send', t: from, name, wire,
				kind, key, slot, owner: this.who.owner});
		try {
			const asked = ways[way](job, wait);
			this.asks = `${asked.method} ${asked.target}`;
			const a = understand(await this.ask({...asked,
				params: mine.params,
				headers: {...asked.headers, ...mine.headers}}));
			this.journal.write({what: 'answer', t: Date.now(),
				...line, ...a});
			if (way === 'foreign' || way === 'list')
				return a;
			if (a.status === 401 && a.state)
				job.renew?.();
			job.jobId ??= a.jobId;
			job.version = a.version ?? job.version;
			job.ended ||= TERMINAL.includes(a.state);
			return a;
		} catch (e) {
			this.journal.write({what: 'lost', t: Date.now(), ...line,
				error: String(e.message).slice(0, 80)});
			await pause(10); /* nobody there: no hurry */
			return undefined;
		}
	}

	/*
	 * As a careful client: the same name until somebody took it, or it is
	 * told that nobody will.
	 */
	async accept(job, stop = () => false) {
		const wait = Math.random() < 0.3 ? 300 : 0;
		while (!stop()) {
			const a = await this.once(job, 'again', wait);
			if (a && refusal(a)) {
				job.refused = Math.random() < 0.5;
				if (job.refused)
					return a;
			} else if (a && (a.state || a.status < 500)) {
				return a;
			}
			await pause(20 + Math.random() * 80);
		}
		return undefined;
	}

	/*
	 * New requests, and questions about the older ones, until stop(). At
	 * most OPEN of its own are on their way, so that an end is near at any
	 * time.
	 */
	async run(stop) {
		const OPEN = 4;
		let open = [];
		while (!stop()) {
			while (open.length >= OPEN && !stop()) {
				for (const job of open)
					await this.once(job, this.onwards(job,
						'longPoll'));
				open = open.filter(j => !j.ended);
			}
			const job = this.make(this.who);
			this.jobs.push(job);
			open.push(job);
			await this.accept(job, stop);
			this.jobs = this.jobs.filter(j => !j.refused);
			open = open.filter(j => !j.refused);
			if (job.jobId && Math.random() < CANCELLED)
				await this.once(job, 'cancel');
			for (let i = Math.floor(Math.random() * 4);
				i > 0 && !stop() && this.jobs.length; i--) {
				const any = draw(this.jobs);
				await this.once(any, this.onwards(any,
					draw(this.questions())));
			}
		}
	}

	questions() {
		return this.who.foreign ? [...QUESTIONS, 'list', 'foreign'] :
			QUESTIONS;
	}

	/* How to ask of it: by its name where it has no other yet. */
	onwards(job, way) {
		return way === 'list' || job.jobId && !(job.renew && !job.ended) ?
			way : 'again';
	}

	/* What it waits for, for whoever waits for it. */
	state() {
		const open = this.jobs.filter(j => !j.ended && !j.refused);
		return `${open.length} of ${this.jobs.length} open, at ${
			this.asks}`;
	}

	/* Until each one it knows of has ended, and once more after that. */
	async drain(stop) {
		for (let open = this.jobs; open.length && !stop();) {
			for (const job of open)
				if (!job.jobId)
					await this.accept(job, stop);
				else
					await this.once(job,
						this.onwards(job, 'look'));
			open = open.filter(j => !j.ended && !j.refused);
			if (open.length)
				await pause(100);
		}
		this.jobs = this.jobs.filter(j => !j.refused);
		for (const job of this.jobs)
			if (!stop())
				await this.once(job, 'again');
	}
}
