/*
 * lowtide-worker, real, against an upstream with moods. What is held: contract
 * 7's execution, "never twice" counted at the upstream, and that nothing wakes
 * an idle worker.
 */
import {execFileSync, spawn, spawnSync} from 'node:child_process';
import {mkdirSync, readFileSync, readdirSync} from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import {join} from 'node:path';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {IMPATIENT, pause, program, startLine, startUpstream, switches, until}
	from './line.mjs';

const json = (res, status, body, headers = {}) =>
	res.writeHead(status, {'content-type': 'application/json', ...headers})
		.end(JSON.stringify(body));
const held = []; /* answers that wait for the test */
const moods = {
	ok: (req, res) => json(res, 201, {id: 'b/1', kept: 'RESULTMARK'},
		{location: '/theirs/1'}),
	located: (req, res) => json(res, 201, {id: 'b/1'}),
	echo: (req, res, body) => json(res, 200, {body, headers: req.headers,
		url: req.url, method: req.method}),
	refused: (req, res) => json(res, 422, {code: 'VRN_INVALID'}),
	broken: (req, res) => json(res, 500, {code: 'OPERATORMARK'}),
	flaky: (req, res, body, n) => n === 1 ?
		json(res, 500, {code: 'INTERNAL'}) : json(res, 200, {n}),
	busy: (req, res, body, n) => n === 1 ?
		json(res, 429, {code: 'BUSY'}, {'retry-after': '1'}) :
		json(res, 200, {n}),
	silent: req => req.socket.destroy(),
	again: (req, res, body, n) => n === 1 ? req.socket.destroy() :
		json(res, 200, {n}),
	hangs: () => {},
	stalls: (req, res) => {
		res.writeHead(200, {'content-length': '1000'});
		res.write('half');
	},
	cut: (req, res) => {
		res.writeHead(200, {'content-length': '1000'});
		res.write('half', () => req.socket.destroy());
	},
	huge: (req, res) => {
		const more = () => {
			while (!res.destroyed && res.write('x'.repeat(65536)))
				;
			if (!res.destroyed)
				res.once('drain', more);
		};
		res.writeHead(200);
		more();
	},
	headers: (req, res) => {
		const more = () => !req.socket.destroyed && req.socket.write(
			`X-More: ${'y'.repeat(1000)}\r\n`, () => setImmediate(more));
		req.socket.write('HTTP/1.1 200 OK\r\n');
		more();
	},
	garbage: req => req.socket.end('SSH-2.0-nothing\r\n\r\n'),
	moved: (req, res) => res.writeHead(307, {location: '/ok/x'}).end(),
	held: (req, res) => held.push(res),
	long: (req, res) => json(res, 201, {id: 'x'.repeat(2100)},
		{location: `/${'y'.repeat(2100)}`,
			'content-type': `text/${'z'.repeat(260)}`}),
	odd: (req, res, body) => {
		const {status} = JSON.parse(body);
		req.socket.end(`HTTP/1.1 ${status} Odd\r\n` +
			'WWW-Authenticate: Basic realm="x", Negotiate\r\n' +
			'Proxy-Authenticate: NTLM\r\nLocation: /ok/odd\r\n' +
			'Connection: close\r\nContent-Length: 0\r\n\r\n');
	},
	never: (req, res, body, n) => n === 1 ?
		json(res, 429, {}, {'retry-after': '9223372036854775807'}) :
		json(res, 200, {n}),
	past: (req, res, body, n) => n === 1 ? json(res, 429, {},
		{'retry-after': 'Thu, 01 Jan 1970 00:00:01 GMT'}) :
		json(res, 200, {n}),
	private: (req, res) => json(res, 200, {}),
	secure: (req, res) => json(res, 200, {}),
};

