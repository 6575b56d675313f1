/*
 * A service that does SLOTS calls of 100 ms at a time is asked for ten times as
 * much as it can do, at a rate that does not care how the others fare: who is
 * served, and how soon beside a tenth of what it can do; who is told to come
 * again later, and how soon he is told.
 */
import {TOOLS} from '../line.mjs';
import {run} from '../proc.mjs';
import {startReads} from '../read-line.mjs';
import {keep, measured, turns} from '../web.mjs';

export const help = 'ten times as much as the service can do';
const SLOTS = 32, CAN = SLOTS * 10; /* a second, as it takes 100 ms */

const columns = [
	{key: 'served', title: 'served of what it can', digits: 2},
	{key: 'p50', title: 'p50 ms', digits: 0},
	{key: 'p99', title: 'p99 ms', digits: 0},
	{key: 'calm', title: 'p50 unloaded', digits: 0},
	{key: 'over', title: 'x', digits: 2},
	{key: 'shed', title: 'shed %', digits: 1},
	{key: 'told', title: 'Retry-After %', digits: 1},
	{key: 'shedP50', title: 'shed p50 ms', digits: 1},
	{key: 'other', title: 'failed %', digits: 1},
	{key: 'app', title: 'app µs each', digits: 1},
	{key: 'most', title: 'calls at once', digits: 0},
];

async function come(line, path, rate, seconds) {
	const r = JSON.parse(await run(`${TOOLS}/arrivals`,
		[new URL(line.url).host, path, String(rate), String(seconds)]));
	return {...r, count: r.sent, seconds: r.ms / 1e3};
}

export async function measure(bench) {
	const line = await startReads(bench, {bound: SLOTS,
		peers: ['fetch', 'agent']});
	const cases = [
		{name: 'lowtide-read, queue = 32', path: '/api/bound/',
			pid: line.read.pid},
		{name: 'lowtide-read, queue = 1024 (default)',
			path: '/api/patient/', pid: line.read.pid},
		...line.peers.map(p => ({name: p.name, pid: p.pid,
			path: `/${p.key}/bound/`})),
	];
	const rows = cases.map(({name}) => ({name, figures: {}}));
	/* who is not shed waits, on two connections each in nginx */
	const seconds = Math.min(bench.seconds, 2);
	for (let round = 1; round <= bench.rounds; round++)
		for (const i of turns(cases.length, round)) {
			const {name, path, pid} = cases[i], row = rows[i];
			bench.progress(`round ${round} of ${bench.rounds}: ` +
				name);
			const calm = await come(line, path, CAN / 10, seconds);
			await line.bound.count();
			const r = await measured(() => come(line, path,
				CAN * 10, seconds), {app: [pid]});
			const {most} = await line.bound.count();
			const share = n => 100 * n / r.sent;
			keep(row, 'served', r.ok / r.seconds / CAN);
			keep(row, 'p50', r.okP50);
			keep(row, 'p99', r.okP99);
			keep(row, 'calm', calm.okP50);
			keep(row, 'over', r.okP50 / calm.okP50);
			keep(row, 'shed', share(r.shed));
			if (r.shed) {
				keep(row, 'told', 100 * r.retryAfter / r.shed);
				keep(row, 'shedP50', r.shedP50);
			}
			keep(row, 'other', share(r.other + r.broken));
			keep(row, 'app', r.app);
			keep(row, 'most', most);
		}
	await line.stop();
	return {columns, rows};
}
