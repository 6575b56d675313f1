/*
 * lowtide-jobs ls, ls --watch and show beside a running endpoint and worker:
 * which jobs are listed, what is shown of one, and that looking changes nothing.
 */
import {spawn, spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {chmodSync, readFileSync, readdirSync, statSync, writeFileSync}
	from 'node:fs';
import {join} from 'node:path';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {program, startLine, startUpstream, switches, until} from './line.mjs';

const waiting = [];
let ended = false;
const json = (res, status, body) => res.writeHead(status,
	{'content-type': 'application/json'}).end(JSON.stringify(body));
const up = await startUpstream({
	good: (req, res) => json(res, 201, {id: 1}),
	bad: (req, res) => json(res, 422, {code: 'NO\u001b[2J'}),
	raw: (req, res) => res.writeHead(200).end('a\x1b[2Jb\n'),
	polls: (req, res) => res.writeHead(202,
		{location: '/state/1?key=KEYMARK', 'retry-after': '1'}).end(),
	state: (req, res) => json(res, 200, ended ? {id: 1} : {
		status: 'running', progress: 40, message: 'half\u001b[2Jway'}),
	login: (req, res) => json(res, 401, {}),
	slow: (req, res) => waiting.push(() => json(res, 200, {n: 2})),
});
const line = await startLine({
	upstreams: [{name: 'up', base: up.url, timeoutMs: 60000}],
	apis: [{name: 'good', upstream: 'up'},
		{name: 'bad', upstream: 'up', auth: 'web-server'},
		{name: 'login', upstream: 'up', forward: ['x-access'],
			bodySecret: ['pin']},
		{name: 'slow', upstream: 'up'}, {name: 'raw', upstream: 'up'},
		{name: 'polls', upstream: 'up'}],
});
const ls = (...args) => {
	const r = line.jobs('ls', '--json', ...args);
	equal([r.status, r.err], [0, '']);
	return JSON.parse(r.out).jobs;
};
const ids = (...args) => ls(...args).map(j => j.jobId);
const fails = (status, said, command, ...args) => {
	const r = line.jobs(command, ...args);
	equal(r.status, status, r.err);
	equal(r.out, '');
	match(r.err, said);
};
const job = {};

test('jobs of every kind', async () => {
	job.waits = await line.send('/api/good', {headers:
		{'x-request-id': 'the-first-one-0123456789'}});
	line.worker();
	await line.ended(job.waits);
	const r = await line.fcgi({method: 'POST', target: '/api/bad',
		body: '{}', owner: 'alice', headers: {'x-wait-time-ms': '0'}});
	job.bad = JSON.parse(r.text).jobId;
	await line.ended(job.bad);
	job.needs = await line.send('/api/login?q=1', {
		body: '{"a": 1, "pin": "PINMARK"}',
		headers: {'x-access': 'ACCESSMARK'}});
	await until('it needs another', () => line.show(job.needs)
		.needsCredentials);
	job.runs = await line.send('/api/slow');
	await until('the call', () => waiting.length === 1);
});

test('newest first, or oldest', () => {
	equal(ids(), [job.runs, job.needs, job.bad, job.waits]);
	equal(ids('--oldest'), [job.waits, job.bad, job.needs, job.runs]);
	equal(ids('-n', '2'), [job.runs, job.needs]);
	equal(ids('--oldest', '-n', '1'), [job.waits]);
});

test('by status', () => {
	equal(ids('--status', 'pending'), [job.needs]);
	equal(ids('--status', 'needs-credentials'), [job.needs]);
	equal(ids('--status', 'processing'), [job.runs]);
	equal(ids('--status', 'held'), []);
	equal(ids('--status', 'completed'), [job.waits]);
	equal(ids('--status', 'failed'), [job.bad]);
	equal(ids('--status', 'cancelled'), []);
	fails(64, /use pending, needs-credentials/, 'ls', '--status', 'done');
});

test('by API, and the near one is named', () => {
	equal(ids('--api', 'slow'), [job.runs]);
	fails(1, /no-such-api: .*did you mean `slow`/, 'ls', '-a', 'slwo');
});

test('by owner, as ls says him; nobody is one as well', () => {
	const [{owner}] = ls('--api', 'bad');
	match(owner, /^[0-9a-f]{32}$/);
	equal(ids('--owner', owner.toUpperCase()), [job.bad]);
	equal(ls('--api', 'good')[0].owner, null);
	equal(ids('--owner', '0'.repeat(32), '-n', '2'),
		[job.runs, job.needs]);
	fails(64, /hexadecimal/, 'ls', '--owner', 'alice');
});

test('by time', () => {
	const at = ls('--api', 'login')[0].createdAt;
	equal(ids('--since', at), [job.runs, job.needs]);
	equal(ids('--until', at), [job.bad, job.waits]);
	equal(ids('--since', at, '--until', at), []);
	equal(ids('--since', '1h').length, 4);
	equal(ids('--until', '1h'), []);
	equal(ids('--since', at.slice(0, 10)).length, 4);
	for (const time of ['yesterday', '', '10', '2026-13-01',
		'2026-11-21T08:30+01:00', `${at}x`])
		fails(64, /is no time/, 'ls', '--since', time);
});

test('by the name that its client gave it', () => {
	equal(ids('--request-id', 'the-first-one-0123456789'), [job.waits]);
	equal(ids('--request-id', 'the-first-one'), []);
});

test('what its client sent is shown when asked for', () => {
	const show = (...args) => line.jobs('show', job.needs, ...args).out;
	for (const args of [[], ['--json']])
		ok(!/MARK/.test(show(...args)));
	const r = JSON.parse(show('--request', '--json'));
	equal([r.requestMethod, r.requestPath, r.requestQuery,
		r.remoteAddress], ['POST', '/api/login', 'q=1', '192.0.2.7']);
	equal(r.requestHeaders['x-access'], '(not shown)');
	ok(!/MARK/.test(show('--request')));
	equal(show('--request-body'), '{"a":1}');
	match(show('--request', '--with-secrets'), /x-access: ACCESSMARK\n/);
	equal(show('--request-body', '--with-secrets'),
		'{"a": 1, "pin": "PINMARK"}');
	fails(1, /request-erased/, 'show', job.waits, '--request-body');
	equal(line.jobs('show', job.waits, '--result').out, '{"id":1}');
	equal(line.show(job.waits).requestId, 'the-first-one-0123456789');
});

/* By a configuration that takes less than it did when the job came. */
test('and no credential of a body that would be too large by now', () => {
	const file = join(line.dir, 'lowtide.json');
	const was = readFileSync(file, 'utf8');
	writeFileSync(file, was.replaceAll('"bodyMax":65536', '"bodyMax":8'));
	const r = line.jobs('show', job.needs, '--request-body');
	writeFileSync(file, was);
	equal([r.status, r.out], [0, '{"a":1}']);
});

/* ---- as they change ---------------------------------------------------------- */

function watch(command, ...args) {
	const child = spawn(command, args, {stdio: ['ignore', 'pipe', 'pipe']});
	const it = {child, out: '', err: ''};
	child.stdout.on('data', d => { it.out += d; });
	child.stderr.on('data', d => { it.err += d; });
	it.ended = new Promise(r => child.on('close', (code, sig) =>
		r(sig ?? code)));
	it.lines = () => it.out.split('\n').slice(0, -1).map(l => JSON.parse(l));
	cleanup(async () => {
		child.kill('SIGKILL');
		await it.ended;
	});
	return it;
}
const jobs = (...args) => watch(program('lowtide-jobs'), 'ls',
	...line.common, ...args);

test('on a pipe: a line for each change, and no wake without one', async () => {
	const it = jobs('--watch', '--json', '--api', 'slow');
	await until('the first', () => it.lines().length === 1);
	equal([it.lines()[0].jobId, it.lines()[0].status],
		[job.runs, 'processing']);
	const later = await line.send('/api/slow');
	await until('it is called', () => waiting.length === 2);
	waiting.splice(0).forEach(go => go());
	await line.ended(job.runs);
	await line.ended(later);
	const states = id => it.lines().filter(l => l.jobId === id)
		.map(l => l.status);
	await until('their ends', () => [job.runs, later].every(id =>
		states(id).at(-1) === 'completed'));
	equal(states(job.runs), ['processing', 'completed']);
	ok(['pending', 'processing'].includes(states(later)[0]));
	ok(it.lines().every(l => l.api === 'slow'));
	/* nothing happens: it sleeps, but for one look a second later */
	await until('it rests', async () => {
		const before = switches(it.child.pid);
		await new Promise(r => setTimeout(r, 1500));
		return switches(it.child.pid) === before;
	});
	it.child.kill('SIGTERM');
	equal([await it.ended, it.err], [0, '']);
});

test('plain lines without --json', async () => {
	const it = jobs('-w', '--status', 'failed');
	await until('a line', () => it.out.includes('\n'));
	match(it.out, new RegExp(`^${job.bad} +bad +failed +422 .*refused\n$`));
	it.child.kill('SIGINT');
	equal(await it.ended, 0);
});

test('nobody reads any more: it ends', async () => {
	const it = jobs('--watch', '--json');
	await until('the first', () => it.lines().length > 1);
	it.child.stdout.destroy();
	await it.ended;
});

test('one that its upstream works on: how far it is, as it says', async () => {
	const id = await line.send('/api/polls');
	const r = await until('it tells', () => {
		const now = line.show(id);
		return now.progress === 40 && now;
	});
	equal([r.status, r.polled, r.sent], ['processing', true, true]);
	equal(r.pollUrl, `${up.url}/state/1`);
	match(r.progressMessage, /^half.*way$/);
	ok(!/\x1b|KEYMARK/.test(line.jobs('show', id).out));
	equal(line.jobs('audit').status, 0);
	ended = true;
	equal((await line.ended(id)).status, 'completed');
	equal(line.show(id).pollUrl, undefined);
});

test('a body on a terminal cannot speak to it', async () => {
	equal(line.jobs('show', job.bad, '--result').out,
		'{"code":"NO\\u001b[2J"}');
	const raw = await line.send('/api/raw');
	await line.ended(raw);
	equal(line.jobs('show', raw, '--result').out, 'a\x1b[2Jb\n');
	const it = watch('script', '-qfec', [program('lowtide-jobs'), 'show',
		raw, '--result', ...line.common].join(' '), '/dev/null');
	await it.ended;
	equal(it.out, 'a?[2Jb\r\n');
});

test('on a terminal: the table, drawn again', async () => {
	/* exec: some shells stay, and the signal would be theirs */
	const command = ['exec', program('lowtide-jobs'), 'ls', ...line.common,
		'--watch', '--api', 'good'].join(' ');
	const it = watch('script', '-qfec', command, '/dev/null');
	await until('the table', () => it.out.includes(job.waits));
	match(it.out, /\x1b\[H.*\^C ends/);
	const later = await line.send('/api/good');
	await until('the new one', () => it.out.includes(later));
	await until('its end', () => it.out.split('\x1b[H').at(-1).split('\n')
		.find(l => l.includes(later))?.includes('completed'));
	const drawn = it.out.split('\x1b[H').at(-1);
	ok(drawn.indexOf(later) < drawn.indexOf(job.waits));
	const [pid] = readFileSync(`/proc/${it.child.pid}/task/` +
		`${it.child.pid}/children`, 'utf8').split(' ').filter(Boolean);
	process.kill(Number(pid), 'SIGINT');
	await it.ended;
});

test('looking changes nothing, for somebody who may only read', async () => {
	for (const it of line.children.filter(c => c.exit === undefined)) {
		it.child.kill('SIGTERM');
		await it.ended;
	}
	const state = join(line.dir, 'state');
	/* -shm is SQLite's index of the log in memory, made anew when needed */
	const files = () => readdirSync(state).sort()
		.filter(name => name !== 'jobs.db-shm').map(name => {
		const path = join(state, name), s = statSync(path);
		return [name, s.isFile() ? [s.ino, s.mtimeMs, s.size,
			createHash('sha256').update(readFileSync(path))
				.digest('hex')] : 0];
	});
	const before = files();
	for (const args of [['ls'], ['ls', '--json', '--status', 'failed'],
		['show', job.bad], ['show', job.needs, '--request']])
		equal(line.jobs(...args).status, 0);
	equal(files(), before);
	if (process.getuid() !== 0)
		return;
	/* as another user, who owns the keys and may read the store */
	spawnSync('cp', [join(line.dir, 'keys'), join(line.dir, 'keys2')]);
	spawnSync('chown', ['nobody', join(line.dir, 'keys2')]);
	chmodSync(line.dir, 0o755);
	const r = spawnSync('setpriv', ['--reuid=nobody', '--clear-groups',
		program('lowtide-jobs'), 'ls', '--json', ...line.common,
		'--keys', join(line.dir, 'keys2')], {encoding: 'utf8'});
	equal([r.status, r.stderr], [0, '']);
	ok(JSON.parse(r.stdout).jobs.length > 4);
	equal(files(), before);
});

await done();