const up = await startUpstream(moods);
const gone = await new Promise(r => {
	const s = net.createServer().listen(0, '127.0.0.1', () => {
		const {port} = s.address();
		s.close(() => r(port));
	});
});
const names = Object.keys(moods);
const base = given => ({upstream: 'up', ...given});
const HASTY = {hangs: 'hasty', stalls: 'hasty', held: 'hasty'};
const apis = [
	...names.map(name => base({name, upstream: HASTY[name] ?? 'up'})),
	base({name: 'located2', requestPath: '/located/{job.id}',
		location: '/bundles/{result.id}'}),
	base({name: 'long2', requestPath: '/long/{job.id}',
		location: '/bundles/{result.id}'}),
	base({name: 'template', requestMethod: 'PUT',
		requestPath: '/echo/{body.vrn}?p={query.p}',
		requestBody: '{"sum":{body.sum},"who":"{cgi.REMOTE_ADDR}"}',
		requestHeaders: {Authorization: 'Bearer {header.up-token}',
			'X-None': '{header.nothing}'},
		forward: ['gov-client-*']}),
	base({name: 'flaky-id', idempotent: true, onLost: 'retry',
		requestPath: '/flaky/{job.id}'}),
	base({name: 'again-id', onLost: 'retry',
		requestPath: '/again/{job.id}'}),
	base({name: 'one', upstream: 'calm', concurrency: 1,
		requestPath: '/held/{job.id}'}),
	base({name: 'calm', upstream: 'calm', requestPath: '/held/{job.id}'}),
	base({name: 'calm-retry', upstream: 'calm', onLost: 'retry',
		requestPath: '/held/{job.id}'}),
	base({name: 'fleeting', ttlMs: 300, requestPath: '/ok/{job.id}'}),
	base({name: 'gone', upstream: 'gone', attempts: 1}),
	base({name: 'brief', deadlineMs: 2500, requestPath: '/hangs/{job.id}'}),
	...['plain', 'hex', 'mapped', 'name'].map(how => base({attempts: 1,
		name: `private-${how}`, upstream: `private-${how}`,
		requestPath: '/private/x'})),
	base({name: 'patient', upstream: 'patient',
		requestPath: '/stalls/{job.id}'}),
	base({name: 'nowhere', upstream: 'nowhere', attempts: 1}),
	base({name: 'tls', upstream: 'tls', attempts: 1,
		requestPath: '/secure/x'}),
];

/* A certificate of nobody's. */
const line0 = await certified();
async function certified() {
	const dir = execFileSync('mktemp', ['-d'], {encoding: 'utf8'}).trim();
	cleanup(() => execFileSync('rm', ['-rf', dir]));
	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
		'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
		'-subj', '/CN=localhost', '-keyout', join(dir, 'key'),
		'-out', join(dir, 'cert')], {stdio: 'ignore'});
	return startUpstream(moods, https.createServer({
		key: readFileSync(join(dir, 'key')),
		cert: readFileSync(join(dir, 'cert'))}));
}

const at = (name, url, more = {}) => ({name, base: url, ...more});
const line = await startLine({apis, upstreams: [
	at('up', up.url, {headers: {'X-Own': 'yes'}}),
	at('hasty', up.url, IMPATIENT),
	at('patient', up.url, {...IMPATIENT, timeoutMs: 60000}),
	at('calm', up.url, {timeoutMs: 60000, stallTimeoutMs: 60000}),
	at('nowhere', 'http://nowhere.invalid'),
	at('gone', `http://127.0.0.1:${gone}`),
	at('private-plain', up.url, {local: false}),
	at('private-hex', `http://0x7f.1:${up.port}`, {local: false}),
	at('private-mapped', `http://[::ffff:127.0.0.1]:${up.port}`,
		{local: false}),
	at('private-name', `http://localhost:${up.port}`, {local: false}),
	at('tls', `https://localhost:${line0.port}`),
]});
let worker = line.worker();
const arrivals = (mood, id) => up.count(`/${mood}/${id}`);
/* A line is written after the commit that others see already. */
const says = (who, what) => until(`the log says ${what}`,
	() => what.test(who.log));
