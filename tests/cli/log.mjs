/*
 * What is logged, at each level: one line for an accept, for each change and
 * for the first time that a job's end is told. And what never is: markers are
 * put into everything that a client or an upstream can write, and none of them
 * is in any line, however much is logged.
 */
import {randomUUID} from 'node:crypto';
import {done, equal, match, ok, test} from '../tap.mjs';
import {startLine, startUpstream, until} from './line.mjs';

const MARK = 'mArKeR';
const slowly = []; /* answers that wait for the test */
const upstream = await startUpstream({
	good: (req, res) => res.writeHead(201, {'content-type':
		'application/json', location: `/x/${MARK}l`})
		.end(`{"id":"${MARK}r","message":"${MARK}m"}`),
	bad: (req, res) => res.writeHead(422, `${MARK}w`,
		{'content-type': 'text/plain'}).end(`${MARK}b`),
	slow: (req, res) => slowly.push(res),
	broken: (req, res) => res.writeHead(500).end(`${MARK}5`),
});
const names = ['good', 'bad', 'broken', 'once'];
const line = await startLine({upstreams: [{name: 'u', base: upstream.url}],
	apis: [...names, 'slow'].map(name => ({name, upstream: 'u', onLost: 'fail',
		requestPath: `/${name === 'once' ? 'good' : name}/{job.id}`,
		...name === 'once' && {once: true}}))});
line.worker();

const events = (it, event) => it.log.split('\n').filter(l =>
	l.startsWith('{')).map(JSON.parse).filter(e => e.event === event);
const get = (target, headers) =>
	line.fcgi({method: 'GET', target, headers});
async function restart(...args) {
	line.cgi.child.kill('SIGTERM');
	await line.cgi.ended;
	line.cgi = line.start('lowtide-cgi', '--listen',
		`unix:${line.socket}`, ...args);
	await until('it listens', () => line.cgi.log.includes('endpoint-started') ||
		args.includes('error') && get('/api/jobs/health').then(() => true,
			() => false));
}
/* A line is there by the time of its answer, but comes by a pipe. */
const logged = (event, n = 1) => until(`${n} ${event}`, () => {
	const found = events(line.cgi, event);
	return found.length >= n && found;
});

