/*
 * What the programs cost while nothing happens: memory of their own, and how
 * often they wake up, counted over 20 s.
 */
import {startLine} from '../line.mjs';
import {dirtyKb, pause, privateKb, switches} from '../proc.mjs';

export const help = 'memory and wake-ups while nothing happens';
const WATCH_MS = Number(process.env.IDLE_MS ?? 20000);
const SETTLE_MS = 3000; /* after the last ring they look once more */

const columns = [
	{key: 'dirty', title: 'dirty kB', digits: 0},
	{key: 'private', title: 'private kB', digits: 0},
	{key: 'wakes', title: 'wake-ups/min', digits: 1},
];

export async function measure(bench) {
	const line = await startLine();
	await line.startWorker();
	await line.send();
	await line.settled();
	bench.progress(`watching for ${WATCH_MS / 1000} s`);
	await pause(SETTLE_MS);
	const watched = [['lowtide-cgi', line.cgi],
		['lowtide-worker', line.worker]];
	const before = watched.map(([, it]) => switches(it.pid));
	await pause(WATCH_MS);
	const rows = watched.map(([name, {pid}], i) => ({name, figures: {
		wakes: [(switches(pid) - before[i]) * 60000 / WATCH_MS],
		dirty: [dirtyKb(pid)], private: [privateKb(pid)]}}));
	await line.stop();
	return {columns, rows};
}
