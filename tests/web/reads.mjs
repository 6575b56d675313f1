/*
 * Reads through a real web server: a row for each kind of answer of contract 9,
 * each the same whichever server is in front, but where a server answers by
 * itself.
 *
 *	node tests/web/reads.mjs nginx
 */
import {existsSync} from 'node:fs';
import {done, equal, match, ok, test} from '../tap.mjs';
import {basic} from './contract-site.mjs';
import {files, startUpstream} from './reads-site.mjs';
import {ask as askAt, servers, startStack, until} from './stack.mjs';

const name = process.argv[2];
const {needs, kind} = servers[name];
if (needs && !existsSync(needs)) {
	console.log(`1..0 # SKIP ${needs} is not there`);
	process.exit(0);
}
const up = await startUpstream();
const stack = await startStack(name, {files: files(up.url), read: true});
const ask = (...request) => askAt(stack, ...request);
const get = (path, headers = {}) => ask('GET', path, {headers});

/* ---- what every answer has ------------------------------------------------ */

function common(r) {
	const said = `${r.status} ${JSON.stringify(r.h)} ${r.text.slice(0, 300)}`;
	equal(r.h['referrer-policy'], 'no-referrer', said);
	match(r.h['x-request-id'] ?? '', /./, said);
	match(r.h.traceparent ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-/, said);
	for (const once of ['cache-control', 'etag', 'age', 'retry-after',
		'content-type', 'vary', 'access-control-allow-origin'])
		ok(r.raw.filter((h, i) => i % 2 === 0 && h.toLowerCase() === once)
			.length <= 1, `${once} twice: ${said}`);
	equal(r.h.status, undefined, said);
	return r;
}
function whole(r) {
	common(r);
	equal([r.status, r.h['x-aggregate-complete']], [200, 'true'], r.text);
	match(r.h['content-type'], /^application\/json/);
	match(r.h.etag, /^"[^"]+"$/);
	equal(r.json.upstreamFailures, []);
	return r.json.data;
}
function partial(r) {
	common(r);
	equal([r.status, r.h['x-aggregate-complete'], r.h['cache-control'],
		r.h.etag], [200, 'false', 'no-store', undefined], r.text);
	return r.json;
}
function problem(r, status, type) {
	common(r);
	equal([r.status, r.json?.error, r.json?.status], [status, type, status],
		r.text);
	match(r.h['content-type'], /^application\/problem\+json/);
	equal(r.json.type, `/problems/${type}`);
	equal(r.h['cache-control'], 'no-store');
	return r.json;
}
const failure = (endpoint, failureType, httpResponseStatus, identifier) =>
	({endpoint, failureType, httpResponseStatus, identifier});
function failures(json, ...wanted) {
	const got = json.upstreamFailures.map(({message, ...rest}) => {
		equal(typeof message, 'string');
		return rest;
	});
	equal(got, wanted);
}

/* ---- complete, kept, not modified ---------------------------------------- */

test('a complete answer is kept, and tells for how long', async () => {
	const first = await get('/api/thing/1');
	equal(whole(first).thing.id, '1');
	match(first.h['cache-control'], /^private, max-age=\d+$/);
	equal(first.h.age, '0');
	const second = await get('/api/thing/1');
	equal([second.text, second.h.etag], [first.text, first.h.etag]);
	equal(up.calls('/thing/1'), 1);
});
test('what the client has already is 304', async () => {
	const {h: {etag}} = await get('/api/thing/2');
	for (const tag of [etag, `"x", ${etag}`, `W/${etag}`, '*']) {
		const r = common(await get('/api/thing/2', {'if-none-match': tag}));
		equal([r.status, r.text, r.h.etag], [304, '', etag], tag);
		match(r.h['cache-control'], /^private, max-age=/);
	}
	whole(await get('/api/thing/2', {'if-none-match': '"other"'}));
	equal(up.calls('/thing/2'), 1);
});
test('HEAD has the headers of GET', async () => {
	const full = await get('/api/thing/3');
	const r = common(await ask('HEAD', '/api/thing/3'));
	equal([r.status, r.text], [200, '']);
	for (const header of ['content-type', 'etag', 'x-aggregate-complete'])
		equal(r.h[header], full.h[header], header);
	equal((await ask('HEAD', '/api/thing/3',
		{headers: {'if-none-match': full.h.etag}})).status, 304);
	equal(up.calls('/thing/3'), 1);
});
test('what is not to be kept is asked for anew', async () => {
	const [a, b] = [await get('/api/plain/1'), await get('/api/plain/1')];
	ok(whole(a).plain.n < whole(b).plain.n);
	equal(b.h['cache-control'], 'no-store');
});
test('at the same time it is asked for once', async () => {
	up.says('/thing/once', {hold: true});
	const all = Array.from({length: 8}, () => get('/api/thing/once'));
	await until('the call', () => up.calls('/thing/once') > 0);
	up.release('/thing/once');
	for (const r of await Promise.all(all))
		equal(whole(r).thing.id, 'once');
	equal(up.calls('/thing/once'), 1);
});
test('a long answer arrives whole', async () => {
	const long = {text: 'é'.repeat(150000)};
	up.says('/plain/long', {body: JSON.stringify(long)});
	equal(whole(await get('/api/plain/long')).plain, long);
});

