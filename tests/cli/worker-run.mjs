/*
 * lowtide-worker around its work: what it says before it begins, what it tells
 * whoever collects metrics, that nothing of this wakes it, and what SIGTERM and
 * SIGHUP do while calls and programs are under way.
 */
import {spawnSync} from 'node:child_process';
import {chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync,
	writeFileSync} from 'node:fs';
import http from 'node:http';
import {join} from 'node:path';
import {jwks, newKey} from '../tokens.mjs';
import {done, equal, match, ok, test} from '../tap.mjs';
import {newFolder, pause, startLine, startUpstream, switches, until}
	from './line.mjs';
import {of, parse} from './metrics-text.mjs';

const held = [];
const json = (res, status, body) => res.writeHead(status,
	{'content-type': 'application/json'}).end(JSON.stringify(body));
const up = await startUpstream({
	held: (req, res) => held.push(res),
	ok: (req, res) => json(res, 200, {id: 'x'}),
	refused: (req, res) => json(res, 422, {}),
	silent: (req) => req.socket.destroy(),
	secret: (req, res) => json(res, 200, {got: req.headers['x-key']}),
	keys: (req, res) => res.end(jwks(newKey('ES256', 'k'))),
});
const dir = newFolder(), at = (name) => join(dir, name);
const program = (name, text, mode = 0o755) => {
	mkdirSync(at('handlers'), {recursive: true});
	writeFileSync(at(`handlers/${name}`), text, {mode});
	chmodSync(at(`handlers/${name}`), mode);
};
const exec = (name, more) => ({name, exec: [name], execStopMs: 60000, ...more});
const base = (name, more) => ({name, upstream: 'u',
	requestPath: `/${name}/{job.id}`, ...more});
const line = await startLine({dir,
	providers: [{name: 'house', kind: 'oidc', issuer: 'https://house',
		audiences: ['api'], algorithms: ['ES256'], local: true,
		jwksUri: `${up.url}/keys`, refreshMs: 3600000}],
	secrets: [{name: 'key', file: at('secret')}],
	upstreams: [{name: 'u', base: up.url, timeoutMs: 30000,
		stallTimeoutMs: 30000},
	{name: 'brief', base: up.url}],
	apis: [base('held', {location: '/old/{job.id}', concurrency: 1}),
		base('ok'), base('refused'),
		base('silent', {upstream: 'brief'}),
		base('secret', {requestHeaders: {'X-Key': '{secret.key}'}}),
		base('mine', {auth: 'house', requestPath: '/ok/mine'}),
		exec('slow'), exec('quick')]});
program('slow', '#!/bin/sh\ntrap "" TERM\nwhile [ ! -e ' +
	`${at('go')} ]; do sleep 0.05; done\necho '{"slow":true}'\n`);
program('quick', '#!/bin/sh\ncat\n');
writeFileSync(at('secret'), 'first\n', {mode: 0o600});

const lines = (who) => who.log.split('\n').filter((l) => l.startsWith('{'))
	.map((l) => JSON.parse(l));
const events = (who, event) => lines(who).filter((e) => e.event === event);
const says = (who, event, n = 1) => until(`${n} ${event}`, () =>
	events(who, event).length >= n && events(who, event));
const change = (how) => {
	const config = JSON.parse(readFileSync(at('lowtide.json')));
	how(config);
	writeFileSync(at('next'), JSON.stringify(config));
	renameSync(at('next'), at('lowtide.json'));
};
const begin = async (...args) => {
	const worker = line.worker(...args);
	await says(worker, 'worker-started');
	return worker;
};
async function stop(worker) {
	worker.child.kill('SIGTERM');
	equal(await worker.ended, 0);
}
const ends = async (name, more) =>
	line.ended(await line.send(`/api/${name}`, more));

/* ---- before it begins ---------------------------------------------------- */

