/*
 * A page of five services about 20 identifiers nobody asked for before: one call
 * for all of them and 80 more, of which the slowest take 100 ms. How much longer
 * than such a call alone, through the same nginx, the page takes: one at a time,
 * and CROWD at a time. CPU time of a call upstream, of all that the aggregator
 * does for it; resident memory before and at most.
 */
import {readFileSync} from 'node:fs';
import {startReads, strangers} from '../read-line.mjs';
import {get, keep, measured, turns} from '../web.mjs';

export const help = 'a page of 81 calls to five services, nothing of it kept';
const IDS = 20, CALLS = 1 + 4 * IDS, CROWD = 4;

const columns = [
	{key: 'p50', title: 'p50 ms', digits: 1},
	{key: 'over', title: 'x slowest call', digits: 3},
	{key: 'p99', title: 'p99 ms', digits: 1},
	{key: 'app', title: 'app µs/call', digits: 1},
	{key: 'crowd', title: `p50 ms, ${CROWD} at once`, digits: 1},
	{key: 'crowdOver', title: 'x', digits: 3},
	{key: 'crowdApp', title: 'app µs/call', digits: 1},
	{key: 'times', title: 'CPU, its / lowtide', digits: 2},
	{key: 'rest', title: 'rest MB', digits: 1},
	{key: 'load', title: 'load MB', digits: 1},
];

const mb = (pid, field) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm')
	.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

export async function measure(bench) {
	const line = await startReads(bench,
		{peers: ['fetch', 'agent', 'aiohttp']});
	const aggregator = (name, path, pid) => ({name, pid, calls: CALLS,
		who: strangers(path, IDS)});
	const cases = [
		{name: 'the slowest call alone', calls: 1,
			who: strangers('/slow/100/256/alone/')},
		aggregator('lowtide-read', '/api/case/', line.read.pid),
		...line.peers.map(p => aggregator(p.name, `/${p.key}/case/`,
			p.pid)),
	];
	const rows = cases.map(c => ({name: c.name, figures: {}}));
	/* each path has a script of its own */
	const ask = (c, seconds, inFlight) => measured(() => get(`${line.url}/`,
		{seconds, inFlight, script: c.who.script}),
	c.pid ? {app: [c.pid]} : {});

	cases.forEach((c, i) => {
		if (c.pid)
			keep(rows[i], 'rest', mb(c.pid, 'VmRSS'));
	});
	for (const c of bench.rounds > 1 ? cases : []) {
		bench.progress(`warming up: ${c.name}`);
		await ask(c, 1, 1);
	}
	for (let round = 1; round <= bench.rounds; round++) {
		const got = [];
		for (const i of turns(cases.length, round)) {
			const c = cases[i];
			bench.progress(`round ${round} of ${bench.rounds}: ` +
				c.name);
			await line.slow.count();
			const one = await ask(c, bench.seconds, 1);
			const many = await ask(c, bench.seconds, CROWD);
			const told = await line.slow.count();
			/* those that were under way at the end count, too */
			if (told.calls < c.calls * (one.count + many.count))
				rows[i].note = 'some calls were not made';
			else
				rows[i].note = `answers ${told.lateMs.toFixed(2)}` +
					' ms late by the upstream';
			got[i] = {one, many};
		}
		const base = got[0], mine = got[1];
		got.forEach(({one, many}, i) => {
			const row = rows[i], {calls, pid} = cases[i];
			keep(row, 'p50', one.p50);
			keep(row, 'p99', one.p99);
			keep(row, 'over', one.p50 / base.one.p50);
			keep(row, 'crowd', many.p50);
			keep(row, 'crowdOver', many.p50 / base.many.p50);
			if (!pid)
				return;
			keep(row, 'app', one.app / calls);
			keep(row, 'crowdApp', many.app / calls);
			keep(row, 'times', many.app / mine.many.app);
		});
	}
	cases.forEach((c, i) => {
		if (c.pid)
			keep(rows[i], 'load', mb(c.pid, 'VmHWM'));
	});
	await line.stop();
	return {columns, rows};
}
