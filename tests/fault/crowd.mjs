/*
 * The whole endpoint (whole.mjs) with those who only take up room: SILENCE
 * connections that say nothing (default 1000), streams that are read a byte at
 * a time or not at all, or left, and one client that takes every stream there
 * is. Everybody else's requests go on under load, and what was taken comes back.
 */
import {test, ok, equal, cleanup, done} from '../tap.mjs';
import {Client, begin, request} from '../fcgi-client.mjs';
import {overFcgi, pause} from './client.mjs';
import {backAgain, footprint, startWorld, until} from './world.mjs';
import {eachOfThem, people, token, wholeSite} from './whole.mjs';

const SILENCE = Number(process.env.SILENCE ?? 1000);
const STREAMS = 4096; /* LOOP_STREAMS_MAX of cgi/loop.h */
const SILENT_MOST = 512; /* LOOP_INCOMPLETE_MAX */
const SPARE = 32; /* connections of those who are served */
const world = await startWorld({site: wholeSite, clients: 6});
world.start();
await world.ready();
const ask = overFcgi(world.socket);
cleanup(() => ask.close());
const authorization = token('mallory');
const get = (target, headers = {authorization}) =>
	ask({method: 'GET', target, headers});

const open = new Set();
cleanup(() => leave());
async function dial(n) {
	const all = await Promise.all(Array.from({length: n},
		() => Client.dial(world.socket)));
	for (const c of all)
		open.add(c);
	return all;
}
function leave() {
	for (const c of open)
		c.close();
	open.clear();
}
/* Accepts, look-ups and ends that are told after this moment. */
async function goesOn() {
	const from = Date.now();
	const seen = test => world.journal.read().some(l => l.from > from &&
		test(l));
	await world.load(() => until('they are served', () =>
		seen(l => l.ask === 'again' && l.status === 202) &&
		seen(l => l.ask === 'look' && l.status === 200) &&
		seen(l => l.ask === 'longPoll' && l.state === 'completed')));
	equal((await get('/api/jobs/health')).status, 200);
}

/* Each round begins and ends with nobody there. */
const round = (name, during) => test(name, async () => {
	const before = footprint(world.cgi.pid);
	try {
		await during();
	} finally {
		leave();
	}
	await backAgain(name, world.cgi.pid, before, 1);
	equal(world.cgi.ends, []);
});

let heard;
test('a line at rest, warmed up', async () => {
	heard = eachOfThem(world);
	await world.load(() => pause(700));
	await world.settle();
});

round(`${SILENCE} that say nothing`, async () => {
	const idle = footprint(world.cgi.pid).files;
	for (let i = 0; i < SILENCE; i += 250)
		await dial(250);
	await goesOn();
	/* the newest of them are kept */
	const kept = footprint(world.cgi.pid).files - idle;
	ok(kept >= SILENT_MOST / 2 && kept <= SILENT_MOST + SPARE,
		`${kept} connections are open`);
	await world.settle();
});

round('300 with half a request, 300 that leave inside of it', async () => {
	const all = await dial(600);
	for (const c of all)
		c.send(begin(1).subarray(0, 11));
	for (const c of all.slice(300))
		c.close();
	await goesOn();
	await world.settle();
});

/* The status of an owner's stream that is opened there. */
const taken = c => new Promise(told => c.follow({id: 1, method: 'GET',
	uri: '/api/jobs/events', headers: {authorization}}, bytes => bytes &&
	told(Number(/^Status: (\d+)/.exec(bytes)?.[1]))));
const stream = (c, who) => c.send(request({id: 1,
	method: 'GET', uri: '/api/jobs/events', ...who}));

round('streams read a byte at a time, not at all, or left', async () => {
	const all = await dial(150);
	for (const [i, c] of all.entries()) {
		stream(c, people[i % 2 ? 'alice' : 'bob'].lines());
		c.socket.pause();
		if (i % 3 === 1)
			c.close();
	}
	let over = false;
	const slow = (async () => {
		for (; !over; await pause(100))
			for (const c of all.filter((_, i) => i % 3 === 2))
				c.socket.read(1);
	})();
	await goesOn();
	await goesOn();
	over = true;
	await slow;
	await world.settle();
});

round('one takes every stream there is', async () => {
	const mine = {};
	for (let i = 0; i < STREAMS; i += 256)
		for (const c of await dial(256))
			taken(c).then(s => { mine[s] = (mine[s] ?? 0) + 1; });
	await until('each is told', () =>
		(mine[200] ?? 0) + (mine[503] ?? 0) === STREAMS);
	ok(mine[200] > STREAMS - SPARE && mine[503] > 0,
		`${mine[200]} taken, ${mine[503]} refused`);
	const no = await get('/api/jobs/events');
	ok(/queue-full/.test(no.text) && Number(no.headers['retry-after']) > 0);
	await goesOn();
	await world.settle();
	leave();
	/* and then there is room again */
	await until('a stream is taken', async () =>
		await taken((await dial(1))[0]) === 200);
});

test('everybody heard of it', () => heard());
test('clients, tables and upstream agree', async () => {
	await world.verdict();
});

await done();
