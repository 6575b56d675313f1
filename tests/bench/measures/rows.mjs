/*
 * Look-ups of random jobs in stores of growing size, all of them open at once,
 * each behind a web server of its own and over an endpoint that lets 1,000 jobs
 * be looked up as often as this (--unpaced). 10,000,000 rows take minutes to
 * write and gigabytes to keep: only with FULL=1 or ROWS_MAX=1e7.
 */
import {statfsSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {at, fill, startLine} from '../line.mjs';
import {pause} from '../proc.mjs';
import {get, keep, measured, requests, shuffled} from '../web.mjs';

export const help = 'look-ups in stores of 1e3, 1e5 and, with FULL=1, 1e7 rows';
const SIZES = [1e3, 1e5, 1e7];
const BYTES_A_ROW = 1200; /* while it is written, with room */
const most = Number(process.env.ROWS_MAX ?? (process.env.FULL ? 1e7 : 1e5));

const columns = [
	{key: 'reqs', title: 'look-ups/s', digits: 0},
	{key: 'growth', title: 'vs 1,000', digits: 2},
	{key: 'app', title: 'app µs', digits: 1},
	{key: 'nginx', title: 'nginx µs', digits: 1},
	{key: 'p50', title: 'p50 ms', digits: 2},
	{key: 'p99', title: 'p99 ms', digits: 2},
];

const room = () => {
	const {bavail, bsize} = statfsSync(at());
	return bavail * bsize;
};

async function write(bench, rows) {
	const dir = at(`rows-${rows}`);
	bench.progress(`writing ${rows.toLocaleString('en')} rows`);
	const started = performance.now();
	const jobs = await fill(dir, rows);
	const seconds = (performance.now() - started) / 1e3;
	const mb = statSync(join(dir, 'jobs.db')).size / 1e6;
	return {rows, dir, script: requests(`rows-${rows}`, shuffled(jobs)),
		name: `${rows.toLocaleString('en')} rows`, figures: {},
		note: `${mb.toFixed(0)} MB, written in ${seconds.toFixed(0)} s`};
}

export async function measure(bench) {
	const stores = [];
	for (const rows of SIZES.filter(n => n <= most)) {
		if (room() < rows * BYTES_A_ROW) {
			bench.warn(`no room for ${rows} rows in ${at()}`);
			continue;
		}
		stores.push(await write(bench, rows));
	}
	for (const s of stores)
		s.line = await startLine({name: `line-${s.rows}`,
			state: s.dir, unpaced: true});
	const look = (s, seconds) => measured(() => get(`${s.line.url}/`,
		{seconds, script: s.script}), s.line.watch);
	for (const s of stores) {
		bench.progress(`warming up: ${s.name}`);
		await look(s, s.rows > 1e6 ? 3 * bench.seconds : 1);
	}
	await pause(100);
	for (let round = 1; round <= bench.rounds; round++) {
		let first;
		for (const s of stores) {
			bench.progress(`round ${round} of ${bench.rounds}: ` +
				s.name);
			const r = await look(s, bench.seconds);
			first ??= r.reqs;
			for (const {key} of columns)
				keep(s, key, r[key]);
			keep(s, 'growth', r.reqs / first);
		}
	}
	for (const s of stores)
		await s.line.stop();
	return {columns, rows: stores};
}
