/*
 * The contract through a real web server: a row for every cell of its table of
 * answers by state, and one for every type of problem, each the same whichever
 * server is in front. Where a server answers by itself, or where a process a
 * request cannot wait, the row has a column that says so: `own` (by server),
 * `plain` (plain CGI).
 *
 *	node tests/web/contract.mjs nginx
 */
import {randomUUID} from 'node:crypto';
import {existsSync, readFileSync} from 'node:fs';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {basic, files, state, token} from './contract-site.mjs';
import {ask as askAt, pause, servers, start, startStack, startUpstream,
	until as untilEvery}
	from './stack.mjs';

const name = process.argv[2];
const {needs, cgi: plain} = servers[name];
if (needs && !existsSync(needs)) {
	console.log(`1..0 # SKIP ${needs} is not there`);
	process.exit(0);
}
const checksNames = servers[name].kind !== 'lighttpd';
const up = await startUpstream();
const stack = await startStack(name, {files: files(up.url), state});
const ask = (...request) => askAt(stack, ...request);
const until = (what, look) => untilEvery(what, look, plain ? 200 : 20);

/* ---- what every answer has ---------------------------------------------- */

function common(r) {
	const said = `${r.status} ${JSON.stringify(r.h)} ${r.text.slice(0, 300)}`;
	equal(r.h['cache-control'], 'no-store', said);
	equal(r.h['referrer-policy'], 'no-referrer', said);
	match(r.h['x-request-id'] ?? '', /./, said);
	match(r.h.traceparent ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-/, said);
	ok(r.status !== 200 || r.h.location === undefined, said);
	for (const once of ['cache-control', 'location', 'etag', 'retry-after',
		'content-type', 'access-control-allow-origin'])
		ok(r.raw.filter((h, i) => i % 2 === 0 && h.toLowerCase() === once)
			.length <= 1, `${once} twice: ${said}`);
	equal(r.h.status, undefined, said);
}

function problem(r, status, type) {
	equal(r.status, status, r.text);
	match(r.h['content-type'], /^application\/problem\+json/);
	equal(r.json.status, status);
	equal(r.json.type, type === 'uri-too-long' ? 'about:blank' :
		`/problems/${type}`);
	equal(r.json.error, type);
	for (const member of ['title', 'detail', 'message'])
		equal(typeof r.json[member], 'string', member);
	equal(r.json.message, r.json.detail);
	if (status === 503 || status === 429)
		ok(Number(r.h['retry-after']) >= 1, 'Retry-After');
}

function openDocument(r) {
	ok(['pending', 'processing'].includes(r.json.status), r.text);
	ok(Number(r.h['retry-after']) >= 1, 'Retry-After while open');
}

/* One request, which has that status, and that type if it is a problem. */
async function is(want, method, path, options) {
	const [status, type] = [want].flat();
	const r = await ask(method, path, options);
	equal(r.status, status, `${method} ${path}: ${r.text.slice(0, 400)}`);
	common(r);
	if (type)
		problem(r, status, type);
	return r;
}

/* ---- jobs in every state ------------------------------------------------- */

const say = what => ({say: JSON.stringify(what)});
const AT_ONCE = {'x-wait-time-ms': '0'};
const WAIT = {'x-wait-time-ms': '20000'};
const sku = {sku: 'tea'};
const named = () => ({'x-request-id': randomUUID()});
const jobs = id => `/api/jobs/${id}`;

/* {id, path, again()}: a request that was accepted, and how it is sent again. */
async function send(path, {body: sent = sku, headers = {}, method = 'POST'} = {}) {
	const body = sent === '' ? undefined : sent;
	const mine = {...named(), ...headers};
	const r = await is(202, method, path,
		{body, headers: {...mine, ...AT_ONCE, 'x-initial-request': 'true'}});
	return {first: r, id: r.json.jobId, path: jobs(r.json.jobId),
		headers: mine, auth: headers.authorization ?
			{authorization: headers.authorization} : {},
		again: more => ask(method, path, {body, headers: {...mine, ...more}})};
}

const look = job => ask('GET', job.path, {headers: job.auth});
async function settled(job, want) {
	await until(`${job.id} is over`, async () => {
		const r = await look(job);
		if (r.status === 429)
			await pause(1000);
		return r.status === 410 || r.json?.completedAt;
	});
	const r = await until('a look', async () => {
		const l = await look(job);
		return l.status !== 429 && l;
	});
	if (want)
		equal(r.json.status, want, r.text);
	return job;
}
async function processing(job, hold) {
	await up.arrived(hold);
	return job;
}
const ended = async (want, path, options) =>
	settled(await send(path, options), want);

