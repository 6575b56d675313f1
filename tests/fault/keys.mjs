/*
 * The whole endpoint (whole.mjs) under load while its files are spoilt in every
 * way there is, and come back: the providers' key sets, its own keys, its
 * configuration. Whoever had a good token has one; nothing is lost.
 */
import {chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync,
	truncateSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {test, ok, equal, cleanup, done} from '../tap.mjs';
import {jwks, newKey} from '../tokens.mjs';
import {overFcgi, pause} from './client.mjs';
import {CALLS_KEPT, backAgain, footprint, startWorld, until} from './world.mjs';
import {eachOfThem, keys, putKeys, token, wholeSite} from './whole.mjs';

const world = await startWorld({site: wholeSite, clients: 12,
	lease: '1s', heartbeat: '100ms'});
world.start();
await world.ready();
const ask = overFcgi(world.socket);
cleanup(() => ask.close());

/* A token that nobody has seen: it is checked, not remembered. */
let n = 0;
const fresh = async key => (await ask({method: 'GET', target: '/api/jobs',
	headers: {authorization: token('alice', 'house', {jti: n++}, key)}}))
	.status;
const count = (event, name = 'lowtide-cgi') => world.log(name).split('\n')
	.filter(l => l.includes(`"event":"${event}"`)).length;
const folder = name => join(world.state, name);
const house = join(world.state, 'jwks/house.json');
const text = jwks(keys.house);
const put = (path, what) => {
	writeFileSync(`${path}.new`, what, {mode: 0o600});
	renameSync(`${path}.new`, path);
};
const gone = path => rmSync(path, {recursive: true, force: true});

/* All in make soak; of each list a few otherwise, other ones each time. */
const some = (list, n) => process.env.SPOILT === 'all' ? list : list
	.map(item => [Math.random(), item]).sort(([a], [b]) => a - b)
	.slice(0, n).map(([, item]) => item);

let heard;
const before = {};
test('a line at rest, warmed up', async () => {
	heard = eachOfThem(world);
	await world.load(() => pause(700));
	await heard();
	for (const name of ['cgi', 'worker'])
		before[name] = footprint(world[name].pid);
	heard = eachOfThem(world);
});

/*
 * [how, do it, is it told]. A set that is well formed and empty is believed: so
 * all of a provider's keys are taken back, which is no fault.
 */
const spoilt = [
	['cut off while it is written', () =>
		truncateSync(house, text.length >> 1), true],
	['emptied', () => truncateSync(house, 0), true],
	['not JSON', () => put(house, '<html>'), true],
	['without end', () => put(house, ' '.repeat(1 << 20)), true],
	['unreadable', () => chmodSync(house, 0), false],
	['gone', () => gone(house), false],
	['a directory', () => (gone(house), mkdirSync(house)), false],
	['a link to itself', () => (gone(house), symlinkSync(house, house)),
		false],
	['in a folder that is not there', () => renameSync(
		folder('jwks'), folder('was')), false],
];
for (const [how, spoil, isTold] of some(spoilt, 3))
	test(`a key set ${how}, and back again`, () => world.load(async () => {
		const told = count('keys-refused');
		spoil();
		try {
			/* until it has been looked at, or long enough */
			if (isTold)
				await until('it is told', async () => {
					equal(await fresh(), 200);
					return count('keys-refused') > told;
				});
			else
				for (let i = 0; i < 4; i++, await pause(300))
					equal(await fresh(), 200);
			equal(await fresh(), 200);
		} finally {
			if (existsSync(folder('was')))
				renameSync(folder('was'), folder('jwks'));
			gone(house);
			putKeys(world, 'house', text);
		}
		/* it is read again: a key that comes is taken, and the old */
		const next = newKey('ES256', `next-${n}`);
		putKeys(world, 'house', jwks(keys.house, next));
		await until('the other key counts', async () =>
			await fresh(next) === 200);
		equal(await fresh(), 200);
		putKeys(world, 'house', text);
	}));

const files = {keys: world.at('keys'), 'lowtide.json': world.at('lowtide.json')};
const good = name => readFileSync(files[name]);
const bad = [
	['keys', 'cut off', now => now.subarray(0, now.length >> 1)],
	['keys', 'emptied', () => ''],
	['keys', 'not keys', () => 'x'.repeat(1000)],
	['lowtide.json', 'cut off', now => now.subarray(0, now.length >> 1)],
	['lowtide.json', 'of a newer format', () => '{"format":99}'],
	['lowtide.json', 'a directory', undefined],
	['keys', 'a directory', undefined],
];
for (const [name, how, make] of some(bad, 3))
	test(`${name} ${how}, and SIGHUP: the old go on`, () =>
		world.load(async () => {
			const was = good(name), both = ['cgi', 'worker'];
			const all = event => both.map(p =>
				count(event, `lowtide-${p}`));
			const failed = all('reload-failed');
			gone(files[name]);
			make ? put(files[name], make(was)) :
				mkdirSync(files[name]);
			const done = all('reloaded');
			try {
				for (const p of both)
					world[p].signal('SIGHUP');
				await until('it is told', () =>
					all('reload-failed').every(
						(m, i) => m > failed[i]));
				equal(await fresh(), 200);
			} finally {
				gone(files[name]);
				put(files[name], was);
			}
			world.cgi.signal('SIGHUP');
			await until('it is read', () =>
				all('reloaded')[0] > done[0]);
			equal(await fresh(), 200);
		}));

test('every accepted one comes to its end', () => world.settle());
test('everybody heard of it', () => heard());
test('clients, streams, tables and upstream agree', async () => {
	ok((await world.verdict()).rows.length > 100);
	equal([...world.cgi.ends, ...world.worker.ends], []);
});
test('descriptors and memory are back', async () => {
	ask.close();
	await backAgain('endpoint', world.cgi.pid, before.cgi);
	await backAgain('worker', world.worker.pid, before.worker,
		CALLS_KEPT);
});

await done();
