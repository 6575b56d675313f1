/*
 * Reads that become jobs, by the real programs: lowtide-read hands over to
 * lowtide-cgi, and lowtide-worker reads as lowtide-read would. What is counted
 * is what arrived at the upstream.
 */
import {readFileSync, renameSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import {done, equal, match, ok, test} from '../tap.mjs';
import {fcgi, pause, program, startLine, startUpstream, switches,
	until} from './line.mjs';

const json = (res, status, body, headers = {}) =>
	res.writeHead(status, {'content-type': 'application/json', ...headers})
		.end(JSON.stringify(body));
let release, held = 0, fails = 0;
const hold = () => { release = new Promise(r => { hold.end = r; }); };
const last = url => decodeURIComponent(url.split('/').at(-1));
const up = await startUpstream({
	names: (req, res) => json(res, 200, {names: ['Ada', 'Bob']}),
	one: async (req, res) => {
		held++;
		await release;
		if (fails-- > 0)
			return json(res, 500, {secret: 'no'});
		json(res, 200, {id: last(req.url), n: 1.10});
	},
	none: (req, res) => json(res, 404, {}),
});
const AUTH = {Authorization: 'Bearer {header.up-token}'};
const call = (read, name, path, more) => ({read, name, upstream: 'up', path,
	ttlMs: 0, required: true, ...more});
const job = (name, more) => ({name: `${name}-job`, read: name, method: 'GET',
	path: `/api/${name}/{ids}`, onLost: 'retry', idempotent: true,
	requestMethod: '', requestPath: '', bodyType: '', bodyMax: 0,
	forward: ['up-token'], attempts: 3, ...more});
const read = (name, more) => ({name, path: `/api/${name}/{ids}`, auth: 'none',
	deadlineMs: 600, concurrency: 8, api: `${name}-job`, ...more});
const ids = name => ({read: name, name: 'id', from: 'path.ids', max: 2});
const line = await startLine({upstreams: [{name: 'up', base: up.url}],
	apis: [job('late'), job('asked')],
	reads: [read('late', {promote: true}),
		read('asked', {deadlineMs: 20000})],
	readIds: [ids('late'), ids('asked')],
	readCalls: [...['late', 'asked'].flatMap(r => [
		call(r, 'names', '/names?of={query.of?}', {headers: AUTH}),
		call(r, 'one', '/one/{id.id}', {each: 'id'})]),
	call('asked', 'none', '/none', {required: false, emptyOn: ['404']})]});
const sock = `${line.dir}/read.sock`;
const reader = (endpoint = line.socket) => line.spawn(program('lowtide-read'),
	'--config', `${line.dir}/lowtide.json`, '--listen', `unix:${sock}`,
	'--endpoint', `unix:${endpoint}`);
const listens = () => until('lowtide-read listens', () => new Promise(r => {
	const c = net.connect(sock, () => { c.destroy(); r(true); });
	c.on('error', () => r(false));
}));
let reads = reader();
await listens();
let worker = line.worker();
const ask = (target, headers = {}) =>
	fcgi(sock, {method: 'GET', target, headers});
const ASYNC = {prefer: 'respond-async'};
async function ticket(target, headers) {
	const r = await ask(target, headers);
	equal(r.status, 202, r.text);
	return {...r, json: JSON.parse(r.text)};
}

test('who asks for it is given a ticket by the endpoint', async () => {
	const {headers, json: {jobId, status}} =
		await ticket('/api/asked/x,y?of=a%20b', {...ASYNC, 'up-token': 'T',
			'x-request-id': 'a-name-of-the-clients-own',
			'x-initial-request': 'true'});
	equal([headers['x-request-id'], headers.location, status],
		[jobId, `/api/jobs/${jobId}`, 'accepted']);
	const end = await line.ended(jobId);
	equal([end.status, end.httpStatus, end.api], ['completed', 200, 'asked-job']);
	const {data} = JSON.parse(line.jobs('show', jobId, '--result').out);
	equal(data, {names: {names: ['Ada', 'Bob']},
		one: {x: {id: 'x', n: 1.1}, y: {id: 'y', n: 1.1}}, none: null});
	const {headers: sent, url} = up.calls.find(c => c.path === '/names');
	equal([sent.authorization, url], ['Bearer T', '/names?of=a%20b']);
	equal(up.calls.length, 4);
});

test('past its deadline a read goes on as a job, and ends', async () => {
	hold();
	const before = up.count('/one/z');
	const {json: {jobId}} = await ticket('/api/late/z');
	equal(up.count('/one/z') - before >= 1, true);
	hold.end();
	const end = await line.ended(jobId);
	equal([end.status, end.httpStatus], ['completed', 200]);
});

test('asked again by the name it was given: held, then the result', async () => {
	hold();
	const {headers} = await ticket('/api/asked/w', ASYNC);
	const again = () => ask('/api/asked/w',
		{'x-request-id': headers['x-request-id']});
	equal((await again()).status, 202);
	hold.end();
	const r = await until('its result', async () => {
		const a = await again();
		return a.status === 200 && a;
	});
	equal(JSON.parse(r.text).data.one, {w: {id: 'w', n: 1.1}});
	ok(r.text.includes('"n":1.1'));
	/* a job's id of nobody's is a job's all the same */
	equal((await ask('/api/asked/w',
		{'x-request-id': `job_${'A'.repeat(48)}`})).status, 404);
});

test('a client that waits less is handed over sooner', async () => {
	hold();
	const r = await ask('/api/late/v', {prefer: 'wait=0'});
	equal(r.status, 202);
	hold.end();
	equal((await line.ended(JSON.parse(r.text).jobId)).status, 'completed');
});

test('what fails is tried again, and then failed as a read', async () => {
	fails = 1;
	const {json: {jobId}} = await ticket('/api/asked/f', ASYNC);
	equal((await line.ended(jobId)).status, 'completed');
	fails = 100;
	const bad = (await ticket('/api/asked/g', ASYNC)).json.jobId;
	const end = await line.ended(bad);
	fails = 0;
	equal([end.status, end.reason, end.attempt],
		['failed', 'upstream-error', 3]);
	const r = await line.fcgi({method: 'GET', target: `/api/jobs/${bad}/result`});
	equal(r.status, 502);
	ok(!r.text.includes('secret'), r.text);
});

test('what cannot be asked fails with its reason', async () => {
	const before = up.calls.length;
	const {json: {jobId}} = await ticket('/api/asked/1,2,3', ASYNC);
	const end = await line.ended(jobId);
	equal([end.status, end.reason, end.httpStatus, up.calls.length],
		['failed', 'upstream-refused', 400, before]);
	match(line.jobs('show', jobId, '--result').out, /at most|more than|2/);
});

test('a worker that dies in the midst of it costs an attempt', async () => {
	hold();
	held = 0;
	const {json: {jobId}} = await ticket('/api/asked/k', ASYNC);
	await until('it is called', () => held);
	worker.child.kill('SIGKILL');
	await worker.ended;
	hold.end();
	worker = line.worker();
	const end = await line.ended(jobId);
	equal([end.status, end.attempt], ['completed', 2]);
});

test('another configuration: what is under way ends by the old one', async () => {
	const path = `${line.dir}/lowtide.json`;
	const config = JSON.parse(readFileSync(path, 'utf8'));
	hold();
	held = 0;
	const {json: {jobId}} = await ticket('/api/asked/h', ASYNC);
	await until('it is called', () => held);
	config.readCalls = config.readCalls.filter(c => c.name !== 'none');
	writeFileSync(`${path}.new`, JSON.stringify(config));
	renameSync(`${path}.new`, path);
	worker.child.kill('SIGHUP');
	await until('it was read', () => /"event":"reloaded"/.test(worker.log));
	const later = (await ticket('/api/asked/i', ASYNC)).json.jobId;
	hold.end();
	equal((await line.ended(jobId)).status, 'completed');
	equal((await line.ended(later)).status, 'completed');
	const data = id => Object.keys(JSON.parse(
		line.jobs('show', id, '--result').out).data);
	equal([data(jobId), data(later)],
		[['names', 'one', 'none'], ['names', 'one']]);
});

test('where nobody takes it: said at once, or as without', async () => {
	reads.child.kill('SIGTERM');
	equal(await reads.ended, 0);
	reads = reader(`${line.dir}/nobody.sock`);
	await listens();
	const r = await ask('/api/asked/x', ASYNC);
	equal([r.status, JSON.parse(r.text).error], [503, 'store-unavailable']);
	ok(Number(r.headers['retry-after']) >= 1);
	hold();
	const late = await ask('/api/late/x');
	hold.end();
	equal([late.status, JSON.parse(late.text).error],
		[504, 'upstream-timeout']);
});

test('the endpoint dies in the midst of it', async () => {
	reads.child.kill('SIGTERM');
	await reads.ended;
	const mute = net.createServer(c => c.on('data', () => c.destroy()));
	await new Promise(r => mute.listen(`${line.dir}/mute.sock`, r));
	reads = reader(`${line.dir}/mute.sock`);
	await listens();
	const r = await ask('/api/asked/x', ASYNC);
	mute.close();
	equal([r.status, JSON.parse(r.text).error], [503, 'store-unavailable']);
});

test('a worker that has read and has nothing to do does not wake', async () => {
	await pause(1500); /* the last ring is looked after once more */
	const before = switches(worker.pid);
	await pause(1500);
	ok(switches(worker.pid) - before <= 2, 'it woke');
});

await done();