let holds = 0;
/* One that is at the upstream, until its .release(). */
async function held(path = '/api/order', more = {}) {
	const hold = `hold-${++holds}`;
	const job = await send(path, {...more,
		headers: {...more.headers, ...say({hold})}});
	await processing(job, hold);
	return {...job, release: () => up.release(hold)};
}
cleanup(() => {
	for (; holds; holds--)
		up.release(`hold-${holds}`);
});

const refused = {status: 409, type: 'application/vnd.acme+json',
	body: '{"code":"NO"}'};
/* How a job fails: [what says so of B and D, how it comes about]. */
const failures = {
	'upstream-refused': [refused.status, () => ended('failed', '/api/order',
		{headers: say(refused)})],
	'upstream-error': [502, () => ended('failed', '/api/order',
		{headers: say({status: 500, body: 'secret'})})],
	'unreachable': [502, () => ended('failed', '/api/nowhere',
		{method: 'GET', body: ''}), 'upstream-error'],
	'outcome-unknown': [502, () => ended('failed', '/api/order',
		{headers: say({close: true})})],
	'upstream-timeout': [504, () => ended('failed', '/api/slow',
		{method: 'GET', body: '', headers: say({hold: 'for ever'})})],
	'deadline-exceeded': [504, () => ended('failed', '/api/noon',
		{body: {}, headers: say({hold: 'for ever'})})],
	'job-failed': [500, () => ended('failed', '/api/small',
		{body: {}, headers: say({fill: 99})})],
};

const made = {};
test('jobs in every state are there', async () => {
	const turn = held('/api/turn', {body: {}});
	const all = {
		pending: turn.then(() => send('/api/turn', {body: {}})),
		'pending 2': turn.then(() => send('/api/turn', {body: {}})),
		'pending 3': turn.then(() => send('/api/turn', {body: {}})),
		processing: held(), 'processing 2': held(), 'processing 3': held(),
		completed: ended('completed', '/api/order', {headers: say({
			status: 201, body: {id: 7, who: 'you'}, location: '/x'})}),
		empty: ended('completed', '/api/order',
			{headers: say({status: 204})}),
		cancelled: turn.then(async () => {
			const job = await send('/api/turn', {body: {}});
			await is(200, 'DELETE', job.path);
			return job;
		}),
		expired: send('/api/brief', {body: {}}).then(async job => {
			await until('its end', async () =>
				(await look(job)).status === 410);
			return job;
		}),
	};
	for (const [type, [, make]] of Object.entries(failures))
		all[type] = make();
	await Promise.all(Object.entries(all).map(async ([what, job]) => {
		made[what] = await job;
	}));
});

/* ---- the table of answers by state -------------------------------------- */

const cells = new Map(); /* "pending A" → its test */
function cell(state, column, run) {
	cells.set(`${state} ${column}`, run);
	test(`${column}, ${state}`, run);
}
const RESULT = {id: 7, who: 'you'};

function accepted(r) {
	equal(r.json.status, 'accepted');
	match(r.json.jobId, /^job_[\w-]{48}$/);
	equal(r.json.statusUrl, jobs(r.json.jobId));
	equal(r.h.location, r.json.statusUrl);
	for (const member of ['cancelUrl', 'requestId', 'message'])
		ok(r.json[member], member);
	/* a process a request has no streams */
	equal(r.json.eventsUrl, plain ? undefined : `${r.json.statusUrl}/events`);
	ok(r.json.estimatedDuration >= 0, r.text);
	ok(Number(r.h['retry-after']) >= 1);
}

/* A: a first request */
cell('pending', 'A', async () =>
	accepted(await is(202, 'POST', '/api/turn', {body: {}, headers: AT_ONCE})));
cell('processing', 'A', async () => {
	const hold = `hold-${++holds}`;
	const r = await is(202, 'POST', '/api/order', {body: sku, headers: {
		...say({hold}), 'x-wait-time-ms': '200'}});
	accepted(r);
	equal(r.h['x-wait-time-ms'], plain ? '0' : '200');
	up.release(hold);
});
cell('completed', 'A', async () => {
	const r = await is(plain ? 202 : 201, 'POST', '/api/order', {body: sku,
		headers: {...say({status: 201, body: RESULT}), ...WAIT}});
	if (!plain)
		equal([r.json, r.h.location], [RESULT, '/orders/7']);
});
cell('failed', 'A', async () => {
	const r = await is(plain ? 202 : refused.status, 'POST', '/api/order',
		{body: sku, headers: {...say(refused), ...WAIT}});
	if (!plain)
		equal([r.text, r.h['content-type']], [refused.body, refused.type]);
});

/* B: the same request again */
for (const state of ['pending', 'processing'])
	cell(state, 'B', async () => {
		const r = await made[state].again();
		common(r);
		equal(r.status, 202, r.text);
		openDocument(r);
		equal(r.h.location, made[state].path);
		equal(r.h['x-request-id'], made[state].headers['x-request-id']);
	});
