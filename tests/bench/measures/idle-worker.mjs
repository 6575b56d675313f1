/*
 * lowtide-worker while nothing happens, after it has done one job: memory of
 * its own, and how often it wakes up, counted over IDLE_MS. With a provider
 * whose keys it fetches (they are there, and new), and with an address where
 * it tells its figures, which nobody asks for.
 */
import {at, NOOP, ours, startLine, withSite} from '../line.mjs';
import {dirtyKb, pause, privateKb, switches} from '../proc.mjs';
import {post} from '../web.mjs';

export const help = 'an idle worker, with and without providers and metrics';
const WATCH_MS = Number(process.env.IDLE_MS ?? 20000);
const SETTLE_MS = 3000; /* after the last ring they look once more */

const columns = [
	{key: 'private', title: 'private kB', digits: 0},
	{key: 'dirty', title: 'of these dirty', digits: 0},
	{key: 'wakes', title: 'wake-ups/min', digits: 1},
];

const plain = withSite('plain');
const cases = [
	{name: 'plain', what: plain},
	{name: 'provider', what: ours},
	{name: 'metrics', what: plain, metrics: true},
	{name: 'provider, metrics', what: ours, metrics: true},
];

async function start({what, metrics}, i, nothing) {
	const name = `idle-${i}`;
	const line = await startLine({name, what});
	line.nothing = nothing;
	await line.startWorker(...metrics ?
		['--metrics', `unix:${at(`${name}.metrics`)}`] : []);
	await post(line.url + NOOP, {most: 1});
	await line.settled();
	return line;
}

export async function measure(bench) {
	const lines = [];

	for (const [i, c] of cases.entries())
		lines.push(await start(c, i,
			lines.find(l => l.nothing)?.nothing));
	bench.progress(`watching for ${WATCH_MS / 1000} s`);
	await pause(SETTLE_MS);
	const pids = lines.map(l => l.worker.pid);
	const before = pids.map(switches);
	await pause(WATCH_MS);
	const rows = pids.map((pid, i) => ({name: cases[i].name, figures: {
		wakes: [(switches(pid) - before[i]) * 60000 / WATCH_MS],
		dirty: [dirtyKb(pid)], private: [privateKb(pid)]}}));
	for (const line of lines)
		await line.stop();
	return {columns, rows};
}
