/*
 * Run by streams.t, against the two of SOCKETS; no worker runs, so what ends a
 * job is its cancellation.
 */
import {readdirSync, readFileSync} from 'node:fs';
import {test, ok, equal, match, cleanup, done} from '../tap.mjs';
import {Client, record, ABORT} from '../fcgi-client.mjs';

const sockets = process.env.SOCKETS.split(' ');
const pids = process.env.CGI_PIDS.split(' ').map(Number);
const MANY = 1000;
const pause = ms => new Promise(r => setTimeout(r, ms));

async function dial(which = 0) {
	const c = await Client.dial(sockets[which]);
	cleanup(() => c.close());
	return c;
}

/* One stream on a connection of its own. */
class Stream {
	text = '';
	ended = false;
	#waiting = [];

	/* `what`: a request, or the address of one. */
	static async open(which, what, headers = {}) {
		const s = new Stream();
		const asked = typeof what === 'string' ? {uri: what, headers} :
			what;
		s.client = await dial(which);
		s.client.closed.then(() => s.#take(null));
		s.client.follow({id: 1, method: 'GET', ...asked},
			bytes => {
				s.clean ||= bytes === null;
				s.#take(bytes);
			});
		return s;
	}

	#take(bytes) {
		this.ended ||= bytes === null;
		this.text += bytes ?? '';
		this.#waiting = this.#waiting.filter(w => !w());
	}

	/* Until test() is true; false: it ended before that. */
	until(test, ms = 60000) {
		return new Promise((resolve, reject) => {
			const late = setTimeout(() => reject(new Error(
				`nothing came: ${this.text}`)), ms);
			const look = () => {
				if (!test() && !this.ended)
					return false;
				clearTimeout(late);
				resolve(test());
				return true;
			};
			if (!look())
				this.#waiting.push(look);
		});
	}

	told(status) {
		return this.until(() =>
			this.text.includes(`"status":"${status}"`));
	}

	end() {
		return this.until(() => this.ended);
	}

	get events() {
		return this.text.slice(this.text.indexOf('\r\n\r\n') + 4)
			.split('\n\n').filter(b => b.includes('event: '))
			.map(b => Object.fromEntries(b.split('\n').map(l => [
				l.slice(0, l.indexOf(': ')),
				l.slice(l.indexOf(': ') + 2)])));
	}

	close() {
		this.client.close();
	}
}

const first = await dial(), second = await dial(1);
let number = 0;
async function accept(c = first) {
	const r = await c.ask({method: 'POST', uri: '/api/v1/bundle',
		type: 'application/json', body: '{"bundleId":"basic"}',
		params: {REMOTE_ADDR: `192.0.2.${++number}`}});
	equal(r.status, 202, r.body);
	return JSON.parse(r.body);
}

async function cancel(job, c = second) {
	const r = await c.ask({method: 'POST', uri: job.cancelUrl});
	equal(r.status, 200, r.body);
}

const files = () => readdirSync(`/proc/${pids[0]}/fd`).length;
async function filesAgain(n) {
	for (let i = 0; i < 6000 && files() !== n; i++)
		await pause(10);
	equal(files(), n);
}
function privateKb() {
	const text = readFileSync(`/proc/${pids[0]}/smaps_rollup`, 'utf8');
	return Number(/Private_Dirty:\s+(\d+)/.exec(text)[1]);
}
/* what has answered has opened all that it will */
equal((await first.ask({method: 'GET', uri: '/api/jobs/health'})).status, 200);
const idle = files();

test('a stream begins with what the job is, and has no length', async () => {
	const job = await accept();
	const s = await Stream.open(0, job.eventsUrl,
		{accept: 'text/event-stream', origin: 'https://vat.example'});
	ok(await s.told('pending'));
	match(s.text, /^Status: 200 OK\r\n/);
	match(s.text, /\r\nContent-Type: text\/event-stream\r\n/);
	match(s.text, /\r\nX-Accel-Buffering: no\r\n/);
	match(s.text, /\r\nCache-Control: no-store\r\n/);
	match(s.text, /\r\n\r\nretry: 2000\n\n/);
	ok(!/content-length/i.test(s.text));
	const [event] = s.events;
	equal(event.event, 'job');
	equal(JSON.parse(event.data).jobId, job.jobId);
	s.close();
	await filesAgain(idle);
});

test('what another process changes is told, then comes the end', async () => {
	const job = await accept();
	const streams = [];
	for (const [which, view] of [[0, 'all'], [1, 'all'], [0, 'alert'],
		[0, 'command']])
		streams.push(await Stream.open(which,
			`${job.eventsUrl}?view=${view}`));
	for (const s of streams)
		ok(await s.until(() => /\nid: \d+\n/.test(s.text)));
	await cancel(job);
	for (const s of streams)
		await s.end();
	const names = streams.map(s => s.events.map(e => e.event));
	equal(names[0], ['job', 'job']);
	equal(names[1], ['job', 'job']);
	equal(names[2], ['alert']);
	equal(names[3], ['bundle.requested']); /* no name for this end */
	for (const s of streams)
		ok(s.clean, 'ended, not broken');
	const last = streams[0].events.at(-1);
	equal(JSON.parse(last.data).status, 'cancelled');
	/* the connection is kept; whoever was told is told that it is over */
	const again = await streams[0].client.ask({method: 'GET',
		uri: job.eventsUrl, headers: {'last-event-id': last.id}});
	equal(again.status, 204);
	const missed = await streams[0].client.ask({method: 'GET',
		uri: job.eventsUrl,
		headers: {'last-event-id': streams[0].events[0].id}});
	equal(missed.status, 200);
	match(missed.body, /"status":"cancelled"/);
	for (const s of streams)
		s.close();
	await filesAgain(idle);
});