cell('completed', 'B', async () => {
	for (let i = 0; i < 2; i++) {
		const r = await made.completed.again();
		common(r);
		equal([r.status, r.json, r.h.location], [201, RESULT, '/orders/7']);
	}
	const byId = await is(201, 'POST', '/api/order', {body: sku, headers: {
		...say({status: 201, body: RESULT, location: '/x'}),
		'x-request-id': made.completed.id}});
	equal(byId.json, RESULT);
	const empty = await made.empty.again();
	equal([empty.status, empty.text], [204, '']);
});
/* B and D of what failed are one answer. */
function failed(r, type) {
	const [status, , known] = failures[type];
	common(r);
	equal(r.status, status, r.text);
	if (type === 'upstream-refused')
		return equal([r.text, r.h['content-type']],
			[refused.body, refused.type]);
	ok(!r.text.includes('secret'), r.text);
	equal([r.json.jobStatus, r.json.jobId], ['failed', made[type].id]);
	return problem(r, status, known ?? type);
}
cell('failed', 'B', async () => {
	for (const type of Object.keys(failures))
		failed(await made[type].again(), type);
});
cell('cancelled', 'B', async () => {
	const r = await made.cancelled.again();
	common(r);
	problem(r, 409, 'job-cancelled');
	equal(r.json.jobStatus, 'cancelled');
});
cell('expired', 'B', async () => {
	problem(await made.expired.again(), 410, 'job-expired');
});
const foreign = () => {
	const id = made.completed.id, last = id.endsWith('A') ? 'B' : 'A';
	return ['job_x', `job_${'A'.repeat(48)}`, id.slice(0, -1) + last, id + 'A',
		id.toLowerCase()];
};
cell('unknown', 'B', async () => {
	/* a name that nobody used is accepted, unless the API says not so */
	accepted(await is(202, 'POST', '/api/order',
		{body: sku, headers: {...named(), ...AT_ONCE}}));
	await is([404, 'job-not-found'], 'POST', '/api/known',
		{body: {}, headers: named()});
});
cell('forged', 'B', async () => {
	for (const id of foreign().slice(1, 3))
		await is([404, 'job-not-found'], 'POST', '/api/order',
			{body: sku, headers: {'x-request-id': id}});
});

/* C: the document */
const MEMBERS = ['jobId', 'api', 'status', 'progress', 'createdAt', 'startedAt',
	'completedAt', 'expiresAt', 'deadlineAt', 'attempt', 'requestId',
	'statusUrl'];
for (const [state, check] of Object.entries({
	pending: openDocument, processing: openDocument,
	completed: r => equal([r.json.result, r.json.progress, r.json.location],
		[RESULT, 100, '/orders/7']),
	failed: r => {
		ok(r.json.error && r.json.problem, r.text);
		equal(r.json.problem.type, '/problems/upstream-error');
		ok(!r.text.includes('secret'), r.text);
	},
	cancelled: r => equal(r.json.status, 'cancelled'),
})) {
	const job = () => made[state === 'failed' ? 'upstream-error' : state];
	cell(state, 'C', async () => {
		const r = await is(200, 'GET', job().path);
		for (const member of MEMBERS)
			ok(member in r.json, member);
		equal(r.json.status, state);
		match(r.h.etag, /^(?:W\/)?"\d+"$/);
		check(r);
		const same = await is(304, 'GET', job().path,
			{headers: {'if-none-match': r.h.etag}});
		equal(same.text, '');
		ok(same.h.etag);
		if (['pending', 'processing'].includes(state))
			ok(Number(same.h['retry-after']) >= 1);
		const head = await is(200, 'HEAD', job().path);
		equal([head.text, head.h['content-type']],
			['', r.h['content-type']]);
	});
}
test('C, completed: onComplete=redirect', async () => {
	const r = await is(303, 'GET', `${made.completed.path}?onComplete=redirect`);
	equal(r.h.location, '/orders/7');
	await is(200, 'GET', `${made.cancelled.path}?onComplete=redirect`);
});
cell('expired', 'C', () =>
	is([410, 'job-expired'], 'GET', made.expired.path));

/* D: the result */
for (const state of ['pending', 'processing'])
	cell(state, 'D', async () => {
		const r = await is(202, 'GET', `${made[state].path}/result`);
		openDocument(r);
		equal(r.h.location, made[state].path);
	});
cell('completed', 'D', async () => {
	const r = await is(201, 'GET', `${made.completed.path}/result`);
	equal([r.json, r.h.location], [RESULT, '/orders/7']);
	await is(304, 'GET', `${made.completed.path}/result`,
		{headers: {'if-none-match': r.h.etag}});
	const empty = await is(204, 'GET', `${made.empty.path}/result`);
	equal(empty.text, '');
});
cell('failed', 'D', async () => {
	for (const type of Object.keys(failures))
		failed(await ask('GET', `${made[type].path}/result`), type);
});
cell('cancelled', 'D', () =>
	is([409, 'job-cancelled'], 'GET', `${made.cancelled.path}/result`));
