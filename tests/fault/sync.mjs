/*
 * The n-th fdatasync of the log fails, for n = 1, 2, … SYNCS (default 4), in
 * the endpoint and in the worker: the process ends with 74, whoever waited for
 * that commit gets no answer, the next process goes on.
 */
import {test, ok, equal, done} from '../tap.mjs';
import {makeRequest} from './client.mjs';
import {startWorld, until} from './world.mjs';

const SYNCS = Number(process.env.SYNCS ?? 4);
const IO_ERROR = 74;
const rules = ['lowtide-cgi', 'lowtide-worker'].flatMap(program =>
	Array.from({length: SYNCS}, (_, i) =>
		`${program}:/jobs.db-wal:sync:${i + 1}:EIO`));
const world = await startWorld({clients: 4, lease: '1s', heartbeat: '100ms',
	plan: rules.join(' ')});
world.start();
await world.ready();

const endpointStruck = () => rules.slice(0, SYNCS)
	.filter((_, i) => world.struck(i)).length;

test('nobody is answered for a commit that was not synced', async () => {
	const one = world.senders[0];
	while (endpointStruck() < SYNCS) {
		const before = endpointStruck();
		const job = makeRequest();
		one.jobs.push(job);
		world.journal.write({what: 'send', t: Date.now(),
			name: job.name, kind: job.kind, key: job.key});
		const a = await one.once(job, 'again');
		if (endpointStruck() > before)
			equal(a?.status, undefined);
	}
});

test(`${rules.length} failed syncs end ${rules.length} processes`, async () => {
	await world.load(() => until('each rule has struck', () =>
		rules.every((_, i) => world.struck(i)), 120000));
	await until('both run', () => world.cgi.running &&
		world.worker.running);
	for (const it of [world.cgi, world.worker])
		equal(it.ends, Array(SYNCS).fill(IO_ERROR), it.name);
	ok(world.log('lowtide-cgi').includes('"event":"store-failed"'));
});

test('every accepted one comes to its end', () => world.settle());
test('clients, tables and tax service agree', () => world.verdict());

await done();