const send = (name, more) => line.send(`/api/${name}`, more);
const ends = async (name, more) => line.ended(await send(name, more));

test('a 201 ends completed, with status, type and Location', async () => {
	const job = await ends('ok', {body: '{"a":"BODYMARK"}'});
	equal([job.status, job.httpStatus, job.attempt, job.location],
		['completed', 201, 1, '/theirs/1']);
	equal(arrivals('ok', job.jobId), 1);
	const r = await line.fcgi({method: 'GET',
		target: `/api/jobs/${job.jobId}/result`});
	equal([r.status, JSON.parse(r.text).id], [201, 'b/1']);
});

test('the location is filled from the result', async () =>
	equal((await ends('located2')).location, '/bundles/b%2F1'));

test('templates, forwarded headers, and nothing of the wire', async () => {
	const id = await send('template?p=18A1%26', {
		body: '{"vrn":"1/2","sum":1.10}',
		headers: {'up-token': 'TOKENMARK', 'gov-client-id': 'abc',
			'x-other': 'no', host: 'evil.example'}});
	equal((await line.ended(id)).status, 'completed');
	const call = up.calls.find(c => c.path === '/echo/1%2F2');
	equal([call.method, call.url], ['PUT', '/echo/1%2F2?p=18A1%26']);
	equal(call.body, '{"sum":1.10,"who":"192.0.2.7"}');
	const h = call.headers;
	equal([h.authorization, h['gov-client-id'], h['x-own'], h['x-none'],
		h['x-other'], h.host, h.expect, h['content-type']],
	['Bearer TOKENMARK', 'abc', 'yes', undefined, undefined,
		`127.0.0.1:${up.port}`, undefined, 'application/json']);
});

test('a 4xx ends failed, with its status and body', async () => {
	const job = await ends('refused');
	equal([job.status, job.reason, job.httpStatus],
		['failed', 'upstream-refused', 422]);
	const shown = line.jobs('show', job.jobId, '--result');
	equal(shown.out, '{"code":"VRN_INVALID"}');
	const r = await line.fcgi({method: 'GET',
		target: `/api/jobs/${job.jobId}/result`});
	equal([r.status, r.text], [422, '{"code":"VRN_INVALID"}']);
});

test('a 5xx is the end, but for what is idempotent', async () => {
	const job = await ends('broken');
	equal([job.reason, job.httpStatus, arrivals('broken', job.jobId)],
		['upstream-error', 502, 1]);
	const r = await line.fcgi({method: 'GET',
		target: `/api/jobs/${job.jobId}/result`});
	equal([r.status, JSON.parse(r.text).type],
		[502, '/problems/upstream-error']);
	ok(!r.text.includes('OPERATORMARK')); /* its body is the operator's */
	match(line.jobs('show', job.jobId, '--result').out, /OPERATORMARK/);
	const again = await ends('flaky-id');
	equal([again.status, again.attempt, arrivals('flaky', again.jobId)],
		['completed', 2, 2]);
});

test('a 429 was not executed: again, when the upstream says', async () => {
	const job = await ends('busy');
	equal([job.status, job.attempt, arrivals('busy', job.jobId)],
		['completed', 2, 2]);
});

test('no header that a web server would choke on is kept', async () => {
	for (const name of ['long', 'long2']) {
		const job = await ends(name);
		equal([job.status, job.location], ['completed', null]);
		const r = await line.fcgi({method: 'GET',
			target: `/api/jobs/${job.jobId}/result`});
		equal([r.status, r.headers.location, r.headers['content-type']],
			[201, undefined, undefined]);
	}
});