cell('expired', 'D', () =>
	is([410, 'job-expired'], 'GET', `${made.expired.path}/result`));

/* E: cancelling, two ways */
const cancels = [['DELETE', ''], ['POST', '/cancel']];
cell('pending', 'E', async () => {
	for (const [i, [method, tail]] of cancels.entries())
		for (let twice = 0; twice < 2; twice++) {
			const r = await is(200, method, made[`pending ${i + 2}`].path +
				tail);
			equal(r.json.status, 'cancelled');
		}
});
cell('processing', 'E', async () => {
	for (const [i, [method, tail]] of cancels.entries()) {
		const job = made[`processing ${i + 2}`];
		for (let twice = 0; twice < 2; twice++) {
			const r = await is(202, method, job.path + tail);
			equal(r.json.status, 'processing');
			ok(r.json.cancelRequestedAt, r.text);
		}
		job.release();
	}
});
for (const [state, job] of [['completed', 'completed'],
	['failed', 'upstream-error'], ['cancelled', 'cancelled']])
	cell(state, 'E', async () => {
		const before = (await is(200, 'GET', made[job].path)).text;
		for (const [method, tail] of cancels)
			equal((await is(200, method, made[job].path + tail)).json.status,
				state);
		equal(JSON.parse((await is(200, 'GET', made[job].path)).text),
			JSON.parse(before), 'nothing changed');
	});
cell('expired', 'E', async () => {
	for (const [method, tail] of cancels)
		await is([410, 'job-expired'], method, made.expired.path + tail);
});

/* C, D, E of what is not there: one constant body. */
const columns = {C: ['GET', ''], D: ['GET', '/result'], E: ['DELETE', '']};
const constant = new Set();
for (const [column, [method, tail]] of Object.entries(columns))
	cell('unknown', column, async () => {
		for (const id of foreign()) {
			const r = await is([404, 'job-not-found'], method,
				jobs(id) + tail);
			constant.add(JSON.stringify({...r.json, requestId: 0}));
		}
		equal(constant.size, 1);
	});

/* ---- whose job it is ------------------------------------------------------ */

const people = {};
if (checksNames)
	people['a password'] = ['/api/mine/1', basic('alice'), basic('bob')];
people['a token'] = ['/api/sealed', token('alice'), token('bob')];
for (const [how, [path, alice, bob]] of Object.entries(people)) {
	const as = authorization => ({headers: {authorization}});
	let job;
	test(`${how}: it is its owner's`, async () => {
		job = await ended('completed', path,
			{body: {}, headers: {authorization: alice}});
		await is(200, 'GET', job.path, as(alice));
		await is(200, 'GET', `${job.path}/result`, as(alice));
		equal((await job.again()).status, 200);
	});
	for (const [column, [method, tail]] of Object.entries(columns))
		test(`${column}, another owner's by ${how}`, async () => {
			const r = await is([404, 'job-not-found'], method,
				job.path + tail, as(bob));
			constant.add(JSON.stringify({...r.json, requestId: 0}));
			equal(constant.size, 1);
			await is([401, 'unauthorized'], method, job.path + tail);
		});
	test(`B, another owner's by ${how}`, async () => {
		await is([404, 'job-not-found'], 'POST', path, {body: {}, headers: {
			authorization: bob, 'x-request-id': job.id}});
		/* his own name for it is another job */
		const r = await is(202, 'POST', path, {body: {}, headers: {
			...AT_ONCE, authorization: bob,
			'x-request-id': job.headers['x-request-id']}});
		ok(r.json.jobId !== job.id);
	});
	test(`the list is the owner's by ${how}`, async () => {
		const r = await is(200, 'GET', '/api/jobs?limit=100', as(alice));
		ok(r.json.jobs.some(j => j.jobId === job.id), r.text);
		ok(r.json.jobs.every(j => !('result' in j)), r.text);
		const his = await is(200, 'GET', '/api/jobs', as(bob));
		ok(his.json.jobs.every(j => j.jobId !== job.id), his.text);
		await is([401, 'unauthorized'], 'GET', '/api/jobs');
	});
}

