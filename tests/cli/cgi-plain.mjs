/*
 * lowtide-cgi as a plain CGI program: environment and stdin in, stdout out, a
 * process for each request. What holds over processes is held: one row for a
 * name, quotas, the turn. tests/web has it behind web servers.
 */
import {spawn, spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync,
	statSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {cleanup, done, equal, match, test} from '../tap.mjs';
import {program, startUpstream, until} from './line.mjs';

const dir = mkdtempSync(join(tmpdir(), 'lowtide-test.'));
const at = name => join(dir, name);
cleanup(() => rmSync(dir, {recursive: true, force: true}));
const upstream = await startUpstream({
	do: (req, res) => res.writeHead(201, {'content-type': 'application/json'})
		.end('{"id":"b/1"}'),
});

const api = (tag, name, given) => ({name, tag, method: 'POST',
	path: `/api/${name}`, auth: 'none', pattern: 'async-polling',
	allow: ['fire-and-forget', 'async-polling', 'synchronous'], waitMs: 0,
	waitMaxMs: 25000, onLost: 'fail', deadlineMs: 60000, ttlMs: 3600000,
	estimateMs: 1000, concurrency: 4, attempts: 3, bodyMax: 1000,
	bodyType: 'application/json', resultMax: 100000, upstream: 'u',
	requestMethod: 'POST', requestPath: `/do/${name}`, ...given});
const config = {format: 1, name: 'plain', baseUrl: 'https://plain.example',
	prefix: '/api', origins: ['https://plain.example'],
	upstreams: [{name: 'u', base: upstream.url, local: true,
		timeoutMs: 5000, connectTimeoutMs: 1000, stallTimeoutMs: 5000,
		responseMax: 200000}],
	apis: [api('000001', 'job'),
		api('000002', 'sync', {pattern: 'synchronous'}),
		api('000003', 'few', {auth: 'web-server', ownerOpen: 2}),
		api('000004', 'once', {once: true}),
		api('000005', 'large', {bodyMax: 50000})]};
writeFileSync(at('lowtide.json'), JSON.stringify(config));
mkdirSync(at('state'));
spawnSync(program('lowtide-jobs'), ['keygen', at('keys')]);

/* ---- a request ---------------------------------------------------------- */

const files = {LOWTIDE_CONFIG: at('lowtide.json'), LOWTIDE_STATE: at('state'),
	LOWTIDE_KEYS: at('keys')};

function answerOf(out) {
	const end = out.indexOf('\r\n\r\n');
	const headers = Object.fromEntries(out.slice(0, end).split('\r\n')
		.map(l => [l.split(':')[0].toLowerCase(),
			l.slice(l.indexOf(':') + 2)]));
	return {status: parseInt(headers.status, 10), headers,
		text: out.slice(end + 4), first: out.split('\r\n')[0]};
}

/* env: more of the environment, null takes out; args as ISINDEX would make */
function ask(method, uri, {headers = {}, body = '', env = {}, args = []} = {}) {
	const bytes = Buffer.from(body);
	const vars = {PATH: process.env.PATH, GATEWAY_INTERFACE: 'CGI/1.1',
		REQUEST_METHOD: method, REQUEST_URI: uri,
		REMOTE_ADDR: '192.0.2.7', ...files};
	for (const name of ['ASAN_OPTIONS', 'UBSAN_OPTIONS'])
		if (process.env[name])
			vars[name] = process.env[name];
	for (const [k, v] of Object.entries(headers))
		vars[`HTTP_${k.toUpperCase().replace(/-/g, '_')}`] = v;
	if (bytes.length)
		Object.assign(vars, {CONTENT_LENGTH: String(bytes.length),
			CONTENT_TYPE: 'application/json'});
	for (const [k, v] of Object.entries(env))
		v === null ? delete vars[k] : vars[k] = v;
	return new Promise((resolve, reject) => {
		const child = spawn(program('lowtide-cgi'), args, {env: vars});
		let out = '', err = '';
		child.on('error', reject);
		child.stdin.on('error', () => {}); /* not all of it is read */
		child.stdout.on('data', d => { out += d; });
		child.stderr.on('data', d => { err += d; });
		child.on('close', code => resolve({...answerOf(out), code, err}));
		child.stdin.end(bytes);
	});
}
const post = (name, given = {}) =>
	ask('POST', `/api/${name}`, {body: '{"a":1}', ...given});
const named = (id, more = {}) =>
	({'x-initial-request': 'true', 'x-request-id': id, ...more});
const name = n => `a-name-that-nobody-guesses-${n}`;
const jobOf = a => JSON.parse(a.text);
const jobs = (...args) => JSON.parse(spawnSync(program('lowtide-jobs'),
	['ls', '--json', '--config', at('lowtide.json'), '--state', at('state'),
		'--keys', at('keys'), '--limit', '1000', ...args]).stdout);
const count = (...args) => {
	const list = jobs(...args);
	return (list.jobs ?? list).length;
};
const problem = (a, type) =>
	equal(JSON.parse(a.text).type, `/problems/${type}`);

/* ---- the tests ----------------------------------------------------------- */

test('the first request makes the store, and is accepted', async () => {
	const a = await post('job', {headers: named(name(1))});
	equal([a.status, a.code], [202, 0]);
	match(a.first, /^Status: 202 /);
	const job = jobOf(a);
	equal(job.status, 'accepted');
	equal(a.headers.location, job.statusUrl);
	match(a.headers['retry-after'], /^[0-9]+$/);
	match(a.err, /"event":"job-accepted"/);
	equal(count(), 1);
});

test('the same name replays, another body does not', async () => {
	const first = await post('job', {headers: named(name(1))});
	const again = await post('job', {headers: {'x-request-id': name(1)}});
	equal(first.status, 202);
	equal(again.status, 202);
	equal(jobOf(again).jobId, jobOf(first).jobId);
	const other = await post('job',
		{headers: named(name(1)), body: '{"a":2}'});
	equal(count(), other.status === 202 ? 2 : 1);
});

test('status, 304, HEAD and what is not there', async () => {
	const url = jobOf(await post('job')).statusUrl;
	const a = await ask('GET', url);
	equal(a.status, 200);
	equal(jobOf(a).status, 'pending');
	const same = await ask('GET', url,
		{headers: {'if-none-match': a.headers.etag}});
	equal([same.status, same.text], [304, '']);
	const head = await ask('HEAD', url);
	equal([head.status, head.text], [200, '']);
	equal((await ask('GET', `${url}x`)).status, 404);
	equal((await ask('GET', '/nothing')).status, 404);
	equal((await ask('PUT', '/api/job')).status, 405);
	equal((await ask('OPTIONS', '/api/job')).status, 204);
	equal((await ask('GET', '/api/jobs/health')).status !== 404, true);
});

test('a look-up takes no turn and changes nothing', async () => {
	const url = jobOf(await post('job')).statusUrl;
	const before = statSync(at('state/jobs.db-wal')).size;
	const holder = spawn('flock', ['--no-fork', at('state/write.lock'),
		'sleep', '30'], {stdio: 'ignore'});
	const over = new Promise(r => holder.on('close', r));
	try {
		await until('the lock', () => spawnSync('flock',
			['-n', at('state/write.lock'), 'true']).status !== 0);
		equal((await ask('GET', url)).status, 200);
		/* who wants to write waits for its turn, and not for ever */
		const late = await post('job');
		equal(late.status, 503);
		problem(late, 'store-unavailable');
		equal(statSync(at('state/jobs.db-wal')).size, before);
	} finally {
		holder.kill();
		await over;
	}
});

test('a cancel is committed, and DELETE does no harm', async () => {
	const {statusUrl, cancelUrl} = jobOf(await post('job'));
	const a = await ask('POST', cancelUrl);
	equal([a.status, jobOf(a).status], [200, 'cancelled']);
	const b = await ask('DELETE', statusUrl);
	equal([b.status, jobOf(b).status], [200, 'cancelled']);
	equal((await ask('GET', `${statusUrl}/result`)).status, 409);
	equal((await ask('DELETE', `${statusUrl}?purge=1`)).status, 204);
	equal((await ask('GET', statusUrl)).status, 410);
});

test('nothing waits: a sync API answers 202, and says how long', async () => {
	const a = await post('sync');
	equal([a.status, a.headers['x-wait-time-ms']], [202, '0']);
	const b = await post('job', {headers: {'x-wait-time-ms': '20000'}});
	equal([b.status, b.headers['x-wait-time-ms']], [202, '0']);
});

test('events are 406', async () => {
	const {statusUrl} = jobOf(await post('job'));
	const headers = {accept: 'text/event-stream'};
	problem(await ask('GET', `${statusUrl}/events`, {headers}),
		'not-acceptable');
});

test('too large is 413, as declared and as it came', async () => {
	const body = `{"a":"${'x'.repeat(60000)}"}`;
	problem(await post('job', {body}), 'payload-too-large');
	problem(await post('large', {body}), 'payload-too-large');
	problem(await post('job', {body: `{"a":"${'x'.repeat(2000)}"}`}),
		'payload-too-large');
	/* declared alone: it is not read */
	problem(await post('job', {env: {CONTENT_LENGTH: '999999999999'}}),
		'payload-too-large');
	const large = await post('large', {body: `{"a":"${'x'.repeat(40000)}"}`});
	equal(large.status, 202);
});

test('CONTENT_LENGTH is believed in one direction', async () => {
	const before = count();
	for (const n of ['x', '-1', '7x', '8', '1000'])
		problem(await post('job', {env: {CONTENT_LENGTH: n}}),
			'validation-failed');
	equal(count(), before);
	/* what stands behind it is not the request's */
	const a = await post('job',
		{body: '{"a":1}GET / HTTP/1.1', env: {CONTENT_LENGTH: '7'}});
	equal(a.status, 202);
	/* without one there is no body, but in chunks */
	equal((await post('job', {env: {CONTENT_LENGTH: null},
		headers: {'transfer-encoding': 'chunked'}})).status, 202);
	problem(await post('job', {env: {CONTENT_LENGTH: null},
		body: `{"a":"${'x'.repeat(60000)}"}`,
		headers: {'transfer-encoding': 'chunked'}}), 'payload-too-large');
});

test('twenty at once: twenty rows', async () => {
	const before = count();
	const all = await Promise.all(Array.from({length: 20}, (_, i) =>
		post('job', {headers: named(name(`at-once-${i}`))})));
	equal(all.map(a => a.status), Array(20).fill(202));
	equal(new Set(all.map(a => jobOf(a).jobId)).size, 20);
	equal(count(), before + 20);
});

test('one name twenty times at once: one row', async () => {
	const before = count();
	const all = await Promise.all(Array.from({length: 20}, () =>
		post('job', {headers: named(name('the-same'))})));
	equal(all.map(a => a.status), Array(20).fill(202));
	equal(new Set(all.map(a => jobOf(a).jobId)).size, 1);
	equal(count(), before + 1);
});

test('headers beyond their bounds are 431', async () => {
	const many = Object.fromEntries(Array.from({length: 101},
		(_, i) => [`x-${i}`, 'y']));
	for (const headers of [many, {'x-long': 'y'.repeat(40000)}])
		problem(await post('job', {headers}),
			'header-fields-too-large');
});

test('quotas hold over processes', async () => {
	const env = {LOWTIDE_OWNER: 'alice'};
	equal((await post('few')).status, 401);
	const all = await Promise.all(Array.from({length: 6}, () =>
		post('few', {env})));
	equal(all.map(a => a.status).sort(), [202, 202, 429, 429, 429, 429]);
	equal((await post('few', {env: {LOWTIDE_OWNER: 'bob'}})).status, 202);
});

test('arguments are a query, not options', async () => {
	const a = await ask('GET', '/api/jobs/x?--config+/etc/passwd',
		{args: ['--config', '/etc/passwd', '--version']});
	equal(a.status, 404);
	problem(a, 'job-not-found');
});

test('a socket to listen at makes it FastCGI, whatever else there is',
	async () => {
		const path = at('listening');
		const server = net.createServer().listen(path);
		await new Promise(r => server.on('listening', r));
		const child = spawn(program('lowtide-cgi'), ['--config',
			at('none.json'), '--keys', at('keys')], {env:
			{...process.env, REQUEST_METHOD: 'GET',
				GATEWAY_INTERFACE: 'CGI/1.1'},
		stdio: [server._handle.fd, 'pipe', 'pipe']});
		let out = '', err = '';
		child.stdout.on('data', d => { out += d; });
		child.stderr.on('data', d => { err += d; });
		const code = await new Promise(r => child.on('close', r));
		server.close();
		equal([code, out], [74, '']);
		match(err, /config-missing/);
	});

/* ---- with a worker ------------------------------------------------------- */

let worker;
test('a worker does what came so', async () => {
	worker = spawn(program('lowtide-worker'), ['--config',
		at('lowtide.json'), '--state', at('state'), '--keys', at('keys')],
	{stdio: 'ignore'});
	cleanup(() => worker.kill('SIGKILL'));
	const a = await post('job', {headers: named(name('work'))});
	equal(a.status, 202);
	const b = await until('the end', async () => {
		const r = await post('job', {headers: {'x-request-id': name('work')}});
		return r.status !== 202 && r;
	});
	equal([b.status, b.text], [201, '{"id":"b/1"}']);
	equal((await ask('GET', jobOf(a).statusUrl)).status, 200);
});

test('where it may wait it waits, until it rings', async () => {
	const env = {LOWTIDE_CGI_WAIT_MS: '20000'};
	const a = await post('sync', {env});
	equal([a.status, a.text], [201, '{"id":"b/1"}']);
	equal(a.headers['x-wait-time-ms'], '20000');
});

test('a result that is read once is read once', async () => {
	const {statusUrl} = jobOf(await post('once'));
	await until('the end', async () =>
		jobOf(await ask('GET', statusUrl)).status === 'completed');
	equal(JSON.parse((await ask('GET', statusUrl)).text).result, undefined);
	equal((await ask('GET', `${statusUrl}/result`)).status, 201);
	equal(jobOf(await ask('GET', statusUrl)).resultConsumed, true);
});

/* ---- when something is missing ------------------------------------------- */

const broken = (what, env, status, type, finding) => test(what, async () => {
	const a = await post('job', {env});
	equal([a.status, a.code], [status, 0]);
	equal(a.headers['content-type'], 'application/problem+json');
	problem(a, type);
	match(a.err, finding);
	equal(a.text.includes(dir), false);
});
broken('no configuration', {LOWTIDE_CONFIG: at('none.json')}, 500, 'internal',
	/none\.json: config-missing: /);
broken('no keys', {LOWTIDE_KEYS: at('none')}, 500, 'internal',
	/none: keys-missing: /);
broken('no folder for the store', {LOWTIDE_STATE: at('none')}, 503,
	'store-unavailable', /none: store-missing: /);
broken('a wait that is none', {LOWTIDE_CGI_WAIT_MS: '1s'}, 500, 'internal',
	/bad-value: LOWTIDE_CGI_WAIT_MS takes /);
broken('a wait that is too long', {LOWTIDE_CGI_WAIT_MS: '25001'}, 500,
	'internal', /bad-value: LOWTIDE_CGI_WAIT_MS takes /);

test('no method and no address', async () => {
	problem(await ask('GET', '', {}), 'validation-failed');
});

test('a store of other keys is not touched', async () => {
	spawnSync(program('lowtide-jobs'), ['keygen', at('others')]);
	const a = await post('job', {env: {LOWTIDE_KEYS: at('others')}});
	equal(a.status, 503);
	match(a.err, /store-other-keys/);
});

await done();
