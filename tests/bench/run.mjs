#!/usr/bin/env node
/*
 * make bench: what lowtide costs, measured beside what one would otherwise
 * use, in one run on one machine. Machines are shared and swing: read ratios
 * and CPU time, and those as medians of rounds in which everything took turns.
 * Nothing is asserted; the exit status says only whether it could be measured.
 *
 *	make bench                      everything but what is slow
 *	make bench ONLY=lookup,accept   some measurements (see below)
 *	make bench FULL=1               10,000,000 rows too: minutes, gigabytes
 *	make bench PEERS=0              without other queues beside it (peers/)
 *	make bench-read                 what reads cost, and nothing else
 *	make bench AGAINST=FOLDER       only this: another build of lowtide in
 *	                                FOLDER/build, with FOLDER's bench site
 *	ROUNDS=5 SECONDS_EACH=3         how long; BENCH_JSON=FILE for machines
 *	tests/bench/run.mjs --json      JSON on stdout instead of tables; here
 *	                                peers are asked for with PEERS=1
 *
 * Adding a measurement? A file in measures/ with `help` and `measure(bench)`,
 * which returns {columns, rows} (figures.mjs), a row below, and a row in
 * targets.mjs if the design wants something of it.
 */
import {readFileSync, writeFileSync} from 'node:fs';
import {cpus, release} from 'node:os';
import {forMachines, table} from './figures.mjs';
import {BIN} from './line.mjs';
import {ask, others, stopAll, tmp} from './proc.mjs';
import * as build from './measures/build.mjs';
import * as idle from './measures/idle.mjs';
import * as idleWorker from './measures/idle-worker.mjs';
import * as start from './measures/start.mjs';
import * as lookup from './measures/lookup.mjs';
import * as accept from './measures/accept.mjs';
import * as jobs from './measures/jobs.mjs';
import * as claims from './measures/claims.mjs';
import * as workers from './measures/workers.mjs';
import * as programs from './measures/programs.mjs';
import * as waiting from './measures/waiting.mjs';
import * as rows from './measures/rows.mjs';
import * as against from './measures/against.mjs';
import * as readCached from './measures/read-cached.mjs';
import * as readCold from './measures/read-cold.mjs';
import * as readCall from './measures/read-call.mjs';
import * as readMemory from './measures/read-memory.mjs';
import * as readCrowd from './measures/read-crowd.mjs';
import * as readOverload from './measures/read-overload.mjs';

const reads = {'read-cached': readCached, 'read-cold': readCold,
	'read-call': readCall, 'read-memory': readMemory,
	'read-crowd': readCrowd, 'read-overload': readOverload};
const jobsToo = {build, idle, 'idle-worker': idleWorker, start, lookup, accept,
	jobs, claims, workers, programs, waiting, rows};
const measures = {...jobsToo, against, ...reads};
const {ONLY, AGAINST} = process.env;

const number = (name, otherwise) => {
	const n = Number(process.env[name] || otherwise);
	if (!(n >= 1 && Number.isInteger(n))) {
		console.error(`${name} is a whole number, at least 1`);
		process.exit(64);
	}
	return n;
};

const json = process.argv.includes('--json');
const bench = {rounds: number('ROUNDS', 5), seconds: number('SECONDS_EACH', 3),
	now: ''};
const alive = process.stderr.isTTY;
bench.progress = text => {
	if (alive)
		process.stderr.write(`\r\x1b[K  ${bench.now}: ${text}`);
};
bench.warn = text => console.error(`${alive ? '\r\x1b[K' : ''}  ${text}`);

/* Nobody else unless asked for. */
const nobody = {conf: {}, cases: async () => [], stop: async () => {}};
bench.peers = async measure => Number(process.env.PEERS) ?
	(await import('./peers.mjs')).peersOf(bench, measure) : nobody;

function chosen() {
	const only = ONLY?.split(',') ?? (AGAINST ? ['against'] :
		Object.keys(process.argv.includes('--reads') ? reads : jobsToo));
	const unknown = only.filter(n => !measures[n]);
	if (unknown.length === 0)
		return only;
	console.error(`ONLY=${unknown}: there are`);
	for (const [name, m] of Object.entries(measures))
		console.error(`  ${name.padEnd(11)} ${m.help}`);
	process.exit(64);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
	process.once(signal, async () => {
		bench.warn = () => {};
		await stopAll();
		process.exit(130);
	});

const machine = {cores: cpus().length, model: cpus()[0].model,
	kernel: release(), node: process.version,
	nginx: /nginx\/\S+/.exec(ask('sh', '-c',
		'PATH=$PATH:/usr/sbin nginx -v'))?.[0],
	disk: ask('stat', '-f', '-c', '%T', tmp),
	lowtide: ask(`${BIN}/lowtide-cgi`, '--version'),
	load: Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0])};
const result = {format: 1, at: new Date().toISOString(), machine,
	rounds: bench.rounds, seconds: bench.seconds, measures: {}};
let failed = 0;

const names = chosen();
if (!json)
	console.log(`${machine.lowtide}, ${machine.nginx}, ${machine.cores} ` +
		`cores (${machine.model}), load ${machine.load}, ` +
		`files on ${machine.disk}\n` +
		`medians of ${bench.rounds} rounds, ${bench.seconds} s each`);
for (const name of names) {
	bench.now = name;
	const share = others();
	try {
		const got = await measures[name].measure(bench);
		const taken = Number(share().toFixed(2));
		result.measures[name] = {othersHad: taken,
			rows: forMachines(name, got)};
		if (alive)
			process.stderr.write('\r\x1b[K');
		if (!json)
			console.log(`\n${name}: ${measures[name].help} (` +
				`others had ${Math.round(taken * 100)} % of ` +
				`the machine)\n${table(name, got)}`);
	} catch (e) {
		failed++;
		bench.warn(`${name} could not be measured: ${e.message}`);
		await stopAll();
	}
}
await stopAll();
if (json)
	console.log(JSON.stringify(result, null, '\t'));
if (process.env.BENCH_JSON)
	writeFileSync(process.env.BENCH_JSON,
		JSON.stringify(result, null, '\t') + '\n');
process.exit(failed ? 1 : 0);
