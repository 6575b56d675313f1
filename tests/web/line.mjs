/*
 * The contract, cell by cell, as a client on the other side of nginx sees it.
 * Runs under `lowtide serve -C site --env dev -- node line.mjs`.
 */
import {execFileSync} from 'node:child_process';
import http from 'node:http';
import {readFileSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {randomUUID} from 'node:crypto';
import {test, ok, equal, match, done} from '../tap.mjs';
import {ask, pathOf, pause, testRecord} from './ask.mjs';

const base = new URL(process.env.LOWTIDE_URL);
const simulator = process.env.LOWTIDE_RUN_SIMULATOR_URL;
const VAT = '/api/v1/hmrc/vat/return';
const vat = {returnId: '26A1', vrn: '123456789', periodKey: '26A1', vatDueSales: 100.10,
	finalised: true};

async function settled(statusUrl, want) {
	for (let i = 0; i < 600; i++) {
		const r = await ask('GET', pathOf(statusUrl));
		if (r.status === 429) {
			await pause(Number(r.h['retry-after']) * 1000);
			continue;
		}
		equal(r.status, 200, r.text);
		if (['completed', 'failed', 'cancelled'].includes(r.json.status)) {
			if (want)
				equal(r.json.status, want, r.text);
			return r;
		}
		ok(Number(r.h['retry-after']) >= 1, 'Retry-After while open');
		await pause(200);
	}
	throw new Error('never settled');
}

async function calls(job) {
	const seen = await (await fetch(`${simulator}/__calls`)).json();
	return seen.filter(c => JSON.stringify(c).includes(job));
}

function problem(r, status, type) {
	equal(r.status, status, r.text);
	match(r.h['content-type'], /^application\/problem\+json/);
	equal(r.json.status, status);
	ok(r.json.type.endsWith(`/problems/${type}`), r.json.type);
	for (const member of ['title', 'detail', 'error', 'message'])
		equal(typeof r.json[member], 'string', member);
	equal(r.json.message, r.json.detail);
	equal(r.h['cache-control'], 'no-store');
}

let first;

test('a VAT return is accepted with 202 and a ticket', async () => {
	first = await ask('POST', VAT, {body: vat,
		headers: {'x-wait-time-ms': '0'}});
	equal(first.status, 202, first.text);
	const j = first.json;
	equal(j.status, 'accepted');
	match(j.jobId, /^job_[A-Za-z0-9_-]{48}$/);
	equal(first.h.location, j.statusUrl);
	ok(pathOf(j.statusUrl).endsWith(`/api/jobs/${j.jobId}`));
	ok(j.cancelUrl && j.requestId && j.message);
	ok(Number(first.h['retry-after']) >= 1);
	equal(first.h['cache-control'], 'no-store');
	equal(first.h['referrer-policy'], 'no-referrer');
	equal(first.h['x-request-id'], j.jobId);
	match(first.h.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
});

test('its status document has every member and an ETag', async () => {
	const r = await ask('GET', pathOf(first.json.statusUrl));
	equal(r.status, 200, r.text);
	for (const m of ['jobId', 'api', 'status', 'progress', 'createdAt',
		'startedAt', 'completedAt', 'expiresAt', 'deadlineAt', 'attempt',
		'requestId', 'statusUrl'])
		ok(m in r.json, m);
	equal(r.json.api, 'vat-return-post');
	match(r.h.etag, /^(W\/)?"\d+"$/);
	match(r.json.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('it completes, and the result is the upstream’s own answer', async () => {
	const r = await settled(first.json.statusUrl, 'completed');
	equal(r.json.progress, 100);
	ok(r.json.result.formBundleNumber, r.text);
	const d = await ask('GET', `${pathOf(first.json.statusUrl)}/result`);
	equal(d.status, 201, d.text);
	equal(d.json, r.json.result);
	equal(await calls(d.json.formBundleNumber).then(c => c.length <= 1), true);
});

test('an unchanged document is 304, strong or weak ETag', async () => {
	const r = await ask('GET', pathOf(first.json.statusUrl));
	for (const tag of [r.h.etag, `W/${r.h.etag.replace(/^W\//, '')}`, '*',
		`"0", ${r.h.etag}`]) {
		const again = await ask('GET', pathOf(first.json.statusUrl),
			{headers: {'if-none-match': tag}});
		equal(again.status, 304, tag);
		equal(again.text, '');
		ok(again.h.etag);
	}
	const other = await ask('GET', pathOf(first.json.statusUrl),
		{headers: {'if-none-match': '"0"'}});
	equal(other.status, 200);
});

test('HEAD is GET without a body', async () => {
	const r = await ask('HEAD', pathOf(first.json.statusUrl));
	equal(r.status, 200);
	equal(r.text, '');
	ok(r.h.etag);
});

test('onComplete=redirect gives 303 only where a location is known', async () => {
	const r = await ask('GET',
		`${pathOf(first.json.statusUrl)}?onComplete=redirect`);
	ok([200, 303].includes(r.status), String(r.status));
});

test('the polling client of old: same URL, same id, until it is not 202', async () => {
	const id = randomUUID();
	const body = {...vat, returnId: '26A2', periodKey: '26A2'};
	let r = await ask('POST', VAT, {body, headers: {
		'x-request-id': id, 'x-initial-request': 'true'}});
	equal(r.h['x-request-id'], id);
	const job = r.json.jobId;
	for (let i = 0; r.status === 202 && i < 600; i++) {
		equal(r.json.jobId, job);
		r = await ask('POST', VAT, {body, headers: {'x-request-id':
			r.h['x-request-id']}});
	}
	equal(r.status, 201, r.text);
	ok(r.json.formBundleNumber);
	const again = await ask('POST', VAT, {body, headers: {
		'x-request-id': id, 'x-initial-request': 'true'}});
	equal(again.status, 201);
	equal(again.text, r.text);
	const seen = (await calls('26A2')).filter(c => c.method === 'POST');
	equal(seen.length, 1, 'the tax service saw it once');
});

test('the job id as x-request-id finds the job, too', async () => {
	const r = await ask('POST', VAT, {body: vat,
		headers: {'x-request-id': first.json.jobId}});
	equal(r.status, 201, r.text);
});

test('Idempotency-Key: the same body replays, another is 422', async () => {
	const key = `"${randomUUID()}"`;
	const owner = {'idempotency-key': key, 'x-wait-time-ms': '0'};
	const body = {...vat, returnId: '26A3', periodKey: '26A3'};
	const a = await ask('POST', VAT, {body, headers: owner});
	const b = await ask('POST', VAT, {body, headers: owner});
	equal(b.json.jobId ?? a.json.jobId, a.json.jobId);
	await settled(a.json.statusUrl);
});

test('x-wait-time-ms waits for the result and is echoed', async () => {
	const r = await ask('GET',
		'/api/v1/hmrc/vat/obligation?vrn=123456789&from=2026-01-01&to=2026-12-31',
		{headers: {'x-wait-time-ms': '20000'}});
	equal(r.status, 200, r.text);
	ok(Array.isArray(r.json.obligations), r.text);
});

test('a bundle is fire-and-forget: 202 at once, 201 and a Location later', async () => {
	const a = await ask('POST', '/api/v1/bundle', {body: {bundleId: 'vat-basic'}});
	equal(a.status, 202, a.text);
	const end = await settled(a.json.statusUrl, 'completed');
	ok(end.json.location, end.text);
	const d = await ask('GET', `${pathOf(a.json.statusUrl)}/result`);
	equal(d.status, 201, d.text);
	ok(d.h.location);
	const gone = await ask('DELETE', pathOf(end.json.location),
		{headers: {'x-wait-time-ms': '20000'}});
	ok([202, 204].includes(gone.status), gone.text);
});

test('DELETE by path and by query end in 204', async () => {
	for (const path of ['/api/v1/bundle/some-id',
		'/api/v1/bundle?bundleId=some-id']) {
		const a = await ask('DELETE', path);
		equal(a.status, 202, a.text);
		await settled(a.json.statusUrl, 'completed');
		const d = await ask('GET', `${pathOf(a.json.statusUrl)}/result`);
		equal(d.status, 204, d.text);
		equal(d.text, '');
	}
});

test('what the tax service refuses is failed, its answer unchanged', async () => {
	const a = await ask('POST', VAT, {body: {...vat, returnId: '26A4', periodKey: '26A4'},
		headers: {'gov-test-scenario': 'DUPLICATE_SUBMISSION'}});
	equal(a.status, 202, a.text);
	const c = await settled(a.json.statusUrl, 'failed');
	ok(c.json.problem.type.endsWith('/problems/upstream-refused'), c.text);
	const d = await ask('GET', `${pathOf(a.json.statusUrl)}/result`);
	equal(d.status, 403, d.text);
	equal(d.json.code, 'DUPLICATE_SUBMISSION');
});

test('its 500 is upstream-error 502, and it is not sent again', async () => {
	const a = await ask('POST', VAT, {body: {...vat, returnId: '26A5', periodKey: '26A5'},
		headers: {'gov-test-scenario': 'SERVER_ERROR'}});
	await settled(a.json.statusUrl, 'failed');
	const d = await ask('GET', `${pathOf(a.json.statusUrl)}/result`);
	problem(d, 502, 'upstream-error');
	equal((await calls('26A5')).length, 1);
});

test('429 counts as not done and is tried again', async () => {
	const a = await ask('POST', VAT, {body: {...vat, returnId: '26A6', periodKey: '26A6'},
		headers: {'gov-test-scenario': 'RATE_LIMITED'}});
	await settled(a.json.statusUrl, 'completed');
});

/* The example's operator: nothing but a person knows what became of it. */
function decide(command, ...args) {
	const {LOWTIDE_STATE: state, LOWTIDE_KEYS: keys,
		LOWTIDE_CONFIG: config} = process.env;
	execFileSync(process.env.LOWTIDE_JOBS, [command, ...args, '--state', state,
		'--keys', keys, '--config', config], {stdio: 'pipe'});
}

test('a connection closed in silence: one arrival, held, then unknown', async () => {
	const a = await ask('POST', VAT, {body: {...vat, returnId: '26A7', periodKey: '26A7'},
		headers: {'gov-test-scenario': 'CLOSE_SILENTLY'}});
	const url = pathOf(a.json.statusUrl);
	let r = await ask('GET', url);
	for (let i = 0; i < 40 && !r.json.held; i++) {
		await pause(1100);
		r = await ask('GET', url);
	}
	equal([r.status, r.json.status, r.json.held, r.json.message],
		[200, 'processing', true, 'awaiting a decision']);
	ok(Number(r.h['retry-after']) > 20, 'a person takes his time');
	for (const [method, tail] of [['GET', '/result'], ['DELETE', '']]) {
		const d = await ask(method, `${url}${tail}`);
		equal([d.status, d.json.held], [202, true], d.text);
	}
	equal((await calls('26A7')).length, 1);
	decide('fail', '--unknown', a.json.jobId);
	problem(await ask('GET', `${url}/result`), 502, 'outcome-unknown');
	equal((await calls('26A7')).length, 1);
});

test('cancel: a finished job stays what it is', async () => {
	const r = await ask('DELETE', pathOf(first.json.statusUrl));
	equal(r.status, 200, r.text);
	equal(r.json.status, 'completed');
	const p = await ask('POST', `${pathOf(first.json.statusUrl)}/cancel`);
	equal(p.status, 200, p.text);
});

test('404: one constant body for unknown, forged and malformed ids', async () => {
	const id = first.json.jobId;
	const flipped = id.slice(0, -1) + (id.endsWith('A') ? 'B' : 'A');
	const bodies = new Set();
	for (const wrong of [flipped, `job_${'A'.repeat(48)}`, 'job_x', 'nothing',
		id.toLowerCase(), id + 'A']) {
		const r = await ask('GET', `/api/jobs/${wrong}`);
		problem(r, 404, 'job-not-found');
		bodies.add(JSON.stringify({...r.json, requestId: 0}));
	}
	equal(bodies.size, 1);
	const post = await ask('POST', VAT, {body: vat,
		headers: {'x-request-id': flipped}});
	problem(post, 404, 'job-not-found');
});

test('404 outside every API, 405 with Allow, dot segments', async () => {
	equal((await ask('GET', '/api/v1/nothing')).status, 404);
	const r = await ask('PUT', VAT, {body: vat});
	problem(r, 405, 'method-not-allowed');
	match(r.h.allow, /POST/);
	match(r.h.allow, /GET/);
	const j = await ask('PATCH', pathOf(first.json.statusUrl));
	problem(j, 405, 'method-not-allowed');
	equal((await ask('DELETE', '/api/v1/bundle/..')).status >= 400, true);
});

test('413, 415, 400 with a pointer', async () => {
	problem(await ask('POST', VAT, {body: {...vat, pad: 'x'.repeat(70000)}}),
		413, 'payload-too-large');
	problem(await ask('POST', VAT, {body: {...vat, pad: 'x'.repeat(2000000)}}),
		413, 'payload-too-large');
	problem(await ask('POST', VAT, {body: 'vrn=1',
		headers: {'content-type': 'text/plain'}}),
		415, 'unsupported-media-type');
	for (const body of ['{', '[]', '{"vrn":"1"}', '{"vrn":1,"periodKey":"x"}',
		'{"vrn":"1","vrn":"2","periodKey":"x"}', '\ufeff{}', '']) {
		const r = await ask('POST', VAT, {body});
		problem(r, 400, 'validation-failed');
	}
	const missing = await ask('POST', VAT, {body: {vrn: '1'}});
	match(missing.text, /\/periodKey/);
});

test('a Basic header naming a victim is plain anonymity', async () => {
	const auth = 'Basic ' + Buffer.from('victim:x').toString('base64');
	const a = await ask('POST', VAT, {body: {...vat, returnId: '26A8', periodKey: '26A8'},
		headers: {authorization: auth, 'x-wait-time-ms': '0'}});
	equal(a.status, 202, a.text);
	const r = await ask('GET', pathOf(a.json.statusUrl));
	equal(r.status, 200, 'the ticket alone is the capability');
	await settled(a.json.statusUrl);
	const sent = (await calls('26A8'))[0];
	ok(!JSON.stringify(sent).includes(auth), 'and it is not passed on');
});

test('OPTIONS is answered before anything else', async () => {
	const r = await ask('OPTIONS', VAT, {headers: {
		origin: base.origin, 'access-control-request-method': 'POST'}});
	ok([200, 204].includes(r.status), String(r.status));
	match(r.h['access-control-allow-headers'], /x-request-id/);
	equal(r.h['access-control-allow-origin'], base.origin);
	const foreign = await ask('GET', pathOf(first.json.statusUrl),
		{headers: {origin: 'https://evil.example'}});
	ok(foreign.h['access-control-allow-origin'] !== 'https://evil.example');
});

/* What a stream says, piece by piece: each(text so far) for every one. */
function follow(url, headers, each) {
	return new Promise((resolve, reject) => {
		const req = http.get(new URL(pathOf(url), base), {headers}, res => {
			let text = '';
			res.on('data', d => each?.(text += d));
			res.on('end', () => resolve({status: res.statusCode,
				h: res.headers, text}));
			res.on('error', reject);
		});
		req.on('error', reject);
		req.setTimeout(60000, () => req.destroy(new Error('slow')));
	});
}

test('events come one by one, and the last is the end', async () => {
	const slow = {'gov-test-scenario': 'SLOW', 'x-wait-time-ms': '0'};
	const jobs = [];
	for (let i = 0; i < 2; i++)
		jobs.push((await ask('POST', VAT, {headers: slow,
			body: {...vat, returnId: i}})).json);
	/* the second waits for the first; it is cancelled once it is heard of */
	let cancelled;
	const r = await follow(jobs[1].eventsUrl,
		{accept: 'text/event-stream'}, text => {
			if (text.includes('event: job\n'))
				cancelled ??= ask('POST', pathOf(jobs[1].cancelUrl));
		});
	equal(r.status, 200, r.text);
	match(r.h['content-type'], /^text\/event-stream/);
	equal(r.h['cache-control'], 'no-store');
	ok((await cancelled).status < 300);
	const last = r.text.trim().split('\n\n').at(-1);
	match(last, /^id: \d+\nevent: job\ndata: \{.*\}$/);
	match(last, /"status":"(cancelled|completed)"/);
	const again = await follow(jobs[1].eventsUrl,
		{'last-event-id': /id: (\d+)/.exec(last)[1]});
	equal(again.status, 204);
	await settled(jobs[0].statusUrl);
});

test('health answers without a login', async () => {
	const r = await ask('GET', '/api/jobs/health');
	equal(r.status, 200, r.text);
});

test('the store holds no payload in the clear', () => {
	const dir = process.env.LOWTIDE_STATE;
	for (const f of readdirSync(dir).filter(f => f.startsWith('jobs.db'))) {
		const bytes = readFileSync(join(dir, f));
		for (const marker of ['123456789', 'formBundleNumber', 'vat-basic'])
			ok(!bytes.includes(marker), `${marker} in ${f}`);
	}
});

test('one job may be looked up so often, and may be waited for', async () => {
	const a = await ask('POST', VAT, {from: '127.0.3.1',
		body: {...vat, returnId: 'looked up'},
		headers: {'x-wait-time-ms': '0'}});
	const url = pathOf(a.json.statusUrl);
	let r, n = 0;
	do {
		r = await ask('GET', url);
	} while (r.status === 200 && ++n < 100);
	ok(n >= 12, `${n} of them`);
	problem(r, 429, 'rate-limited');
	equal(r.json.jobId, a.json.jobId);
	ok(Number(r.h['retry-after']) >= 1);
	ok((await ask('GET', `${url}/result`)).status !== 429);
	await settled(url);
});

test('one address may send so much, and what is known is no more', async () => {
	const from = '127.0.2.1';
	const send = (n, name = randomUUID()) => ask('POST', VAT, {from,
		body: {...vat, returnId: `B${n}`, periodKey: `B${n}`},
		headers: {'x-request-id': name}});
	const name = randomUUID();
	let refused, n = 1;
	equal((await send(0, name)).status, 202);
	for (; n < 100 && !refused; n++) {
		const r = await send(n);
		if (r.status !== 202)
			refused = r;
	}
	problem(refused, 429, 'rate-limited');
	ok(Number(refused.h['retry-after']) >= 1);
	ok(!('jobId' in refused.json));
	equal((await ask('POST', VAT, {from, body: {...vat, periodKey: 7},
		headers: {'x-request-id': randomUUID()}})).status, 400);
	const again = await send(0, name);
	equal(again.h['x-request-id'], name);
	ok(again.status !== 429, again.text);
	equal((await ask('POST', VAT, {from: '127.0.2.2',
		body: {...vat, returnId: 'another'},
		headers: {'x-request-id': randomUUID()}})).status, 202);
});

test('a hundred at once: each its own ticket, each done once', async () => {
	const all = await Promise.all(Array.from({length: 100}, (_, i) =>
		ask('POST', '/api/v1/bundle', {body: {bundleId: `many-${i}`},
			from: `127.0.1.${i + 1}`,
			headers: {'x-request-id': randomUUID()}})));
	for (const r of all)
		equal(r.status, 202, r.text);
	equal(new Set(all.map(r => r.json.jobId)).size, 100);
	for (const r of all)
		await settled(r.json.statusUrl, 'completed');
	const seen = await calls('many-');
	equal(new Set(seen.map(c => c.path)).size, 100);
	equal(seen.length, 100);
});

testRecord();
await done();
