#!/usr/bin/env node
/*
 * templates/client/requests.mjs against a server that follows a script: each
 * step answers one request and keeps it. What is held: contract 4 and 5 as a
 * client sees them, and that no lost connection makes a second job.
 */
const http = require('node:http');
const path = require('node:path');

globalThis.crypto ??= require('node:crypto').webcrypto; /* node 18 */
const root = path.join(__dirname, '../..');
const STATUS = '/api/jobs/job_1';
const ACCEPTED = {
	status: 'accepted', jobId: 'job_1', statusUrl: STATUS, requestId: 'r',
};
const json = (status, body, headers = {}) => (req, res) => {
	res.writeHead(status, {'content-type': 'application/json', ...headers});
	res.end(JSON.stringify(body));
};
const problem = (status, body, headers = {}) =>
	json(status, {status, ...body},
		{'content-type': 'application/problem+json', ...headers});
const hangUp = (req) => req.socket.destroy();
const soon = {'retry-after': '0'};
const accepted = json(202, ACCEPTED, {location: STATUS, ...soon});
const at = (status, more = {}, headers = {}) =>
	json(200, {...ACCEPTED, status, ...more}, {...soon, ...headers});

/* A server that answers with these, in turn; .seen is what came. */
async function scripted(...steps) {
	const seen = [];
	const server = http.createServer((req, res) => {
		let body = '';
		req.on('data', (some) => body += some);
		req.on('end', () => {
			seen.push({
				method: req.method, url: req.url,
				headers: req.headers, body,
			});
			const step = steps.shift();
			if (step)
				step(req, res);
			else
				problem(500, {title: 'the script is over'})(
					req, res);
		});
	});
	await new Promise((go) => server.listen(0, '127.0.0.1', go));
	const base = `http://127.0.0.1:${server.address().port}`;
	return {seen, base, left: () => steps.length, close: () => {
		server.closeAllConnections?.();
		server.close();
	}};
}

async function caught(promise) {
	try {
		await promise;
	} catch (e) {
		return e;
	}
	throw new Error('nothing was thrown');
}

