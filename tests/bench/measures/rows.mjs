/*
 * Look-ups of random jobs in stores of growing size, all of them open at once,
 * each behind a web server of its own. 10,000,000 rows take minutes to write
 * and gigabytes to keep: only with FULL=1 or ROWS_MAX=1e7.
 */
import {mkdirSync, readFileSync, statfsSync, statSync, writeFileSync}
	from 'node:fs';
import {join} from 'node:path';
import {at, site, startLine, TOOLS} from '../line.mjs';
import {pause, run} from '../proc.mjs';
import {get, keep, measured} from '../web.mjs';

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

/* wrk takes the next id of a shuffled list for every request. */
const script = ids => `
local file = assert(io.open("${ids}"))
local paths, at = {}, 0
for id in file:lines() do paths[#paths + 1] = "/api/jobs/" .. id end
math.randomseed(7)
for i = #paths, 2, -1 do
	local j = math.random(i)
	paths[i], paths[j] = paths[j], paths[i]
end
local ready
function init()
	ready = {}
	for i, path in ipairs(paths) do ready[i] = wrk.format("GET", path) end
end
function request()
	at = at % #ready + 1
	return ready[at]
end
`;

const room = () => {
	const {bavail, bsize} = statfsSync(at());
	return bavail * bsize;
};

async function fill(bench, rows) {
	const {config} = await site();
	const dir = at(`rows-${rows}`);
	mkdirSync(dir);
	bench.progress(`writing ${rows.toLocaleString('en')} rows`);
	const started = performance.now();
	const ids = await run(join(TOOLS, 'fill'), ['--config', config,
		'--state', dir, '--keys', at('keys'), String(rows)]);
	writeFileSync(`${dir}.ids`, ids);
	writeFileSync(`${dir}.lua`, script(`${dir}.ids`));
	const seconds = (performance.now() - started) / 1e3;
	const mb = statSync(join(dir, 'jobs.db')).size / 1e6;
	return {rows, dir, script: ['-s', `${dir}.lua`],
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
		stores.push(await fill(bench, rows));
	}
	for (const s of stores)
		s.line = await startLine({name: `line-${s.rows}`,
			state: s.dir});
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
