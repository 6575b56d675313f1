#!/usr/bin/env node
/*
 * make bench-generator: what `lowtide build` costs beside what else one could
 * give the same files to, on tmpfs, in one run; everything takes its turn in
 * every round. Nothing is asserted but that nothing was written where nothing
 * had changed.
 *
 *	ONLY=2k,compress,20k   some of it (measures below); all if left out
 *	ROUNDS=5               medians of so many (compress: 3 at most)
 *	FILES=2000 SEED=1      another tree for 2k and compress
 *	BENCH_JSON=FILE        the figures for machines
 *
 * What peers do with the tree differs: esbuild only copies every file under a
 * name with a hash; hugo takes the pages
 * as content and copies the rest; cp, b2sum and sha512sum are what nobody who
 * writes and hashes these bytes can do without. lowtide reads, rewrites all
 * references, hashes three times, searches for secrets and writes.
 */
import {appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync,
	rmSync, statfsSync, lstatSync, writeFileSync, cpSync} from 'node:fs';
import {cpus} from 'node:os';
import {join} from 'node:path';
import {forMachines, table} from './figures.mjs';

if (!process.env.TMPDIR && existsSync('/dev/shm') &&
	statfsSync('/dev/shm').bavail * statfsSync('/dev/shm').bsize > 3e9)
	process.env.TMPDIR = '/dev/shm';
const {ask, others, run, stopAll, tmp, which} = await import('./proc.mjs');
const BIN = process.env.LOWTIDE_BIN ?? 'build/bin';
const TOOLS = 'build/bench';
const at = (...parts) => join(tmp, ...parts);

const number = (name, otherwise) => {
	const n = Number(process.env[name] || otherwise);
	if (Number.isInteger(n) && n >= 1)
		return n;
	console.error(`${name} is a whole number, at least 1`);
	process.exit(64);
};
const ROUNDS = number('ROUNDS', 5);
const FILES = number('FILES', 2000);
const SEED = number('SEED', 1);
const alive = process.stderr.isTTY;
const progress = text => {
	if (alive)
		process.stderr.write(`\r\x1b[K${text ? `  ${text}` : ''}`);
};

/* ---- one command ---------------------------------------------------------- */

async function spend(command, args, options) {
	const file = at('spent');
	await run(join(TOOLS, 'spend'), [file, command, ...args], options);
	const [wall, user, system, peak] =
		readFileSync(file, 'utf8').split(' ').map(Number);
	return {wall: wall / 1e3, cpu: (user + system) / 1e3,
		peak: peak / 1e3};
}
const columns = [
	{key: 'wall', title: 'wall ms', digits: 0},
	{key: 'cpu', title: 'CPU ms', digits: 0},
	{key: 'peak', title: 'peak MB', digits: 0},
	{key: 'ratio', title: '× wall', digits: 2},
	{key: 'work', title: '× CPU', digits: 2},
];

const lowtide = (tree, out, ...more) => spend(join(BIN, 'lowtide'),
	['build', '-q', '-C', tree, '--out', out, ...more]);
const remove = path => rmSync(path, {recursive: true, force: true});
const files = (dir, ending = '') => readdirSync(dir,
	{recursive: true, withFileTypes: true})
	.filter(e => e.isFile() && e.name.endsWith(ending))
	.map(e => join(e.path ?? e.parentPath, e.name)).sort();

/* All that a write would change: names, inodes, sizes, both times. */
const state = (...dirs) => dirs.flatMap(dir => existsSync(dir) ?
	readdirSync(dir, {recursive: true}).sort().map(name => {
		const s = lstatSync(join(dir, name), {bigint: true});
		return `${name} ${s.ino} ${s.size} ${s.mtimeNs} ${s.ctimeNs}`;
	}) : []).join('\n');

/* ---- the cases ------------------------------------------------------------ */

/*
 * Each is {name, note, before, measure}: `before` is not measured. The first
 * is what the ratios are to.
 */
const cold = tree => ({name: 'lowtide, cold',
	note: '--fast --cache none',
	before: () => remove(at('out')),
	measure: () => lowtide(tree, at('out'), '--fast', '--cache', 'none')});

function unchanged(tree, name, note, ...more) {
	const out = at('kept'), cache = at('cache');
	const args = ['--cache', cache, ...more];
	return {name, note,
		setup: async () => {
			remove(out);
			await lowtide(tree, out, ...args);
			await lowtide(tree, out, ...args);
		},
		before: () => {},
		measure: async () => {
			const was = state(out, cache);
			const spent = await lowtide(tree, out, ...args);
			if (state(out, cache) !== was)
				throw new Error(`${name}: something was written`);
			return spent;
		}};
}

