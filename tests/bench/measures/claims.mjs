/*
 * What a job costs the worker while ever fewer are left of ROWS queued ones, of
 * OWNERS owners: CPU of the first, the middle and the last tenth. They do
 * nothing (noop = true), so it is the claim, the end and the commit that both
 * share. Then the same behind LATER others whose next attempt is an hour away,
 * which each claim has to pass over.
 */
import {at, fill, startLine} from '../line.mjs';
import {cpuUs, pause} from '../proc.mjs';
import {keep, turns} from '../web.mjs';

export const help = 'CPU per claim, first to last of 100,000 queued jobs';
const ROWS = Number(process.env.QUEUED ?? 100000);
const LATER = Number(process.env.LATER ?? ROWS / 2);
const OWNERS = 500;
const EVERY_MS = 20;
const MISSED_MAX = 500;

const columns = [
	{key: 'reqs', title: 'jobs/s', digits: 0},
	{key: 'first', title: 'first tenth µs', digits: 1},
	{key: 'middle', title: 'middle', digits: 1},
	{key: 'last', title: 'last', digits: 1},
	{key: 'ratio', title: 'last / first', digits: 2},
];

/* [{left, us}] until nothing is left but `rest`. */
async function drained(line, pids, rest) {
	const seen = [];
	let missed = 0;
	for (;; await pause(EVERY_MS)) {
		const us = cpuUs(pids);
		const r = await fetch(`${line.url}/api/jobs/health`);
		const h = await r.json();
		const left = h.pending + h.processing - rest;
		if (!Number.isFinite(left)) { /* the store was busy */
			if (++missed > MISSED_MAX)
				throw new Error(`health: ${r.status}`);
			continue;
		}
		if (seen.at(-1)?.left !== left)
			seen.push({left, us});
		if (left <= 0)
			return seen;
	}
}

/* µs a job while there were between `from` and `to` of ROWS left. */
function between(seen, from, to) {
	const inside = seen.filter(s => s.left <= from * ROWS &&
		s.left >= to * ROWS);
	const a = inside[0], b = inside.at(-1);
	return inside.length < 2 ? NaN : (b.us - a.us) / (a.left - b.left);
}

let serial = 0;
async function once(bench, later) {
	const name = `claims-${++serial}`;
	const state = at(`${name}-state`);
	if (later)
		await fill(state, later, {api: 'noop', pending: true,
			later: true, owners: OWNERS});
	await fill(state, ROWS, {api: 'noop', pending: true, owners: OWNERS});
	const line = await startLine({name, state});
	const started = performance.now();
	const {pid} = await line.startWorker();
	const seen = await drained(line, [pid], later);
	const seconds = (performance.now() - started) / 1e3;
	await line.stop();
	const first = between(seen, 1, 0.9), last = between(seen, 0.1, 0);
	return {reqs: ROWS / seconds, first, last,
		middle: between(seen, 0.55, 0.45), ratio: last / first};
}

export async function measure(bench) {
	const cases = [0, LATER];
	const rows = cases.map(n => ({figures: {}, name: n ?
		`behind ${n.toLocaleString('en')} put off` :
		`${ROWS.toLocaleString('en')} queued`}));
	for (let round = 1; round <= Math.min(bench.rounds, 3); round++)
		for (const i of turns(cases.length, round)) {
			bench.progress(`round ${round}: ${rows[i].name}`);
			const got = await once(bench, cases[i]);
			for (const {key} of columns)
				keep(rows[i], key, got[key]);
		}
	return {columns, rows};
}
