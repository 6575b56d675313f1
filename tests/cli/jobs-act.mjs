/*
 * lowtide-jobs where it changes something, beside a running endpoint and
 * worker: what is done at once is seen at once, what is not possible is said,
 * and nothing else changes.
 */
import {spawn, spawnSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {readFileSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {program, startLine, startUpstream, until} from './line.mjs';

const waiting = [];
const up = await startUpstream({
	quick: (req, res) => res.writeHead(200,
		{'content-type': 'application/octet-stream'})
		.end(randomBytes(20000)),
	slow: (req, res) => waiting.push(() => res.writeHead(200).end()),
});
const line = await startLine({
	upstreams: [{name: 'up', base: up.url, timeoutMs: 60000}],
	apis: [{name: 'quick', auth: 'web-server', upstream: 'up'},
		{name: 'slow', upstream: 'up', onLost: 'retry'}],
});
const owner = 'alice';
const get = (id, tail = '', more = {}) => line.fcgi({method: 'GET',
	target: `/api/jobs/${id}${tail}`, owner, ...more});
async function post(who = owner) {
	const r = await line.fcgi({method: 'POST', target: '/api/quick',
		owner: who, body: '{}', headers: {'x-wait-time-ms': '0'}});
	return JSON.parse(r.text).jobId;
}
const said = (r, status, ...lines) => {
	equal([r.status, r.out], [status, ''], r.err);
	const got = r.err.trimEnd().split('\n');
	equal(got.length, lines.length, r.err);
	lines.forEach((l, i) => match(got[i], l));
};
const STAMP = '^\\d{4}-\\d\\d-\\d\\dT[0-9:.]+Z lowtide-jobs: ';
const stamped = text => new RegExp(`${STAMP}${text}$`);
const none = `job_${'A'.repeat(48)}`;

test('a pending one is cancelled at once, and who waits for it sees it',
	async () => {
		const id = await post();
		/* parked at the endpoint until the state changes */
		const {headers} = await get(id);
		const poll = get(id, '', {headers: {prefer: 'wait=20',
			'if-none-match': headers.etag}});
		said(line.jobs('cancel', id), 0,
			stamped(`cancelled ${id} of quick`));
		const r = await poll;
		equal([r.status, JSON.parse(r.text).status],
			[200, 'cancelled']);
		said(line.jobs('cancel', id), 1,
			new RegExp(`job-ended: ${id} has ended: it is cancelled`));
	});

test('one that runs is asked to end, and its worker told', async () => {
	line.worker();
	const id = await line.send('/api/slow');
	await until('the call', () => waiting.length === 1);
	said(line.jobs('cancel', id), 0, stamped(
		`asked ${id} of slow to end: its worker is told, .*`));
	ok(line.show(id).cancelRequested);
	waiting.splice(0).forEach(go => go());
	await line.ended(id);
});

test('several at once: each is told, and one failure is one', async () => {
	const first = await line.send('/api/slow');
	await until('the call', () => waiting.length === 1);
	const r = line.run('lowtide-jobs', 'cancel', first, none, 'nonsense',
		...line.common, '--json');
	equal(r.status, 1);
	equal(JSON.parse(r.out), {done: [first], failed: [
		{jobId: none, error: 'no-such-job'},
		{jobId: 'nonsense', error: 'no-such-job'}]});
	match(r.err, stamped(`asked ${first} [^\\n]*\n[^]*\n`));
	match(r.err, /no-such-job: there is no job `nonsense`/);
	waiting.splice(0).forEach(go => go());
	await line.ended(first);
});

test('ids from stdin', async () => {
	const ids = [await line.send('/api/slow'), await line.send('/api/slow')];
	await until('the calls', () => waiting.length === 2);
	const r = spawnSync(program('lowtide-jobs'),
		['cancel', '-', ...line.common],
		{encoding: 'utf8', input: `${ids[0]}\n\n  ${ids[1]}\n`});
	equal(r.status, 0);
	equal(r.stderr.match(/asked job_/g).length, 2);
	waiting.splice(0).forEach(go => go());
	for (const id of ids)
		await line.ended(id);
});

test('only what is held can be decided about', async () => {
	const id = await line.send('/api/slow');
	await until('the call', () => waiting.length === 1);
	const before = line.show(id);
	for (const command of ['release', 'fail', 'complete'])
		said(line.jobs(command, id), 1, new RegExp(
			`not-held: ${id} is not held: it is processing`));
	const {leaseUntil: a, ...is} = line.show(id);
	const {leaseUntil: b, ...was} = before;
	equal(is, was);
	waiting.splice(0).forEach(go => go());
	await line.ended(id);
	said(line.jobs('release', id), 1, /job-ended: .* it is completed/);
	said(line.jobs('release', none), 1, /no-such-job/);
});

test('a wrong command line changes nothing and says so', async () => {
	for (const [args, text] of [[['cancel'], /takes ID/],
		[['purge'], /say which: ids/],
		[['purge', '--api', 'quick'], /say which: ids/],
		[['purge', none, '--older-than', '1h'], /say either ids/],
		[['purge', '--owner', 'alice', '--yes'], /hexadecimal/],
		[['complete', none, '--status', '404'], /between 200 and 299/],
		[['complete', none, '--result', '/etc/hostname', '--status',
			'204'], /has no result/],
		[['complete', none, '--type', 'json'], /no media type/],
		[['complete', none, '--location', 'a\nb'], /one line of UTF-8/],
		[['fail', none, '-m', 'x'.repeat(201)], /one line of UTF-8/],
		[['purge', none], /not-confirmed: .*--yes/]]) {
		const [command, ...rest] = args;
		const r = line.jobs(command, ...rest);
		equal([r.status, r.out], [64, ''], args.join(' '));
		match(r.err, text);
	}
});

/* ---- purge ------------------------------------------------------------------ */

const state = id => get(id).then(r => r.status);

test('one is purged by its id, when it has ended', async () => {
	const id = await post();
	await line.ended(id);
	equal(await state(id), 200);
	said(line.jobs('purge', id, '--yes'), 0,
		stamped(`purged ${id} of quick`));
	equal(await state(id), 410);
	const open = await line.send('/api/slow');
	await until('the call', () => waiting.length === 1);
	said(line.jobs('purge', open, '-y'), 1, /job-open: .* cancel it first/);
	waiting.splice(0).forEach(go => go());
	await line.ended(open);
});

test('all of an owner, and nobody else\'s', async () => {
	const ids = [];
	for (let i = 0; i < 150; i++) /* more than a batch */
		ids.push(await post());
	const other = await post('bob');
	for (const id of [...ids, other])
		await line.ended(id);
	const hash = line.show(ids[0]).owner;
	const n = 151; /* with the one that was cancelled */
	said(line.jobs('purge', '--owner', hash, '--dry-run'), 0,
		stamped(`would purge ${n} jobs`));
	equal(await state(ids[0]), 200);
	said(line.jobs('purge', '--owner', hash), 64, /not-confirmed/);
	const r = line.jobs('purge', '--owner', hash, '--yes', '--json');
	equal([r.status, JSON.parse(r.out)], [0, {found: n, purged: n}]);
	for (const id of [ids[0], ids[149]])
		equal(await state(id), 410);
	equal((await get(other, '', {owner: 'bob'})).status, 200);
});

test('by age', async () => {
	said(line.jobs('purge', '--older-than', '1h', '--yes'), 0,
		stamped('purged 0 jobs'));
	said(line.jobs('purge', '--api', 'slow', '--older-than', '0s', '-y'),
		0, stamped('purged [5-9] jobs'));
	equal(line.jobs('ls', '--api', 'slow', '--json').out
		.match(/"erasedAt": "/g).length >= 5, true);
});

test('on a terminal it asks', async () => {
	const id = await post();
	await line.ended(id);
	const ask = async answer => {
		const child = spawn('script', ['-qfec', [program('lowtide-jobs'),
			'purge', id, ...line.common].join(' '), '/dev/null']);
		let out = '';
		child.stdout.on('data', d => { out += d; });
		const ended = new Promise(r => child.on('close', r));
		cleanup(() => child.kill('SIGKILL'));
		await until('it asks', () => out.includes('[y/N]'));
		child.stdin.write(`${answer}\n`);
		return [await ended, out];
	};
	const [no, text] = await ask('n');
	equal(no, 1);
	match(text, /not-confirmed: nothing was changed/);
	equal(await state(id), 200);
	equal((await ask('y'))[0], 0);
	equal(await state(id), 410);
});

/* ---- housekeeping ------------------------------------------------------------- */

test('what is past its time is erased at a word', async () => {
	/* nobody else sweeps meanwhile */
	for (const it of line.children.filter(c => c.exit === undefined)) {
		it.child.kill('SIGTERM');
		await it.ended;
	}
	const config = join(line.dir, 'lowtide.json');
	writeFileSync(config, readFileSync(config, 'utf8')
		.replaceAll('"ttlMs":3600000', '"ttlMs":1'));
	const r = line.jobs('expire', '--json');
	equal(r.status, 0);
	equal(JSON.parse(r.out), {emptied: 1, removed: 0}); /* bob's */
	match(r.err, stamped('expired: 1 jobs were emptied, 0 .*\n'));
	said(line.jobs('expire'), 0, stamped('expired: 0 jobs were emptied, .*'));
});

test('free pages are given back', () => {
	const file = join(line.dir, 'state', 'jobs.db');
	const was = statSync(file).size;
	const r = line.jobs('vacuum', '--json');
	equal(r.status, 0);
	const {before, after} = JSON.parse(r.out);
	ok(after < before);
	ok(statSync(file).size < was);
	match(r.err, stamped(`gave free pages back: ${before} bytes before, ` +
		`${after} after\n`));
	equal(spawnSync('sqlite3', ['-readonly', file,
		'PRAGMA freelist_count; PRAGMA integrity_check'],
	{encoding: 'utf8'}).stdout, '0\nok\n');
});

test('somebody has the turn and keeps it: said, and nothing changed', async () => {
	const lock = spawn('flock', [join(line.dir, 'state', 'write.lock'), 'cat'],
		{stdio: ['pipe', 'inherit', 'inherit']});
	cleanup(() => lock.kill('SIGKILL'));
	await until('it is locked', () => spawnSync('flock', ['-n',
		join(line.dir, 'state', 'write.lock'), 'true']).status !== 0);
	const [id] = JSON.parse(line.jobs('ls', '--json').out).jobs
		.map(j => j.jobId);
	const r = line.jobs('purge', id, '--yes');
	equal(r.status, 74);
	match(r.err, /store-busy: .*lslocks/);
	lock.stdin.end();
	equal(line.jobs('ls').status, 0);
});

await done();
