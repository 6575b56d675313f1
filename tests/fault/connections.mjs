/* Run by connections.t, against SOCKET; no worker runs, so nothing finishes. */
import {randomUUID} from 'node:crypto';
import {readdirSync, readFileSync} from 'node:fs';
import {test, ok, equal, match, cleanup, done} from '../tap.mjs';
import {Client, request, record, begin, pairs, ABORT, PARAMS, STDIN}
	from '../fcgi-client.mjs';

const path = process.env.SOCKET;
const pid = Number(process.env.CGI_PID);
const pause = ms => new Promise(r => setTimeout(r, ms));
const json = {'accept': 'application/json'};

/* One address may send so much, and each of these is somebody else. */
let number = 0;
const elsewhere = () => ({REMOTE_ADDR:
	`198.18.${++number >> 8 & 255}.${number & 255}`});

function bundle(id, more = {}) {
	return {id, method: 'POST', uri: '/api/v1/bundle',
		type: 'application/json', body: '{"bundleId":"basic"}',
		params: elsewhere(), ...more};
}

/* Waits for a result that nobody makes. */
function vatReturn(id, name, waitMs) {
	return {id, method: 'POST', uri: '/api/v1/hmrc/vat/return',
		type: 'application/json',
		body: JSON.stringify({returnId: name, vrn: '123456789',
			periodKey: '24A1',
			vatDue: '10.10'}),
		params: elsewhere(),
		headers: {...json, 'x-request-id': name,
			'x-initial-request': 'true',
			'x-wait-time-ms': String(waitMs)}};
}

const files = () => readdirSync(`/proc/${pid}/fd`).length;
async function filesAgain(n) {
	for (let i = 0; i < 6000 && files() !== n; i++)
		await pause(10);
	equal(files(), n);
}

async function dial() {
	const c = await Client.dial(path);
	cleanup(() => c.close());
	return c;
}

/*
 * What it says of its store, not whether all is well: nobody works here, and
 * a job that has waited for half a minute is bad news.
 */
const isServed = ({body}) => equal(JSON.parse(body).store, 'ok');
const alive = await dial();
async function stillServes() {
	isServed(await alive.ask({method: 'GET', uri: '/api/jobs/health'}));
}
await stillServes();
const idle = files();

test('accepted, then looked up on the same connection', async () => {
	const c = await dial();
	const a = await c.ask(bundle(1));
	equal(a.status, 202);
	const {jobId, statusUrl} = JSON.parse(a.body);
	const s = await c.ask({id: 2, method: 'GET', uri: statusUrl});
	equal(s.status, 200);
	equal(JSON.parse(s.body).jobId, jobId);
	c.close();
	await filesAgain(idle);
});

test('one byte at a time, while others are served', async () => {
	const c = await dial();
	for (const byte of request(bundle(1)))
		c.send(Buffer.from([byte])), await stillServes();
	equal((await c.answer(1)).status, 202);
	c.close();
});

test('a parked request ends with 202 when its time is over', async () => {
	const c = await dial();
	const name = randomUUID();
	const a = await c.ask(vatReturn(1, name, 150));
	equal(a.status, 202);
	equal(a.headers['x-request-id'], name);
	c.close();
});

test('200 parked, aborted, left: every answer is its owner’s', async () => {
	for (let i = 0; i < 200; i++) {
		const c = await dial();
		const gone = randomUUID(), own = randomUUID();
		c.send(request(vatReturn(7, gone, 20000)));
		c.send(record(ABORT, 7));
		const end = await c.answer(7);
		/* nothing but the end, or what there was for this one */
		if (end.status)
			equal(end.headers['x-request-id'], gone);
		const a = await c.ask(vatReturn(7, own, 1));
		equal(a.headers['x-request-id'], own);
		c.close();
	}
	await filesAgain(idle);
});

test('a client that leaves while parked costs nothing', async () => {
	const many = await Promise.all(Array.from({length: 200}, dial));
	for (const c of many)
		c.send(request(vatReturn(1, randomUUID(), 20000)));
	await stillServes();
	await filesAgain(idle + many.length);
	for (const c of many)
		c.close();
	await filesAgain(idle);
});

test('a body beyond every cap is 413, the connection stays', async () => {
	const c = await dial();
	const a = await c.ask(bundle(1, {body: 'x'.repeat(20 << 20)}));
	equal(a.status, 413);
	match(a.body, /"type":"\/problems\/payload-too-large"/);
	equal((await c.ask(bundle(2))).status, 202);
	c.close();
});

test('header fields beyond their caps are 431', async () => {
	const c = await dial();
	for (const n of [40000, 70000, 1000000]) {
		const a = await c.ask(bundle(1,
			{headers: {'x-request-id': 'y'.repeat(n)}}));
		equal(a.status, 431);
		match(a.body, /"status":431/);
	}
	equal((await c.ask(bundle(2))).status, 202);
	c.close();
});

