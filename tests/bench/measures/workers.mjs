/*
 * What several workers on one store cost each other: how often all of them
 * together wake up for a job. Alone: one job after the other, each with time to
 * rest, so that it counts whom a job wakes: the two rings of its accept, those
 * of its claim and end, the second look a second after the last ring. Under
 * load: as many as take a second or so, 32 posted at a time.
 */
import {join} from 'node:path';
import {BIN, NOOP, startLine} from '../line.mjs';
import {cpuUs, pause, start, switches, until} from '../proc.mjs';
import {keep, post} from '../web.mjs';

export const help = 'wake-ups per job of 1, 10 and 100 workers';
const COUNTS = (process.env.WORKERS ?? '1,10,100').split(',').map(Number);
const REST_MS = 2500; /* the second look is over */
const LONE = 4;

const columns = [
	{key: 'lone', title: 'wake-ups, lone job', digits: 1},
	{key: 'each', title: 'of these a worker', digits: 2},
	{key: 'load', title: 'under load', digits: 2},
	{key: 'cpu', title: 'CPU µs, lone', digits: 0},
	{key: 'cpuLoad', title: 'under load', digits: 0},
	{key: 'reqs', title: 'jobs/s', digits: 0},
];

const sum = numbers => numbers.reduce((a, b) => a + b, 0);

async function more(line, n) {
	const all = Array.from({length: n}, (_, i) => start(`worker-${i}`,
		join(BIN, 'lowtide-worker'), [...line.common, '--dev']));
	await until('all workers are there', () => all.every(w =>
		w.log().includes('worker-started')), {ms: 60000});
	return all;
}

/* Wake-ups and CPU of all of them for what `jobs` does, a job. */
async function cost(pids, n, jobs) {
	const before = {wakes: sum(pids.map(switches)), cpu: cpuUs(pids)};
	await jobs();
	await pause(REST_MS);
	return {wakes: (sum(pids.map(switches)) - before.wakes) / n,
		cpu: (cpuUs(pids) - before.cpu) / n};
}

async function round(bench, line, pids, row) {
	const lone = await cost(pids, LONE, async () => {
		for (let i = 0; i < LONE; i++) {
			await line.send();
			await line.settled();
			await pause(REST_MS);
		}
	});
	let reqs;
	const most = 2000;
	const load = await cost(pids, most, async () => {
		const started = performance.now();
		await post(line.url + NOOP, {most});
		await line.settled();
		reqs = most / ((performance.now() - started) / 1e3);
	});
	keep(row, 'lone', lone.wakes);
	keep(row, 'each', lone.wakes / pids.length);
	keep(row, 'load', load.wakes);
	keep(row, 'cpu', lone.cpu);
	keep(row, 'cpuLoad', load.cpu);
	keep(row, 'reqs', reqs);
}

export async function measure(bench) {
	const rows = [];

	for (const n of COUNTS) {
		const line = await startLine({name: `workers-${n}`});
		const first = await line.startWorker();
		const rest = await more(line, n - 1);
		const pids = [first, ...rest].map(w => w.pid);
		const row = {name: `${n} worker${n > 1 ? 's' : ''}`,
			figures: {}};
		await pause(REST_MS);
		for (let i = 1; i <= Math.min(bench.rounds, 3); i++) {
			bench.progress(`${n} workers, round ${i}`);
			await round(bench, line, pids, row);
		}
		rows.push(row);
		await Promise.all(rest.map(w => w.stop()));
		await line.stop();
	}
	return {columns, rows};
}
