/*
 * WORK_KILLS (default 14) of two workers and the endpoint under load, over an
 * upstream that keeps a record of its own and that is at times silent, late or
 * gone; while an operator decides what is held. Most are killed, some are told
 * to end, some stopped for longer than a lease. In the end everything is
 * compared from outside (work-judge.mjs), beside what clients were told.
 *
 * WORK_SEED (SEED, 9) repeats what was drawn, though not what clients send and
 * the scheduler does.
 */
import {existsSync, readFileSync, readdirSync} from 'node:fs';
import {test, ok, equal, done} from '../tap.mjs';
import {within} from '../waits.mjs';
import {pause} from './client.mjs';
import {sql} from './tables.mjs';
import {CALLS_KEPT, backAgain, footprint, startWorld, until} from './world.mjs';
import {drawer} from './work-draw.mjs';
import {judge} from './work-judge.mjs';
import {Operator} from './work-operator.mjs';
import {APIS, RATE, workSite} from './work-site.mjs';

const KILLS = Number(process.env.WORK_KILLS ?? 14);
const SEED = Number(process.env.WORK_SEED ?? process.env.SEED ?? 9);
const STOP_MS = 1300; /* longer than a lease */
const ENOUGH = 60; /* calls, for something to be judged */
const draw = drawer(SEED);
console.log(`# WORK_SEED=${SEED}`);

const world = await startWorld({site: workSite(SEED), clients: 12, workers: 2,
	lease: '800ms', heartbeat: '100ms'});
world.start();
await world.ready();
const operator = new Operator(world, drawer(SEED + 1), Object.keys(APIS));
let over = false;
const operated = operator.work(() => over);
const failing = new Promise((_, failed) => operated.catch(failed));
failing.catch(() => {}); /* told where it is waited for */
const signals = [];
const arrivals = record => record.filter(l => l.what === 'arrival');
const before = {};

test('a line at rest, warmed up', async () => {
	operator.resting = true;
	await world.load(() => pause(300));
	await world.settle();
	operator.resting = false;
	before.cgi = footprint(world.cgi.pid);
	before.workers = world.workers.map(w => footprint(w.pid));
});

/* ---- breaking ---------------------------------------------------------- */

const drained = new Set();
function strike(kept, signal) {
	const {instance} = kept;
	/* a second one would be heard as "at once" */
	if (signal === 'SIGTERM' && drained.has(instance))
		return false;
	const line = {t: Date.now(), instance, signal};
	if (!kept.signal(signal))
		return false;
	signals.push(line);
	if (signal === 'SIGTERM')
		drained.add(instance);
	if (signal === 'SIGSTOP')
		setTimeout(() => {
			line.until = Date.now();
			if (kept.instance === instance)
				kept.signal('SIGCONT');
		}, STOP_MS);
	return true;
}
const TARGETS = [[5, () => [draw.of(world.workers)]],
	[1, () => world.workers], [2, () => [world.cgi]]];
const SIGNALS = [[8, 'SIGKILL'], [1, 'SIGTERM'], [1.4, 'SIGSTOP']];

test(`${KILLS} times something is killed, ended or stopped`, async () => {
	await within('the upstream', world.moods());
	await world.load(async () => {
		for (let n = 0; n < KILLS;) {
			await pause(50 + draw.real() * 300);
			const all = draw.one(TARGETS)();
			const signal = draw.one(SIGNALS);
			for (const kept of all)
				n += strike(kept, kept === world.cgi ?
					'SIGKILL' : signal) ? 1 : 0;
		}
		await until('those that were stopped go on', () => signals
			.every(s => s.signal !== 'SIGSTOP' || s.until));
		/* a slow machine does little between two blows */
		await until(`${ENOUGH} calls arrived`, () => arrivals(
			world.record()).length >= ENOUGH, 300000);
	});
	/* SIGTERM: one that was told to before it had begun */
	equal([world.cgi, ...world.workers].flatMap(p => p.ends)
		.filter(e => !['SIGKILL', 'SIGTERM', 0].includes(e)), []);
});

test('every accepted one comes to its end', async () => {
	operator.resting = true;
	await within('the upstream', world.calm());
	await Promise.race([world.settle(), failing]);
	over = true;
	await within('the operator', operated, () => `at ${operator.at}`);
});

/* ---- judging ----------------------------------------------------------- */