test('-t: all is there', () => {
	const r = line.run('lowtide-worker', ...line.common, '-t');
	equal([r.status, r.err], [0, '']);
	match(r.out, /everything is there/);
});
test('-t: what only some jobs need is told, and no error', () => {
	const config = JSON.parse(readFileSync(at('lowtide.json')));
	config.apis.find((a) => a.name === 'slow').exec = ['nowhere'];
	config.apis.find((a) => a.name === 'quick').exec = ['flat'];
	program('flat', 'no program', 0o644);
	config.secrets = [{name: 'key', env: 'LOWTIDE_TEST_NOT_SET'},
		{name: 'other', file: at('no-secret')}];
	config.upstreams[0].ca = at('no-ca.pem');
	writeFileSync(at('other.json'), JSON.stringify(config));
	const r = line.run('lowtide-worker', '-t', '--config', at('other.json'),
		'--state', at('state'), '--keys', at('keys'));
	equal(r.status, 0);
	const found = (name) => r.err.split('\n').filter((l) =>
		l.includes(`${name}:`));
	match(found('handler-missing')[0],
		/handlers\/nowhere: .*`slow` cannot be had: No such file/);
	match(found('handler-not-executable')[0],
		/handlers\/flat: .*`quick` cannot run this; .*chmod 0755/);
	match(found('ca-unreadable')[0], /no-ca\.pem: .*upstream `u` cannot/);
	match(found('secret-missing')[0], /LOWTIDE_TEST_NOT_SET/);
	match(r.err, /secret-missing: the file \S*\/no-secret is not there/);
});
test('what is for tests is only for them', () => {
	for (const option of ['--lease', '--heartbeat', '--key-pace']) {
		const r = line.run('lowtide-worker', ...line.common, option,
			'100ms');
		equal(r.status, 64);
		match(r.err, /dev-only: .*--key-pace are for tests/);
	}
});
test('its options are checked', () => {
	const run = (...args) => line.run('lowtide-worker', ...line.common,
		...args);
	equal(run('--log-level', 'loud').status, 64);
	match(run('--user', 'nobody-has-this-name').err, /user-unknown: /);
	match(run('--metrics', 'tcp:0.0.0.0:9').err, /listen-loopback: /);
	match(line.run('lowtide-worker', '--version').out,
		/^lowtide-worker \d/);
});
test('a minder that was not started by a worker does nothing', () => {
	const r = spawnSync(join(process.env.LOWTIDE_BIN ?? 'build/bin',
		'lowtide-worker'), ['--run-handler', 'x'], {encoding: 'utf8'});
	ok(r.status !== 0);
});

/* ---- metrics ------------------------------------------------------------- */

const scrape = () => new Promise((resolve, reject) => http.get({
	socketPath: at('metrics.sock'), path: '/metrics'}, (res) => {
	let text = '';
	res.on('data', (d) => { text += d; });
	res.on('end', () => resolve(parse(text)));
}).on('error', reject));
const of1 = async (name, labels) => of(await scrape(), name, labels);

