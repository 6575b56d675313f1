/*
 * The whole endpoint (whole.mjs) while its programs are killed (WHOLE_KILLS,
 * default 6), stopped, and kept from writing, each for STALL_MS (default 800);
 * 24 clients of six people send and ask all the while, and follow what is
 * theirs in streams. What each was told is compared in the end.
 */
import {spawn} from 'node:child_process';
import {join} from 'node:path';
import {test, ok, equal, cleanup, done} from '../tap.mjs';
import {pause} from './client.mjs';
import {CALLS_KEPT, backAgain, footprint, startWorld, until} from './world.mjs';
import {eachOfThem, people, wholeSite} from './whole.mjs';

const KILLS = Number(process.env.WHOLE_KILLS ?? 6);
const STALL_MS = Number(process.env.STALL_MS ?? 800);
const world = await startWorld({site: wholeSite, clients: 24,
	lease: '1s', heartbeat: '100ms'});
world.start();
await world.ready();
const before = {};
const askers = Object.values(people).filter(who => who.owner)
	.map(who => world.another({who})); /* nothing else on its connection */
const both = () => [world.cgi, world.worker];

test('a line at rest, warmed up', async () => {
	const heard = eachOfThem(world);
	await world.load(() => pause(1000));
	await world.settle();
	await heard();
	before.cgi = footprint(world.cgi.pid);
	before.worker = footprint(world.worker.pid);
});

const heard = {};
test(`${KILLS} killed under load, each started again`, async () => {
	heard.all = eachOfThem(world);
	let killed = 0;
	await world.load(async () => {
		while (killed < KILLS) {
			await pause(50 + Math.random() * 350);
			killed += both()[killed % 2].signal('SIGKILL') ? 1 : 0;
		}
	});
	await until('both run', () => both().every(p => p.running));
	equal(both().flatMap(p => p.ends).filter(e => e !== 'SIGKILL'), []);
});

for (const name of ['cgi', 'worker'])
	test(`the ${name} stopped for a while, twice`, () =>
		world.load(async () => {
			for (let i = 0; i < 2; i++) {
				await pause(200);
				world[name].signal('SIGSTOP');
				await pause(STALL_MS);
				world[name].signal('SIGCONT');
			}
			await pause(200);
		}));

/* Whoever asks is answered by then; whoever sends, when it is over. */
test('the turn to write held by another process', () =>
	world.load(async () => {
		const holder = spawn('flock', [join(world.state, 'turn.lock'),
			'sh', '-c', 'echo HELD; read end'],
		{stdio: ['pipe', 'pipe', 'inherit']});
		const ended = new Promise(r => holder.on('close', r));
		cleanup(() => {
			holder.kill('SIGKILL');
			return ended;
		});
		await new Promise(r => holder.stdout.once('data', r));
		for (const s of askers)
			equal((await s.once({name: 'none'}, 'list')).status, 200);
		await pause(STALL_MS);
		holder.stdin.end();
		await ended;
		await pause(200);
	}));

test('every accepted one comes to its end', () => world.settle());
test('everybody heard of it', () => heard.all());
test('clients, streams, tables and upstream agree', async () => {
	const {log, rows} = await world.verdict();
	const refused = log.filter(l => l.what === 'answer' &&
		[409, 429, 503].includes(l.status)).length;
	ok(refused > 0, 'no quota was met');
	ok(log.some(l => l.secret) && log.some(l => l.status === 401 && l.state));
	ok(rows.length > 100, `${rows.length} rows`);
});
test('descriptors and memory are back', async () => {
	await backAgain('endpoint', world.cgi.pid, before.cgi);
	await backAgain('worker', world.worker.pid, before.worker,
		CALLS_KEPT);
});

await done();
