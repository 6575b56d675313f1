/*
 * A client that trusts nobody: it sends requests by name until somebody takes
 * them, asks about them in every way there is, and writes each answer down the
 * moment it comes, a JSON line each (journal). It judges nothing but what it
 * needs to go on; compare.mjs reads the journal afterwards.
 *
 *	{what: 'send', t, name, kind, key}          before each accept leaves
 *	{what: 'answer', from, t, name, kind, key, ask, status, requestId,
 *	 jobId, version, state, endedAt, inside}    from: when it was asked
 *	{what: 'lost', from, t, name, ask, error}   no answer came
 *
 * An `ask` is a function ({method, target, headers, body}) → {status, headers,
 * text}, which may throw.
 */
import {randomUUID} from 'node:crypto';
import {appendFileSync, readFileSync} from 'node:fs';
import {Client, request} from '../fcgi-client.mjs';

export const pause = ms => new Promise(r => setTimeout(r, ms));
export const TERMINAL = ['completed', 'failed', 'cancelled'];

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
	const ask = async ({method, target, headers = {}, body = ''}) => {
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
				headers: others}));
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
			body: JSON.stringify({vrn: '123456789', periodKey: key,
				finalised: true})} :
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
	const seen = {status: a.status, requestId: a.headers['x-request-id']};
	const etag = /^(?:W\/)?"(\d+)"$/.exec(a.headers.etag ?? '');
	if (etag)
		seen.version = Number(etag[1]);
	if (!json)
		return seen;
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
	} else if (a.status >= 200 && a.status < 300) {
		seen.state = 'completed'; /* the stored answer itself */
		seen.bundleId = json.bundleId;
	}
	return seen;
}

/* ---- the client -------------------------------------------------------- */

const ways = {
	again: (job, wait) => ({method: 'POST', target: job.target,
		body: job.body, headers: {'content-type': 'application/json',
			'x-request-id': job.name,
			'x-wait-time-ms': String(wait)}}),
	look: job => ({method: 'GET', target: `/api/jobs/${job.jobId}`}),
	longPoll: job => ({method: 'GET', target: `/api/jobs/${job.jobId}`,
		headers: {'if-none-match': `"${job.version ?? 0}"`,
			prefer: 'wait=1'}}),
	cancel: job => ({method: 'DELETE', target: `/api/jobs/${job.jobId}`}),
	result: job => ({method: 'GET',
		target: `/api/jobs/${job.jobId}/result`}),
};

const QUESTIONS = ['again', 'look', 'longPoll', 'result'];
const CANCELLED = 0.05; /* of those that were taken, at once */
const draw = list => list[Math.floor(Math.random() * list.length)];

export class Sender {
	constructor(ask, journal) {
		this.ask = ask;
		this.journal = journal;
		this.jobs = [];
	}

	/* Asks once and writes down what came; undefined: nothing came. */
	async once(job, way, wait = 0) {
		const from = Date.now();
		const {name, kind, key} = job;
		const line = {from, name, kind, key, ask: way, jobAsked: job.jobId};
		try {
			const a = understand(await this.ask(
				ways[way](job, wait)));
			this.journal.write({what: 'answer', t: Date.now(),
				...line, ...a});
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

	/* As a careful client: the same name until somebody took it. */
	async accept(job, stop = () => false) {
		const wait = Math.random() < 0.3 ? 300 : 0;
		while (!stop()) {
			this.journal.write({what: 'send', t: Date.now(),
				name: job.name, kind: job.kind, key: job.key});
			const a = await this.once(job, 'again', wait);
			if (a && (a.state || a.status < 500))
				return a;
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
					await this.once(job, job.jobId ?
						'longPoll' : 'again');
				open = open.filter(j => !j.ended);
			}
			const job = makeRequest();
			this.jobs.push(job);
			open.push(job);
			await this.accept(job, stop);
			if (job.jobId && Math.random() < CANCELLED)
				await this.once(job, 'cancel');
			for (let i = Math.floor(Math.random() * 4);
				i > 0 && !stop(); i--) {
				const any = draw(this.jobs);
				await this.once(any, any.jobId ?
					draw(QUESTIONS) : 'again');
			}
		}
	}

	/* Until each one it knows of has ended, and once more after that. */
	async drain(stop) {
		for (let open = this.jobs; open.length && !stop();) {
			for (const job of open)
				if (!job.jobId)
					await this.accept(job, stop);
				else
					await this.once(job, 'look');
			open = open.filter(j => !j.ended);
			if (open.length)
				await pause(100);
		}
		for (const job of this.jobs)
			await this.once(job, 'again');
	}
}

