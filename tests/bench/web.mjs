/*
 * Requests a second, side by side: in each round every case runs once, in an
 * order that turns round, and is compared with the baseline of its own round.
 */
import {writeFileSync} from 'node:fs';
import {cpuUs, run} from './proc.mjs';
import {at, TOOLS} from './line.mjs';

export const IN_FLIGHT = 32;
export const columns = [
	{key: 'reqs', title: 'req/s', digits: 0},
	{key: 'ratio', title: 'vs static', digits: 2},
	{key: 'behind', title: 'lowtide is x', digits: 2},
	{key: 'app', title: 'app µs', digits: 1},
	{key: 'nginx', title: 'nginx µs', digits: 1},
	{key: 'syncs', title: 'fsyncs', digits: 2},
	{key: 'p50', title: 'p50 ms', digits: 2},
	{key: 'p99', title: 'p99 ms', digits: 2},
];

const ms = (n, unit) => Number(n) * {us: 1e-3, ms: 1, s: 1e3, m: 6e4}[unit];
const percentile = (text, p) => {
	const m = new RegExp(`^\\s+${p}%\\s+([\\d.]+)(us|ms|s|m)$`, 'm')
		.exec(text);
	return m ? ms(m[1], m[2]) : NaN;
};

/* {count, seconds, p50, p99}; throws when an answer was not a good one. */
export async function get(url, {seconds, headers = [], script = [],
	inFlight = IN_FLIGHT}) {
	const text = await run('wrk', ['-t1', `-c${inFlight}`,
		`-d${seconds}s`, '--latency', '--timeout', '20s',
		...headers.flatMap(h => ['-H', h]), ...script.slice(0, 2), url,
		...script.slice(2)]);
	const bad = /Non-2xx.*|Socket errors.*[1-9].*/.exec(text);
	if (bad)
		throw new Error(`${url}: ${bad[0]}`);
	const [, count, took, unit] =
		/(\d+) requests in ([\d.]+)(us|ms|s|m)/.exec(text);
	return {count: Number(count), seconds: ms(took, unit) / 1e3,
		p50: percentile(text, 50), p99: percentile(text, 99)};
}

/*
 * For get(): wrk takes the next of these requests, {path, headers}, and starts
 * again. So no job is looked up faster than the endpoint lets anybody (429);
 * what has no such bounds is asked for in the same way, for wrk is on the same
 * machine.
 */
export function requests(name, list) {
	const quoted = s => `"${s.replace(/["\\]/g, '\\$&')}"`;
	writeFileSync(at(`${name}.txt`), list.map(({path, headers = {}}) =>
		[path, ...Object.entries(headers).flat()].join('\t') + '\n')
		.join(''));
	writeFileSync(at(`${name}.lua`), `
local ready, at = {}, 0
function init()
	for line in io.lines(${quoted(at(`${name}.txt`))}) do
		local parts = {}
		for part in line:gmatch("[^\t]+") do parts[#parts + 1] = part end
		local headers = {Host = wrk.headers["Host"]}
		for i = 2, #parts, 2 do headers[parts[i]] = parts[i + 1] end
		ready[#ready + 1] = wrk.format("GET", parts[1], headers)
	end
end
function request()
	at = at % #ready + 1
	return ready[at]
end
`);
	return ['-s', at(`${name}.lua`)];
}

/* In an order that is always the same and no other. */
export function shuffled(list) {
	const out = [...list];
	let seed = 7;
	for (let i = out.length - 1; i > 0; i--) {
		seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
		const j = seed % (i + 1);
		[out[i], out[j]] = [out[j], out[i]];
	}
	return out;
}

/*
 * POSTs with distinct bodies; `most` of them, or for so many seconds. later:
 * how many were answered with 202.
 */
export async function post(url, {seconds, most, inFlight = IN_FLIGHT,
	bytes = 256, header}) {
	const {host, pathname} = new URL(url);
	const r = JSON.parse(await run(`${TOOLS}/post`, [host, pathname,
		String(inFlight), String(bytes),
		most ? String(most) : `${seconds}s`,
		...header ? [header] : []]));
	if (r.refused || r.broken)
		throw new Error(`${url}: ${r.refused} refused, ` +
			`${r.broken} broken of ${r.sent}`);
	return {count: r.ok, seconds: r.ms / 1e3, p50: r.p50, p99: r.p99,
		later: r.later};
}

const map = (object, f) => Object.fromEntries(
	Object.entries(object).map(([k, v]) => [k, f(v, k)]));

/*
 * One run, {count, seconds, …}, and what it cost: watch {key: pids} becomes
 * µs of CPU for each of `count`, counters {key: read} become so many of them.
 */
export async function measured(once, watch = {}, counters = {}) {
	const read = () => ({...map(watch, cpuUs), ...map(counters, f => f())});
	const before = read();
	const r = await once();
	const after = read();
	return {...r, reqs: r.count / r.seconds,
		...map(after, (v, k) => (v - before[k]) / r.count)};
}

/* Who comes when: forwards and backwards, so that nobody always comes last. */
export function turns(n, round) {
	const order = [...Array(n).keys()];
	return round % 2 ? order : order.reverse();
}

/* Adds a round's value to a row. */
export function keep(row, key, value) {
	if (Number.isFinite(value))
		(row.figures[key] ??= []).push(value);
}

/*
 * cases: {name, once: async seconds => {count, seconds, p50, p99}, watch,
 * counters, peer}. The first is the baseline; `mine` names the case that peers
 * are compared with.
 */
export async function sideBySide(bench, cases, {mine} = {}) {
	const rows = cases.map(c => ({name: c.name, note: c.note,
		figures: {}}));

	for (const c of bench.rounds > 1 ? cases : []) {
		bench.progress(`warming up: ${c.name}`);
		await c.once(1);
	}
	for (let round = 1; round <= bench.rounds; round++) {
		const got = [];
		for (const i of turns(cases.length, round)) {
			const c = cases[i];
			bench.progress(`round ${round} of ${bench.rounds}: ` +
				c.name);
			got[i] = await measured(() => c.once(bench.seconds),
				c.watch, c.counters);
		}
		const ours = got[cases.findIndex(c => c.name === mine)];
		rows.forEach((row, i) => {
			for (const key of ['reqs', 'app', 'nginx', 'syncs',
				'p50', 'p99'])
				keep(row, key, got[i][key]);
			keep(row, 'ratio', got[i].reqs / got[0].reqs);
			if (cases[i].peer)
				keep(row, 'behind', ours.reqs / got[i].reqs);
		});
	}
	return {columns, rows};
}
