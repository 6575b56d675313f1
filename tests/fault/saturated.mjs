/*
 * 32 connections, each with a request on its way at any moment, while a worker
 * holds the leases of four slow calls and another would take them over. Whoever
 * got no turn for a second and a half loses them here; with SQLite's own
 * locking a worker got none at all for five.
 */
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {done, equal, ok, test} from '../tap.mjs';
import {Client} from '../fcgi-client.mjs';
import {pause, startLine, startUpstream, until} from '../cli/line.mjs';

const IN_FLIGHT = 32;
const LEASE_MS = 2000;
const HEARTBEAT_MS = 500;
const LEASES = 3; /* so many pass under load */
const SLOW = 4;

const held = [];
const up = await startUpstream({
	slow: (req, res) => held.push(res), flood: (req, res) => held.push(res)});
const line = await startLine({
	apis: [{name: 'slow', upstream: 'up', concurrency: SLOW},
		{name: 'flood', upstream: 'up', concurrency: 1}],
	upstreams: [{name: 'up', base: up.url, timeoutMs: 60000,
		stallTimeoutMs: 60000}]});
const worker = () => line.start('lowtide-worker', '--dev', '--lease',
	`${LEASE_MS}ms`, '--heartbeat', `${HEARTBEAT_MS}ms`);
const says = (who, what) => until(`the log says ${what}`,
	() => what.test(who.log));

/* ---- the flood --------------------------------------------------------- */

const accepted = [], refused = [];
let stop = false;

async function flood() {
	const c = await Client.dial(line.socket);
	for (let id = 1; !stop; id = id % 60000 + 1) {
		const a = await c.ask({id, method: 'POST', uri: '/api/flood',
			type: 'application/json', body: '{}',
			headers: {'x-wait-time-ms': '0'}});
		if (a.status === 202)
			accepted.push(JSON.parse(a.body).jobId);
		else
			refused.push(a.status);
	}
	c.close();
}

/* ---- what is seen of the leases ---------------------------------------- */

let beats = 0, looks = 0, until_ms = 0;

/*
 * A heartbeat moves the end of a lease, which is seen to the millisecond. One is
 * due between two looks; on a slow machine a look takes longer than that.
 */
async function watch(ms) {
	for (const end = Date.now() + ms; Date.now() < end; looks++) {
		const at = Date.parse(line.show(jobs[0]).leaseUntil);
		if (at > until_ms + 10)
			beats++;
		until_ms = at;
		await pause(HEARTBEAT_MS);
	}
}

/* ---- the workers ------------------------------------------------------- */

const jobs = [];
const first = worker();
let second, load;

test('one worker has four calls on their way, another looks on', async () => {
	for (let i = 0; i < SLOW; i++)
		jobs.push(await line.send('/api/slow'));
	await until('all are called', () => held.length === SLOW);
	second = worker();
	await says(second, /"event":"worker-started"/);
});

test(`${IN_FLIGHT} accepts in flight for ${LEASES} leases`, async () => {
	load = Promise.all(Array.from({length: IN_FLIGHT}, flood));
	for (let i = 0; i < LEASES; i++) {
		const before = accepted.length;
		await watch(LEASE_MS);
		ok(accepted.length > before + IN_FLIGHT,
			`${accepted.length - before} accepted in a lease`);
	}
	console.log(`# ${accepted.length} accepted, ${beats} heartbeats seen ` +
		`in ${looks} looks`);
});

test('the heartbeats were committed meanwhile', () => {
	ok(beats >= looks * 2 / 3, `${beats} of ${looks}`);
});

test('no lease was lost meanwhile', async () => {
	for (const id of jobs) {
		const job = line.show(id);
		equal([job.status, job.attempt], ['processing', 1]);
	}
	for (const who of [first, second]) {
		ok(!/"event":"job-lost"/.test(who.log), who.log);
		ok(!/"event":"jobs-recovered"/.test(who.log), who.log);
	}
});

test('an answer under load ends its job, once', async () => {
	for (const res of held.splice(0))
		res.writeHead(200).end();
	for (const id of jobs) {
		const job = await line.ended(id);
		equal([job.status, job.attempt], ['completed', 1]);
		equal(up.count(`/slow/${id}`), 1);
	}
	equal([first, second].filter(w => w.exit !== undefined), []);
});

test('every accept was answered with 202, and has its row', async () => {
	stop = true;
	await load;
	equal(refused, []);
	equal(new Set(accepted).size, accepted.length);
	for (const res of held.splice(0))
		res.destroy();
	/* more than `lowtide-jobs ls` lists, on a fast machine */
	const {status, stdout} = spawnSync('sqlite3', ['-readonly',
		join(line.dir, 'state', 'jobs.db'),
		'SELECT hex(head) || hex(key) || hex(mac) FROM flood'],
		{encoding: 'utf8', maxBuffer: 1 << 30});
	equal(status, 0);
	const rows = new Set(stdout.split('\n').filter(Boolean).map(hex =>
		`job_${Buffer.from(hex, 'hex').toString('base64url')}`));
	equal(rows.size, accepted.length);
	equal(accepted.filter(id => !rows.has(id)), []);
});

await done();