let job;
test('an accept says whose, and how long its commit took', async () => {
	const trace = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
	job = await line.send('/api/good', {headers: {traceparent: trace}});
	const [e] = await logged('job-accepted');
	equal([e.jobId, e.api, e.owner, e.traceparent],
		[job, 'good', 'anonymous', trace]);
	ok(Number.isInteger(e.commitMs) && e.commitMs >= 0);
});
test('its end is told once, however often it is asked for', async () => {
	await line.ended(job);
	for (let i = 0; i < 5; i++)
		equal((await get(`/api/jobs/${job}`)).status, 200);
	equal((await get(`/api/jobs/${job}/result`)).status, 201);
	const [e] = await logged('job-answered');
	equal([e.jobId, e.api, e.owner, e.status, e.state],
		[job, 'good', 'anonymous', 200, 'completed']);
	match(e.traceparent, /^00-(ab){16}-/);
	ok(e.sinceAcceptMs >= 0 && e.waitedMs >= 0);
	/* what comes next is behind it in the pipe */
	await line.send('/api/good');
	await logged('job-accepted', 2);
	equal(events(line.cgi, 'job-answered').length, 1);
});
test('one that waited says for how long', async () => {
	const r = await line.fcgi({method: 'POST', target: '/api/bad',
		body: '{}', headers: {'x-wait-time-ms': '20000'}});
	equal(r.status, 422);
	const e = (await logged('job-answered', 2)).at(-1);
	equal([e.api, e.status, e.state], ['bad', 422, 'failed']);
	ok(e.waitedMs <= 20000);
});
test('changes are told', async () => {
	const once = await line.send('/api/once');
	await line.ended(once);
	equal((await get(`/api/jobs/${once}/result`)).status, 201);
	const [read] = await logged('job-read');
	equal([read.jobId, read.owner, read.state],
		[once, 'anonymous', 'completed']);
	const remove = target => line.fcgi({method: 'DELETE', target});
	equal((await remove(`/api/jobs/${job}?purge=1`)).status, 204);
	const [purged] = await logged('job-purged');
	equal([purged.jobId, purged.api, purged.owner],
		[job, 'good', 'anonymous']);
	match(purged.traceparent, /^00-(ab){16}-/); /* its accept's */
	const trace = `00-${'12'.repeat(16)}-${'34'.repeat(8)}-01`;
	const slow = await line.send('/api/slow', {headers:
		{traceparent: trace}});
	await until('it is called', () => slowly.length === 1);
	equal((await remove(`/api/jobs/${slow}`)).status, 202);
	const [asked] = await logged('job-cancel');
	equal([asked.jobId, asked.api, asked.owner, asked.state,
		asked.traceparent],
	[slow, 'slow', 'anonymous', 'processing', trace]);
	slowly.shift().writeHead(200).end();
	await line.ended(slow);
});
test('look-ups are not told but at level debug', async () => {
	equal(events(line.cgi, 'request-answered').length, 0);
	await restart('--log-level', 'debug');
	await get('/api/jobs/health');
	const [e] = await logged('request-answered');
	equal([e.route, e.status], ['health', 200]);
});
test('nothing that anybody wrote is in any line', async () => {
	const headers = {authorization: `Bearer ${MARK}a`, cookie: `${MARK}c`,
		'x-request-id': `${MARK}-${randomUUID()}`,
		'idempotency-key': `"${MARK}-${randomUUID()}"`,
		traceparent: `${MARK}t`, origin: `https://${MARK}o`,
		'if-none-match': `"${MARK}i"`, prefer: `${MARK}p`,
		'user-agent': `${MARK}u`, 'x-forwarded-for': `${MARK}f`,
		'last-event-id': `${MARK}e`, 'content-type': 'application/json'};
	const body = `{"vrn":"${MARK}v"}`;
	const jobs = [];
	for (const name of names) {
		const r = await line.fcgi({method: 'POST', body,
			target: `/api/${name}?q=${MARK}q`, headers: {...headers,
				'idempotency-key': `"${MARK}-${randomUUID()}"`}});
		equal(r.status, 202);
		jobs.push(JSON.parse(r.text).jobId);
	}
	for (const id of jobs) {
		await line.ended(id);
		await get(`/api/jobs/${id}?m=${MARK}`, headers);
		await get(`/api/jobs/${id}/result?m=${MARK}`, headers);
		await line.fcgi({method: 'DELETE', headers,
			target: `/api/jobs/${id}?purge=1&m=${MARK}`});
	}
	for (const target of [`/${MARK}`, `/api/${MARK}`, `/api/jobs/${MARK}`,
		`/api/jobs/job_${MARK}`, `/api/jobs?status=${MARK}`,
		`/api/jobs/events?lastEventId=${MARK}`]) {
		await get(target, headers);
		await line.fcgi({method: `${MARK}`, target, headers, body});
		await line.fcgi({method: 'OPTIONS', target, headers});
	}
	await line.fcgi({method: 'POST', target: '/api/good', headers,
		body: `{"${MARK}`});
	const n = events(line.cgi, 'request-answered').length;
	await get('/api/jobs/health');
	await logged('request-answered', n + 1);
	const all = line.children.map(c => c.log).join('');
	ok(all.split('\n').length > 40, 'there is a log');
	equal(all.split('\n').filter(l => l.includes(MARK)), []);
});
test('at level error a quiet day has no line', async () => {
	await restart('--log-level', 'error');
	await line.send('/api/good');
	equal(line.cgi.log.split('\n').filter(l => l.startsWith('{') &&
		!/running-as-root|sandbox-partial/.test(l)), []);
});
test('nobody reads it any more: that is no reason to end', async () => {
	line.cgi.child.kill('SIGTERM');
	await line.cgi.ended;
	const unheard = (...given) => {
		const it = line.start(...given);
		it.child.stderr.destroy();
		return it;
	};
	line.cgi = unheard('lowtide-cgi', '--listen', `unix:${line.socket}`);
	await until('it answers, or has ended', () =>
		line.cgi.exit !== undefined || get('/api/jobs/health')
			.then(r => r.status, () => false));
	const worker = unheard('lowtide-worker', '--dev');
	await line.ended(await line.send('/api/good'));
	for (const it of [line.cgi, worker]) {
		it.child.kill('SIGTERM');
		equal(await it.ended, 0);
	}
});
test('another level is refused', () =>
	equal(line.run('lowtide-cgi', '--log-level', 'loud').status, 64));
await done();
