/*
 * Killed around the bell. Each commit is rung twice, before and after; here
 * the endpoint, then the worker, is killed at its first ring, in its next life
 * at its second, and so on, so that both a ring without a commit and a commit
 * without its ring happen. The other side sees every row all the same.
 */
import {test, ok, equal, done} from '../tap.mjs';
import {startWorld, until} from './world.mjs';

const RINGS = Number(process.env.RINGS ?? 6);
const who = [['lowtide-cgi', 'accepted.bell'],
	['lowtide-worker', 'settled.bell']];
const rules = who.flatMap(([program, bell]) => Array.from({length: RINGS},
	(_, i) => `${program}:/${bell}:write:${i + 1}:kill-before`));
const sights = who.flatMap(([program, bell]) => [
	`${program}:/${bell}:write:0:see`,
	`${program}:/jobs.db-wal:write,sync:0:see`]);

/* what is seen is written down first: a kill is its call's second line */
const world = await startWorld({clients: 6, lease: '1s', heartbeat: '100ms',
	plan: [...sights, ...rules].join(' ')});
world.start();

test(`${rules.length} killed, each at another ring`, async () => {
	await world.load(() => until('each rule has struck', () =>
		rules.every((_, i) => world.struck(sights.length + i)),
	120000));
	equal([...world.cgi.ends, ...world.worker.ends],
		rules.map(() => 'SIGKILL'));
});

test('the shim sees what SQLite writes and syncs', () => {
	const calls = new Set(world.shim().filter(s =>
		s.path.endsWith('jobs.db-wal')).map(s => s.call));
	ok(calls.has('pwrite64') && calls.has('fdatasync'), [...calls]);
});

for (const [program, bell] of who)
	test(`${program}: some died before a commit, some after it`, () => {
		const kinds = {between: 0, before: 0};
		const lines = world.shim();
		for (const kill of lines.filter(l =>
			l.action === 'kill-before' && l.path.endsWith(bell))) {
			const own = lines.filter(l => l.pid === kill.pid);
			const at = own.findIndex(l =>
				l.action === 'kill-before');
			/* before it the same ring seen, before that … */
			const last = own[at - 2];
			kinds[last?.call === 'fdatasync' ? 'between' :
				'before']++;
		}
		console.log(`# ${program}: ${JSON.stringify(kinds)}`);
		ok(kinds.between > 0 && kinds.before > 0);
	});

test('every accepted one comes to its end', () => world.settle());
test('clients, tables and tax service agree', () => world.verdict());

await done();
