/*
 * `lowtide build` of the example site from nothing, twenty at a time: one is
 * below what time(1) can tell.
 */
import {cpSync, readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {at, BIN} from '../line.mjs';
import {ask, run} from '../proc.mjs';

export const help = 'the example site, built from nothing';
const TIMES = 20;
const columns = [
	{key: 'wall', title: 'wall ms', digits: 1},
	{key: 'cpu', title: 'CPU ms', digits: 1},
	{key: 'peak', title: 'peak kB', digits: 0},
];

export async function measure(bench) {
	const site = at('example'), out = at('example-dist');
	cpSync('site', site, {recursive: true, filter: from =>
		!['dist', '.lowtide'].includes(from.split('/').at(-1))});
	const figures = {wall: [], cpu: [], peak: []};
	for (let round = 1; round <= bench.rounds; round++) {
		bench.progress(`round ${round} of ${bench.rounds}`);
		await run('/usr/bin/time', ['-o', at('time'), '-f',
			'%e %U %S %M', 'sh', '-c', `for i in $(seq ${TIMES})
			do rm -rf "$2"; "$0" build -q -C "$1" \\
				--fast --cache none --env prod --out "$2"; done`,
			join(BIN, 'lowtide'), site, out]);
		const [wall, user, system, peak] =
			readFileSync(at('time'), 'utf8').split(' ').map(Number);
		figures.wall.push(wall * 1000 / TIMES);
		figures.cpu.push((user + system) * 1000 / TIMES);
		figures.peak.push(peak);
	}
	const files = ask('find', out, '-type', 'f').split('\n').length;
	rmSync(out, {recursive: true});
	return {columns, rows: [{name: 'example build', figures,
		note: `${files} files`}]};
}
