/*
 * The whole endpoint (whole.mjs) under load while the wall clock is set an hour
 * and a bit forward, back, and an hour behind: past the TTL, the life of some
 * tokens and every quota's window. libfaketime gives the programs that clock;
 * the file it reads is beside lowtide.json, where the sandbox lets it.
 */
import {writeFileSync} from 'node:fs';
import {test, ok, equal, cleanup, done} from '../tap.mjs';
import {overFcgi, pause} from './client.mjs';
import {sql} from './tables.mjs';
import {startWorld, until} from './world.mjs';
import {eachOfThem, now, token, wholeSite} from './whole.mjs';

const STEP = 3700, STEPS = Number(process.env.CLOCK_STEPS ?? 4);
let file;
const set = seconds => writeFileSync(file,
	`${seconds < 0 ? '' : '+'}${seconds}\n`);

/* `env` is asked for before there is a folder: the file's name follows. */
const env = {LD_PRELOAD: process.env.FAKETIME_LIB, FAKETIME_NO_CACHE: '1',
	FAKETIME_DONT_FAKE_MONOTONIC: '1', ASAN_OPTIONS:
	`${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0`};
const world = await startWorld({clients: 12, lease: '1s', heartbeat: '100ms',
	env, site: async (w, pace) => {
		env.FAKETIME_TIMESTAMP_FILE = file = w.at('clock');
		set(0);
		const made = await wholeSite(w, pace);
		made.promises.limits.onceReopens = true;
		return made;
	}});
world.start();
await world.ready();

const ends = [STEP, 0, -STEP, 0];
const clocks = Array.from({length: STEPS}, (_, i) => ends[i % ends.length]);
/* Beside the journal: some of these tokens are to be refused. */
const ask = overFcgi(world.socket);
cleanup(() => ask.close());
const asked = async authorization => (await ask({method: 'GET',
	target: '/api/jobs', headers: {authorization}})).status;
const brief = token('alice', 'house', {exp: now() + 600});
const later = token('alice', 'house', {nbf: now() - 60});
const long = token('alice');

let heard;
test('something has ended before the clock is touched', async () => {
	heard = eachOfThem(world);
	await world.load(async () => {
		await pause(500);
		await until('one is seen completed', () => world.journal.read()
			.some(l => l.state === 'completed'));
	});
});

for (const by of clocks)
	test(`at ${by} s everybody is served`, () => world.load(async () => {
		set(by);
		const from = Date.now();
		/* a token counts by the clock there is, each way */
		equal([await asked(brief), await asked(later),
			await asked(long)],
		[by > 600 ? 401 : 200, by < -60 ? 401 : 200, 200]);
		/* and no window is left that nobody may send in */
		for (const kind of ['return', 'bundle', 'slot', 'renewed'])
			await until(`a ${kind} is accepted`, () =>
				world.journal.read().some(l => l.from > from &&
					l.kind === kind && l.ask === 'again' &&
					[201, 202].includes(l.status)));
		await until('one of the short queue is', () =>
			world.journal.read().some(l => l.from > from &&
				l.kind === 'once' && l.status === 202));
	}));

test('every accepted one comes to its end', () => world.settle());
test('everybody heard of it', () => heard());
test('clients, streams, tables and upstream agree', async () => {
	const {log, rows} = await world.verdict();
	ok(rows.length > 50, `${rows.length} rows`);
	/*
	 * A result that is read once is not given out where its time may be
	 * over and nobody knows: that is 503 until the clock is right. And no
	 * job ended but as its upstream said.
	 */
	const waits = l => l.kind === 'once' && l.status === 503 &&
		['again', 'result'].includes(l.ask);
	const answers = log.filter(l => l.what === 'answer');
	const trouble = answers.filter(l => l.status >= 500 &&
		!/queue-full/.test(l.problem) && !waits(l))
		.map(l => `${l.status} ${l.problem}: ${l.ask} of ${l.kind}`);
	/*
	 * Who reads may be held back for a moment, whatever time it is (gate.h):
	 * one in a hundred at most, and it is told. A clock that did it would
	 * do it to everybody until it is right.
	 */
	const held = trouble.filter(t => /store-unavailable/.test(t));
	if (held.length)
		console.log(`# held back: ${held.join(', ')}`);
	ok(held.length <= answers.length / 100, `${held.length} held back`);
	equal(trouble.filter(t => !held.includes(t)), []);
});
test('nothing was erased', async () => {
	for (const {api} of await sql(world.state,
		'select distinct api from _count'))
		equal(await sql(world.state, `select count(*) as n
			from "${api}" where gone > 0`), [{n: 0}], api);
	equal([...world.cgi.ends, ...world.worker.ends], []);
});

await done();
