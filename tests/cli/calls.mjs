/*
 * Calls that cannot be made and answers that are none, by the real worker: each
 * is a failure of that job with a name, a line of the log that says what to do,
 * and the queue goes on. And what is sent and kept where all is well: forms,
 * secrets, traces, an upstream's headers.
 */
import {readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import {join} from 'node:path';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {authority} from './certificates.mjs';
import {newFolder, startLine, startUpstream, until} from './line.mjs';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const raw = text => req => req.socket.end(text);
let poured = 0; /* bytes of the endless answers that went out */
const pour = (res, head) => {
	const chunk = Buffer.alloc(65536, 'x');
	const more = () => {
		while (!res.destroyed) {
			poured += chunk.length;
			if (!res.write(chunk)) {
				res.once('drain', more);
				return;
			}
		}
	};
	res.writeHead(200, head);
	more();
};
const moods = {
	ok: (req, res) => res.end('{}'),
	json: (req, res, body) => {
		res.setHeader('X-CorrelationId', 'abc-1');
		res.setHeader('Receipt-ID', ['one', 'two']);
		res.setHeader('X-Other', 'not asked for');
		res.writeHead(body.includes('refuse') ? 422 : 200,
			{'content-type': 'application/json; charset=utf-8'});
		res.end('{ "as": "it came" }');
	},
	announced: (req, res) => pour(res, {'content-length': 1 << 30}),
	chunked: (req, res) => pour(res, {}),
	head: raw('HTTP/1.1 200 OK\r\nContent-Le'),
	chunk: raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab'),
	greeting: raw('220 mail.example ESMTP\r\n'),
	hints: req => {
		const more = () => req.socket.destroyed || req.socket.write(
			'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'.repeat(50),
			() => setImmediate(more));
		more();
	},
	old: raw('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end'),
	empty: raw('HTTP/1.1 204 None\r\nContent-Type: text/plain\r\n' +
		'Content-Length: 4\r\n\r\nbody'),
	inside: (req, res) =>
		res.writeHead(302, {location: `${up.url}/ok/inside`}).end(),
};

/* ---- servers ----------------------------------------------------------- */

const ca = authority();
const secure = async given => {
	const {key, cert} = ca.make(given);
	return startUpstream(moods, https.createServer(
		{key: readFileSync(key), cert: readFileSync(cert)}));
};
const up = await startUpstream(moods, http.createServer());
const tls = {
	good: await secure({name: 'good'}),
	self: await secure({name: 'self', self: true}),
	expired: await secure({name: 'expired', until: '20200102000000Z'}),
	other: await secure({name: 'other', host: 'other.example'}),
};
/* It offers HTTP/2 as well, of which libcurl may send a call again by itself. */
const newer = await (async () => {
	const {key, cert} = ca.make({name: 'newer'});
	return startUpstream(moods, http2.createSecureServer(
		{key: readFileSync(key), cert: readFileSync(cert),
			allowHTTP1: true}));
})();
const https_of = name => `https://localhost:${tls[name].port}`;
writeFileSync(ca.file('garbage.pem'), 'no certificate\n');

const folder = newFolder();
const secret = join(folder, 'client-secret');
cleanup(() => rmSync(folder, {recursive: true, force: true}));

const names = Object.keys(moods);
const apis = [
	...names.map(name => ({name, upstream: 'up'})),
	{name: 'kept', upstream: 'up', requestPath: '/json/{job.id}',
		resultHeaders: ['x-correlationid', 'receipt-id']},
	{name: 'token', upstream: 'up', requestPath: '/ok/token?v={query.v?}',
		requestForm: {grant_type: 'authorization_code',
			code: '{body.code}', code_verifier: '{body.verifier?}',
			client_secret: '{secret.it}'},
		requestHeaders: {'X-Key': '{secret.env}',
			'X-At': '{job.acceptedAt}', 'X-Opt': '{body.opt?}'}},
	{name: 'traced', upstream: 'up', requestPath: '/ok/traced'},
	{name: 'tls-good', upstream: 'tls-good', requestPath: '/ok/tls'},
	{name: 'newer', upstream: 'newer', requestPath: '/ok/newer'},
	...['self', 'self-ca', 'expired', 'other', 'unknown', 'no-file',
		'garbage', 'plain'].map(name => ({name: `tls-${name}`,
		upstream: `tls-${name}`, requestPath: '/ok/tls'})),
].map(api => ({attempts: 1, ...api}));
const line = await startLine({apis, dir: newFolder(),
	origins: ['https://www.acme.example'],
	secrets: [{name: 'it', file: secret},
		{name: 'env', env: 'LOWTIDE_TEST_KEY'}],
	upstreams: [
		{name: 'up', base: up.url},
		{name: 'tls-good', base: https_of('good'), ca: ca.ca},
		{name: 'newer', base: `https://localhost:${newer.port}`,
			ca: ca.ca},
		{name: 'tls-unknown', base: https_of('good')},
		{name: 'tls-self', base: https_of('self'), ca: ca.ca},
		{name: 'tls-self-ca', base: https_of('self'),
			ca: ca.file('self.pem')},
		{name: 'tls-expired', base: https_of('expired'), ca: ca.ca},
		{name: 'tls-other', base: https_of('other'), ca: ca.ca},
		{name: 'tls-no-file', base: https_of('good'),
			ca: ca.file('nowhere.pem')},
		{name: 'tls-garbage', base: https_of('good'),
			ca: ca.file('garbage.pem')},
		{name: 'tls-plain', base: `https://127.0.0.1:${up.port}`},
	]});
process.env.LOWTIDE_TEST_KEY = 'VARIABLEMARK';
const worker = line.worker();
const send = (name, more) => line.send(`/api/${name}`, more);
const ends = async (name, more) => line.ended(await send(name, more));
const arrivals = (mood, id) => up.count(`/${mood}/${id}`);
const says = what => until(`the log says ${what}`,
	() => what.test(worker.log));
const result = (id, more) => line.fcgi({method: 'GET',
	target: `/api/jobs/${id}/result`, ...more});
const accept = (name, body, headers = {}) => line.fcgi({method: 'POST',
	target: `/api/${name}`, body, headers: {'x-wait-time-ms': '0', ...headers}});

/* ---- certificates ------------------------------------------------------ */

for (const [name, is] of [['good', 'of the authority that is named'],
	['self-ca', 'that is its own authority, and named']])
	test(`a certificate ${is} is taken`, async () =>
		equal((await ends(`tls-${name}`)).status, 'completed'));

for (const [name, is, says_so] of [
	['self', 'of nobody', /self[- ]signed certificate/],
	['unknown', 'of an authority that this machine does not know',
		/self[- ]signed certificate|unable to get local issuer/],
	['expired', 'that has expired', /certificate has expired/],
	['other', 'of another host', /(no alternative|does not match).*localhost/],
	['no-file', 'to be held against a file that is not there',
		/nowhere\.pem.*as the upstream's ca/],
	['garbage', 'to be held against a file of something else',
		/garbage\.pem.*as the upstream's ca/],
	['plain', 'that never comes: no TLS is spoken there',
		/SSL.*it has to speak TLS/],
])
	test(`a certificate ${is} is refused before any byte`, async () => {
		const before = Object.values(tls).map(t => t.calls.length);
		const id = await send(`tls-${name}`);
		const job = await line.ended(id);
		equal([job.status, job.reason, job.httpStatus, job.sent],
			['failed', 'upstream-error', 502, false]);
		const said = await until('it is said', () => worker.log.split('\n')
			.find(l => l.includes(id) && l.includes('"job-ended"')));
		match(JSON.parse(said).why, says_so);
		if (/certificate/.test(said))
			match(said, /name its authority's file as the upstream's ca|can read as the upstream's ca|speak TLS/);
		equal(Object.values(tls).map(t => t.calls.length), before);
	});

test('HTTP/1.1 is spoken, also where another one is offered', async () => {
	equal((await ends('newer')).status, 'completed');
	equal(newer.calls.map(c => [c.method, c.headers[':method'],
		c.headers.host]), [['POST', undefined,
		`localhost:${newer.port}`]]);
});

/* ---- answers that are none --------------------------------------------- */

for (const [mood, reason, says_so] of [
	['announced', 'outcome-unknown', /larger than response_max or result_max/],
	['chunked', 'outcome-unknown', /larger than response_max or result_max/],
	['hints', 'outcome-unknown', /more headers than anybody needs/],
	['head', 'outcome-unknown', /broke off within its head/],
	['chunk', 'outcome-unknown', /./],
	['greeting', 'outcome-unknown', /no HTTP server answers there/],
])
	test(`${mood}: one arrival, ${reason}, and said so`, async () => {
		const id = await send(mood);
		const job = await line.ended(id);
		equal([job.status, job.reason, job.attempt],
			['failed', reason, 1]);
		const said = await until('it is said', () => worker.log.split('\n')
			.find(l => l.includes(id) && l.includes('"job-ended"')));
		match(JSON.parse(said).why, says_so);
		equal(arrivals(mood, id), 1);
		const answer = await result(id);
		equal([answer.status, JSON.parse(answer.text).error],
			[reason === 'job-failed' ? 500 : 502, reason]);
	});

test('a gigabyte is neither read nor kept', () => {
	/* what is taken, and what the two kernels hold meanwhile */
	ok(poured < 256 << 20, `${poured}`);
	const [, kib] = /VmHWM:\s+(\d+)/.exec(
		readFileSync(`/proc/${worker.pid}/status`, 'utf8'));
	ok(process.env.LOWTIDE_BIN?.includes('san') || Number(kib) < 65536, kib);
});

test('HTTP/1.0, and a 204 that has a body', async () => {
	const old = await ends('old');
	equal([old.status, old.httpStatus], ['completed', 200]);
	const answer = await result(old.jobId);
	equal([answer.text, answer.headers['content-type']],
		['to the end', 'text/plain']);
	const empty = await result((await ends('empty')).jobId);
	equal([empty.status, empty.text, empty.headers['content-type']],
		[204, '', undefined]);
});

test('a redirect is not followed, to wherever', async () => {
	const job = await ends('inside');
	equal([job.reason, up.count('/ok/inside')], ['upstream-error', 0]);
});

/* ---- secrets ----------------------------------------------------------- */

const FORM = '{"code":"a+b c/\\u00e4"}';

test('a secret that is not there: said, waited for, and nothing sent',
	async () => {
		const job = await ends('token', {body: FORM});
		equal([job.status, up.count('/ok/token')], ['failed', 0]);
		await says(/needs \{secret\.it\}: the file [^"]*client-secret is not there; make it/);
		const answer = await result(job.jobId);
		for (const told of ['secret', folder, 'client'])
			ok(!answer.text.includes(told), answer.text);
		equal((await ends('ok')).status, 'completed');
	});

test('mended while the worker runs, it is used', async () => {
	writeFileSync(secret, 'FILEMARK&=+ \n', {mode: 0o600});
	const job = await ends('token?v=7', {body: FORM});
	equal(job.status, 'completed');
	const call = up.calls.find(c => c.path === '/ok/token');
	equal([call.url, call.headers['content-type'], call.body],
		['/ok/token?v=7', 'application/x-www-form-urlencoded',
			'grant_type=authorization_code&code=a%2Bb+c%2F%C3%A4' +
			'&client_secret=FILEMARK%26%3D%2B+']);
	equal([call.headers['x-key'], call.headers['x-opt']],
		['VARIABLEMARK', undefined]);
	match(call.headers['x-at'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('what is optional is sent where it is there', async () => {
	equal((await ends('token', {body:
		'{"code":"x","verifier":"v","opt":"o"}'})).status, 'completed');
	const call = up.calls.filter(c => c.path === '/ok/token').at(-1);
	match(call.body, /&code_verifier=v&/);
	equal([call.url, call.headers['x-opt']], ['/ok/token', 'o']);
});

test('what is not is missed before anything is accepted', async () => {
	const before = up.count('/ok/token');
	const answer = await accept('token', '{"verifier":[]}');
	equal(answer.status, 400);
	equal(JSON.parse(answer.text).errors, [
		{pointer: '/code', detail: 'body.code is missing'},
		{pointer: '/verifier',
			detail: 'body.verifier cannot be used as it is'}]);
	equal(up.count('/ok/token'), before);
});

/* ---- what goes along, and what comes back ------------------------------- */

test('the trace of the request is the call\'s', async () => {
	const given = await accept('traced', '{}', {traceparent: TRACE});
	await line.ended(JSON.parse(given.text).jobId);
	const made = await accept('traced', '{}', {traceparent: 'nonsense'});
	await line.ended(JSON.parse(made.text).jobId);
	const calls = up.calls.filter(c => c.path === '/ok/traced');
	equal(calls.map(c => c.headers.traceparent),
		[TRACE, made.headers.traceparent]);
	equal(given.headers.traceparent, TRACE);
});

test('chosen headers come back, with success and with refusal', async () => {
	for (const [body, status] of [['{}', 200], ['{"refuse":1}', 422]]) {
		const id = (await ends('kept', {body})).jobId;
		for (const method of ['GET', 'HEAD']) {
			const answer = await result(id, {method,
				headers: {origin: 'https://www.acme.example'}});
			equal(answer.status, status);
			equal([answer.headers['x-correlationid'],
				answer.headers['receipt-id'],
				answer.headers['x-other']],
			['abc-1', 'one, two', undefined]);
			match(answer.headers['access-control-expose-headers'],
				/traceparent, x-correlationid, receipt-id$/);
			equal(answer.headers['content-type'],
				'application/json; charset=utf-8');
			if (method === 'GET')
				equal(answer.text, '{ "as": "it came" }');
		}
	}
	const other = await result((await ends('json')).jobId);
	equal([other.status, other.headers['x-correlationid']],
		[200, undefined]);
});

/* ---- afterwards -------------------------------------------------------- */

test('after all of it the queue goes on', async () =>
	equal((await ends('ok')).status, 'completed'));

test('no secret in a log, an answer or the store', () => {
	const logs = line.children.map(c => c.log).join('');
	const files = readdirSync(join(line.dir, 'state'),
		{withFileTypes: true}).filter(f => f.isFile())
		.map(f => readFileSync(join(line.dir, 'state', f.name), 'latin1'));
	for (const mark of ['FILEMARK', 'VARIABLEMARK'])
		for (const text of [logs, ...files])
			ok(!text.includes(mark), mark);
});

await done();