test('an abort ends a stream cleanly, and the connection serves on', async () => {
	const job = await accept();
	const s = await Stream.open(0, job.eventsUrl);
	ok(await s.told('pending'));
	s.client.send(record(ABORT, 1));
	await s.end();
	ok(s.clean);
	equal((await s.client.ask({method: 'GET', uri: '/api/jobs/health'}))
		.status, 200);
	s.close();
	await filesAgain(idle);
});

test('an owner is told of all that is his, and of nothing else', async () => {
	const vat = {method: 'POST', uri: '/api/v1/hmrc/vat/return',
		type: 'application/json',
		body: '{"returnId":1,"vrn":"123456789","periodKey":"24A1"}'};
	const obligation = {method: 'GET', uri: '/api/v1/hmrc/vat/obligation' +
		'?vrn=123456789&from=2026-01-01&to=2026-03-31'};
	const by = (LOWTIDE_OWNER, what) =>
		({...what, params: {LOWTIDE_OWNER},
			headers: {...what.headers, 'x-wait-time-ms': '0'}});
	const follow = (which, owner, headers) => Stream.open(which,
		{uri: '/api/jobs/events', headers,
			params: {LOWTIDE_OWNER: owner}});
	equal((await first.ask({method: 'GET', uri: '/api/jobs/events'}))
		.status, 401);
	const alice = await follow(0, 'alice'), bob = await follow(1, 'bob');
	for (const s of [alice, bob])
		ok(await s.until(() => /\nid: \d+\n/.test(s.text)));
	const sent = [];
	for (const [c, owner, what] of [[second, 'bob', vat],
		[first, 'alice', obligation], [second, 'alice', vat],
		[first, 'carol', vat], [first, 'bob', obligation]]) {
		const r = await c.ask(by(owner, what));
		equal(r.status, 202, r.body);
		sent.push({owner, job: JSON.parse(r.body)});
	}
	await accept();
	const ids = s => s.events.map(e => JSON.parse(e.data).jobId);
	for (const [s, owner] of [[alice, 'alice'], [bob, 'bob']]) {
		const his = sent.filter(x => x.owner === owner)
			.map(x => x.job.jobId);
		ok(await s.until(() => s.events.length === his.length));
		equal(ids(s), his);
	}
	/* another process, from the first of them on */
	const again = await follow(1, 'alice',
		{'last-event-id': alice.events[0].id});
	ok(await again.until(() => again.events.length === 1));
	equal(ids(again), ids(alice).slice(1));
	const mine = sent[1].job;
	equal((await second.ask(by('alice', {method: 'POST',
		uri: mine.cancelUrl}))).status, 200);
	for (const s of [alice, again]) {
		ok(await s.told('cancelled'));
		equal(JSON.parse(s.events.at(-1).data).jobId, mine.jobId);
		ok(!s.ended);
		s.close();
	}
	equal(bob.events.length, 2);
	bob.close();
	await filesAgain(idle);
});

test(`${MANY} streams of one job: each is told, and costs little`, async () => {
	const job = await accept(), other = await accept();
	const before = privateKb();
	const streams = [];
	for (let i = 0; i < MANY; i++)
		streams.push(await Stream.open(0, job.eventsUrl));
	const apart = await Stream.open(0, other.eventsUrl);
	for (const s of [...streams, apart])
		ok(await s.told('pending'));
	const kb = (privateKb() - before) / MANY;
	console.log(`# ${kb.toFixed(2)} kB of private memory a stream`);
	if (!process.env.SANITIZED)
		ok(kb < 4, `${kb} kB`);
	await cancel(job);
	for (const s of streams) {
		ok(await s.told('cancelled'));
		await s.end();
		equal(s.events.length, 2);
		s.close();
	}
	equal(apart.events.length, 1);
	apart.close();
	await filesAgain(idle);
});

test('on SIGTERM each stream gets its end', async () => {
	const job = await accept();
	const streams = [];
	for (let i = 0; i < 20; i++)
		streams.push(await Stream.open(0, job.eventsUrl));
	for (const s of streams)
		ok(await s.told('pending'));
	process.kill(pids[0], 'SIGTERM');
	for (const s of streams) {
		await s.end();
		ok(s.clean);
		await s.client.closed;
	}
	/* and goes on where it was, elsewhere */
	const s = await Stream.open(1, job.eventsUrl,
		{'last-event-id': streams[0].events[0].id});
	ok(await s.until(() => /\nid: \d+\n/.test(s.text)));
	equal(s.events.length, 0);
	await cancel(job);
	await s.end();
	equal(s.events.length, 1);
	s.close();
});

await done();
