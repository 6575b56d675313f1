/*
 * Every kind of answer that the endpoint can be brought to give, through nginx,
 * recorded and held against the site's own openapi.json (openapi-check.py).
 * Here is looked at the status alone: what else it must have, the document
 * says. Runs under `lowtide serve -C tests/web/openapi --env dev`.
 */
import {spawn} from 'node:child_process';
import {randomUUID, sign} from 'node:crypto';
import {closeSync, mkdirSync, openSync, readFileSync, renameSync,
	writeFileSync, writeSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {test, ok, equal, match, cleanup, done} from '../tap.mjs';
import {newPair} from '../tokens.mjs';
import {ask, checkRecord, pathOf, pause, testRecord} from './ask.mjs';

const order = {sku: 'tea', count: 2, note: ['a']};
const ORDER = '/api/order?shop=1';
const TURN = '/api/order-in-turn';
const say = what => ({say: JSON.stringify(what)});
const WAIT = {'x-wait-time-ms': '20000'};
const AT_ONCE = {'x-wait-time-ms': '0'};
const many = Object.fromEntries(
	Array.from({length: 120}, (_, i) => [`x-${i}`, 'a']));
const as = who => ({authorization:
	`Basic ${Buffer.from(`${who}:${who}'s word`).toString('base64')}`});
const name = () => ({'x-request-id': randomUUID()});

async function is(want, ...request) {
	const r = await ask(...request);
	equal(r.status, want, r.text);
	return r;
}

/* What the upstream says, waited for: by the client and then by the result. */
async function outcome(want, what, path = ORDER, body = order) {
	const id = name();
	const r = await is(want, 'POST', path,
		{body, headers: {...say(what), ...WAIT, ...id}});
	const again = await is(want, 'POST', path,
		{body, headers: {...say(what), ...id}});
	equal(again.text, r.text);
	const job = await ticket(what, path, body);
	await settled(job);
	await is(want, 'GET', `${job}/result`);
	return job;
}

async function ticket(what = {}, path = ORDER, body = order) {
	const r = await is(202, 'POST', path,
		{body, headers: {...say(what), ...AT_ONCE}});
	return pathOf(r.json.statusUrl);
}

/* Held each time until something changes: whoever asks too often is told. */
async function changed(job, until) {
	for (let etag = '"0"';;) {
		const r = await ask('GET', job,
			{headers: {'if-none-match': etag, prefer: 'wait=20'}});
		if (r.status === 304)
			continue;
		equal(r.status, 200, r.text);
		if (until(r.json.status))
			return r;
		etag = r.h.etag;
	}
}

const settled = job =>
	changed(job, s => !['pending', 'processing'].includes(s));
const processing = async job =>
	equal((await changed(job, s => s !== 'pending')).json.status,
		'processing');

/* Everything that can be asked about a job, whatever it is. */
async function around(job) {
	const r = await ask('GET', job);
	const etag = {'if-none-match': r.h.etag ?? '"0"'};
	for (const path of [job, `${job}/result`]) {
		await ask('HEAD', path);
		await ask('GET', path, {headers: etag});
		await ask('GET', path, {headers: {...etag, prefer: 'wait=1'}});
	}
	await ask('GET', `${job}?onComplete=redirect`);
	return r;
}

test('the document is published for everybody', async () => {
	const r = await is(200, 'GET', '/openapi.json');
	match(r.h['content-type'], /^application\/json/);
	equal(r.h['access-control-allow-origin'], '*');
	equal(r.h['cache-control'], 'no-cache');
	ok(r.h.etag);
	equal(r.json.openapi, '3.1.0');
	equal(r.json.servers[0].url, process.env.LOWTIDE_URL);
	writeFileSync(process.env.LOWTIDE_RECORD, ''); /* no API */
});

test('what is done: any 2xx', async () => {
	await around(await outcome(200, {}));
	await around(await outcome(201, {status: 201, location: '/x'}));
	await around(await outcome(204, {status: 204}));
	await around(await outcome(203, {status: 203, type: 'text/plain',
		body: 'tea'}));
	await around(await outcome(200, {type: 'text/html',
		fill: 100000}));
	await around(await outcome(200, {type: 'application/json', body: '{'}));
});

test('what an upstream says beside it, where it is asked for', async () => {
	const headers = {'x-stock': '3', 'set-cookie': 'a=b', 'x-other': 'c'};
	for (const status of [200, 204, 404]) {
		const job = await outcome(status, {status, headers,
			...(status === 404 && {body: 'no'})}, '/api/order-kept');
		const {h} = await ask('GET', `${job}/result`);
		equal([h['x-stock'], h['set-cookie'], h['x-other']],
			['3', undefined, undefined]);
	}
});

test('a program: its output is the answer', async () => {
	const r = await is(200, 'POST', '/api/order-run',
		{body: {a: [1]}, headers: WAIT});
	equal([r.json, r.h['content-type']], [{a: [1]}, 'application/json']);
});

test('codes for tokens', async () => {
	const r = await is(200, 'POST', '/api/v1/shop/token',
		{body: {code: 'c'}});
	equal(r.json, {access_token: 'a', token_type: 'Bearer'});
	await is(200, 'POST', '/api/v1/shop/refresh',
		{body: {refresh_token: 'r'}});
	await is(400, 'POST', '/api/v1/shop/token', {body: {}});
});

test('what may have arrived, and is held', async () => {
	const job = await ticket({close: true}, '/api/order-held', {});
	let held;
	for (let etag = '"0"'; !held?.held; etag = held.etag) {
		const r = await ask('GET', job,
			{headers: {'if-none-match': etag, prefer: 'wait=20'}});
		held = r.status === 304 ? {etag} : {...r.json, etag: r.h.etag};
	}
	equal([held.status, held.message],
		['processing', 'awaiting a decision']);
	equal((await is(202, 'DELETE', job)).json.held, true);
	await around(job);
});

test('onComplete=redirect: 303', async () => {
	const job = await ticket();
	await settled(job);
	const r = await is(303, 'GET', `${job}?onComplete=redirect`);
	equal(r.h.location, '/orders/7');
});

test('what is open: pending, processing, 304, a long poll', async () => {
	const job = await ticket({wait: 3000});
	await processing(job);
	const r = await is(200, 'GET', job);
	const etag = {'if-none-match': r.h.etag};
	await is(304, 'GET', job, {headers: etag});
	await is(202, 'GET', `${job}/result`);
	await is(202, 'DELETE', job);
	await is(202, 'POST', `${job}/cancel`);
	await is(200, 'GET', job, {headers: {...etag, prefer: 'wait=20'}});
	await around(job);
	await settled(job);
	await is(200, 'GET', `${job}/result`, {headers: {prefer: 'wait=20'}});
});

test('what waits for its turn', async () => {
	const slow = await ticket({wait: 4000}, TURN, {});
	await processing(slow);
	const what = {body: {}, headers: {...name(), ...AT_ONCE}};
	const a = await is(202, 'POST', TURN, what);
	equal((await is(202, 'POST', TURN, what)).json.status, 'pending');
	const job = pathOf(a.json.statusUrl);
	equal((await is(202, 'GET', `${job}/result`)).json.status, 'pending');
	await is(200, 'DELETE', job);
	await settled(slow);
});

test('the same again is answered by the job', async () => {
	await Promise.all([name(), {'idempotency-key': randomUUID()},
		{'idempotency-key': `"${randomUUID()}"`}].map(async named => {
		const what = {headers: {...say({wait: 4000}), ...named,
			'x-initial-request': 'true', ...AT_ONCE}, body: order};
		const first = await is(202, 'POST', ORDER, what);
		await is(202, 'POST', ORDER, what);
		await settled(pathOf(first.json.statusUrl));
		await is(200, 'POST', ORDER, what);
		await is(200, 'POST', ORDER, {body: order,
			headers: {...say({}), 'x-request-id': first.json.jobId}});
	}));
});

test('preferences are echoed', async () => {
	for (const prefer of ['wait=5', 'respond-async', 'wait=0'])
		await ask('POST', ORDER, {body: order, headers: {prefer}});
	for (const ms of ['-1', 'x', '1', '99999999999'])
		await ask('POST', ORDER,
			{body: order, headers: {'x-wait-time-ms': ms}});
});

test('what is refused before it is a job', async () => {
	for (const body of ['{', '[]', '{}', {...order, count: 1.5},
		{...order, sku: 7}, {...order, note: null}, {sku: '', count: 1}])
		await is(400, 'POST', ORDER, {body});
	await is(400, 'POST', ORDER);
	await is(400, 'POST', '/api/order', {body: order});
	await is(400, 'POST', ORDER,
		{body: order, headers: {'idempotency-key': '""'}});
	await is(413, 'POST', ORDER, {body: {...order, x: 'x'.repeat(5000)}});
	await is(413, 'POST', ORDER, {body: {...order, x: 'x'.repeat(2e6)}});
	await is(415, 'POST', ORDER,
		{body: 'a=b', headers: {'content-type': 'text/plain'}});
	await is(415, 'DELETE', '/api/items/1', {body: {}});
	await is(404, 'POST', ORDER,
		{body: order, headers: {'x-request-id': `job_${'A'.repeat(48)}`}});
	await is(404, 'PUT', '/api/items/1', {body: 'x', headers:
		{'content-type': 'text/plain', ...name()}});
	const job = await ticket();
	for (const [method, path] of [['POST', ORDER], ['GET', job],
		['DELETE', job], ['GET', `${job}/result`], ['GET', `${job}/events`],
		['POST', `${job}/cancel`], ['GET', '/api/jobs/health']])
		await is(431, method, path, {headers: many});
});

test('the upstream’s own refusals, whatever their status', async () => {
	for (const status of [400, 404, 409, 410, 413, 415, 418, 422, 431, 451]) {
		await around(await outcome(status, {status,
			type: 'text/plain', body: 'no', location: '/why'}));
		await outcome(status, {status,
			type: 'application/problem+json', body:
				{type: 'https://shop.example/no', title: 'No'}});
	}
	const r = await ask('GET', '/api/items/7',
		{headers: say({status: 404})});
	equal(r.status, 404);
	equal(r.json, {id: 7});
});

test('what goes wrong behind it', async () => {
	await around(await outcome(502, {status: 500}));
	await around(await outcome(502, {status: 302, location: '/x'}));
	await around(await outcome(502, {close: true}));
	await around(await outcome(500, {fill: 99},
		'/api/order-small', {}));
	const r = await is(504, 'GET', '/api/items/7',
		{headers: say({wait: 4000})});
	equal(r.json.error, 'upstream-timeout');
	await around(`/api/jobs/${r.json.jobId}`);
	await is(504, 'GET', `/api/jobs/${r.json.jobId}/result`);
});

test('what waits too long', async () => {
	const r = await is(504, 'POST', '/api/order-by-noon', {body: {},
		headers: {...say({wait: 1800}), ...name(), ...WAIT}});
	equal(r.json.error, 'deadline-exceeded');
	await around(`/api/jobs/${r.json.jobId}`);
	await is(504, 'GET', `/api/jobs/${r.json.jobId}/result`);
});

test('what is cancelled', async () => {
	const slow = await ticket({wait: 4000}, TURN, {});
	await processing(slow);
	for (const cancel of [['DELETE', ''], ['POST', '/cancel']]) {
		const what = {body: {}, headers: {...name(), ...AT_ONCE}};
		const a = await is(202, 'POST', TURN, what);
		const job = pathOf(a.json.statusUrl);
		const r = await is(200, cancel[0], job + cancel[1]);
		equal(r.json.status, 'cancelled');
		await is(409, 'GET', `${job}/result`);
		await is(409, 'POST', TURN, what);
		await is(200, cancel[0], job + cancel[1]);
		await around(job);
		for (const end of [{}, {status: 404}]) {
			const over = await ticket(end);
			await settled(over);
			await is(200, cancel[0], over + cancel[1]);
		}
	}
	await settled(slow);
	await is(413, 'POST', `${await ticket()}/cancel`,
		{body: 'x'.repeat(3e6)});
});

test('what had ended already, where that is asked', async () => {
	const strict = {headers: {prefer: 'handling=strict'}};
	const job = await ticket();
	await settled(job);
	await is(409, 'DELETE', job, strict);
	await is(409, 'POST', `${job}/cancel`, strict);
	await is(200, 'DELETE', job);
});

test('what is erased on request', async () => {
	const job = await ticket({wait: 2000});
	await is(400, 'DELETE', `${job}?purge=yes`);
	await is(409, 'DELETE', `${job}?purge=1`);
	await settled(job);
	await is(204, 'DELETE', `${job}?purge=1`);
	await is(410, 'DELETE', `${job}?purge=1`);
	await is(410, 'GET', `${job}/result`);
	await is(404, 'DELETE', `/api/jobs/job_${'A'.repeat(48)}?purge=1`);
});

test('what the upstream wants another credential for', async () => {
	const id = name();
	const send = what => ask('POST', ORDER,
		{body: order, headers: {...say(what), ...id, ...WAIT}});
	const r = await send({status: 401});
	equal([r.status, r.json.error, r.json.jobStatus],
		[401, 'unauthorized', 'pending'], r.text);
	const job = `/api/jobs/${r.json.jobId}`;
	equal((await is(200, 'GET', job)).json.needsCredentials, true);
	await is(202, 'GET', `${job}/result`);
	equal((await send({status: 401})).status, 401);
	equal((await send({status: 200})).status, 200);
});

test('how a job goes, as it goes', async () => {
	const job = await ticket({wait: 1500});
	const all = await is(200, 'GET', `${job}/events`);
	match(all.h['content-type'], /^text\/event-stream/);
	match(all.text, /^event: job$/m);
	const {h} = await is(200, 'GET', job);
	const last = {'last-event-id': h.etag.replace(/\D/g, '')};
	await is(204, 'GET', `${job}/events`, {headers: last});
	await is(204, 'GET', `${job}/events?lastEventId=${last['last-event-id']}`);
	await is(200, 'GET', `${job}/events?view=all`);
	await is(204, 'GET', `${job}/events?view=alert`);
	await is(400, 'GET', `${job}/events?view=some`);
	await is(406, 'GET', `${job}/events`,
		{headers: {accept: 'application/json'}});
});

const OWN = '/api/order-own';
async function own(what, body, headers = {}) {
	const r = await is(202, 'POST', OWN, {body, headers: {...as('alice'),
		...say(what), ...AT_ONCE, ...headers}});
	return pathOf(r.json.statusUrl);
}

test('what is somebody’s', async () => {
	await is(401, 'POST', OWN, {body: {}, headers: as('mallory')});
	const none = await is(401, 'POST', OWN, {body: {}});
	equal(none.h['www-authenticate'],
		'Basic realm="The shop", charset="UTF-8"');
	const job = await own({wait: 2000}, {id: 'a'});
	for (const [method, path] of [['GET', job], ['GET', `${job}/result`],
		['GET', `${job}/events`], ['DELETE', job],
		['POST', `${job}/cancel`]]) {
		await is(401, method, path);
		await is(404, method, path, {headers: as('bob')});
	}
	await is(200, 'GET', job, {headers: as('alice')});
	await is(200, 'GET', `${job}/result`,
		{headers: {...as('alice'), prefer: 'wait=20'}});
	await is(200, 'DELETE', job, {headers: as('alice')});
	await is(200, 'GET', `${job}/events`, {headers: as('alice')});
});

test('what somebody has', async () => {
	const id = name();
	const key = {'idempotency-key': randomUUID()};
	const a = await own({wait: 3000}, {id: 'b'}, id);
	await is(409, 'POST', OWN, {body: {id: 'c'},
		headers: {...as('alice'), ...id}});
	const b = await own({wait: 3000}, {id: 'd'}, key);
	await is(422, 'POST', OWN, {body: {id: 'e'},
		headers: {...as('alice'), ...key}});
	const list = query => is(200, 'GET', `/api/jobs${query}`,
		{headers: as('alice')});
	ok((await list('')).json.jobs.some(({statusUrl}) =>
		pathOf(statusUrl) === a));
	const one = await list('?api=order-own&limit=1');
	equal(one.json.jobs.length, 1);
	await list(`?limit=1&cursor=${one.json.next}`);
	await list('?status=completed');
	equal((await is(200, 'GET', '/api/jobs', {headers: as('bob')})).json,
		{jobs: [], next: null});
	await is(400, 'GET', '/api/jobs?limit=0', {headers: as('alice')});
	await is(401, 'GET', '/api/jobs');
	await is(431, 'GET', '/api/jobs', {headers: {...as('alice'), ...many}});
	for (const job of [a, b])
		await is(200, 'GET', `${job}/result`,
			{headers: {...as('alice'), prefer: 'wait=20'}});
});

test('how all of somebody’s go, as they go', async () => {
	const all = '/api/jobs/events';
	const headers = as('alice');
	const [head, job] = await Promise.all([
		ask('GET', all, {headers, until: /^event: job$/m}),
		own({wait: 1000}, {id: 'g'}),
	]);
	equal(head.status, 200);
	await is(200, 'GET', `${job}/result`,
		{headers: {...headers, prefer: 'wait=20'}});
	await is(400, 'GET', `${all}?view=some`, {headers});
	await is(401, 'GET', all);
	await is(406, 'GET', all,
		{headers: {...headers, accept: 'application/json'}});
	await is(431, 'GET', all, {headers: {...headers, ...many}});
});

test('what an upstream refuses of somebody', async () => {
	for (const status of [400, 401, 404, 409, 410, 413, 415, 422, 431, 451])
		for (const kind of ['plain', 'problem']) {
			const headers = as('alice');
			const r = await is(status, 'GET',
				`/api/answer/${status}/${kind}`,
				{headers: {...headers, ...WAIT}});
			ok(r);
			const list = await is(200, 'GET',
				'/api/jobs?limit=1&api=answer-own', {headers});
			await is(status, 'GET', pathOf(
				list.json.jobs[0].statusUrl) + '/result',
			{headers});
		}
});

/* Tokens as the provider would sign them (RFC 9068). */
const pair = newPair('ec', {namedCurve: 'P-256'});
const part = what => Buffer.from(JSON.stringify(what)).toString('base64url');

function bearer(claims = {}, head = {}) {
	const now = Math.floor(Date.now() / 1000);
	const text = `${part({alg: 'ES256', typ: 'at+jwt', kid: 'a', ...head})}.${
		part({iss: 'https://login.example', aud: 'https://shop.example',
			sub: 'carol', exp: now + 600, scope: 'orders', ...claims})}`;
	return {authorization: `Bearer ${text}.${sign('sha256', Buffer.from(text),
		{key: pair.privateKey, dsaEncoding: 'ieee-p1363'})
		.toString('base64url')}`};
}

test('tokens, while there are no keys to check them with', async () => {
	const headers = bearer();
	await is(503, 'POST', '/api/order-token', {body: {}, headers});
	await is(503, 'GET', '/api/jobs', {headers});
	await is(503, 'GET', '/api/jobs/events', {headers});
	const job = `/api/jobs/job_${Buffer.concat([
		Buffer.from([1, 0x0a, 0x1b, 0x2c]), Buffer.alloc(32)])
		.toString('base64url')}`;
	for (const [method, path] of [['GET', job], ['GET', `${job}/result`],
		['GET', `${job}/events`], ['DELETE', job],
		['POST', `${job}/cancel`]])
		await is(503, method, path, {headers});
});

test('tokens', async () => {
	const folder = `${process.env.LOWTIDE_STATE}/jwks`;
	mkdirSync(folder, {recursive: true});
	writeFileSync(`${folder}/new`, JSON.stringify({keys: [{kid: 'a',
		use: 'sig', alg: 'ES256',
		...pair.publicKey.export({format: 'jwk'})}]}));
	renameSync(`${folder}/new`, `${folder}/login.json`);
	const send = headers => ask('POST', '/api/order-token',
		{body: {}, headers: {...headers, ...AT_ONCE}});
	let r;
	do /* it looks at the file once a second at most */
		r = await send(bearer());
	while (r.status === 503 && await pause(200) === undefined);
	equal(r.status, 202, r.text);
	const job = pathOf(r.json.statusUrl);
	for (const claims of [{exp: 1}, {aud: 'x'}, {iss: 'https://x.example'}])
		equal((await send(bearer(claims))).status, 401);
	match((await send(bearer({}, {kid: 'b'}))).h['www-authenticate'],
		/^Bearer .*error="invalid_token"/);
	equal((await send({})).status, 401);
	const less = bearer({scope: 'other'});
	equal((await send(less)).status, 403);
	for (const [method, path] of [['GET', job], ['GET', `${job}/result`],
		['GET', `${job}/events`], ['DELETE', job],
		['POST', `${job}/cancel`]]) {
		await is(401, method, path);
		await is(403, method, path, {headers: less});
		await is(404, method, path, {headers: bearer({sub: 'dave'})});
	}
	await is(201, 'GET', `${job}/result`,
		{headers: {...bearer(), prefer: 'wait=20'}});
	equal((await is(200, 'GET', '/api/jobs', {headers: bearer()}))
		.json.jobs.length, 1);
	for (const kind of ['plain', 'problem']) {
		const a = await is(403, 'GET', `/api/answer-token/403/${kind}`,
			{headers: {...bearer(), ...WAIT}});
		ok(a);
		const list = await is(200, 'GET', '/api/jobs?limit=1',
			{headers: bearer()});
		await is(403, 'GET', pathOf(list.json.jobs[0].statusUrl) +
			'/result', {headers: bearer()});
	}
});

test('what is read once', async () => {
	const what = {body: {}, headers: {...name(), ...WAIT}};
	const r = await is(200, 'POST', '/api/order-secret', what);
	equal((await is(200, 'POST', '/api/order-secret', what)).text, r.text);
	const job = await ticket({}, '/api/order-secret', {});
	const before = await settled(job);
	equal([before.json.result, before.json.resultConsumed],
		[undefined, undefined]);
	ok(before.json.resultUrl);
	await is(200, 'GET', `${job}/result`);
	const after = await is(200, 'GET', job);
	equal(after.json.resultConsumed, true);
	await around(job);
});

test('what is more than one owner may have', async () => {
	const slow = {...as('alice'), ...say({wait: 3000}), ...AT_ONCE};
	const [a, b] = await Promise.all(['h', 'i'].map(id => is(202, 'POST',
		OWN, {body: {id}, headers: slow})));
	await is(409, 'POST', OWN, {body: {id: 'h'}, headers: slow});
	await is(429, 'POST', OWN, {body: {id: 'j'}, headers: slow});
	for (const {json} of [a, b])
		await is(200, 'GET', `${pathOf(json.statusUrl)}/result`,
			{headers: {...as('alice'), prefer: 'wait=20'}});
});

test('what is looked up too often', async () => {
	const job = await ticket();
	let r;
	for (let i = 0; i < 100 && r?.status !== 429; i++)
		r = await ask('GET', job);
	equal(r.status, 429, r.text);
	equal((await ask('HEAD', job)).status, 429);
});

test('what an upstream has too much of', async () => {
	for (const type of ['text/plain', 'application/problem+json'])
		await is(429, 'POST', OWN, {body: {id: type}, headers: {...as('alice'),
			...say({status: 429, type, body: '{}'}), ...WAIT}});
});

test('what is erased', async () => {
	const id = name();
	const a = await is(202, 'POST', '/api/order-once',
		{body: {}, headers: id});
	const job = pathOf(a.json.statusUrl);
	for (let r = a; r.status !== 410; r = await ask('GET', job))
		await pause(100);
	for (const path of [job, `${job}/result`, `${job}/events`])
		await is(410, 'GET', path);
	await is(410, 'DELETE', job);
	await is(410, 'POST', `${job}/cancel`);
	await is(410, 'POST', '/api/order-once', {body: {}, headers: id});
	await around(job);
});

test('what there is not', async () => {
	for (const id of ['job_x', `job_${'A'.repeat(48)}`]) {
		await is(404, 'GET', `/api/jobs/${id}`);
		await is(404, 'GET', `/api/jobs/${id}/result`);
		await is(404, 'GET', `/api/jobs/${id}/events`);
		await is(404, 'DELETE', `/api/jobs/${id}`);
		await is(404, 'POST', `/api/jobs/${id}/cancel`);
	}
	await is(405, 'PATCH', '/api/jobs/job_x');
	await is(405, 'DELETE', '/api/order');
});

test('health', async () => {
	await is(200, 'GET', '/api/jobs/health');
	await is(200, 'HEAD', '/api/jobs/health');
});

/*
 * The turn to write is held by somebody else, and readers are held back, for
 * longer than the endpoint is patient.
 */
test('what is not available for now', async () => {
	const job = await ticket();
	await settled(job);
	const state = process.env.LOWTIDE_STATE;
	const open = await ticket({wait: 9000});
	await processing(open);
	const held = spawn('flock', [`${state}/write.lock`, 'sh', '-c',
		'echo held; exec cat'], {stdio: ['pipe', 'pipe', 'inherit']});
	const over = new Promise(r => held.once('close', r));
	cleanup(() => held.stdin.end());
	await new Promise(r => held.stdout.once('data', r));
	const fd = openSync(`${state}/gate.page`, 'r+');
	const shut = ms => {
		const now = Number(readFileSync('/proc/uptime', 'latin1')
			.split(' ')[0]) * 1000;
		const until = Buffer.alloc(8);
		until.writeBigInt64LE(ms ? BigInt(Math.round(now) + ms) : 0n);
		writeSync(fd, until, 0, 8, 0);
	};
	shut(450);
	const again = setInterval(() => shut(450), 50);
	cleanup(() => clearInterval(again));
	const busy = is(200, 'GET', '/api/jobs/health');
	/* on a machine that is too busy it may open for a moment */
	const away = async (...request) => {
		let r;
		for (let i = 0; i < 10 && r?.status !== 503; i++)
			r = await ask(...request);
		return r;
	};
	const all = await Promise.all([
		ask('POST', ORDER, {body: order, headers: {...name(),
			'x-initial-request': 'true'}}),
		away('GET', job),
		away('GET', `${job}/result`),
		away('GET', `${job}/events`),
		away('GET', '/api/jobs', {headers: as('alice')}),
		away('GET', '/api/jobs/events', {headers: as('alice')}),
		ask('DELETE', open),
		ask('POST', `${open}/cancel`),
	]);
	await busy;
	clearInterval(again);
	shut(0);
	closeSync(fd);
	held.stdin.end();
	await over;
	equal(all.map(r => r.status), all.map(() => 503));
});

const excuses = fileURLToPath(new URL('openapi/never-seen', import.meta.url));
testRecord('--cover', excuses);

/* Where the document said something else, that would be found. */
const changes = {
	'a status that is not described': [/this status is not described/,
		d => delete d.paths['/api/jobs/{jobId}'].get.responses['303']],
	'a range that is not described': [/418: this status is not/,
		d => delete d.paths['/api/order'].post.responses['4XX']],
	'an operation that is not described': [/no such operation/,
		d => delete d.paths['/api/jobs/{jobId}/cancel']],
	'a header that is not described': [/retry-after is not described/,
		d => delete d.components.responses.Accepted.headers['Retry-After']],
	'a header that is missing': [/etag is missing/, d => Object.assign(
		d.components.headers.ETagOfResult, {required: true})],
	'a header with another value': [/cache-control: /, d => Object.assign(
		d.components.headers.CacheControl.schema, {const: 'no-cache'})],
	'a member that is not described': [/'location' was unexpected/,
		d => delete d.components.schemas.JobCompleted.properties.location],
	'a member that is missing': [/'resultUrl' is a required/,
		d => Object.assign(d.components.schemas.JobCompleted,
			{required: ['resultUrl']})],
	'a problem of another type': [/ProblemPayloadTooLarge is not desc/,
		d => d.components.responses.TooLargeOrRefused
			.content['application/problem+json'].schema.anyOf.shift()],
	'a problem of another status': [/410/, d => Object.assign(d.components
		.schemas.ProblemJobExpired.properties.status, {const: 404})],
	'a body where there is none': [/there is a body/,
		d => delete d.components.responses.JobStatus.content],
	'a link that leads nowhere': [/link: /, d => Object.assign(
		d.components.links.Job.parameters, {jobId: '$response.body#/id'})],
	'a request that was taken all the same': [/accepted: count: /,
		d => Object.assign(d.paths['/api/order'].post.requestBody.content[
			'application/json'].schema.properties.count,
		{type: 'string'})],
	'a parameter that need not be there': [/accepted without x-y/,
		d => d.paths['/api/order'].post.parameters.push(
			{name: 'x-y', in: 'header', required: true})],
	'an answer that nobody has seen': [/never seen: getHealth 299 -/,
		d => Object.assign(d.paths['/api/jobs/health'].get.responses,
			{299: {description: 'Well.'}})],
};
for (const [what, [said, change]] of Object.entries(changes))
	test(`the check finds ${what}`, async () => {
		const found = await checkRecord(change, '--cover', excuses);
		match(found.said, said);
		equal(found.status, 1);
	});
await done();