const idOf = text => `job_${Buffer.from(text, 'hex').toString('base64url')}`;
const logLines = () => world.log('lowtide-worker').split('\n');
const parsed = line => {
	try {
		return JSON.parse(line);
	} catch {
		return {}; /* killed in the midst of it */
	}
};
async function evidence() {
	const rows = [];
	for (const api of Object.keys(APIS))
		for (const r of await sql(world.state, `select
			hex(head)||hex(key)||hex(mac) as id, state, reason,
			attempt, held, accepted, ended from "${api}"`))
			rows.push({api, jobId: idOf(r.id), reason: r.reason,
				attempt: r.attempt, held: Boolean(r.held),
				accepted: r.accepted, ended: r.ended,
				state: ['pending', 'processing', 'completed',
					'failed', 'cancelled'][r.state]});
	return {apis: APIS, rows, record: world.record(),
		programs: world.programs(), signals,
		decisions: operator.decisions, rate: {...RATE, api: 'rated'},
		cancels: world.journal.read().filter(l => l.ask === 'cancel')
			.map(l => ({t: l.from ?? l.t, id: l.jobAsked})),
		strayed: new Set(logLines().map(parsed).filter(l =>
			l.event === 'job-lost').map(l => l.jobId))};
}

/* Everything that anybody wrote down about it. */
function tell(id, {rows, record, programs, decisions}) {
	const say = (who, what) => console.log(`#     ${who}: ${
		typeof what === 'string' ? what : JSON.stringify(what)}`);
	const mine = new Set(record.filter(l => l.id === id).map(l => l.n));
	const journal = world.journal.read();
	const name = journal.find(l => l.jobId === id)?.name;
	for (const r of rows.filter(r => r.jobId === id))
		say('row', r);
	for (const l of record.filter(l => mine.has(l.n)))
		say('upstream', l);
	for (const l of programs.filter(l => l.id === id))
		say('program', l);
	for (const l of decisions.filter(l => l.id === id))
		say('operator', l);
	for (const l of journal.filter(l => l.jobId === id ||
		name && l.name === name))
		say('client', l);
	for (const l of logLines().filter(l => l.includes(id)))
		say('worker', l);
	for (const l of signals.filter(s => record.some(r =>
		mine.has(r.n) && r.instance === s.instance)))
		say('signal', l);
}

function counted(items, key) {
	const n = {};
	for (const item of items)
		n[key(item)] = (n[key(item)] ?? 0) + 1;
	return Object.entries(n).sort().map(([k, v]) => `${v} ${k}`).join(', ');
}

test('nothing lost, nothing twice, by the upstream\'s record', async () => {
	const all = await evidence();
	const came = arrivals(all.record);
	console.log(`# ${counted(signals, s => `${s.signal} of ${
		s.instance.replace(/-\d+$/, '')}`)}`);
	console.log(`# ${all.rows.length} jobs: ${
		counted(all.rows, r => r.state)}, ${all.rows.filter(
			r => r.reason === 5).length} outcome-unknown`);
	console.log(`# ${came.length} arrivals: ${
		counted(came, a => a.mood)}; ${counted(all.record.filter(
			l => ['shut', 'poll'].includes(l.what)), l => l.what)}`);
	console.log(`# programs: ${counted(all.programs, p => p.what)}`);
	console.log(`# operator: ${counted(all.decisions, d => d.act)}, ${
		operator.pauses} pauses, ${operator.cancels} cancels; ${
		all.strayed.size} lost by a worker that lived`);
	const found = judge(all);
	for (const {check, id, text} of found.slice(0, 3)) {
		console.log(`#   WORK_SEED=${SEED} ${check}: ${text}`);
		if (id)
			tell(id, all);
	}
	equal(found.map(f => `${f.check}: ${f.text}`), []);
	ok(came.length >= ENOUGH, `${came.length} arrivals`);
});
test('clients and tables agree', () => world.verdict());
test('an audit finds nothing', async () => {
	/* rejects where there is a finding */
	equal(await world.jobs('audit'), '');
});
test('no process and no folder of a program is left', async () => {
	const folder = `${world.state}/work`;
	await until('the folders are gone', () => !existsSync(folder) ||
		readdirSync(folder).length === 0);
	for (const {pid, id} of world.programs().filter(p => p.pid)) {
		let environ = '';
		try {
			environ = readFileSync(`/proc/${pid}/environ`, 'utf8');
		} catch {
			/* gone, or somebody else's by now */
		}
		ok(!environ.includes(id), `${pid} of ${id} is left`);
	}
});
test('descriptors and memory are back', async () => {
	await backAgain('endpoint', world.cgi.pid, before.cgi);
	for (const [i, w] of world.workers.entries())
		await backAgain('worker', w.pid, before.workers[i],
			2 * CALLS_KEPT);
});

await done();