(async () => {
	const {test, ok, equal, match, done} = await import('../tap.mjs');
	const {submit, follow, cancel, RequestError} = await import(
		path.join(root, 'templates/client/requests.mjs'));

	/* test() with a scripted server that is closed whatever happens */
	const against = (name, steps, run) => test(name, async () => {
		const server = await scripted(...steps);
		try {
			await run(server);
			equal(server.left(), 0);
		} finally {
			server.close();
		}
	});

	against('202, looks, completed: the result and every state', [
		accepted, at('pending'), at('processing', {progress: 40}),
		at('completed', {progress: 100, result: {receipt: 7},
			location: '/receipts/7'}),
	], async ({base, seen}) => {
		const states = [];
		const {result, location, document} = await submit('POST',
			`${base}/api/x`, {
				body: {a: 1.5},
				headers: {'gov-test-scenario': 'SLOW'},
				onStatus: (d, next) => states.push(
					[d.status, d.progress ?? null, next]),
			});
		equal(result, {receipt: 7});
		equal(location, '/receipts/7');
		equal(document.jobId, 'job_1');
		equal(states, [['accepted', null, 100], ['pending', null, 100],
			['processing', 40, 100], ['completed', 100, null]]);
		equal(seen.map((r) => `${r.method} ${r.url}`), [
			'POST /api/x', `GET ${STATUS}`, `GET ${STATUS}`,
			`GET ${STATUS}`]);
		equal(seen[0].body, '{"a":1.5}');
		equal(seen[0].headers['content-type'], 'application/json');
		equal(seen[0].headers['x-initial-request'], 'true');
		match(seen[0].headers['x-request-id'], /^[0-9a-f-]{36}$/);
		equal(seen[1].headers['gov-test-scenario'], 'SLOW');
		equal(seen[1].headers['x-initial-request'], undefined);
		equal(seen[0].headers['x-wait-time-ms'], undefined);
	});

	against('the wait is said', [accepted, at('completed')],
		async ({base, seen}) => {
			const {result, location} = await submit('POST', base,
				{wait: 0, body: 'as it is'});
			equal([result, location], [null, null]);
			equal(seen[0].headers['x-wait-time-ms'], '0');
			equal(seen[0].body, 'as it is');
		});

	against('an answer at once needs no look', [
		json(201, {id: 3}, {location: '/b/3'}),
	], async ({base}) => {
		equal(await submit('PUT', `${base}/b`, {body: [1]}), {
			result: {id: 3}, location: '/b/3', document: null});
	});

	against('204 is an end without a result', [
		(req, res) => res.writeHead(204).end(),
	], async ({base}) => {
		equal((await submit('DELETE', `${base}/b`)).result, null);
	});

	against('ETag goes back, 304 keeps the document', [
		accepted, at('processing', {progress: 5}, {etag: '"8"'}),
		(req, res) => res.writeHead(304, {'retry-after': '0'}).end(),
		at('completed', {result: 1}, {etag: '"9"'}),
	], async ({base, seen}) => {
		const states = [];
		await submit('GET', `${base}/v`,
			{onStatus: (d) => states.push(d.progress)});
		equal(seen.map((r) => r.headers['if-none-match']),
			[undefined, undefined, '"8"', '"8"']);
		equal(states, [undefined, 5, 5, undefined]);
	});

	against('Retry-After is waited for', [
		json(202, ACCEPTED, {'retry-after': '1'}), at('completed'),
	], async ({base}) => {
		const begun = performance.now();
		await submit('POST', base);
		ok(performance.now() - begun >= 990);
	});

	test('an absolute statusUrl on another host is followed', async () => {
		const jobs = await scripted(at('completed', {result: 'there'}));
		const api = await scripted((req, res) => json(202, {
			...ACCEPTED, statusUrl: `${jobs.base}${STATUS}`}, soon)(
			req, res));
		const {result} = await submit('POST', api.base);
		api.close();
		jobs.close();
		equal(result, 'there');
		equal(jobs.seen[0].url, STATUS);
	});

	against('Location serves where the body says nothing', [
		(req, res) => res.writeHead(202, {location: STATUS, ...soon})
			.end(),
		at('completed', {result: 2}),
	], async ({base}) => {
		equal((await submit('POST', base)).result, 2);
	});

	against('202 without either is an error', [json(202, {})],
		async ({base}) => match((await caught(submit('POST', base)))
			.message, /without a status address/));

	against('failed: the problem, by name', [
		accepted,
		at('failed', {problem: {type: '/problems/outcome-unknown'}}),
		problem(502, {type: '/problems/outcome-unknown',
			title: 'The outcome is not known', detail: 'Check first.',
			jobId: 'job_1', jobStatus: 'failed'}),
	], async ({base, seen}) => {
		const e = await caught(submit('POST', base));
		ok(e instanceof RequestError);
		equal([e.name, e.type, e.status, e.message, e.jobId],
			['RequestError', 'outcome-unknown', 502, 'Check first.',
				'job_1']);
		equal(seen[2].url, `${STATUS}/result`);
	});

	against('failed: the upstream\'s refusal comes along', [
		accepted,
		at('failed', {problem: {type: '/problems/upstream-refused',
			detail: 'It said no.', upstreamStatus: 403}}),
		json(403, {code: 'DUPLICATE_SUBMISSION', message: 'again?'}),
	], async ({base}) => {
		const e = await caught(submit('POST', base));
		equal([e.type, e.status, e.body.code, e.message],
			['upstream-refused', 403, 'DUPLICATE_SUBMISSION',
				'It said no.']);
	});

	against('cancelled is told as such', [
		accepted, at('cancelled'),
		problem(409, {type: '/problems/job-cancelled',
			jobStatus: 'cancelled'}),
	], async ({base}) => equal(
		(await caught(submit('POST', base))).type, 'job-cancelled'));

	against('expired while watching', [
		accepted, problem(410, {type: '/problems/job-expired'}),
	], async ({base}) => equal(
		(await caught(submit('POST', base))).type, 'job-expired'));

	against('refused at once, nothing sent again', [
		problem(400, {type: '/problems/validation-failed',
			detail: 'vrn is missing'}),
	], async ({base}) => {
		const e = await caught(submit('POST', base));
		equal([e.type, e.status, e.message],
			['validation-failed', 400, 'vrn is missing']);
	});

	against('a lost connection: again under the same name', [
		hangUp, hangUp, accepted, hangUp, at('completed', {result: 4}),
	], async ({base, seen}) => {
		const {result} = await submit('POST', `${base}/api/x`,
			{body: {a: 1}});
		equal(result, 4);
		const names = seen.slice(0, 3)
			.map((r) => r.headers['x-request-id']);
		equal(new Set(names).size, 1);
		equal(seen.slice(0, 3).map((r) => r.body),
			['{"a":1}', '{"a":1}', '{"a":1}']);
	});

	against('503 and a gateway\'s 502 pass, the name stays', [
		problem(503, {type: '/problems/queue-full'}, soon),
		(req, res) => res.writeHead(502).end('<h1>Bad Gateway</h1>'),
		accepted, problem(429, {type: '/problems/rate-limited'}, soon),
		at('completed'),
	], async ({base, seen}) => {
		await submit('POST', base, {name: 'name-of-mine-1234567'});
		equal(seen.slice(0, 3).map((r) => r.headers['x-request-id']),
			Array(3).fill('name-of-mine-1234567'));
	});

	test('nobody there: longer and longer pauses, then told', async () => {
		const server = await scripted();
		server.close();
		const real = globalThis.setTimeout;
		const pauses = [];
		globalThis.setTimeout = (run, ms, ...more) => {
			if (!Number.isInteger(ms)) /* with jitter: ours */
				pauses.push(ms);
			return real(run, Math.min(ms, 5), ...more);
		};
		let e;
		try {
			e = await caught(submit('POST', server.base));
		} finally {
			globalThis.setTimeout = real;
		}
		equal([e.type, e.status, e.message], ['network', 0,
			'The server could not be reached']);
		ok(e.cause);
		equal(pauses.length, 7);
		ok(pauses.every((ms, i) => {
			const most = Math.min(8000, 250 * 2 ** i);
			return ms >= most / 2 && ms <= most;
		}), String(pauses));
	});

	against('two actions have two names', [
		json(200, 1), json(200, 2),
	], async ({base, seen}) => {
		await submit('POST', base);
		await submit('POST', base);
		ok(seen[0].headers['x-request-id'] !==
			seen[1].headers['x-request-id']);
	});

	against('abort stops the looking at once', [
		json(202, ACCEPTED, {'retry-after': '30'}),
	], async ({base}) => {
		const stop = new AbortController();
		const e = await caught(submit('POST', base, {
			signal: stop.signal,
			onStatus: () => setTimeout(() => stop.abort(), 20),
		}));
		equal(e.name, 'AbortError');
	});

	test('aborted before: nothing is sent', async () => {
		const server = await scripted();
		const e = await caught(submit('POST', server.base,
			{signal: AbortSignal.abort()}));
		server.close();
		equal([e.name, server.seen.length], ['AbortError', 0]);
	});

	against('what is malformed throws at once', [], async ({base}) => {
		const e = await caught(submit('GET', `${base}/`,
			{body: 'a body'}));
		equal(e.constructor, TypeError);
	});

	against('follow() takes up a job after a reload', [
		at('processing'), at('completed', {resultUrl: `${STATUS}/result`}),
		json(200, 'a large one'),
	], async ({base}) => {
		const {result, document} = await follow(`${base}${STATUS}`);
		equal([result, document.status], ['a large one', 'completed']);
	});

	against('cancel() asks and tells', [
		json(202, {...ACCEPTED, status: 'processing'}),
		problem(404, {type: '/problems/job-not-found'}),
	], async ({base, seen}) => {
		equal((await cancel(`${base}${STATUS}`)).status, 'processing');
		equal((await caught(cancel(`${base}${STATUS}`))).type,
			'job-not-found');
		equal(seen[0].method, 'DELETE');
	});

	await done();
})();
