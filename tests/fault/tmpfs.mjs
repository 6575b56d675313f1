/*
 * A real file system without a free block: a small tmpfs (STORE, made by
 * tmpfs.t) that the test fills to the last byte while clients send and ask,
 * again and again (FILLS, default 2), and empties afterwards.
 */
import {closeSync, openSync, rmSync, statfsSync, writeSync} from 'node:fs';
import {join} from 'node:path';
import {test, ok, equal, done} from '../tap.mjs';
import {makeRequest, pause} from './client.mjs';
import {CALLS_KEPT, backAgain, footprint, startWorld, until} from './world.mjs';

const FILLS = Number(process.env.FILLS ?? 2);
const store = process.env.STORE;
const world = await startWorld({clients: 6, state: join(store, 'state')});
world.start();
await world.ready();
const known = makeRequest('return');
const asker = world.another(); /* nothing else on its connection */
const before = {};

/* Every block there is, and again when somebody gave one back. */
function fill(path) {
	const fd = openSync(path, 'a');
	let taken = 0;
	for (let size = 1 << 16; size; size = size >> 1)
		for (;;)
			try {
				taken += writeSync(fd, Buffer.alloc(size));
			} catch (e) {
				equal(e.code, 'ENOSPC');
				break;
			}
	closeSync(fd);
	return taken;
}

test('a line at rest, warmed up', async () => {
	await world.load(() => pause(500));
	asker.jobs.push(known);
	await asker.accept(known);
	await world.settle();
	known.jobId ??= await world.idOf(known);
	before.cgi = footprint(world.cgi.pid);
	before.worker = footprint(world.worker.pid);
});

test(`filled to the last block, ${FILLS} times`, async () => {
	const filler = join(store, 'filler');
	for (let i = 0; i < FILLS; i++) {
		await world.load(async () => {
			await pause(200);
			const from = Date.now();
			const refused = () => world.journal.read().some(l =>
				l.status === 503 && l.from > from &&
				/store-full/.test(l.problem));
			await until('an accept is told that it is full', () => {
				fill(filler);
				return refused();
			});
			for (let k = 0; k < 10; k++) {
				fill(filler);
				const a = await asker.once(known, 'look');
				ok([200, 429].includes(a?.status),
					`a look-up said ${a?.status}`);
				await pause(50);
			}
			rmSync(filler);
			const after = Date.now();
			await until('accepts go on', () => world.journal.read()
				.some(l => l.status === 202 && l.from > after));
		});
		await world.settle();
	}
	ok(statfsSync(store).bavail > 0);
});

test('clients, tables and tax service agree', () => world.verdict());
test('nobody ended of it', () => equal(
	[...world.cgi.ends, ...world.worker.ends], []));
test('descriptors and memory are back', async () => {
	await backAgain('endpoint', world.cgi.pid, before.cgi);
	await backAgain('worker', world.worker.pid, before.worker,
		CALLS_KEPT);
});

await done();
