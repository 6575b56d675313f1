/*
 * Contract 4 to 6 through the real programs, where the endpoint, the worker
 * and the store must agree: results that are read once, other credentials,
 * purge, one owner's list, and a handler that does nothing. The table of all
 * answers is tests/unit/test-cells.c.
 */
import {spawn} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {pause, startLine, startUpstream, until} from './line.mjs';

const json = (res, status, body, headers = {}) =>
	res.writeHead(status, {'content-type': 'application/json', ...headers})
		.end(JSON.stringify(body));
const held = []; /* answers that wait for the test */
const up = await startUpstream({
	token: (req, res) => json(res, 200, {token: 'ONLYONCE'}),
	held: (req, res) => held.push(res),
	wants: (req, res, body) => req.headers.authorization === 'Bearer good' ?
		json(res, 201, {sent: body}, {location: '/r/1'}) :
		json(res, 401, {code: 'UNAUTHORISED'}),
});
const line = await startLine({
	upstreams: [{name: 'up', base: up.url}],
	apis: [
		{name: 'token', upstream: 'up', once: true},
		{name: 'held', upstream: 'up', once: true},
		{name: 'wants', upstream: 'up', requestHeaders:
			{Authorization: 'Bearer {header.up-token}'}},
		{name: 'mine', upstream: 'up', auth: 'web-server',
			requestPath: '/token/{job.id}'},
		{name: 'mine-too', upstream: 'up', auth: 'web-server',
			requestPath: '/token/{job.id}'},
		{name: 'nothing', noop: true, bodyType: 'text/plain',
			bodyMax: 1000},
	],
});
line.worker();

const ask = (method, target, more = {}) =>
	line.fcgi({method, target, ...more});
const of = (id, tail = '') => `/api/jobs/${id}${tail}`;
const document = async id => JSON.parse((await ask('GET', of(id))).text);

test('what is read once is delivered, for a moment again, and told', async () => {
	const id = await line.send('/api/token');
	await line.ended(id);
	const before = await ask('GET', of(id));
	ok(!before.text.includes('ONLYONCE'));
	equal(JSON.parse(before.text).resultUrl, of(id, '/result'));
	for (let i = 0; i < 2; i++) {
		const r = await ask('GET', of(id, '/result'));
		equal([r.status, r.text], [200, '{"token":"ONLYONCE"}']);
	}
	const after = await document(id);
	equal([after.resultConsumed, after.resultUrl], [true, undefined]);
});

test('no byte of it leaves while that cannot be noted', async () => {
	const id = await line.send('/api/token');
	await line.ended(id);
	const holder = spawn('flock', [join(line.dir, 'state/write.lock'),
		'sh', '-c', 'echo held; exec cat'],
	{stdio: ['pipe', 'pipe', 'inherit']});
	cleanup(() => holder.stdin.end());
	await new Promise(r => holder.stdout.once('data', r));
	let got = '';
	const answer = ask('GET', of(id, '/result')).then(r => got = r.text);
	equal((await document(id)).resultConsumed, undefined);
	await pause(300); /* it may only be too short to show anything */
	equal(got, '');
	holder.stdin.end();
	equal(await answer, '{"token":"ONLYONCE"}');
	equal((await document(id)).resultConsumed, true);
});

test('who waits for it is answered behind the note as well', async () => {
	const first = ask('POST', '/api/held', {body: '{}', headers: {
		'x-wait-time-ms': '20000', 'x-request-id': 'waits-for-its-result'}});
	await until('the upstream has it', () => held.length);
	json(held.shift(), 200, {secret: 'HELD'});
	const r = await first;
	equal([r.status, r.text], [200, '{"secret":"HELD"}']);
	equal(r.headers['x-request-id'], 'waits-for-its-result');
	const again = await ask('POST', '/api/held', {body: '{}', headers: {
		'x-request-id': 'waits-for-its-result'}});
	equal([again.status, again.text], [200, '{"secret":"HELD"}']);
});

test('another credential, and the same job goes on', async () => {
	const send = token => ask('POST', '/api/wants', {body: '{"a":1}',
		headers: {'up-token': token, 'x-wait-time-ms': '20000',
			'x-request-id': 'refreshes-its-token-in-time'}});
	const first = await send('bad');
	equal([first.status, JSON.parse(first.text).error],
		[401, 'unauthorized']);
	match(first.headers['www-authenticate'], /^Bearer/);
	const id = JSON.parse(first.text).jobId;
	const doc = await document(id);
	equal([doc.status, doc.needsCredentials], ['pending', true]);
	equal((await send('bad')).status, 401);
	equal(up.count(`/wants/${id}`), 1); /* it was not tried again */
	const good = await send('good');
	equal([good.status, JSON.parse(good.text).sent, good.headers.location],
		[201, '{"a":1}', '/r/1']);
	equal(up.count(`/wants/${id}`), 2);
	equal((await document(id)).needsCredentials, undefined);
});