function changed(tree, name, note, ...more) {
	const out = at('kept'), args = ['--cache', at('cache'), ...more];
	const page = files(join(tree, 'pages'))[8]; /* not a big one */
	let serial = 0;
	return {name, note,
		setup: async () => {
			await lowtide(tree, out, ...args);
		},
		before: () => appendFileSync(page, `<!-- ${++serial} -->\n`),
		measure: () => lowtide(tree, out, ...args)};
}

/*
 * As files that one module imports: as entry points of their own the same
 * copies take it several times as long, and 13 GB for 20,000.
 */
function esbuild(tree) {
	const entry = at('esbuild.mjs');
	const endings = ['html', 'js', 'json', 'toml', 'css', 'png'];
	return {name: 'esbuild', note: 'copies with hashes in names',
		setup: () => writeFileSync(entry, files(tree)
			.filter(f => !f.endsWith('/site.toml'))
			.map(f => `import ${JSON.stringify(f)};\n`).join('')),
		before: () => remove(at('esbuild')),
		measure: () => spend('esbuild', [entry, '--bundle',
			`--outdir=${at('esbuild')}`, `--outbase=${tree}`,
			'--asset-names=[dir]/[name]-[hash]',
			'--log-level=error',
			...endings.map(e => `--loader:.${e}=copy`)])};
}

function hugo(tree) {
	const site = at(`hugo-${tree.split('/').at(-1)}`);
	return {name: 'hugo', note: 'pages as content, the rest copied',
		setup: () => {
			mkdirSync(join(site, 'layouts/_default'),
				{recursive: true});
			writeFileSync(join(site, 'config.toml'),
				'baseURL = "https://tree.example/"\n' +
				'uglyURLs = true\ndisableKinds = ["taxonomy", ' +
				'"term", "RSS", "sitemap", "home", "section"]\n');
			writeFileSync(join(site, 'layouts/_default/single.html'),
				'{{ .Content }}\n');
			for (const page of files(join(tree, 'pages'))) {
				const to = join(site, 'content',
					page.slice(join(tree, 'pages').length));
				mkdirSync(join(to, '..'), {recursive: true});
				writeFileSync(to, '---\ntitle: page\n---\n' +
					readFileSync(page, 'utf8'));
			}
			cpSync(join(tree, 'static'), join(site, 'static'),
				{recursive: true});
			cpSync(join(tree, 'assets'),
				join(site, 'static/assets'), {recursive: true});
		},
		before: () => remove(at('hugo-out')),
		measure: () => spend('hugo', ['--quiet', '-s', site, '-d',
			at('hugo-out'), '--cacheDir', at('hugo-cache')])};
}

/* The least that a copy with two hashes can cost, on one core. */
function floor(tree) {
	const all = files(tree);
	const sum = which => ({name: which, before: () => {},
		measure: () => spend(which, all)});
	return [{name: 'cp -r', before: () => remove(at('copy')),
		measure: () => spend('cp', ['-r', tree, at('copy')])},
	sum('b2sum'), sum('sha512sum')];
}
function together(rows) {
	const three = rows.slice(-3);
	const figures = {wall: [], cpu: []};
	for (const key of ['wall', 'cpu'])
		figures[key] = three[0].figures[key].map((_, round) => three
			.reduce((sum, r) => sum + r.figures[key][round], 0));
	return {name: 'all three', figures, note: 'cp, b2sum, sha512sum'};
}

async function rounds(cases, n, told) {
	const rows = cases.map(c => ({name: c.name, note: c.note,
		figures: Object.fromEntries(columns.map(k => [k.key, []]))}));
	for (const c of cases)
		await c.setup?.();
	for (let round = 1; round <= n; round++)
		for (const [i, c] of cases.entries()) {
			progress(`${told}: round ${round} of ${n}: ${c.name}`);
			await c.before();
			const spent = await c.measure();
			for (const [key, value] of Object.entries(spent))
				rows[i].figures[key].push(value);
		}
	for (const row of rows.slice(1)) {
		const first = rows[0].figures;
		row.figures.ratio = row.figures.wall.map((w, round) =>
			w / first.wall[round]);
		row.figures.work = row.figures.cpu.map((c, round) =>
			c / first.cpu[round]);
	}
	for (const row of rows)
		for (const key of Object.keys(row.figures))
			if (!row.figures[key].length)
				delete row.figures[key];
	return rows;
}

/* ---- the measurements ----------------------------------------------------- */