/* Whatever a client says that he is, he is not. */
const lies = {
	'a header of the variable': {LOWTIDE_OWNER: 'alice', 'Lowtide-Owner': 'alice',
		'lowtide_owner': 'alice', REMOTE_USER: 'alice', 'remote-user': 'alice',
		'x-user': 'alice', 'X-Remote-User': 'alice'},
	'a name without its password': {authorization: basic('alice', '')},
	'a wrong password': {authorization: basic('alice', 'bob-secret')},
	'nobody with a password': {authorization: basic('', 'alice-secret')},
	'a name in another scheme': {authorization: 'Digest username="alice"'},
	'a token of nobody': {authorization: token('alice', {key: 1})},
	'a token without its signature': {authorization:
		token('alice').replace(/[^.]*$/, '')},
	'a token of no algorithm': {authorization:
		token('alice', {header: {alg: 'none'}}).replace(/[^.]*$/, '')},
	'a token for others': {authorization:
		token('alice', {claims: {aud: 'another-api'}})},
	'a token of others': {authorization:
		token('alice', {claims: {iss: 'https://evil.example'}})},
	'a token of yesterday': {authorization:
		token('alice', {claims: {exp: 1700000000}})},
};
for (const [lie, headers] of Object.entries(lies))
	test(`${lie} makes nobody anybody`, async () => {
		for (const path of ['/api/mine/1', '/api/mine/1?x=1', '/api/sealed']) {
			const r = await ask('POST', path, {body: {}, headers});
			problem(r, 401, 'unauthorized');
			ok(r.h['www-authenticate'], 'which credentials');
		}
		problem(await ask('GET', '/api/jobs', {headers}), 401,
			'unauthorized');
		/* where anybody may, he is anybody: the same name, the same job */
		const id = randomUUID();
		const job = await ended('completed', '/api/order',
			{headers: say({body: {id}})});
		equal((await job.again({...say({}), ...headers})).json, {id});
	});
if (checksNames)
	test('a path in other words makes nobody anybody', async () => {
		/* the endpoint reads what was sent; so does what checks */
		for (const path of ['/api/mine/%31', '/api/min%65/1', '/api//mine/1',
			'/api/./mine/1', '/api/x/../mine/1', '/api/mine/1%2F2',
			'/api/mine/1/', '/API/mine/1', '/api/mine/1;x']) {
			const r = await ask('POST', path, {body: {}, headers:
				{authorization: basic('alice', 'wrong')}});
			ok([400, 401, 404, 405].includes(r.status),
				`${path}: ${r.status}`);
		}
		await is(202, 'POST', '/api/mine/1%2F2', {body: {},
			headers: {...AT_ONCE, authorization: basic('alice')}});
		await is(202, 'POST', '/api/mine/shared', {body: {}, headers:
			{...AT_ONCE, authorization: basic('alice', 'wrong')}});
	});
else
	test('this server checks nobody: what needs an owner is 401', () =>
		is([401, 'unauthorized'], 'POST', '/api/mine/1',
			{body: {}, headers: {authorization: basic('alice')}}));

/* ---- the types of problems ------------------------------------------------ */

const types = new Map(); /* type → its row */
/* own: {server: [status, type] or a status} where it answers by itself. */
function type(type, status, ...rows) {
	types.set(type, status);
	for (const [what, request, own = {}] of rows.filter(row => row !== above))
		test(`${status} ${type}: ${what}`, async () => {
			const r = await request();
			const [s, t] = own[name] ?? own[servers[name].kind] ??
				own[plain ? 'plain' : ''] ?? [];
			if (s)
				return t ? problem(r, s, t) : equal(r.status, s);
			common(r);
			return problem(r, status, type);
		});
}
const post = (path, body, headers = {}) => () =>
	ask('POST', path, {body, headers: {...AT_ONCE, ...headers}});
const many = Object.fromEntries(
	Array.from({length: 98}, (_, i) => [`x-${i}`, 'a']));
const above = null; /* the table of answers has it */

type('validation-failed', 400,
	['no JSON', post('/api/order', '{')],
	['a member that is missing', post('/api/order', {})],
	['a member of another type', post('/api/order', {sku: 7})],
	['an empty Idempotency-Key',
		post('/api/order', sku, {'idempotency-key': '""'})]);
test('400 validation-failed: a pointer says where', async () => {
	const r = await post('/api/order', {sku: 7})();
	match(JSON.stringify(r.json), /"\/sku"/);
});
type('unauthorized', 401,
	['no token', post('/api/sealed', {})],
	['no password', post('/api/mine/1', {})]);
test('401 unauthorized: it says which credentials', async () => {
	const bearer = await post('/api/sealed', {})();
	match(bearer.h['www-authenticate'], /^Bearer/);
	const password = await post('/api/mine/1', {})();
	match(password.h['www-authenticate'], /^Basic realm="acme"/);
});
type('forbidden', 403, ['a scope that is missing', post('/api/sealed', {},
	{authorization: token('alice', {claims: {scope: 'orders.read'}})})]);