/* ---- identifiers ---------------------------------------------------------- */

test('identifiers arrive upstream as they were sent', async () => {
	for (const [path, ids] of [
		['X1,X2', ['X1', 'X2']],
		['X1%2CX2,X1', ['X1', 'X2']],
		['a%2Fb,c', ['a/b', 'c']],
		['%C3%A9,%20d%20', ['é', 'd']],
		['a%25b,a+b', ['a%b', 'a+b']]]) {
		const data = whole(await get(`/api/case/${path}?x=1`));
		equal(Object.keys(data.person), ids, path);
		for (const id of ids) {
			equal(data.person[id].id, id);
			equal(up.calls(`/person/${encodeURIComponent(id)}`) > 0, true,
				id);
		}
	}
});
test('each is asked about once, whoever else asks', async () => {
	whole(await get('/api/case/u1,u2'));
	whole(await get('/api/case/u2,u3'));
	equal(['u1', 'u2', 'u3'].map(id => up.calls(`/person/${id}`)), [1, 1, 1]);
});
test('too many, or none, is 400', async () => {
	const many = problem(await get('/api/case/a,b,c,d'), 400,
		'validation-failed');
	match(many.detail, /\b3\b/);
	problem(await get('/api/case/,%20,'), 400, 'validation-failed');
	problem(await get(`/api/case/${'x'.repeat(129)}`), 400,
		'validation-failed');
	const odd = await get('/api/case/a%01b');
	equal(odd.status, 400);
});

/* ---- partial, and failed --------------------------------------------------- */

test('a part that failed is told, and what is there is given', async () => {
	up.says('/risk/p2', {status: 500, body: '{"secret":1}'});
	up.says('/risk/p1', {status: 404});
	up.says('/list/p1%2Cp2', {close: true});
	const r = await get('/api/case/p1,p2');
	const json = partial(r);
	ok(!r.text.includes('secret'), r.text);
	equal(Object.keys(json.data.person), ['p1', 'p2']);
	equal([json.data.risk, 'list' in json.data], [{p1: null}, false]);
	failures(json, failure('list', 'UNKNOWN_ERROR', null, null),
		failure('risk', 'UPSTREAM_HTTP_ERROR', 500, 'p2'));
});
test('what must be there and is not is 502', async () => {
	up.says('/person/q2', {status: 503});
	const r = problem(await get('/api/case/q1,q2'), 502, 'upstream-error');
	failures({upstreamFailures: r.upstreamFailures
		.filter(f => f.endpoint === 'person')},
	failure('person', 'UPSTREAM_HTTP_ERROR', 503, 'q2'));
	up.says('/plain/garbage', {body: '<html>'});
	failures(problem(await get('/api/plain/garbage'), 502, 'upstream-error'),
		failure('plain', 'UNKNOWN_ERROR', null, null));
	failures(problem(await get('/api/nowhere'), 502, 'upstream-error'),
		failure('nowhere', 'UNKNOWN_ERROR', null, null));
});
test('a status that is passed on is the answer\'s own', async () => {
	up.says('/passed/none', {status: 404});
	const r = problem(await get('/api/passed/none'), 404, 'upstream-refused');
	equal(r.upstreamStatus, 404);
	equal(whole(await get('/api/passed/one')).passed.id, 'one');
});
test('past the deadline it is 504', async () => {
	up.says('/hasty/1', {hold: true});
	failures(problem(await get('/api/hasty/1'), 504, 'upstream-timeout'),
		failure('hasty', 'TIMEOUT', null, null));
	up.release('/hasty/1');
});
test('an upstream that fails is left alone: 503, with Retry-After', async () => {
	up.says('/weak/1', {status: 500});
	const r = await until('the breaker', async () => {
		const r = await get('/api/weak/1');
		return r.status === 503 && r;
	});
	failures(problem(r, 503, 'circuit-open'),
		failure('weak', 'CIRCUIT_OPEN', null, null));
	const after = Number(r.h['retry-after']);
	ok(after >= 1 && after <= 60, r.h['retry-after']);
	const before = up.calls('/weak/1');
	equal((await get('/api/weak/1')).status, 503);
	equal(up.calls('/weak/1'), before);
});