let worker;
test('metrics: what is there from the start', async () => {
	worker = await begin('--metrics', `unix:${at('metrics.sock')}`);
	const s = await scrape();
	equal(of(s, 'lowtide_build_info'), 1);
	for (const name of ['lowtide_worker_claims_total',
		'lowtide_queue_pending', 'lowtide_queue_held'])
		equal(of(s, name, {api: 'ok'}), 0);
	await until('keys', async () => await of1(
		'lowtide_key_set_fetches_total', {result: 'ok'}) === 1);
});
test('nothing wakes it, though it has metrics and providers', async () => {
	await ends('ok');
	/* when its last re-check is over */
	await until('it rests', async () => {
		const before = switches(worker.pid);
		await pause(2500);
		return switches(worker.pid) === before;
	});
});
test('metrics: what it did', async () => {
	await ends('ok');
	await ends('refused');
	await ends('silent');
	await until('all is told', async () =>
		await of1('lowtide_worker_attempts_total',
			{api: 'silent', became: 'failed'}) === 1);
	const s = await scrape();
	const is = (name, labels) => of(s, `lowtide_worker_${name}`, labels);
	equal(is('claims_total', {api: 'ok'}), 2);
	equal(is('calls_total', {api: 'ok', end: 'answer', code: '200'}), 2);
	equal(is('calls_total', {api: 'refused', code: '422'}), 1);
	equal(is('calls_total', {api: 'silent', end: 'broken'}), 1);
	equal(is('call_duration_seconds_count', {api: 'ok'}), 2);
	equal(is('attempts_total', {api: 'ok', became: 'completed'}), 2);
	equal(is('failures_total',
		{api: 'refused', reason: 'upstream-refused'}), 1);
	equal(is('failures_total',
		{api: 'silent', reason: 'outcome-unknown'}), 1);
	equal(is('job_duration_seconds_count', {api: 'ok'}), 2);
	equal(is('calling'), 0);
});
test('metrics: the manual names each, and no other', async () => {
	const page = readFileSync('cgi/lowtide-worker.8', 'utf8')
		.split('.Sh METRICS')[1].split('.Sh ')[0];
	const named = new Set(page.match(/\b(lowtide_|process_)[a-z_]+/g));
	const told = new Set(Object.keys(await scrape()).map((name) =>
		name.replace(/(?<=seconds)_(bucket|sum|count)$/, '')));
	equal([...named].sort(), [...told].sort());
});
test('metrics: what waits, and what is called', async () => {
	const ids = [await line.send('/api/held'), await line.send('/api/held')];
	await until('one is called', () => held.length === 1);
	await until('both are told', async () => {
		const s = await scrape();
		return of(s, 'lowtide_queue_pending', {api: 'held'}) === 1 &&
			of(s, 'lowtide_queue_processing', {api: 'held'}) === 1 &&
			of(s, 'lowtide_worker_calling') === 1;
	});
	for (const id of ids) {
		await until('it is called', () => held.length === 1);
		json(held.shift(), 200, {});
		await line.ended(id);
	}
});

/* ---- SIGHUP -------------------------------------------------------------- */

test('SIGHUP: what is new goes on beside what is under way', async () => {
	const old = await line.send('/api/held');
	await until('it is called', () => held.length === 1);
	change((c) => {
		const api = c.apis.find((a) => a.name === 'held');
		api.location = '/new/{job.id}';
		api.concurrency = 2;
		c.apis.find((a) => a.name === 'ok').location = '/now/{job.id}';
	});
	worker.child.kill('SIGHUP');
	await says(worker, 'reloaded');
	const ok1 = await ends('ok');
	equal(ok1.location, `/now/${ok1.jobId}`);
	const young = await line.send('/api/held');
	await until('the other one is called', () => held.length === 2);
	equal(line.show(old).status, 'processing');
	/* one more waits until the first has ended */
	change((c) => {
		c.apis.find((a) => a.name === 'ok').location = '/later/{job.id}';
	});
	worker.child.kill('SIGHUP');
	await pause(300);
	equal(events(worker, 'reloaded').length, 1);
	equal((await ends('ok')).location.split('/')[1], 'now');
	json(held.shift(), 200, {});
	equal((await line.ended(old)).location, `/old/${old}`);
	await says(worker, 'reloaded', 2);
	equal((await ends('ok')).location.split('/')[1], 'later');
	json(held.shift(), 200, {});
	equal((await line.ended(young)).location, `/new/${young}`);
	equal(events(worker, 'job-lost').length, 0);
	equal(await of1('lowtide_reloads_total', {result: 'ok'}), 2);
});
test('SIGHUP: secrets are read anew', async () => {
	const got = async () => JSON.parse(line.jobs('show',
		(await ends('secret')).jobId, '--result').out).got;
	equal(await got(), 'first');
	writeFileSync(at('secret'), 'second\n');
	equal(await got(), 'first');
	worker.child.kill('SIGHUP');
	await says(worker, 'reloaded', 3);
	equal(await got(), 'second');
});
test('SIGHUP: a secret that is gone is told before a job asks', async () => {
	renameSync(at('secret'), at('away'));
	worker.child.kill('SIGHUP');
	await says(worker, 'reloaded', 4);
	await until('it is told', () =>
		/warning: secret-missing: the file \S*\/secret /.test(worker.log));
	renameSync(at('away'), at('secret'));
	worker.child.kill('SIGHUP');
	await says(worker, 'reloaded', 5);
});
test('SIGHUP: what the new one lacks is told', async () => {
	change((c) => {
		c.apis.find((a) => a.name === 'quick').exec = ['gone'];
	});
	worker.child.kill('SIGHUP');
	await says(worker, 'reloaded', 6);
	match(worker.log, /handlers\/gone: warning: handler-missing: /);
	change((c) => {
		c.apis.find((a) => a.name === 'quick').exec = ['quick'];
	});
	worker.child.kill('SIGHUP');
	await says(worker, 'reloaded', 7);
	equal((await ends('quick', {body: '{"a":1}'})).status, 'completed');
});