async function plant(name, n) {
	const tree = at(name);
	if (!existsSync(tree))
		await run(join(TOOLS, 'gen-tree'), [tree, n, SEED].map(String));
	return tree;
}

async function peers(tree) {
	const cases = [cold(tree)];
	for (const [name, make] of [['esbuild', esbuild], ['hugo', hugo]])
		if (which(name))
			cases.push(make(tree));
		else
			console.error(`  ${name} is not there: left out`);
	return cases;
}

async function small() {
	const tree = await plant('tree', FILES);
	const rows = await rounds([...await peers(tree),
		unchanged(tree, 'lowtide, nothing changed',
			'no siblings; no write', '--fast'),
		changed(tree, 'lowtide, one page changed', 'no siblings',
			'--fast'),
		...floor(tree)], ROUNDS, '2k');
	return [...rows, together(rows)];
}

async function large() {
	const tree = await plant('large', 10 * FILES);
	const rows = await rounds([...await peers(tree),
		unchanged(tree, 'lowtide, nothing changed',
			'no siblings; no write', '--fast'),
		changed(tree, 'lowtide, one page changed', 'no siblings',
			'--fast'),
		...floor(tree)], Math.min(ROUNDS, 3), '20k');
	remove(tree);
	return [...rows, together(rows)];
}

/* The codecs alone over the very files that were published. */
function codecs() {
	const www = at('published', 'www');
	return {name: 'the codecs alone', note: 'gz 12 and br 11, nothing else',
		before: () => {},
		measure: async () => {
			const said = JSON.parse(await run(join(TOOLS, 'codecs'),
				[String(cpus().length), www]));
			return {wall: said.wall * 1e3, cpu: said.cpu * 1e3};
		}};
}

async function compress() {
	const tree = await plant('tree', FILES);
	remove(at('kept'));
	await lowtide(tree, at('published'), '--fast', '--cache', 'none');
	return rounds([codecs(),
		{name: 'lowtide, cold', note: '--cache none',
			before: () => remove(at('out')),
			measure: () => lowtide(tree, at('out'),
				'--cache', 'none')},
		unchanged(tree, 'lowtide, nothing changed', 'no write'),
		changed(tree, 'lowtide, one page changed',
			'and its own siblings'),
		{name: 'lowtide, from its cache', note: 'into an empty folder',
			before: () => remove(at('out')),
			measure: () => lowtide(tree, at('out'),
				'--cache', at('cache'))},
	], Math.min(ROUNDS, 3), 'compress');
}

const measures = {
	'2k': {measure: small, help: `${FILES} files: all but compression`},
	compress: {measure: compress,
		help: `${FILES} files: gzip 12 and brotli 11 as well`},
	'20k': {measure: large, help: `${10 * FILES} files`},
};

function chosen() {
	const only = process.env.ONLY?.split(',') ?? Object.keys(measures);
	const unknown = only.filter(n => !measures[n]);
	if (!unknown.length)
		return only;
	console.error(`ONLY=${unknown}: there are`);
	for (const [name, m] of Object.entries(measures))
		console.error(`  ${name.padEnd(8)} ${m.help}`);
	process.exit(64);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
	process.once(signal, async () => {
		await stopAll();
		process.exit(130);
	});

const names = chosen();
const result = {format: 1, at: new Date().toISOString(), rounds: ROUNDS,
	machine: {cores: cpus().length, model: cpus()[0].model,
		disk: ask('stat', '-f', '-c', '%T', tmp),
		load: Number(readFileSync('/proc/loadavg', 'utf8')
			.split(' ')[0])}, measures: {}};
console.log(`${ask(join(BIN, 'lowtide'), '--version')}, ` +
	`${result.machine.cores} cores (${result.machine.model}), load ` +
	`${result.machine.load}, files on ${result.machine.disk}\n` +
	'medians of rounds in which everything took turns; × is to the first row');
let failed = 0;
for (const name of names)
	try {
		const share = others();
		const got = {columns, rows: await measures[name].measure()};
		const taken = Number(share().toFixed(2));
		progress('');
		result.measures[name] = {othersHad: taken,
			rows: forMachines(`generator-${name}`, got)};
		console.log(`\n${name}: ${measures[name].help} (others had ` +
			`${Math.round(taken * 100)} % of the machine)\n` +
			table(`generator-${name}`, got));
	} catch (e) {
		failed++;
		progress('');
		console.error(`  ${name} could not be measured: ${e.message}`);
	}
if (process.env.BENCH_JSON)
	writeFileSync(process.env.BENCH_JSON,
		JSON.stringify(result, null, '\t') + '\n');
process.exit(failed ? 1 : 0);
