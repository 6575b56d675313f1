/*
 * Under `lowtide serve`, through nginx: 16 clients send and ask without a pause
 * while worker and endpoint are killed KILLS_SERVED times (default 6), and serve
 * starts them again. What the clients were told is compared in the end.
 */
import {readFileSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {test, ok, equal, done} from '../tap.mjs';
import {Journal, Sender, overHttp, pause} from './client.mjs';
import {compare, figures} from './compare.mjs';
import {run} from '../waits.mjs';
import {decided, integrity, openRows, readRows} from './tables.mjs';
import {backAgain, footprint, until} from './world.mjs';

const base = process.env.LOWTIDE_URL;
const simulator = process.env.LOWTIDE_RUN_SIMULATOR_URL;
const KILLS = Number(process.env.KILLS_SERVED ?? 6);

/* The process of that name that serve, our parent, started. */
function childOfServe(name) {
	for (const pid of readdirSync('/proc').filter(p => /^\d+$/.test(p)))
		try {
			const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
			const [, comm, ppid] =
				stat.match(/^\d+ \((.*)\) \S (\d+)/);
			if (name.startsWith(comm) &&
				Number(ppid) === process.ppid)
				return Number(pid);
		} catch {
			/* it ended while we looked */
		}
	return undefined;
}

/* As serve called it: --config, --state and --keys of this run. */
const common = readFileSync(`/proc/${childOfServe('lowtide-cgi')}/cmdline`,
	'utf8').split('\0').slice(1, 7);
const state = common[common.indexOf('--state') + 1];
const jobs = (command, ...args) => run(join(process.env.BIN, 'lowtide-jobs'),
	[command, ...args, ...common]);

const journal = new Journal(process.env.JOURNAL);
const senders = Array.from({length: 16},
	() => new Sender(overHttp(base), journal));
async function load(during) {
	let stop = false;
	const all = Promise.all(senders.map(s => s.run(() => stop)));
	try {
		await during();
	} finally {
		stop = true;
		await all;
	}
}
async function settle() {
	const end = Date.now() + 180000;
	await decided(jobs, async () => {
		await Promise.all(senders.map(
			s => s.drain(() => Date.now() > end)));
		await until('every row is at its end',
			async () => await openRows(state) === 0,
			end - Date.now());
	});
}

const before = {};
test('a line at rest, warmed up', async () => {
	await load(() => pause(1000));
	await settle();
	for (const name of ['lowtide-cgi', 'lowtide-worker'])
		before[name] = footprint(childOfServe(name));
});

test(`${KILLS} killed under load`, async () => {
	let killed = 0;
	await load(async () => {
		while (killed < KILLS) {
			await pause(100 + Math.random() * 500);
			const pid = childOfServe(Math.random() < 0.5 ?
				'lowtide-cgi' : 'lowtide-worker');
			if (!pid)
				continue; /* it waits to be started again */
			process.kill(pid, 'SIGKILL');
			killed++;
		}
	});
	ok(killed >= KILLS);
});

test('every accepted one comes to its end', settle);

test('clients, tables and tax service agree', async () => {
	const log = journal.read();
	const told = new Set(log.map(l => l.jobId).filter(Boolean));
	const all = {log, rows: await readRows(state, jobs, told),
		calls: await (await fetch(`${simulator}/__calls`)).json()};
	console.log(`# ${figures(all)}`);
	equal(compare(all), []);
	equal(await integrity(state), 'ok');
});

test('descriptors and memory are back', async () => {
	/* nginx keeps a connection for each that was busy at once */
	for (const name of Object.keys(before)) {
		const pid = await until(`${name} is started again`,
			() => childOfServe(name));
		await backAgain(name, pid, before[name], senders.length);
	}
});

await done();
