/*
 * `lowtide-jobs backup` into a folder that somebody else makes his copy in at
 * the same time, or whose disk fails: what it did not make it does not take
 * away, and of what it made nothing is left that is half a copy.
 */
import {existsSync, mkdirSync, readFileSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {done, equal, match, ok, test} from '../tap.mjs';
import {program, startLine, until} from '../cli/line.mjs';
import {SHIM} from './world.mjs';

const line = await startLine({
	upstreams: [{name: 'u', base: 'http://127.0.0.1:9'}],
	apis: [{name: 'one', upstream: 'u'}]});
const at = name => join(line.dir, name);
const WHOLE = ['jobs.db', 'keys', 'lowtide.json'];

/* A backup into the folder `to` with a rule of the shim's. */
function faulty(to, rule) {
	const faults = at(`faults-${to}`);
	mkdirSync(faults);
	return line.spawn('env', `LD_PRELOAD=${SHIM}`, `FAULT_STATE=${faults}`,
		`FAULT_LOG=${faults}/log`, `FAULT_PLAN=lowtide-jobs:${rule}`,
		program('lowtide-jobs'), 'backup', at(to), ...line.common);
}
const isStopped = pid => /^State:\s+T/m.test(
	readFileSync(`/proc/${pid}/status`, 'utf8'));

test('one that comes second leaves the first one its copy', async () => {
	await line.send('/api/one');
	const late = faulty('both', 'both/jobs.db.part:create:1:stop');
	await until('it is about to begin', () => isStopped(late.pid));
	equal(line.jobs('backup', at('both')).status, 0);
	late.child.kill('SIGCONT');
	equal(await late.ended, 1);
	match(late.log, /copy-exists/);
	equal(readdirSync(at('both')).sort(), WHOLE);
	equal(line.run('lowtide-jobs', 'audit', '--config',
		at('both/lowtide.json'), '--state', at('both'),
		'--keys', at('both/keys')).status, 0);
});

for (const [name, rule] of Object.entries({
	part: 'part/jobs.db.part:write:2:ENOSPC',
	sync: 'sync/jobs.db.part:sync:1:EIO',
	folder: 'folder:folder-sync:1:EIO',
	secret: 'secret/.keys:write:1:ENOSPC',
	last: 'last/lowtide.json:rename:1:EIO'}))
	test(`one that fails leaves nothing: ${rule}`, async () => {
		const it = faulty(name, rule);
		await it.ended;
		ok(existsSync(join(at(`faults-${name}`), 'hit-0')));
		match(it.log, /(io-error|store-full): /);
		equal(existsSync(at(name)), false);
	});

await done();
