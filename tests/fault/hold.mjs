/*
 * Somebody else holds the database or a place in the queue of writers, for
 * HOLD_MS (default 1200) each, while clients send and ask. Who only asks is
 * answered; who sends waits, or gets 503 and sends again; the worker keeps
 * what it was told; once released, everything goes on by itself.
 */
import {spawn} from 'node:child_process';
import {join} from 'node:path';
import {test, ok, equal, cleanup, done} from '../tap.mjs';
import {makeRequest, pause} from './client.mjs';
import {CALLS_KEPT, backAgain, footprint, startWorld, until} from './world.mjs';

const HOLD_MS = Number(process.env.HOLD_MS ?? 1200);
/* longer than the lease, so that it runs out while nobody can renew it */
const world = await startWorld({clients: 6, lease: '1s', heartbeat: '100ms'});
world.start();
await world.ready();
const file = name => join(world.state, name);

/* A child that says HELD once it holds, and goes when its stdin ends. */
async function holder(command, args, say) {
	const child = spawn(command, args, {stdio: ['pipe', 'pipe', 'inherit']});
	const ended = new Promise(r => child.on('close', r));
	cleanup(() => {
		child.kill('SIGKILL');
		return ended;
	});
	let said = '';
	child.stdout.on('data', d => { said += d; });
	if (say)
		child.stdin.write(say);
	await until(`${command} holds`, () => said.includes('HELD'));
	return async () => {
		child.stdin.end(say ? 'COMMIT;\n.quit\n' : '');
		await ended;
	};
}
const sqlite = sql => () => holder('sqlite3', ['-cmd', '.timeout 15000',
	file('jobs.db')], `${sql};\nSELECT 'HE'||'LD';\n`);
const flock = name => () => holder('flock',
	[file(name), 'sh', '-c', 'echo HELD; read end']);

/* [what, how, accepts go on meanwhile] */
const holds = [
	['BEGIN IMMEDIATE', sqlite('BEGIN IMMEDIATE'), false],
	['BEGIN EXCLUSIVE', sqlite('BEGIN EXCLUSIVE'), false],
	['a read transaction', sqlite(
		'BEGIN; SELECT count(*) FROM _body'), true],
	['turn.lock', flock('turn.lock'), false],
	['write.lock', flock('write.lock'), false],
];
const before = {};

/* One that has ended: to ask about, whoever holds what. */
const known = makeRequest();
const asker = world.another(); /* nothing else on its connection */
async function lookUp() {
	const a = await asker.once(known, 'look');
	ok(a && (a.status === 200 || a.status === 503 || a.status === 429),
		`a look-up was answered ${a?.status}`);
	return a.status;
}

test('a line at rest, warmed up', async () => {
	await world.load(() => pause(500));
	asker.jobs.push(known);
	await asker.accept(known);
	await world.settle();
	before.cgi = footprint(world.cgi.pid);
	before.worker = footprint(world.worker.pid);
	known.jobId ??= await world.idOf(known);
});

for (const [what, hold, goesOn] of holds)
	test(`${what} held by another process`, async () => {
		await world.load(async () => {
			const release = await hold();
			const from = Date.now();
			const seen = [];
			while (Date.now() < from + HOLD_MS) {
				seen.push(await lookUp());
				await pause(100);
			}
			if (goesOn)
				await until('one is accepted meanwhile', () =>
					world.journal.read().some(l =>
						l.what === 'answer' &&
						l.ask === 'again' &&
						l.status === 202 &&
						l.from > from));
			await release();
			equal(seen.every(s => s === 200 || s === 429), true,
				`look-ups: ${[...new Set(seen)]}`);
			/* and on it goes */
			const after = Date.now();
			await until('accepts go on', () => world.journal.read()
				.some(l => l.status === 202 && l.from > after));
		});
		await world.settle();
	});

test('nothing ended but as the tax service said', async () => {
	const {rows} = await world.verdict();
	equal(rows.filter(r =>
		!['completed', 'cancelled'].includes(r.state))
		.map(r => `${r.jobId} ${r.state}`), []);
	equal([...world.cgi.ends, ...world.worker.ends], []);
});
test('descriptors and memory are back', async () => {
	await backAgain('endpoint', world.cgi.pid, before.cgi);
	await backAgain('worker', world.worker.pid, before.worker,
		CALLS_KEPT);
});

await done();