for (const mood of ['silent', 'cut', 'garbage', 'stalls'])
	test(`${mood}: one arrival, outcome unknown`, async () => {
		const job = await ends(mood);
		equal([job.status, job.reason, job.httpStatus, job.attempt],
			['failed', 'outcome-unknown', 502, 1]);
		await pause(300);
		equal(arrivals(mood, job.jobId), 1);
	});

test('a time-out ends as outcome-unknown as well', async () => {
	const job = await ends('hangs');
	equal([job.reason, arrivals('hangs', job.jobId)],
		['outcome-unknown', 1]);
});

test('an answer that stalls is not waited for to the end', async () => {
	const job = await ends('patient');
	equal(job.reason, 'outcome-unknown');
	await says(worker, /"why":"Operation too slow/);
});

test('what may be repeated is', async () => {
	/* by us, or by libcurl on a kept connection that turned out dead */
	const job = await ends('again-id');
	equal([job.status, arrivals('again', job.jobId)], ['completed', 2]);
});

test('answers without end are cut off', async () => {
	for (const mood of ['huge', 'headers']) {
		const job = await ends(mood);
		equal([job.reason, job.httpStatus, arrivals(mood, job.jobId)],
			['outcome-unknown', 502, 1]);
	}
});

test('no status has libcurl send it again by itself', async () => {
	const statuses = [100, 101, 102, 205, 300, 305, 401, 407, 408, 417, 421,
		425, 426, 500, 501, 505, 511, 599];
	const ids = [];
	for (const status of statuses)
		ids.push(await send('odd', {body: JSON.stringify({status})}));
	for (const [i, id] of ids.entries()) {
		const job = await line.ended(id);
		equal([statuses[i], job.attempt, arrivals('odd', id)],
			[statuses[i], 1, 1]);
	}
	equal(up.count('/ok/odd'), 0);
});

test('a redirect is not followed', async () => {
	const job = await ends('moved');
	equal([job.reason, up.count('/ok/x')], ['upstream-error', 0]);
});

test('nobody listens, or has that name: not sent, and said so', async () => {
	for (const where of ['gone', 'nowhere']) {
		const job = await ends(where);
		equal([job.reason, job.httpStatus, job.sent],
			['upstream-error', 502, false]);
	}
});

test('private addresses are refused at the socket', async () => {
	for (const how of ['plain', 'hex', 'mapped', 'name']) {
		const job = await ends(`private-${how}`);
		equal([job.reason, job.sent], ['upstream-error', false]);
	}
	equal(up.count('/private/x'), 0);
	await says(worker, /its address is private; say local = true/);
});

test('a certificate of nobody is refused before any byte', async () => {
	const job = await ends('tls');
	equal([job.reason, job.sent, line0.calls.length],
		['upstream-error', false, 0]);
});

test('a deadline ends what is sent as outcome-unknown', async () => {
	const job = await ends('brief');
	equal([job.reason, arrivals('hangs', job.jobId)],
		['outcome-unknown', 1]);
});

test('no more at once than the API allows', async () => {
	const ids = [await send('one'), await send('one')];
	await until('the first is held', () => held.length === 1);
	await pause(300);
	equal(held.length, 1);
	json(held.shift(), 200, {});
	await until('the second is held', () => held.length === 1);
	json(held.shift(), 200, {});
	for (const id of ids)
		equal((await line.ended(id)).status, 'completed');
});

test('what is past its TTL is emptied, and said', async () => {
	const id = await send('fleeting');
	await until('it expired', async () => (await line.fcgi({method: 'GET',
		target: `/api/jobs/${id}`})).status === 410);
	await until('somebody said so', () => line.children.some(
		c => /"event":"jobs-expired","emptied":1/.test(c.log)));
	equal(line.jobs('show', id, '--result').out, '');
});

test('an idle worker is not woken by anything', async () => {
	/* once its last re-check is over */
	await until('it rests', async () => {
		const before = switches(worker.pid);
		await pause(2500);
		return switches(worker.pid) === before;
	});
});

test('kill -9 with a call on its way: never twice', async () => {
	const once = await send('calm'), again = await send('calm-retry');
	await until('both are held', () => held.length === 2);
	worker.child.kill('SIGKILL');
	await worker.ended;
	held.splice(0).forEach(res => res.destroy());
	worker = line.worker();
	await until('the second comes again', () => held.length === 1);
	json(held.shift(), 200, {});
	equal((await line.ended(again)).attempt, 2);
	const job = await line.ended(once);
	equal([job.reason, job.attempt, arrivals('held', once)],
		['outcome-unknown', 1, 1]);
});

/*
 * Stopped, but not with the store in its hands: whoever is stopped while it has
 * the turn stops every writer, which is another matter than a lease.
 */
async function stop(who) {
	const lock = name => join(line.dir, 'state', name);
	for (let i = 0; i < 50; i++) {
		who.child.kill('SIGSTOP');
		const free = spawnSync('flock', ['-w', '0.3', lock('turn.lock'),
			'flock', '-w', '0.3', lock('write.lock'), 'true']);
		if (free.status === 0)
			return;
		who.child.kill('SIGCONT');
		await pause(7);
	}
	throw new Error('it always had the turn');
}

test('two workers, one of them stopped: the fence holds', async () => {
	const id = await send('calm-retry');
	await until('it is held', () => held.length === 1);
	await stop(worker);
	const other = line.worker();
	await until('the other takes it', () => held.length === 2);
	const [late, newer] = held.splice(0);
	json(late, 200, {who: 'late'});
	worker.child.kill('SIGCONT');
	await pause(400);
	equal(line.show(id).status, 'processing');
	json(newer, 200, {who: 'newer'});
	await line.ended(id);
	equal(line.jobs('show', id, '--result').out, '{"who":"newer"}');
	await says(worker, /"event":"job-lost"/);
	other.child.kill('SIGTERM');
	equal(await other.ended, 0);
});

/* Longer than its lease and than the upstream waits, in the middle of a call. */
async function sleeps(who) {
	await stop(who);
	await pause(IMPATIENT.timeoutMs + 100);
}

test('a worker that slept through its lease: one arrival', async () => {
	const answered = await send('held');
	await until('it is held', () => held.length === 1);
	await sleeps(worker);
	const res = held.shift();
	const given = new Promise(r => res.on('finish', r));
	json(res, 200, {who: 'in time'});
	await given;
	worker.child.kill('SIGCONT');
	const job = await line.ended(answered);
	/* it lay there complete, only nobody looked */
	equal([job.status, line.jobs('show', answered, '--result').out],
		['completed', '{"who":"in time"}']);
	equal([job.attempt, arrivals('held', answered)], [1, 1]);
	equal(line.show(answered).status, job.status);
});

test('and with another one awake: unknown, and still one', async () => {
	const id = await send('held');
	await until('it is held', () => held.length === 1);
	const other = line.worker();
	await says(other, /"event":"worker-started"/);
	await sleeps(worker);
	const job = await line.ended(id);
	equal([job.reason, job.attempt], ['outcome-unknown', 1]);
	json(held.shift(), 200, {who: 'late'});
	worker.child.kill('SIGCONT');
	await pause(400);
	equal([line.show(id).reason, arrivals('held', id)],
		['outcome-unknown', 1]);
	equal(held.length, 0);
	other.child.kill('SIGTERM');
	equal(await other.ended, 0);
});

/* Whatever the two of them made of it, it is over and stays as it is. */
test('two at work, one stopped past its lease: each job ends once', async () => {
	const once = [await send('calm'), await send('calm')];
	const again = [await send('calm-retry'), await send('calm-retry')];
	await until('four are held', () => held.length === 4);
	const other = line.worker();
	await says(other, /"event":"worker-started"/);
	once.push(await send('calm'));
	again.push(await send('calm-retry'));
	await until('six are held', () => held.length === 6);
	await stop(worker);
	await says(other, /"event":"jobs-recovered"/);
	await until('what may be repeated is', () => again.slice(0, 2).every(
		id => arrivals('held', id) === 2));
	/* also what is called from now on: who had the third is not known */
	const answering = setInterval(() => held.splice(0).forEach(
		res => json(res, 200, {})), 10);
	worker.child.kill('SIGCONT');
	const ends = [];
	try {
		for (const id of [...once, ...again])
			ends.push(await line.ended(id));
		await pause(1500); /* for whatever would still come */
	} finally {
		clearInterval(answering);
	}
	equal([...once, ...again].map(id => line.show(id)), ends);
	for (const [i, id] of once.entries()) {
		equal([ends[i].attempt, arrivals('held', id)], [1, 1]);
		ok(i === 2 || ends[i].reason === 'outcome-unknown');
	}
	for (const job of ends.slice(3)) {
		equal(job.status, 'completed');
		equal(arrivals('held', job.jobId), job.attempt);
	}
	equal(held.length, 0);
	other.child.kill('SIGTERM');
	equal(await other.ended, 0);
});

test('SIGTERM waits for the answer and takes nothing new', async () => {
	const id = await send('one');
	await until('it is held', () => held.length === 1);
	worker.child.kill('SIGTERM');
	const later = await send('one');
	await pause(300);
	equal(worker.exit, undefined);
	json(held.shift(), 200, {});
	equal(await worker.ended, 0);
	equal(line.show(id).status, 'completed');
	equal(line.show(later).status, 'pending');
	worker = line.worker();
	await until('it is taken', () => held.length === 1);
	json(held.shift(), 200, {});
	equal((await line.ended(later)).attempt, 1);
});

test('a Retry-After is held within bounds', async () => {
	const past = await ends('past');
	equal([past.status, past.attempt], ['completed', 2]);
	const id = await send('never');
	await until('it is refused', () => arrivals('never', id) === 1);
	await says(worker, /"event":"job-queued-again".*"upstreamStatus":429/);
	await pause(200);
	const job = line.show(id);
	equal([job.status, job.attempt, arrivals('never', id)],
		['pending', 1, 1]);
});

test('without a stderr its lines go nowhere, into no file of ours', async () => {
	const r = spawnSync('sh', ['-c', 'exec "$0" "$@" <&- >&- 2>&-',
		program('lowtide-worker'), '--dev', '--lease', 'x', ...line.common]);
	equal(r.status, 64);
	const state = join(line.dir, 'mute');
	mkdirSync(state);
	const child = spawn('sh', ['-c', 'exec "$0" "$@" <&- >&- 2>&-',
		program('lowtide-worker'), ...line.common, '--state', state],
	{stdio: 'ignore'});
	cleanup(() => child.kill('SIGKILL'));
	const over = new Promise(r => child.on('close', r));
	/* it takes signals once its store is open: the kernel's own word */
	await until('it would drain', () => /^SigBlk:\s+\w*[4-7c-f]\w{3}$/m.test(
		readFileSync(`/proc/${child.pid}/status`, 'utf8')));
	child.kill('SIGTERM');
	equal(await over, 0);
	const files = readdirSync(state);
	ok(files.includes('host.lock'));
	equal(files.filter(f => readFileSync(join(state, f), 'latin1')
		.includes('"program":"lowtide-worker"')), []);
});

test('no body and no credential in a log or in the store', async () => {
	const logs = line.children.map(c => c.log).join('');
	const files = readdirSync(join(line.dir, 'state'))
		.map(f => readFileSync(join(line.dir, 'state', f), 'latin1'));
	for (const mark of ['BODYMARK', 'TOKENMARK', 'RESULTMARK'])
		for (const text of [logs, ...files])
			ok(!text.includes(mark), mark);
	for (const l of worker.log.trim().split('\n'))
		JSON.parse(l);
});

await done();
