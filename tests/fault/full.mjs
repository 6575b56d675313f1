/*
 * A disk that is full from the n-th write on, for n = 1, 2, …: in the endpoint,
 * then in the worker, until rounds end without having come to their n-th.
 * FAULTS=all takes every n; a number takes so many of each, by chance (SEED).
 * While it is full, who asks is answered and who sends gets 503 or 202; then
 * there is space again, and everything comes to its end.
 */
import {mkdirSync, rmSync} from 'node:fs';
import {test, ok, equal, done} from '../tap.mjs';
import {makeRequest} from './client.mjs';
import {startWorld, until} from './world.mjs';

const FAULTS = process.env.FAULTS ?? '3';
const SEED = Number(process.env.SEED ?? 20);
const ONE_IN_CHECK = 60; /* a round has more writes than that */
const SENDERS = 3;

const world = await startWorld({clients: SENDERS, lease: '1s',
	heartbeat: '100ms', pace: 1, plan: 'nobody:/:write:1:see'});
const asker = world.another();

/* A round's own shim: an empty folder, a plan. */
function breakAt(program, n) {
	rmSync(world.faults, {recursive: true});
	mkdirSync(world.faults);
	rmSync(world.seen, {force: true});
	world.env.FAULT_PLAN =
		`${program}:/state/:write,truncate,allocate,create:${n}:ENOSPC+`;
}

/* The same few requests in each round, so that its writes can be counted. */
async function send(jobs) {
	const end = Date.now() + 1500;
	const all = world.senders.filter(s => s !== asker);
	await Promise.all(all.map(async (s, i) => {
		const job = makeRequest(i ? 'bundle' : 'return');
		s.jobs = [job];
		jobs.push(job);
		await s.accept(job, () => Date.now() > end);
		/* until something struck, or it is done */
		while (job.jobId && !job.ended && !world.struck() &&
			Date.now() < end)
			await s.once(job, 'longPoll');
	}));
}

const known = makeRequest('bundle');

/* True: the n-th write was reached. */
async function round(program, n) {
	breakAt(program, n);
	world.start();
	const jobs = [];
	await until('the endpoint answers, or cannot', async () =>
		world.struck() || await world.listens());
	const up = await world.listens() && world.cgi.ends.length === 0;
	await send(jobs);
	const struck = world.struck();
	if (up && struck && world.cgi.ends.length === 0) {
		const a = await asker.once(known, 'look');
		equal(a?.status, 200, `${program} ${n}: look-up`);
	}
	world.mend();
	await world.settle();
	for (const it of [world.worker, world.cgi])
		await it.stop();
	return struck;
}

/* Small and seeded: which n, where not all of them. */
function some(count) {
	const all = new Set();
	for (let x = SEED >>> 0; all.size < count;) {
		x = Math.imul(x, 1664525) + 1013904223 >>> 0;
		all.add(1 + (x >>> 8) % ONE_IN_CHECK);
	}
	return [...all];
}

test('a line at rest', async () => {
	world.start();
	await world.ready();
	asker.jobs.push(known);
	await asker.accept(known);
	await world.settle();
	known.jobId ??= await world.idOf(known);
	for (const it of [world.worker, world.cgi])
		await it.stop();
});

for (const program of ['lowtide-cgi', 'lowtide-worker'])
	test(`${program}: no space from the n-th write on, FAULTS=${FAULTS}`,
		async () => {
			let rounds = 0;
			/* how writes gather is chance: three misses, not one */
			for (let n = 1, missed = 0; FAULTS === 'all' &&
				missed < 3; n++) {
				missed = await round(program, n) ? 0 :
					missed + 1;
				rounds = n;
			}
			if (FAULTS !== 'all')
				for (const n of some(Number(FAULTS)))
					rounds += await round(program, n) ? 1 : 0;
			console.log(`# ${program}: ${rounds} rounds`);
			ok(rounds > 0);
		});

test('who sent meanwhile was taken or told that there is no space', () => {
	const said = new Map();
	for (const l of world.journal.read().filter(a => a.ask === 'again' &&
		a.what === 'answer' && a.status >= 500)) {
		const what = `${l.status} ${l.problem}`;
		said.set(what, (said.get(what) ?? 0) + 1);
	}
	console.log(`# ${[...said].map(([w, n]) => `${n} × ${w}`).join(', ')}`);
	equal([...said.keys()].filter(w =>
		!/^503 .*\/store-(full|unavailable)$/.test(w)), []);
});

test('clients, tables and tax service agree', async () => {
	world.start();
	await world.ready();
	await world.verdict();
});

await done();