/* ---- methods, paths, sizes -------------------------------------------------- */

test('what is no read is 404', async () => {
	for (const path of ['/api/none', '/api/case', '/api/case/', '/api/thing/a/b',
		'/api/.lowtide-read'])
		problem(await get(path), 404, 'not-found');
});
test('another method is 405, and told which are', async () => {
	for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
		const r = await ask(method, '/api/thing/1');
		problem(r, 405, 'method-not-allowed');
		match(r.h.allow, /\bGET\b.*\bHEAD\b.*\bOPTIONS\b/);
	}
	problem(await ask('POST', '/api/thing/1', {body: {a: 'x'.repeat(9000)}}),
		405, 'method-not-allowed');
});
test('of a path that an API has as well each has its own', async () => {
	equal(whole(await get('/api/bundle')).bundle.id, 'all');
	const r = common(await ask('POST', '/api/bundle', {body: {}}));
	equal([r.status, r.json.status], [202, 'accepted'], r.text);
	const none = await ask('DELETE', '/api/bundle');
	problem(none, 405, 'method-not-allowed');
	equal(none.h.allow, 'POST, GET, HEAD, OPTIONS');
	/* asked for, it may go with either: a page has one connection */
	for (const [method, asked, forwarded] of [['GET', 'prefer', true],
		['POST', 'prefer', false], ['POST', 'x-shop', true]]) {
		const {h} = common(await ask('OPTIONS', '/api/bundle', {headers: {
			origin: stack.url, 'access-control-request-method': method,
			'access-control-request-headers': asked}}));
		match(h['access-control-allow-methods'], /POST.*GET/);
		equal(/\bx-shop\b/.test(h['access-control-allow-headers']),
			forwarded, `${method} ${asked}`);
	}
});
test('what is too long is refused in the server\'s own way', async () => {
	const r = await get(`/api/thing/1?${'x'.repeat(10240)}`);
	if (kind === 'lighttpd')
		return equal(r.status, 431);
	equal([r.status, r.json.status], [414, 414]);
	return match(r.h['content-type'], /^application\/problem\+json/);
});

/* ---- other origins ------------------------------------------------------------ */

const evil = 'https://evil.example';
const preflight = (path, origin) => ask('OPTIONS', path, {headers: {origin,
	'access-control-request-method': 'GET',
	'access-control-request-headers': 'prefer'}});
test('a page of ours may read it, another none', async () => {
	const asked = common(await preflight('/api/thing/1', stack.url));
	ok([200, 204].includes(asked.status), asked.text);
	equal(asked.h['access-control-allow-origin'], stack.url);
	match(asked.h['access-control-allow-methods'], /\bGET\b/);
	match(asked.h['access-control-allow-headers'], /\bprefer\b/i);
	up.says('/plain/bad', {status: 500});
	for (const path of ['/api/thing/1', '/api/plain/bad', '/api/thing/a/b']) {
		const r = common(await get(path, {origin: stack.url}));
		equal(r.h['access-control-allow-origin'], stack.url, path);
		match(r.h.vary ?? '', /\bOrigin\b/i);
	}
	const r = await get('/api/thing/1', {origin: stack.url});
	for (const header of ['x-aggregate-complete', 'x-request-id', 'etag'])
		match(r.h['access-control-expose-headers'],
			new RegExp(`\\b${header}\\b`, 'i'));
	for (const r of [await preflight('/api/thing/1', evil),
		await get('/api/thing/1', {origin: evil})])
		equal(r.h['access-control-allow-origin'], undefined);
});
test('a preflight asks for no name, and no upstream', async () => {
	equal((await preflight('/api/mine/o', stack.url))
		.h['access-control-allow-origin'], stack.url);
	equal(up.calls('/mine/o'), 0);
});