const smuggled = request(bundle(1));
const broken = {
	'HTTP': Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
	'no BEGIN': record(PARAMS, 1),
	'STDIN before the PARAMS end':
		Buffer.concat([begin(1), record(STDIN, 1, smuggled)]),
	'a request inside another':
		Buffer.concat([begin(1), begin(2), smuggled]),
	'another’s PARAMS': Buffer.concat([begin(1), record(PARAMS, 2)]),
	'a length that overflows': Buffer.concat([begin(1), record(PARAMS, 1,
		Buffer.alloc(8, 255)), record(PARAMS, 1), record(STDIN, 1)]),
	'a length beyond its end': Buffer.concat([begin(1),
		record(PARAMS, 1, pairs({A: 'b'}).subarray(0, 3)),
		record(PARAMS, 1), record(STDIN, 1)]),
	'a management record without end':
		record(9, 0, Buffer.alloc(60000)),
};
for (const [what, bytes] of Object.entries(broken))
	test(`${what}: closed or refused, nothing accepted`, async () => {
		const c = await dial();
		c.send(bytes);
		const a = await Promise.race([c.answer(1),
			c.closed.then(() => ({status: 0}))]).catch(
			() => ({status: 0}));
		ok(a.status === 0 || a.status === 431, `got ${a.status}`);
		c.close();
		await stillServes();
	});

const SILENT = Number(process.env.SILENT ?? 700);
test(`${SILENT} silent connections keep nobody out`, async () => {
	const many = await Promise.all(Array.from({length: SILENT}, dial));
	await stillServes();
	const c = await dial();
	equal((await c.ask(bundle(1))).status, 202);
	c.close();
	for (const m of many)
		m.close();
	await filesAgain(idle);
});

/* A part of a request, or nothing at all. */
async function silence(n) {
	const many = await Promise.all(Array.from({length: n}, dial));
	for (const c of many.slice(0, n / 2))
		c.send(begin(1).subarray(0, 11));
	await stillServes();
	return many;
}

test('many at one byte every now and then, inside a record', async () => {
	const slow = await Promise.all(Array.from({length: 50}, dial));
	for (const byte of request({method: 'GET', uri: '/api/jobs/health'})) {
		for (const c of slow)
			c.send(Buffer.from([byte]));
		await stillServes();
	}
	for (const c of slow) {
		isServed(await c.answer(1));
		c.close();
	}
	await filesAgain(idle);
});

/* Asks and does not read; what has to wait for it waits in bounded memory. */
async function deaf(n) {
	const c = await dial();
	c.socket.pause();
	for (let id = 1; id <= n; id++)
		c.send(request({id, method: 'GET', uri: '/api/jobs/health'}));
	await stillServes();
	return c;
}

test('a slow reader holds up nobody and gets all, in order', async () => {
	const n = 3000, c = await deaf(n);
	for (let i = 0; i < 20; i++)
		await stillServes();
	c.socket.resume();
	isServed(await c.answer(n));
	equal([...c.answers.keys()],
		Array.from({length: n - 1}, (_, i) => i + 1));
	c.answers.forEach(isServed);
	c.close();
	await filesAgain(idle);
});

test('a client that leaves while its job is committed', async () => {
	const names = Array.from({length: 200}, () => randomUUID());
	for (const name of names) {
		const c = await dial();
		await new Promise(sent => c.socket.write(
			request(vatReturn(1, name, 0)), sent));
		c.close();
	}
	await filesAgain(idle);
	/* under the same name again: accepted then or now, and told here */
	await Promise.all(names.map(async name => {
		const c = await dial();
		const a = await c.ask(vatReturn(1, name, 0));
		equal(a.status, 202);
		equal(a.headers['x-request-id'], name);
		c.close();
	}));
	await filesAgain(idle);
});

/* KiB that are its own and written to. */
function dirty() {
	const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
	return Number(/^Private_Dirty:\s+(\d+)/m.exec(rollup)[1]);
}

async function comeAndGo(uri, etag) {
	const waiting = await Promise.all(Array.from({length: 400}, dial));
	for (const c of waiting)
		c.send(request({method: 'GET', uri, headers:
			{'if-none-match': etag, 'prefer': 'wait=20'}}));
	const silent = await silence(300), slow = await deaf(1000);
	await filesAgain(idle + waiting.length + silent.length + 1);
	for (const c of [...waiting, ...silent, slow])
		c.close();
	await filesAgain(idle);
}

/* A sanitizer keeps what is freed: there, only descriptors are compared. */
const AGAIN = Number(process.env.AGAIN ?? 5);
const GROWTH_KB = 256;
test(`come and gone ${AGAIN} times, no memory is left behind`, async () => {
	const a = await alive.ask(bundle(2));
	const uri = JSON.parse(a.body).statusUrl;
	const {etag} = (await alive.ask({id: 3, method: 'GET', uri})).headers;
	await comeAndGo(uri, etag);
	await comeAndGo(uri, etag);
	const before = dirty();
	for (let i = 0; i < AGAIN; i++)
		await comeAndGo(uri, etag);
	const grown = dirty() - before;
	console.log(`# private memory: ${before} KiB; ${grown} KiB more`);
	ok(process.env.SANITIZED || grown <= GROWTH_KB);
});

test('SIGTERM: who waits gets 202, then it leaves', async () => {
	const c = await dial();
	const name = randomUUID();
	c.send(request(vatReturn(1, name, 20000)));
	await stillServes();
	process.kill(pid, 'SIGTERM');
	const a = await c.answer(1);
	equal(a.status, 202);
	equal(a.headers['x-request-id'], name);
	await c.closed;
	await alive.closed;
});

await done();
