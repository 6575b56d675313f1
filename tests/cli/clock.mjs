/*
 * The real programs while the wall clock is stepped by a day. libfaketime
 * gives them another wall clock and leaves boot time alone, as settimeofday()
 * does; the file it reads is this test's hand on the clock.
 */
import {spawnSync} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {done, equal, match, ok, test} from '../tap.mjs';
import {newFolder, pause, program, startLine, startUpstream, until} from './line.mjs';

/* the clock is beside lowtide.json, where the endpoint's sandbox may read */
const dir = newFolder();
const set = seconds => writeFileSync(join(dir, 'clock'),
	`${seconds < 0 ? '' : '+'}${seconds}\n`);
const DAY = 86400;
const HOUR = 3600 * 1000;

set(0);
Object.assign(process.env, {LD_PRELOAD: process.env.FAKETIME_LIB,
	FAKETIME_TIMESTAMP_FILE: join(dir, 'clock'), FAKETIME_NO_CACHE: '1',
	FAKETIME_DONT_FAKE_MONOTONIC: '1',
	ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0`});

const held = [];
const up = await startUpstream({
	held: (req, res) => held.push(res),
	ok: (req, res) => res.writeHead(200).end('done'),
});
const apis = [
	{name: 'held', upstream: 'up', concurrency: 9},
	{name: 'brief', upstream: 'up', deadlineMs: 1500, onLost: 'retry',
		requestPath: '/held/{job.id}'},
	{name: 'ok', upstream: 'up'},
	{name: 'fleeting', upstream: 'up', ttlMs: 300,
		requestPath: '/ok/{job.id}'},
];
const line = await startLine({apis, dir,
	upstreams: [{name: 'up', base: up.url, timeoutMs: 60000,
		stallTimeoutMs: 60000}]});
const worker = line.worker();
const logs = () => line.children.map(c => c.log).join('');
const running = async id => {
	const n = held.length;
	const job = await line.send('/api/held');
	await until('it is called', () => held.length > n);
	return job;
};
/* Beyond its lease, while the clock shows something else. */
const waits = async () => {
	await pause(1500);
	held.at(-1).writeHead(201).end('{}');
};

let kept;
test('the programs see the clock that the test sets', async () => {
	kept = await line.send('/api/ok');
	const job = await line.ended(kept);
	equal(job.status, 'completed');
	ok(Math.abs(Date.parse(job.createdAt) - Date.now()) < HOUR);
});
for (const [how, by] of [['a day forward', DAY], ['two days back', -DAY]])
	test(`${how}, and what runs goes on`, async () => {
		const job = await running();
		set(by);
		const other = await running();
		await waits();
		equal(line.show(job).status, 'processing');
		held.at(-2).writeHead(201).end('{}');
		equal((await line.ended(job)).status, 'completed');
		equal((await line.ended(other)).status, 'completed');
		const {createdAt} = line.show(other);
		ok(Math.abs(Date.parse(createdAt) - Date.now() - by * 1000) <
			HOUR, createdAt);
		equal(up.count(`/held/${job}`), 1);
		equal(up.count(`/held/${other}`), 1);
	});
test('nor is a deadline prolonged', async () => {
	const n = held.length;
	const job = await line.send('/api/brief');
	await until('it is called', () => held.length > n);
	set(-2 * DAY);
	const end = await line.ended(job);
	equal(end.reason, 'deadline-exceeded');
	equal(up.count(`/held/${job}`), 1);
});
test('what is kept is neither erased nor denied, and that is said', async () => {
	set(DAY);
	await line.ended(await line.send('/api/fleeting'));
	await until('the step is noticed', () => /expiry-stopped/.test(logs()));
	equal(line.show(kept).erasedAt, null);
	const r = await line.fcgi({method: 'GET', target: `/api/jobs/${kept}`});
	equal(r.status, 200, 'nor is it denied meanwhile');
});
test('until an operator says that it is right', async () => {
	set(DAY);
	match(line.jobs('trust-clock').out, /expiry goes on/);
	worker.child.kill('SIGTERM');
	await worker.ended;
	line.worker();
	await until('it is erased', () => line.show(kept).erasedAt);
	await until('it is said', () => /jobs-expired/.test(logs()));
	const r = await line.fcgi({method: 'GET', target: `/api/jobs/${kept}`});
	equal(r.status, 410);
	set(0);
	const after = await line.fcgi({method: 'GET',
		target: `/api/jobs/${kept}`});
	equal(after.status, 410, 'gone for good');
});

const health = async () => {
	const r = await line.fcgi({method: 'GET', target: '/api/jobs/health'});
	return [r.status, JSON.parse(r.text).worker];
};
test('work that waits for a worker who is gone is told', async () => {
	const workers = line.children.filter(c => c !== line.cgi);
	for (const c of workers)
		c.child.kill('SIGKILL');
	await Promise.all(workers.map(c => c.ended));
	set(3600); /* nothing to do: nobody is missed */
	equal(await health(), [200, 'idle']);
	const job = await line.send('/api/ok');
	equal(await health(), [200, 'idle']);
	set(3631);
	equal(await health(), [503, 'missing']);
	line.worker();
	equal((await line.ended(job)).status, 'completed');
	equal(await health(), [200, 'working']);
	set(0);
});

/* A container that comes back with another offset of boot time. */
const elsewhere = ['--time', '--boottime', '100000', '--fork', '--kill-child'];
if (spawnSync('unshare', [...elsewhere, 'true']).status === 0)
	test('another time namespace is another boot', async () => {
		const there = (name, ...args) => spawnSync('unshare', [...elsewhere,
			program(name), ...args, ...line.common], {encoding: 'utf8'});
		const r = there('lowtide-jobs', 'trust-clock');
		equal(r.status, 74);
		match(r.stderr, /store-other-host/);

		const lost = await running();
		const workers = line.children.filter(c => c !== line.cgi);
		for (const c of workers)
			c.child.kill('SIGKILL');
		await Promise.all(workers.map(c => c.ended));
		const waiting = await line.send('/api/ok');
		line.cgi.child.kill('SIGKILL');
		await line.cgi.ended;
		equal(there('lowtide-jobs', 'trust-clock').status, 0);
		line.spawn('unshare', ...elsewhere, program('lowtide-worker'),
			...line.common, '--dev', '--lease', '1s',
			'--heartbeat', '100ms');
		const end = await line.ended(lost);
		equal(end.reason, 'outcome-unknown', 'its lease is over');
		equal(up.count(`/held/${lost}`), 1);
		equal((await line.ended(waiting)).status, 'completed',
			'and its deadline is not');
	});
else
	console.log('# no time namespaces here: test-sqlite reboots as well');
done();