/* ---- SIGTERM ------------------------------------------------------------- */

test('SIGTERM: says what it waits for, and waits', async () => {
	const id = await line.send('/api/held');
	await until('it is called', () => held.length === 1);
	worker.child.kill('SIGTERM');
	const [e] = await says(worker, 'worker-drains');
	equal([e.signal, e.calls], [15, 1]);
	ok(e.atMostMs > 0 && e.atMostMs <= 30000, `${e.atMostMs}`);
	worker.child.kill('SIGHUP'); /* means nothing any more */
	await pause(200);
	equal([worker.exit, events(worker, 'reloaded').length], [undefined, 7]);
	json(held.shift(), 200, {});
	equal(await worker.ended, 0);
	equal(line.show(id).status, 'completed');
	equal(events(worker, 'worker-stopped')[0].calls, 0);
});
test('SIGTERM: a program is waited for', async () => {
	worker = await begin();
	const id = await line.send('/api/slow');
	await until('it runs', () => existsSync(at('state/work')) &&
		readdirSync(at('state/work')).length === 1);
	worker.child.kill('SIGTERM');
	const [e] = await says(worker, 'worker-drains');
	equal(e.calls, 1);
	ok(e.atMostMs > 30000 && e.atMostMs <= 120000, `${e.atMostMs}`);
	await pause(300);
	equal(worker.exit, undefined);
	writeFileSync(at('go'), '');
	equal(await worker.ended, 0);
	equal(line.jobs('show', id, '--result').out.trim(), '{"slow":true}');
	equal(readdirSync(at('state/work')), []);
});
test('a second one ends it at once, its programs too', async () => {
	renameSync(at('go'), at('gone'));
	worker = await begin();
	const ids = [await line.send('/api/slow'), await line.send('/api/held')];
	await until('it runs', () => readdirSync(at('state/work')).length === 1);
	await until('the other is called', () => held.length === 1);
	worker.child.kill('SIGTERM');
	await says(worker, 'worker-drains');
	worker.child.kill('SIGINT');
	equal(await worker.ended, 0);
	equal(events(worker, 'worker-stopped')[0].calls, 2);
	await until('nothing of the program is left', () =>
		readdirSync(at('state/work')).length === 0);
	held.splice(0).forEach((res) => res.destroy());
	worker = await begin();
	for (const id of ids)
		equal((await line.ended(id)).reason, 'outcome-unknown');
	await stop(worker);
});
test('at level error a quiet day has no line', async () => {
	worker = line.worker('--log-level', 'error');
	equal((await ends('ok')).status, 'completed');
	await stop(worker);
	equal(lines(worker).filter((e) => e.event !== 'running-as-root'), []);
});
test('as another user it runs with what he may read', async () => {
	if (process.getuid() !== 0)
		return;
	const r = line.run('lowtide-worker', ...line.common, '--user', 'nobody');
	equal(r.status !== 0, true);
	match(r.err, /keys/); /* which are root's */
});

await done();