test('403 forbidden: it says which scope', async () => {
	const r = await post('/api/sealed', {}, {authorization: token('alice',
		{claims: {scope: 'orders.read'}})})();
	match(r.h['www-authenticate'],
		/error="insufficient_scope".*scope="orders\.write"/);
});
type('not-found', 404, ['no API', () => ask('GET', '/api/none')]);
type('job-not-found', 404, above);
type('method-not-allowed', 405,
	['of an API', () => ask('PUT', '/api/order', {body: sku})],
	['of a job', () => ask('PATCH', made.completed.path)]);
test('405 method-not-allowed: it says which are', async () => {
	match((await ask('PUT', '/api/order', {body: sku})).h.allow, /POST/);
	match((await ask('PATCH', made.completed.path)).h.allow, /DELETE/);
});
const events = accept => () => ask('GET', `${made.completed.path}/events`,
	{headers: {accept}});
type('not-acceptable', 406, ['events, as JSON', events('application/json')]);
if (plain)
	test('406 not-acceptable: no streams from a process a request', () =>
		is([406, 'not-acceptable'], 'GET', `${made.completed.path}/events`,
			{headers: {accept: 'text/event-stream'}}));
async function taken(name) {
	const alice = {...AT_ONCE, authorization: token('alice'), ...name};
	await is(202, 'POST', '/api/sealed', {body: {a: 1}, headers: alice});
	return post('/api/sealed', {a: 2}, alice)();
}
type('id-conflict', 409,
	/* an anonymous name is one with its body: another is another job */
	['another body by the same x-request-id', () => taken(named())],
	['a resource that another job has', async () => {
		const body = {id: 'one'};
		const alice = {authorization: token('alice')};
		const job = await held('/api/named', {body, headers: alice});
		const r = await post('/api/named', body, alice)();
		job.release();
		return r;
	}]);
type('idempotency-key-reused', 422, ['another body by the same key',
	() => taken({'idempotency-key': `"${randomUUID()}"`})]);
type('job-cancelled', 409, above);
type('job-already-finished', 409, ['cancelled strictly',
	() => ask('DELETE', made.completed.path,
		{headers: {prefer: 'handling=strict'}})]);
type('job-open', 409, ['purged while it is open',
	() => ask('DELETE', `${made.processing.path}?purge=1`)]);
type('job-expired', 410, above, ['purged', async () => {
	const job = await ended('completed', '/api/order');
	const gone = await is(204, 'DELETE', `${job.path}?purge=1`);
	equal(gone.text, '');
	await is([410, 'job-expired'], 'GET', `${job.path}/result`);
	return ask('DELETE', `${job.path}?purge=1`);
}]);
/* once: D twice within its half minute, then nobody else's document has it */
test('once: delivered, and not in the document', async () => {
	const job = await ended('completed', '/api/once', {body: {}});
	ok(!('result' in (await is(200, 'GET', job.path)).json));
	for (let twice = 0; twice < 2; twice++)
		equal((await is(200, 'GET', `${job.path}/result`)).json, {id: 7});
	const r = await is(200, 'GET', job.path);
	equal([r.json.resultConsumed, 'result' in r.json], [true, false]);
});
type('payload-too-large', 413,
	['above what the API takes', post('/api/order',
		{...sku, x: 'x'.repeat(5000)})],
	['above what any takes', post('/api/order',
		{...sku, x: 'x'.repeat(3e6)}),
	{nginx: [413, 'payload-too-large'], lighttpd: [413, 'payload-too-large'],
		'apache-cgi': [413, 'payload-too-large']}]);
type('unsupported-media-type', 415, ['no JSON', post('/api/order', 'a=b',
	{'content-type': 'text/plain'})]);
type('rate-limited', 429,
	['more than an hour has', async () => {
		await is(202, 'POST', '/api/rare', {body: {}, headers: AT_ONCE});
		return post('/api/rare', {})();
	}],
	['more that are open than one may have', async () => {
		const job = await held('/api/few', {body: {}});
		const r = await post('/api/few', {})();
		job.release();
		return r;
	}]);
type('header-fields-too-large', 431,
	['too many of them', post('/api/order', sku, many),
		{apache: [400, 'validation-failed']}],
	['one that is too long', post('/api/order', sku, {x: 'x'.repeat(9000)}), {
		nginx: [431, 'header-fields-too-large'],
		apache: [400, 'validation-failed'], lighttpd: [431]}]);
type('upstream-refused', 409, above);
type('upstream-error', 502, above);
type('outcome-unknown', 502, above);
type('upstream-timeout', 504, above);
type('deadline-exceeded', 504, above);
type('job-failed', 500, above);
type('keys-unavailable', 503, ['a provider without its keys',
	post('/api/lost', {}, {authorization: token('alice',
		{claims: {iss: 'https://lost.acme.example'}})})]);