test('three other credentials at most', async () => {
	const send = token => ask('POST', '/api/wants', {body: '{"a":2}',
		headers: {'up-token': token, 'x-wait-time-ms': '20000',
			'x-request-id': 'never-gets-it-right-at-all'}});
	const seen = [];
	for (const token of ['a', 'b', 'c', 'd', 'good'])
		seen.push(await send(token));
	equal(seen.map(r => r.status), [401, 401, 401, 401, 401]);
	/* the last two are the upstream's own: it has failed */
	equal(seen.map(r => JSON.parse(r.text).code),
		[undefined, undefined, undefined, 'UNAUTHORISED',
			'UNAUTHORISED']);
});

test('a purge leaves a name that is used, and nothing else', async () => {
	const id = await line.send('/api/mine', {headers: {}, owner: 'alice'})
		.catch(() => null);
	equal(id, null); /* not without its owner */
	const r = await ask('POST', '/api/mine', {body: '{}', owner: 'alice',
		headers: {'x-wait-time-ms': '0', 'x-request-id': 'purged'}});
	const job = JSON.parse(r.text).jobId;
	const open = await ask('DELETE', of(job, '?purge=1'), {owner: 'alice'});
	ok([204, 409].includes(open.status)); /* as fast as it may be */
	await line.ended(job).catch(() => {});
	if (open.status === 409)
		equal((await ask('DELETE', of(job, '?purge=1'),
			{owner: 'alice'})).status, 204);
	for (const [method, tail] of [['GET', ''], ['GET', '/result'],
		['DELETE', '?purge=1'], ['POST', '/cancel']])
		equal((await ask(method, of(job, tail),
			{owner: 'alice'})).status, 410);
	const again = await ask('POST', '/api/mine', {body: '{}',
		owner: 'alice', headers: {'x-request-id': 'purged'}});
	equal([again.status, JSON.parse(again.text).error],
		[410, 'job-expired']);
});

test('one owner is listed his jobs, page by page', async () => {
	const ids = [];
	for (let i = 0; i < 5; i++) {
		const r = await ask('POST', i % 2 ? '/api/mine' : '/api/mine-too',
			{body: '{}', owner: 'bob', headers: {'x-wait-time-ms': '0'}});
		ids.unshift(JSON.parse(r.text).jobId);
	}
	const met = [];
	for (let next = ''; next !== null;) {
		const r = await ask('GET', `/api/jobs?limit=2&cursor=${next}`,
			{owner: 'bob'});
		equal(r.status, 200);
		const page = JSON.parse(r.text);
		met.push(...page.jobs.map(j => j.jobId));
		({next} = page);
	}
	equal(met, ids);
	const eve = await ask('GET', '/api/jobs', {owner: 'eve'});
	equal(eve.text, '{"jobs":[],"next":null}');
	equal((await ask('GET', '/api/jobs')).status, 401);
});

test('too late a cancel is told to whoever asks for that', async () => {
	const id = await line.send('/api/token');
	await line.ended(id);
	const strict = await ask('POST', of(id, '/cancel'),
		{headers: {prefer: 'handling=strict'}});
	equal([strict.status, JSON.parse(strict.text).error],
		[409, 'job-already-finished']);
	equal((await ask('POST', of(id, '/cancel'))).status, 200);
});

test('the worker is seen at work', async () => {
	const id = await line.send('/api/held');
	await until('the upstream has it', () => held.length);
	const r = await ask('GET', '/api/jobs/health');
	const health = JSON.parse(r.text);
	equal([r.status, health.worker, health.processing],
		[200, 'working', 1]);
	ok(health.workerAgeMs < 30000);
	json(held.shift(), 200, {});
	await line.ended(id);
});

test('a handler that does nothing gives back what it was sent', async () => {
	const r = await ask('POST', '/api/nothing', {body: 'as it came',
		headers: {'content-type': 'text/plain',
			'x-wait-time-ms': '20000'}});
	equal([r.status, r.headers['content-type'], r.text],
		[200, 'text/plain', 'as it came']);
	const empty = await ask('POST', '/api/nothing',
		{headers: {'x-wait-time-ms': '20000'}});
	equal([empty.status, empty.text], [204, '']);
});

test('no worker takes that without --dev', async () => {
	for (const test of [[], ['-t']]) {
		const r = line.run('lowtide-worker', ...line.common, ...test);
		equal(r.status, 1);
		match(r.err, /noop-handler: .*`nothing`.*--dev/);
	}
	const config = JSON.parse(readFileSync(
		join(line.dir, 'lowtide.json'), 'utf8'));
	config.apis = config.apis.filter(a => !a.noop);
	const without = join(line.dir, 'without.json');
	writeFileSync(without, JSON.stringify(config));
	const fine = line.run('lowtide-worker', '--config', without,
		...line.common.slice(2), '--test');
	equal([fine.status, fine.err], [0, '']);
});

done();
