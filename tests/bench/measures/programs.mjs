/*
 * Jobs that are programs (exec), here one that does nothing at all: what comes
 * on top of the job itself is a work folder, somebody who minds the program,
 * the program, and that nothing of it is left. Beside it the same line without
 * a program, and the program alone, started as cheaply as can be. CPU is of
 * all processes that were there, also of those that are gone.
 */
import {readFileSync} from 'node:fs';
import {at, NOOP, startLine, TOOLS, withSite} from '../line.mjs';
import {treeUs, run} from '../proc.mjs';
import {keep, turns} from '../web.mjs';
import {through} from './jobs.mjs';

export const help = 'jobs that run a program which does nothing';
const AT_A_TIME = 8; /* as api.toml says */
const PROGRAM = '/api/v1/program';

const columns = [
	{key: 'reqs', title: 'a second', digits: 0},
	{key: 'cpu', title: 'CPU µs each', digits: 0},
	{key: 'more', title: 'x the program', digits: 2},
];

async function alone(most) {
	const file = at('alone');
	await run(`${TOOLS}/spend`, [file, `${TOOLS}/spawn`, String(most),
		String(AT_A_TIME), 'tests/bench/programs/handlers/nothing']);
	const [wall, user, system] =
		readFileSync(file, 'utf8').split(' ').map(Number);
	return {count: most, seconds: wall / 1e6, us: user + system};
}

export async function measure(bench) {
	const line = await startLine({what: withSite('programs')});
	const worker = await line.startWorker();
	const mine = (name, path, trial) => ({name, trial, once: async most => {
		const before = treeUs([worker.pid]);
		const r = await through(most, line.url + path, line.settled);
		return {...r, us: treeUs([worker.pid]) - before};
	}});
	const cases = [{name: 'the program alone', trial: 500, once: alone},
		mine('lowtide-worker, noop', NOOP, 500),
		mine('lowtide-worker, a program', PROGRAM, 100)];
	for (const c of cases) {
		bench.progress(`trial: ${c.name}`);
		const r = await c.once(c.trial);
		c.most = Math.max(c.trial, Math.round(
			bench.seconds * r.count / r.seconds));
	}
	const rows = cases.map(c => ({name: c.name, figures: {},
		note: `${c.most} a round, ${AT_A_TIME} at a time`}));
	for (let round = 1; round <= bench.rounds; round++) {
		const got = [];
		for (const i of turns(cases.length, round)) {
			const c = cases[i];
			bench.progress(`round ${round} of ${bench.rounds}: ` +
				c.name);
			const {count, seconds, us} = await c.once(c.most);
			got[i] = {reqs: count / seconds, cpu: us / count};
		}
		rows.forEach((row, i) => {
			keep(row, 'reqs', got[i].reqs);
			keep(row, 'cpu', got[i].cpu);
			if (i === 2)
				keep(row, 'more', got[i].cpu / got[0].cpu);
		});
	}
	await line.stop();
	return {columns, rows};
}