type('queue-full', 503, ['too many wait', async () => {
	const job = await held('/api/crowd', {body: {}});
	await is(202, 'POST', '/api/crowd', {body: {}, headers: AT_ONCE});
	const r = await post('/api/crowd', {})();
	job.release();
	return r;
}]);
test('414: an address that is too long', async () => {
	const r = await post(`/api/order?${'x'.repeat(9000)}`, sku)();
	if (servers[name].kind === 'lighttpd')
		return equal(r.status, 431);
	return problem(r, 414, 'uri-too-long');
});

/* ---- needs-credentials ----------------------------------------------------- */

test('a credential that the upstream refused is asked for again', async () => {
	const id = named(), old = {...say({status: 401}), 'shop-token': 'old'};
	const job = await send('/api/refresh', {body: {}, headers: {...id, ...old}});
	const rests = await until('it rests', async () => {
		const r = await look(job);
		return r.json?.needsCredentials && r;
	});
	equal(rests.json.status, 'pending');
	const asked = await job.again();
	common(asked);
	problem(asked, 401, 'unauthorized');
	equal([asked.json.jobId, asked.json.jobStatus], [job.id, 'pending']);
	ok(asked.h['www-authenticate'], 'which credentials');
	await until('the new one is taken', async () => {
		const r = await ask('POST', '/api/refresh', {body: {}, headers:
			{...id, ...say({body: {id: 'done'}}), 'shop-token': 'new'}});
		common(r);
		ok([200, 202].includes(r.status), r.text);
		return r.status === 200;
	});
	equal((await is(200, 'GET', `${job.path}/result`)).json, {id: 'done'});
});

/* ---- how long is waited ----------------------------------------------------- */

test('waits are taken from x-wait-time-ms, then Prefer, and echoed', async () => {
	for (const [headers, echo, applied] of [
		[{'x-wait-time-ms': '0'}, '0'],
		[{prefer: 'respond-async'}, '0', 'respond-async'],
		[{prefer: 'wait=20'}, plain ? '0' : '20000', plain ? undefined :
			'wait=20'],
		[{'x-wait-time-ms': '0', prefer: 'wait=20'}, '0'],
		[{'x-wait-time-ms': 'x'}, '0'],
		[{'x-wait-time-ms': '-1'}, '0'],
	]) {
		const r = await ask('POST', '/api/order', {body: sku, headers});
		common(r);
		ok([200, 202].includes(r.status), r.text);
		equal(r.h['x-wait-time-ms'], echo, JSON.stringify(headers));
		if (applied)
			equal(r.h['preference-applied'], applied);
		match(r.h.vary ?? '', /\bPrefer\b/i);
	}
});
test('a long poll is answered when the version moves', async () => {
	const job = await held();
	const {h: {etag}} = await is(200, 'GET', job.path);
	const poll = ask('GET', job.path,
		{headers: {'if-none-match': etag, prefer: 'wait=20'}});
	if (plain) {
		equal((await poll).status, 304);
		return job.release();
	}
	job.release();
	const r = await poll;
	common(r);
	equal([r.status, r.json.status], [200, 'completed']);
});
test('who asks too fast is told so', async () => {
	const job = await ended('completed', '/api/order');
	const n = plain ? 5 : 40; /* twelve at once, and one a second */
	const all = await Promise.all(Array.from({length: n}, () => look(job)));
	const fast = all.filter(r => r.status === 429);
	if (plain) /* it remembers nothing from one to the next */
		return equal(fast.length, 0);
	ok(fast.length > 0 && fast.length < n, `${fast.length} of ${n}`);
	common(fast[0]);
	return problem(fast[0], 429, 'rate-limited');
});

/* ---- another origin ---------------------------------------------------------- */

test('a page of ours may read every answer, another none', async () => {
	for (const [r, own] of [
		[await ask('OPTIONS', '/api/order', {headers: {origin: stack.url,
			'access-control-request-method': 'POST'}})],
		[await ask('POST', '/api/order', {body: sku,
			headers: {...AT_ONCE, origin: stack.url}})],
		[await ask('GET', jobs('job_x'), {headers: {origin: stack.url}})],
		[await ask('POST', '/api/mine/1', {body: {}, headers: {
			origin: stack.url, authorization: basic('alice', 'no')}})],
		[await ask('POST', '/api/order', {body: {x: 'x'.repeat(3e6)},
			headers: {origin: stack.url}}),
		servers[name].kind === 'lighttpd']])
		if (!own) /* lighttpd's own 413 cannot be told so */
			equal(r.h['access-control-allow-origin'], stack.url, r.text);
	for (const [method, path] of [['OPTIONS', '/api/order'], ['GET', jobs('x')],
		['POST', '/api/order'], ['POST', '/api/mine/1']])
		equal((await ask(method, path, {headers: {
			origin: 'https://evil.example',
			authorization: basic('alice', 'no'),
			'access-control-request-method': 'POST'}}))
			.h['access-control-allow-origin'], undefined);
});

