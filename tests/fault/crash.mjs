/*
 * kill -9 of endpoint and worker at random moments, KILLS times (default 8),
 * while 16 clients send and ask without a pause. The clients go on during
 * every restart; what they were told is compared in the end.
 */
import {test, ok, equal, done} from '../tap.mjs';
import {pause} from './client.mjs';
import {CALLS_KEPT, backAgain, footprint, startWorld, until} from './world.mjs';

const KILLS = Number(process.env.KILLS ?? 8);
const world = await startWorld({lease: '1s', heartbeat: '100ms'});
world.start();
await world.ready();
const before = {};

test('a line at rest, warmed up', async () => {
	await world.load(() => pause(1000));
	await world.settle();
	before.cgi = footprint(world.cgi.pid);
	before.worker = footprint(world.worker.pid);
});

test(`${KILLS} killed under load, each started again`, async () => {
	let killed = 0;
	await world.load(async () => {
		while (killed < KILLS) {
			await pause(50 + Math.random() * 350);
			const victim = Math.random() < 0.5 ? world.cgi :
				world.worker;
			killed += victim.signal('SIGKILL') ? 1 : 0;
		}
	});
	await until('both run', () => world.cgi.running &&
		world.worker.running);
	const ends = [...world.cgi.ends, ...world.worker.ends];
	equal(ends.filter(e => e !== 'SIGKILL'), []);
	ok(ends.length <= killed && ends.length > killed / 2);
});

test('every accepted one comes to its end', () => world.settle());
test('clients, tables and tax service agree', () => world.verdict());
test('descriptors and memory are back', async () => {
	await backAgain('endpoint', world.cgi.pid, before.cgi);
	await backAgain('worker', world.worker.pid, before.worker,
		CALLS_KEPT);
});

await done();
