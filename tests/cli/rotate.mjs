/*
 * Other keys while lowtide-cgi and lowtide-worker run: old ids and old bodies
 * still answer, new ones are made by the new keys, whoever was told first. And
 * nothing that a client, an upstream or a provider wrote can be read in the
 * store's files, by sqlite3 or by grep.
 */
import {spawnSync} from 'node:child_process';
import {mkdirSync, readFileSync, readdirSync, statSync,
	writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {done, equal, match, ok, test} from '../tap.mjs';
import {jwks, newKey, sign} from '../tokens.mjs';
import {startLine, startUpstream, until} from './line.mjs';

const key = newKey('ES256', 'h1');
const token = sign(key, {iss: 'https://house.example', aud: 'api',
	sub: 'MARKsubject', exp: Math.floor(Date.now() / 1000) + 3600});
/* One for every way in; what is echoed comes in a second time. */
const marks = {body: 'MARKbody', header: 'MARKheader', query: 'MARKquery',
	owner: 'MARKowner', name: 'MARKrequest-id-0123456789',
	resource: 'MARKresource', result: 'MARKresult', location: 'MARKlocation',
	subject: 'MARKsubject', token, signature: token.split('.')[2],
	secret: 'MARKsecret'};

const held = [];
const answer = (req, res, body) => res.writeHead(201,
	{'content-type': 'application/json', location: '/MARKlocation'})
	.end(JSON.stringify({mark: 'MARKresult', body,
		header: req.headers['x-mark']}));
const upstream = await startUpstream({
	desk: answer, house: answer, wary: answer,
	later: (req, res, body) => held.push(() => answer(req, res, body)),
});
const line = await startLine({
	providers: [{name: 'house', kind: 'oidc', algorithms: ['ES256'],
		issuer: 'https://house.example', audiences: ['api'],
		leewayMs: 0}],
	upstreams: [{name: 'up', base: upstream.url, timeoutMs: 60000}],
	apis: [{name: 'desk', auth: 'web-server', upstream: 'up',
		resourceId: 'body.id', forward: ['x-mark'], ownerOpen: 1000,
		bodySecret: ['secret'], requestPath: '/desk/{query.q}'},
	{name: 'later', auth: 'web-server', upstream: 'up', onLost: 'retry'},
	{name: 'house', auth: 'house', upstream: 'up'}],
});
mkdirSync(join(line.dir, 'state', 'jwks'), {recursive: true});
writeFileSync(join(line.dir, 'state', 'jwks', 'house.json'), jwks(key));

const owner = marks.owner;
const version = id => Buffer.from(id.slice(4), 'base64url')[0];
const events = (it, event) => it.log.split('\n').filter(l =>
	l.startsWith('{') && l.includes(`"event":"${event}"`));
let worker;
async function hangup() { /* every running program */
	for (const it of [line.cgi, worker]) {
		const before = events(it, 'reloaded').length;
		process.kill(it.pid, 'SIGHUP');
		await until('reloaded', () =>
			events(it, 'reloaded').length > before);
	}
}
const get = (target, more = {}) =>
	line.fcgi({method: 'GET', target, owner, ...more});
async function post(target, {body = {}, headers = {}, ...more} = {}) {
	const r = await line.fcgi({method: 'POST', target, owner,
		body: JSON.stringify(body),
		headers: {'x-wait-time-ms': '0', ...headers}, ...more});
	equal(r.status, 202);
	return JSON.parse(r.text).jobId;
}
const marked = name => post('/api/desk?q=MARKquery', {
	body: {id: `${marks.resource}-${name}`, text: marks.body,
		secret: marks.secret},
	headers: {'x-request-id': `${marks.name}-${name}`,
		'x-mark': marks.header}});
const ended = async id => {
	await line.ended(id);
	const r = await get(`/api/jobs/${id}/result`);
	return [r.status, JSON.parse(r.text).mark];
};
const keys = (command) => {
	const r = line.jobs(command);
	equal([r.status, r.err], [0, '']);
	return r.out;
};

const old = {};
test('jobs of the first keys', async () => {
	worker = line.worker();
	await until('it has begun', () => events(worker, 'worker-started').length);
	old.done = await marked('one');
	old.waits = await post('/api/later', {body: {text: marks.body}});
	equal(await ended(old.done), [201, marks.result]);
	await until('the call', () => held.length === 1);
	equal([version(old.done), version(old.waits)], [1, 1]);
});

test('a key is added: known to all, used by nobody', async () => {
	match(keys('keyadd'), /version 2/);
	equal(statSync(join(line.dir, 'keys')).mode & 0o7777, 0o600);
	const first = await marked('between'); /* not read yet */
	await hangup();
	const second = await marked('between-2');
	equal([version(first), version(second)], [1, 1]);
	equal(await ended(second), [201, marks.result]);
});

test('it is used: by one program first, and by the other later', async () => {
	match(keys('keyuse'), /version 2/);
	process.kill(line.cgi.pid, 'SIGHUP'); /* the endpoint alone */
	await until('reloaded', () => events(line.cgi, 'reloaded').length > 1);
	const early = await marked('early');
	equal(version(early), 2);
	equal(await ended(early), [201, marks.result]); /* the worker knows it */
	await hangup();
	const late = await marked('late');
	equal(version(late), 2);
	equal(await ended(late), [201, marks.result]);
});

test('what the first keys made is as it was', async () => {
	equal(await ended(old.done), [201, marks.result]);
	const doc = JSON.parse((await get(`/api/jobs/${old.done}`)).text);
	equal([doc.jobId, doc.status], [old.done, 'completed']);
	/* the same name is the same job, whichever key makes ids now */
	const again = await line.fcgi({method: 'POST', owner,
		target: '/api/desk?q=MARKquery', body: JSON.stringify({
			id: `${marks.resource}-one`, text: marks.body,
			secret: marks.secret}),
		headers: {'x-request-id': `${marks.name}-one`,
			'x-mark': marks.header}});
	equal([again.status, JSON.parse(again.text).mark],
		[201, marks.result]);
	equal(upstream.calls.filter(c => c.body.includes('source-one')).length,
		1);
	/* one that began before ends with it, and is opened */
	held.splice(0).forEach(go => go());
	equal(await ended(old.waits), [201, marks.result]);
	equal((await get(`/api/jobs/${old.waits}`, {owner: 'another'})).status,
		404);
});

test('a started program reads them all', async () => {
	worker.child.kill();
	await worker.ended;
	worker = line.worker();
	const more = await post('/api/later', {body: {text: marks.body}});
	await until('the call', () => held.length === 1);
	held.splice(0).forEach(go => go());
	equal(await ended(more), [201, marks.result]);
	equal(line.show(old.done).status, 'completed');
	equal(line.jobs('show', old.done, '--result').out.includes(
		marks.result), true);
});

test('old keys go when nothing needs them, and not before', async () => {
	match(keys('keyprune'), /^dropped 0 keys; the next from \d{4}-/);
	const path = join(line.dir, 'keys');
	const before = readFileSync(path, 'utf8');
	const long = '2020-01-01T00:00:00.000Z'; /* as if it had been then */
	writeFileSync(path, before.replace(/# retired \S+/g, `# retired ${long}`));
	match(keys('keyprune'), /^dropped 2 keys\n/);
	await hangup();
	equal((await get(`/api/jobs/${old.done}`)).status, 404);
	const late = await marked('last');
	equal(version(late), 2);
	equal(await ended(late), [201, marks.result]);
	writeFileSync(path, before); /* they come back with a copy */
	await hangup();
	equal(await ended(old.done), [201, marks.result]);
});

test('a token makes an owner as well', async () => {
	const headers = {authorization: `Bearer ${token}`};
	const id = await post('/api/house', {owner: '', headers,
		body: {text: marks.body}});
	await line.ended(id);
	equal((await get(`/api/jobs/${id}/result`, {owner: '', headers}))
		.status, 201);
});

/* ---- what can be seen from outside -------------------------------------- */

const forms = mark => [mark, Buffer.from(mark).toString('hex'),
	Buffer.from(mark).toString('hex').toUpperCase(),
	Buffer.from(mark).toString('base64').replace(/=+$/, '').slice(0, -1)];
const shown = (text, what) => Object.entries(marks).flatMap(([name, mark]) =>
	forms(mark).filter(f => text.includes(f)).map(() => `${what}: ${name}`));

test('they were all there to be kept', async () => {
	await marked('open'); /* and one that is open now, perhaps */
	const calls = JSON.stringify(upstream.calls);
	for (const mark of ['body', 'header', 'query', 'resource'])
		ok(calls.includes(marks[mark]), mark);
	ok(shown(calls, 'calls').length > 3); /* the search finds them */
});

test('sqlite3 shows none of it', () => {
	const r = spawnSync('sqlite3', ['-readonly',
		join(line.dir, 'state', 'jobs.db'), '.dump'],
	{encoding: 'latin1', maxBuffer: 1 << 28});
	equal(r.status, 0);
	ok(r.stdout.includes('CREATE TABLE'));
	ok((r.stdout.match(/INSERT INTO desk/g) ?? []).length >= 5);
	equal(shown(r.stdout, 'dump'), []);
});

test('nor does any file of the store, nor a log', () => {
	const state = join(line.dir, 'state');
	for (const name of readdirSync(state).filter(n => n !== 'jwks')) {
		const bytes = readFileSync(join(state, name), 'latin1');
		equal(shown(bytes, name), []);
	}
	for (const it of line.children)
		equal(shown(it.log, 'log'), []);
});

await done();
