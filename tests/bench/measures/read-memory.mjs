/*
 * What it costs to keep answers: private memory of lowtide-read for each byte of
 * them, body for body, after they came through the program as they do. Then all
 * of them are asked for once more: how many calls that made says whether they
 * had been kept at all.
 */
import {startReads} from '../read-line.mjs';
import {dirtyKb} from '../proc.mjs';
import {keep} from '../web.mjs';

export const help = 'memory for each byte of an answer that is kept';
const sizes = (process.env.KEPT ?? '100000x1,1000x100').split(',')
	.map(s => s.split('x').map(Number)); /* answers x KiB */
const AT_ONCE = 4;

const columns = [
	{key: 'mb', title: 'MB', digits: 1},
	{key: 'ratio', title: 'memory / bytes', digits: 3},
	{key: 'beside', title: 'beside the body, bytes', digits: 0},
	{key: 'again', title: 'calls when asked again', digits: 0},
];

/* All of n answers, so many in one read; a few reads at once. */
async function fill(line, n, kib) {
	const each = Math.min(n, kib > 10 ? 10 : 100);
	const paths = Array.from({length: n / each}, (_, i) =>
		`/api/fill/0/${1024 * kib}/${Array.from({length: each},
			(_, j) => `f${kib}-${i * each + j}`).join(',')}`);
	await Promise.all(Array.from({length: AT_ONCE}, async () => {
		for (let path; (path = paths.pop());) {
			const r = await fetch(line.url + path);
			await r.arrayBuffer();
			if (r.headers.get('x-aggregate-complete') !== 'true')
				throw new Error(`${path.slice(0, 40)} was not ` +
					`answered in full: ${r.status}`);
		}
	}));
}

export async function measure(bench) {
	const rows = [];
	for (const [n, kib] of sizes) {
		const row = {name: `${n.toLocaleString('en')} of ${kib} KiB`,
			figures: {}};
		const line = await startReads(bench,
			{args: ['--cache', '1GiB']});
		const bytes = 1024 * kib * n;
		bench.progress(row.name);
		await fill(line, 10, kib + 1); /* what has grown once stays */
		const before = dirtyKb(line.read.pid);
		await line.slow.count();
		await fill(line, n, kib);
		const {calls} = await line.slow.count();
		const grown = 1024 * (dirtyKb(line.read.pid) - before);
		await fill(line, n, kib);
		keep(row, 'mb', grown / 1e6);
		keep(row, 'ratio', grown / bytes);
		keep(row, 'beside', (grown - bytes) / n);
		keep(row, 'again', (await line.slow.count()).calls);
		row.note = `${calls} calls`;
		rows.push(row);
		await line.stop();
	}
	return {columns, rows};
}