/* ---- whose it is ---------------------------------------------------------------- */

const as = (who, ...more) => ({authorization: basic(who, ...more)});
if (kind === 'lighttpd')
	test('this server checks nobody: what needs an owner is 401', async () => {
		problem(await get('/api/mine/1', as('alice')), 401, 'unauthorized');
	});
else
	test('what is one owner\'s is not served to another', async () => {
		const mine = async who =>
			whole(await get('/api/mine/1', as(who))).mine.n;
		const first = await mine('alice');
		ok(await mine('bob') !== first);
		equal([await mine('alice'), up.calls('/mine/1')], [first, 2]);
		ok(!up.last('/mine/1').headers.authorization, 'his password');
		problem(await get('/api/mine/1'), 401, 'unauthorized');
		equal((await get('/api/mine/1', as('bob', 'alice-secret'))).status,
			401);
	});

/* ---- reads that become jobs -------------------------------------------------------- */

function accepted(r) {
	common(r);
	equal([r.status, r.json.status], [202, 'accepted'], r.text);
	match(r.json.jobId, /^job_[\w-]{48}$/);
	equal([r.h.location, r.h['x-request-id']],
		[r.json.statusUrl, r.json.jobId]);
	ok(Number(r.h['retry-after']) >= 1);
	return r.json;
}
test('past its deadline it is a job, asked for by the same URL', async () => {
	up.says('/long/1', {hold: true});
	const first = accepted(await get('/api/long/1'));
	const again = () => get('/api/long/1', {'x-request-id': first.jobId});
	const open = common(await again());
	equal([open.status, open.h['x-request-id']], [202, first.jobId], open.text);
	await until('the worker\'s call', () => up.calls('/long/1') > 1);
	up.release('/long/1');
	const r = await until('its end', async () => {
		const r = await again();
		return r.status !== 202 && r;
	});
	common(r);
	equal([r.status, r.json.data.long.id], [200, '1'], r.text);
	equal(r.h['x-request-id'], first.jobId);
});
test('and by its statusUrl', async () => {
	up.says('/long/2', {hold: true});
	const {statusUrl, jobId} = accepted(await get('/api/long/2'));
	await until('the worker\'s call', () => up.calls('/long/2') > 1);
	const open = common(await get(statusUrl));
	equal([open.status, open.json.jobId, open.json.status],
		[200, jobId, 'processing'], open.text);
	up.release('/long/2');
	const r = await until('its end', async () => {
		const r = await get(statusUrl);
		return r.json?.status === 'completed' && r;
	});
	equal(r.json.result.data.long.id, '2', r.text);
	const result = common(await get(`${statusUrl}/result`));
	equal([result.status, result.json.data.long.id], [200, '2']);
});
test('who wants it so has a job at once', async () => {
	const r = await get('/api/long/3', {prefer: 'respond-async'});
	const {statusUrl} = accepted(r);
	await until('its end', async () =>
		(await get(statusUrl)).json?.status === 'completed');
	equal(up.calls('/long/3'), 1);
});
test('in time it is no job', async () => {
	equal(whole(await get('/api/patient/4')).patient.id, '4');
});
test('without the endpoint it is what it was without a job', async () => {
	up.says('/long/5', {hold: true});
	equal(await stack.endpoint.stop(), 0);
	failures(problem(await get('/api/long/5'), 504, 'upstream-timeout'),
		failure('long', 'TIMEOUT', null, null));
	const r = await get('/api/long/6', {prefer: 'respond-async'});
	problem(r, 503, 'store-unavailable');
	ok(Number(r.h['retry-after']) >= 1);
	whole(await get('/api/thing/1'));
});
test('it stops when asked', async () => {
	stack.agent.destroy();
	equal(await stack.read.stop(), 0, stack.read.said);
	equal(await stack.worker.stop(), 0);
});
await done();
