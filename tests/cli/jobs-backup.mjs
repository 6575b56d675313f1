/*
 * lowtide-jobs backup while everything runs, and adopt, which is what makes a
 * store of a copy: what the copy holds may have been sent since it was made, so
 * nothing of it that must not be repeated is.
 */
import {mkdirSync, readFileSync, readdirSync, statSync, writeFileSync}
	from 'node:fs';
import {join} from 'node:path';
import {done, equal, match, ok, test} from '../tap.mjs';
import {program, startLine, startUpstream, until} from './line.mjs';

const waiting = [];
const answer = res => res.writeHead(200,
	{'content-type': 'application/json'}).end('{"n":1}');
const up = await startUpstream({
	done: (req, res) => answer(res),
	slow: (req, res) => waiting.push(() => answer(res)),
	hold: req => req.socket.destroy(),
	safe: (req, res) => answer(res),
});
const line = await startLine({
	upstreams: [{name: 'up', base: up.url, timeoutMs: 60000}],
	apis: ['done', 'slow', 'queued', 'hold', 'kept', 'safe'].map(name => ({
		name, upstream: 'up', requestPath: `/${name}`,
		onLost: {hold: 'hold', kept: 'hold', safe: 'retry'}[name]
			?? 'fail'}))
});
const at = name => join(line.dir, name);
const said = (r, status, text) => {
	equal([r.status, r.out], [status, ''], r.err);
	match(r.err, text);
};
const copy = ['--config', at('copy/lowtide.json'), '--state', at('copy'),
	'--keys', at('copy/keys')];
const of_copy = (...args) => {
	const r = line.run('lowtide-jobs', ...args, ...copy);
	return r;
};
const shown = id => JSON.parse(of_copy('show', id, '--json').out);
const job = {};

test('jobs of every kind', async () => {
	line.worker();
	job.done = await line.send('/api/done');
	await line.ended(job.done);
	job.hold = await line.send('/api/hold');
	await until('it is held', () => line.show(job.hold).held);
	job.slow = await line.send('/api/slow');
	await until('the call', () => waiting.length === 1);
	equal(line.jobs('pause', 'queued', 'kept', 'safe').status, 0);
	for (const name of ['queued', 'kept', 'safe'])
		job[name] = await line.send(`/api/${name}`);
});

test('a copy is made while everything runs', () => {
	said(line.jobs('backup', at('copy')), 0, /copied .* bytes/);
	equal(readdirSync(at('copy')).sort(),
		['jobs.db', 'keys', 'lowtide.json']);
	equal(statSync(at('copy')).mode & 0o777, 0o700);
	equal(statSync(at('copy/keys')).mode & 0o777, 0o600);
	equal(statSync(at('copy/jobs.db')).mode & 0o077, 0);
	for (const name of ['keys', 'lowtide.json'])
		equal(readFileSync(join(at('copy'), name), 'utf8'),
			readFileSync(at(name), 'utf8'));
	ok(line.jobs('ls').status === 0);
});

test('never over anything, and without the keys where that is said', () => {
	said(line.jobs('backup', at('copy')), 1, /not-empty/);
	writeFileSync(at('file'), '');
	said(line.jobs('backup', at('file')), 74, /no folder/);
	said(line.jobs('backup', at('no/such/parent')), 74, /No such file/);
	mkdirSync(at('bare'));
	said(line.jobs('backup', at('bare'), '--without-keys'), 0, /copied/);
	equal(readdirSync(at('bare')).sort(), ['jobs.db', 'lowtide.json']);
});

test('the original goes on, and does what the copy holds', async () => {
	waiting.splice(0).forEach(go => go());
	await line.ended(job.slow);
	equal(line.jobs('resume', 'queued', 'kept', 'safe').status, 0);
	for (const name of ['queued', 'safe'])
		await line.ended(job[name]);
	for (const it of line.children) {
		it.child.kill('SIGTERM');
		await it.ended;
	}
});

test('it can be looked into, and changes by nothing of that', () => {
	const before = readFileSync(at('copy/jobs.db'));
	equal(of_copy('audit').status, 0);
	equal(JSON.parse(of_copy('ls', '--json').out).jobs.length, 6);
	equal([shown(job.slow).status, shown(job.queued).status],
		['processing', 'pending']);
	equal(of_copy('stats').status, 0);
	ok(before.equals(readFileSync(at('copy/jobs.db'))));
});

test('the copy is opened by nobody who would do it again', () => {
	const calls = up.calls.length;
	for (const name of ['lowtide-worker', 'lowtide-cgi']) {
		const r = line.run(name, ...copy, ...name === 'lowtide-cgi' ?
			['--listen', `unix:${at('x.sock')}`] : []);
		ok(r.status !== 0);
		match(r.err, /store-is-copy: .*lowtide-jobs adopt/);
	}
	said(of_copy('release', job.hold), 74, /store-is-copy/);
	equal(up.calls.length, calls);
});

test('adopted, nothing of it is sent that must not be', async () => {
	const calls = up.calls.length;
	said(of_copy('adopt'), 64, /not-confirmed: .*--yes/);
	const r = of_copy('adopt', '--yes', '--json');
	equal(r.status, 0, r.err);
	equal(JSON.parse(r.out), {ended: 2, held: 2, going: 1});
	match(r.err, /adopted/);
	equal(of_copy('audit').status, 0);
	const states = Object.fromEntries(Object.entries(job).map(([name, id]) => {
		const j = shown(id);
		return [name, j.held ? 'held' : j.reason ?? j.status];
	}));
	equal(states, {done: 'completed', hold: 'held', slow: 'outcome-unknown',
		queued: 'outcome-unknown', kept: 'held', safe: 'pending'});
	equal(of_copy('show', job.done, '--result').out, '{"n":1}');
	/* now it is a store like any other; what may be repeated is */
	match(of_copy('ls').err, /^safe is paused since /m);
	equal(of_copy('resume', 'safe').status, 0);
	const again = line.spawn(program('lowtide-worker'), ...copy);
	await until('it is done', () => shown(job.safe).status === 'completed');
	again.child.kill('SIGTERM');
	await again.ended;
	equal(up.calls.slice(calls).map(c => c.path), ['/safe']);
});

test('what is no copy is not adopted', () => {
	said(of_copy('adopt', '--yes'), 1, /not-a-copy/);
	said(line.jobs('adopt', '--yes'), 1, /not-a-copy/);
});

await done();