/* ---- what a request carries arrives, and only that --------------------------- */

test('bodies, long headers and odd addresses arrive as they were sent', async () => {
	const long = 'x'.repeat(7000);
	const body = {sku: 'é'.repeat(1000)};
	const r = await is(202, 'POST', '/api/order?a=%20b&c=/d', {body, headers: {
		...AT_ONCE, ...say({body: {id: 7}}), authorization: `Bearer ${long}`,
		'x-under_score': 'a'}});
	await settled({id: r.json.jobId, path: r.json.statusUrl}, 'completed');
	equal((await is([404, 'job-not-found'], 'GET', '/api/jobs/a%2Fb')).status,
		404);
	for (const path of ['/api/jobs/%', '/api/jobs/a%00b'])
		ok([400, 404].includes((await ask('GET', path)).status), path);
});
test('health needs no name', async () => {
	const r = await is(200, 'GET', '/api/jobs/health');
	equal([r.json.status, r.json.store], ['ok', 'ok']);
	await is(200, 'HEAD', '/api/jobs/health');
});

/* ---- the store away, and nothing left out ------------------------------------- */

const unavailable = async () => {
	const r = await post('/api/order', sku,
		{...named(), 'x-initial-request': 'true'})();
	equal([r.status, r.json.error], [503, 'store-unavailable'], r.text);
	return r;
};
types.set('store-unavailable', 503);
/*
 * Somebody keeps the turn to write for longer than anybody is patient: that is
 * ten seconds, so the endpoint is asked behind one server only.
 */
if (plain || name === 'nginx')
	test('503 store-unavailable: the turn to write is not to be had', async () => {
		const flock = start(['flock', `${stack.state}/write.lock`, 'sh', '-c',
			'echo held; exec sleep 600'], {detached: true});
		const free = () => process.kill(-flock.pid, 'SIGKILL');
		cleanup(() => flock.exitCode === null &&
			flock.signalCode === null && free());
		await until('the turn', () => flock.said.includes('held'));
		const r = await unavailable();
		common(r);
		problem(r, 503, 'store-unavailable');
		free();
		await flock.ended;
		await is(202, 'POST', '/api/order', {body: sku, headers: AT_ONCE});
	});
if (!plain)
	test('503 store-unavailable: nobody is behind the server', async () => {
		equal(await stack.endpoint.stop(), 0);
		const r = await unavailable();
		if (name !== 'lighttpd') { /* its own can have no headers */
			problem(r, 503, 'store-unavailable');
			equal(r.h['cache-control'], 'no-store');
		}
		await stack.startEndpoint();
		await until('it is back', async () => (await post('/api/order', sku)())
			.status === 202);
	});

/* Where no request from outside can bring them about. */
const elsewhere = {
	'store-full': 'tests/fault/tmpfs.mjs',
	'internal': 'tests/unit/test-answer.c',
	/* lowtide-read's: */
	'circuit-open': 'tests/unit/test-read-answer.c',
	'overloaded': 'tests/unit/test-read-answer.c',
	'result-consumed': 'tests/unit/test-once.c', /* half a minute later */
};
test('every cell of the table has its row', () => {
	const wanted = ['pending', 'processing', 'completed', 'failed', 'cancelled',
		'expired', 'unknown'].flatMap(state => [...'ABCDE']
		.map(column => `${state} ${column}`));
	const none = ['cancelled A', 'expired A', 'unknown A'];
	equal(wanted.filter(c => !none.includes(c) && !cells.has(c)), []);
});
test('every type of problem has its row', () => {
	const rows = [...readFileSync('lib/problem.def', 'utf8')
		.matchAll(/^PROBLEM\(\w+, "([\w-]+)", (\d+),/gm)];
	ok(rows.length > 25);
	equal(rows.map(([, type]) => type)
		.filter(type => !types.has(type) && !elsewhere[type]), []);
	for (const [, type, status] of rows)
		if (types.has(type) && status !== '0')
			equal(types.get(type), Number(status), type);
	for (const [type, file] of Object.entries(elsewhere))
		match(readFileSync(file, 'utf8'), new RegExp(type.replace('-', '[-_]'),
			'i'));
});
test('it stops when asked', async () => {
	for (; holds; holds--)
		up.release(`hold-${holds}`);
	stack.agent.destroy();
	if (stack.endpoint)
		equal(await stack.endpoint.stop(), 0);
	equal(await stack.worker.stop(), 0);
	equal(await stack.server.stop(servers[name].kind === 'nginx' ? 'SIGQUIT' :
		'SIGTERM'), 0);
});
await done();
