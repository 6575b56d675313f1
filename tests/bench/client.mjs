#!/usr/bin/env node
/*
 * make bench-client: what a browser has to do for a page, and for a job, in a
 * real one (Chromium) behind nginx. Nothing is asserted.
 *
 *	ONLY=view,jobs,ten     some of it; all if left out
 *	ROUNDS=5               medians of so many (jobs, ten)
 *	BENCH_JSON=FILE        the figures for machines
 *
 * Times are from the upstream's answer to what a script of the page has seen:
 * what lowtide and the way of asking add to the work itself. Each measurement is
 * a process of its own (client.mjs NAME), with a server and a browser.
 */
import {spawnSync} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';
import {cpus, release} from 'node:os';
import {fileURLToPath} from 'node:url';
import {open} from '../browser/cdp.mjs';
import {clean, cleanup} from '../tap.mjs';
import {forMachines, table} from './figures.mjs';

const MEASURES = ['view', 'jobs', 'ten'];
const {ONLY, BENCH_JSON} = process.env;
const rounds = Number(process.env.ROUNDS || 5);
const chosen = ONLY?.split(',') ?? MEASURES;
if (!(Number.isInteger(rounds) && rounds >= 1) ||
	chosen.some(name => !MEASURES.includes(name))) {
	console.error('ROUNDS is a whole number, at least 1; ONLY is some of ' +
		MEASURES.join());
	process.exit(64);
}

async function one(name) {
	const {help, measure, flags = []} =
		await import(`./client/${name}.mjs`);
	const alive = process.stderr.isTTY;
	const show = text => alive && process.stderr.write(`\r\x1b[K${text}`);
	try {
		const browser = await open(...flags);
		cleanup(() => browser.close());
		const result = await measure({browser, rounds,
			progress: text => show(`  ${name}: ${text}`)});
		show('');
		console.log(`${name}: ${help}\n${table(`client-${name}`,
			result)}\n`);
		if (BENCH_JSON)
			writeFileSync(BENCH_JSON, JSON.stringify(
				forMachines(`client-${name}`, result)));
	} finally {
		await clean();
	}
}

function all() {
	const measures = {};
	let failed = 0;
	console.log(`${cpus().length} cores (${cpus()[0].model}), ${
		release()}, node ${process.version}, load ${readFileSync(
		'/proc/loadavg', 'utf8').split(' ')[0]}; medians of ${rounds}\n`);
	for (const name of chosen) {
		const {status} = spawnSync(process.execPath,
			[fileURLToPath(import.meta.url), name],
			{stdio: 'inherit'});
		failed += status !== 0;
		if (BENCH_JSON && status === 0)
			measures[name] = JSON.parse(readFileSync(BENCH_JSON));
	}
	if (BENCH_JSON)
		writeFileSync(BENCH_JSON, JSON.stringify({cores: cpus().length,
			rounds, measures}, null, '\t'));
	return failed;
}

const [, , name] = process.argv;
if (name) {
	await one(name);
	process.exit(0);
}
process.exit(all() ? 1 : 0);
