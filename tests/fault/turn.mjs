/*
 * Somebody has the store's turn and does not give it back: a process stopped in
 * the middle of a write. Who starts waits, and ends when told to; a worker goes
 * on with its calls and signals, and loses nothing. (The endpoint: held.mjs.)
 */
import {spawn} from 'node:child_process';
import {join} from 'node:path';
import {cleanup, done, equal, test} from '../tap.mjs';
import {pause, startLine, startUpstream, until} from '../cli/line.mjs';

const held = [];
const up = await startUpstream({held: (req, res) => held.push(res)});
const base = given => ({upstream: 'up', requestPath: '/held/{job.id}',
	...given});
const line = await startLine({
	apis: [base({name: 'fail'}), base({name: 'retry', onLost: 'retry'})],
	upstreams: [{name: 'up', base: up.url, timeoutMs: 60000,
		stallTimeoutMs: 60000}]});
const LEASE_MS = 3000;
const startWorker = () => line.start('lowtide-worker', '--dev', '--lease',
	`${LEASE_MS}ms`, '--heartbeat', '1s');
const says = (who, what) => until(`the log says ${what}`,
	() => what.test(who.log));
const count = (who, what) => who.log.split(`"event":"${what}"`).length - 1;
const answer = () => held.splice(0).forEach(res => res.writeHead(200).end());

/* Takes the turn, until the returned function is called or the test is over. */
let give = () => {};
async function takeTurn() {
	const lock = name => join(line.dir, 'state', name);
	const it = spawn('bash', ['-c', 'exec 8>>"$0" 9>>"$1"; flock 8;' +
		'flock 9; echo; exec sleep 1000', lock('turn.lock'),
		lock('write.lock')], {stdio: ['ignore', 'pipe', 'inherit']});
	const ended = new Promise(r => it.on('close', r));
	cleanup(() => it.kill('SIGKILL'));
	await new Promise(r => it.stdout.once('data', r));
	give = () => {
		it.kill('SIGKILL');
		return ended;
	};
}

/* Whatever happened, the next one finds nobody at work and the turn free. */
const turnTest = (name, run) => test(name, () => run().finally(async () => {
	await give();
	for (const c of line.children.filter(it => it !== line.cgi)) {
		c.child.kill('SIGKILL');
		await c.ended;
	}
}));

turnTest('at the start it is waited for, and a signal ends that', async () => {
	await takeTurn();
	const socket = `unix:${join(line.dir, 'other.sock')}`;
	const started = [];
	for (const signal of ['SIGTERM', 'SIGINT'])
		started.push([signal, startWorker()], [signal,
			line.start('lowtide-cgi', '--listen', socket)]);
	await pause(2500); /* longer than a turn is waited for */
	for (const [signal, it] of started) {
		equal([it.exit, it.log], [undefined, '']);
		it.child.kill(signal);
		equal(await it.ended, signal);
	}
	const patient = startWorker();
	await pause(300);
	await give();
	await says(patient, /"event":"worker-started"/);
	patient.child.kill('SIGTERM');
	equal(await patient.ended, 0);
});

turnTest('longer than a lease: nobody loses a job by it', async () => {
	const [a, b] = [startWorker(), startWorker()];
	const jobs = [];
	for (const name of ['fail', 'retry', 'fail', 'retry'])
		jobs.push(await line.send(`/api/${name}`));
	await until('all are called', () => held.length === 4);
	for (const who of [a, b])
		await says(who, /"event":"worker-started"/);
	await takeTurn();
	answer();
	await pause(2 * LEASE_MS);
	for (const id of jobs)
		equal(line.show(id).status, 'processing'); /* look-ups work */
	await give();
	for (const id of jobs) {
		const job = await line.ended(id);
		equal([job.status, job.attempt, up.count(`/held/${id}`)],
			['completed', 1, 1]);
	}
	/* told once where something was to be written, and when it was over */
	await until('it is over', () => [a, b].every(who =>
		count(who, 'store-failed') === count(who, 'store-works-again')));
	equal(Math.max(count(a, 'store-failed'), count(b, 'store-failed')), 1);
	equal(count(a, 'jobs-recovered') + count(b, 'jobs-recovered'), 0);
	for (const who of [a, b]) {
		who.child.kill('SIGTERM');
		equal(await who.ended, 0);
	}
});

turnTest('a worker hears signals meanwhile, and keeps its result', async () => {
	const worker = startWorker();
	const id = await line.send('/api/fail');
	await until('it is called', () => held.length === 1);
	await takeTurn();
	answer();
	await says(worker, /"event":"store-failed".*"error":"BUSY"/);
	worker.child.kill('SIGTERM');
	await says(worker, /"event":"worker-drains"/);
	await give();
	equal(await worker.ended, 0);
	equal(line.show(id).status, 'completed');
});

turnTest('told twice it leaves at once, and the job is recovered', async () => {
	const worker = startWorker();
	const id = await line.send('/api/fail');
	await until('it is called', () => held.length === 1);
	await takeTurn();
	answer();
	worker.child.kill('SIGTERM');
	await says(worker, /"event":"worker-drains"/);
	worker.child.kill('SIGTERM');
	equal(await worker.ended, 0);
	await give();
	const next = startWorker();
	equal((await line.ended(id)).reason, 'outcome-unknown');
	equal(up.count(`/held/${id}`), 1);
	next.child.kill('SIGTERM');
	equal(await next.ended, 0);
});

await done();
