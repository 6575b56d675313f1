/*
 * This build of lowtide and another one, in turns, each behind a web server and
 * over a store of its own; both with the site that the other one knows. What is
 * compared is the same round's: a ratio above 1 is more work done by this one,
 * or, of what is measured in milliseconds and kB, less of it.
 */
import {join} from 'node:path';
import {jobPath, ours, startLine, status} from '../line.mjs';
import {cpuUs, dirtyKb, pause} from '../proc.mjs';
import {get, keep, measured, post, requests, turns} from '../web.mjs';
import {through} from './jobs.mjs';
import {crowd, quiet} from './waiting.mjs';

export const help = 'another build of lowtide beside this one (AGAINST=FOLDER)';
const WAITING = Number(process.env.CROWDS ?? 5000);
const LOOKED_UP = 20000; /* in turns, since one alone is bounded (429) */

const columns = [
	{key: 'reqs', title: 'a second', digits: 0},
	{key: 'last', title: 'last ms', digits: 0},
	{key: 'app', title: 'endpoint µs', digits: 1},
	{key: 'worker', title: 'worker µs', digits: 1},
	{key: 'each', title: 'kB each', digits: 2},
	{key: 'better', title: 'this is x', digits: 2},
	{key: 'cpu', title: 'its CPU x', digits: 2},
];

const lookUp = async (line, name, headers) => {
	const script = requests(`${line.name}-${name}`,
		line.jobs.map(path => ({path, headers})));
	return () => measured(() => get(`${line.url}/`,
		{seconds: line.seconds, script}), line.watch);
};

/* They wait for a job that no worker takes, and are released by its end. */
async function release(line) {
	await line.stopWorker();
	const job = await line.send();
	const idle = dirtyKb(line.cgi.pid);
	const it = await crowd(line, job, WAITING);
	await quiet([line.cgi.pid, line.nginx.worker]);
	const kb = (dirtyKb(line.cgi.pid) - idle) / WAITING;
	const cpu = cpuUs([line.cgi.pid]);
	const {lastMs} = await it.release();
	await pause(200);
	const used = cpuUs([line.cgi.pid]) - cpu;
	await line.startWorker();
	return {last: lastMs, app: used / WAITING,
		each: line.waited++ ? undefined : kb};
}

/* A line, with jobs that are done and ways to measure it. */
async function prepare(bench, name, what, nothing) {
	const line = await startLine({name, what});
	line.nothing = nothing;
	line.seconds = bench.seconds;
	line.waited = 0;
	await line.startWorker();
	bench.progress(`${name}: jobs to look up`);
	line.jobs = [];
	while (line.jobs.length < LOOKED_UP)
		line.jobs.push(...await Promise.all(Array.from({length: 64},
			async () => (await line.send()).path)));
	await line.settled();
	const {etag} = await status(line, line.jobs[0]);
	return {line, cases: {
		'look-up, completed': await lookUp(line, 'completed'),
		'look-up, other version': await lookUp(line, 'known',
			{'if-none-match': etag}),
		'accept': () => measured(() => post(line.url + jobPath,
			{seconds: bench.seconds}), line.watch),
		'accept to completed': () => measured(() => through(
			1000 * bench.seconds, line.url + jobPath, line.settled),
		{app: [line.cgi.pid], worker: [line.worker.pid]}),
		[`${WAITING} released`]: () => release(line)}};
}

export async function measure(bench) {
	const folder = process.env.AGAINST;
	if (!folder)
		throw new Error('AGAINST=FOLDER says which');
	const from = join(folder, 'tests/bench/site');
	const sides = [await prepare(bench, 'this', {...ours, name: 'this', from,
		settings: []})];
	sides.push(await prepare(bench, 'other', {name: 'other', from,
		bin: join(folder, 'build/bin')}, sides[0].line.nothing));
	const rows = Object.keys(sides[0].cases).flatMap(name => [
		{name, key: name, figures: {}},
		{name: '  the other', key: name, figures: {}}]);
	for (let round = 1; round <= bench.rounds; round++)
		for (const name of Object.keys(sides[0].cases)) {
			const got = [];
			for (const i of turns(2, round)) {
				bench.progress(`round ${round} of ` +
					`${bench.rounds}: ${name}`);
				/* what the others left is done first */
				for (const {line} of sides)
					await line.settled();
				got[i] = await sides[i].cases[name]();
			}
			rows.filter(r => r.key === name).forEach((row, i) => {
				for (const {key} of columns)
					keep(row, key, got[i][key]);
			});
			const row = rows.find(r => r.key === name);
			keep(row, 'better', got[0].reqs ?
				got[0].reqs / got[1].reqs :
				got[1].last / got[0].last);
			const cpu = r => r.app + (r.worker ?? 0);
			keep(row, 'cpu', cpu(got[0]) / cpu(got[1]));
		}
	for (const {line} of sides)
		await line.stop();
	return {columns, rows};
}
