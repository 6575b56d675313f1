/*
 * Every kind of answer that a read can be brought to give, through nginx,
 * recorded and held against the site's own openapi.json, as openapi.mjs does of
 * APIs. Runs under `lowtide serve -C tests/web/openapi-reads --env dev`.
 */
import {generateKeyPairSync, sign} from 'node:crypto';
import {mkdirSync, renameSync, writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {test, equal, match, done} from '../tap.mjs';
import {ask, checkRecord, pathOf, pause, testRecord} from './ask.mjs';

const ITEM = '/api/items/1,2?shop=1';
const say = (list, part) => ({...list && {list: JSON.stringify(list)},
	...part && {part: JSON.stringify(part)}});
const as = who => ({authorization:
	`Basic ${Buffer.from(`${who}:${who}'s word`).toString('base64')}`});
const ASYNC = {prefer: 'respond-async'};

async function is(want, path, headers = {}, method = 'GET') {
	const r = await ask(method, path, {headers});
	equal(r.status, want, r.text);
	return r;
}

test('whole: all that each call gave', async () => {
	const r = await is(200, ITEM);
	equal(r.json, {data: {list: {id: 7}, part: {1: {id: 7}, 2: {id: 7}}},
		upstreamFailures: []});
	equal(r.h['x-aggregate-complete'], 'true');
	await is(304, ITEM, {'if-none-match': r.h.etag});
	await is(200, ITEM, {}, 'HEAD');
	await is(200, `${ITEM}&lang=en`, {traceparent:
		`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, 'x-request-id': 'mine'});
	equal((await is(200, ITEM, say({status: 410}))).json.data.list, null);
});

test('what is kept has an age', async () => {
	for (let i = 0; i < 2; i++) {
		const r = await is(200, '/api/kept?id=1,2');
		match(r.h['cache-control'], /^private, max-age=\d+$/);
		await is(304, '/api/kept?id=1,2', {'if-none-match': r.h.etag});
	}
	await is(400, '/api/kept');
	await is(400, '/api/kept?id=,');
});

test('what is old says so', async () => {
	await is(200, '/api/old');
	await pause(20);
	const r = await is(200, '/api/old');
	equal([r.h['x-aggregate-stale'], r.h['cache-control']],
		['true', 'no-store']);
});

test('partial: what failed, and of whom', async () => {
	for (const part of [{status: 500}, {status: 404}, {close: true},
		{type: 'application/json', body: '{'}, {wait: 4000}]) {
		const r = await is(200, ITEM, say(null, part));
		equal([r.h['x-aggregate-complete'], r.h.etag,
			r.json.upstreamFailures.length], ['false', undefined, 2]);
	}
});

test('shaped', async () => {
	await is(200, '/api/shaped/1,2');
	const r = await is(200, '/api/shaped/1,2',
		say({body: []}, {status: 500}));
	equal([r.json.whole, r.json.text, r.json.parts],
		[false, null, [{id: '1'}, {id: '2'}]]);
});

test('what cannot be asked', async () => {
	for (const ids of ['1,2,3,4', ',', 'x'.repeat(129), '%01'])
		await is(400, `/api/items/${ids}?shop=1`);
	await is(400, '/api/items/1');
	await is(431, ITEM, Object.fromEntries(
		Array.from({length: 120}, (_, i) => [`x-${i}`, 'a'])));
});

test('required, and not to be had', async () => {
	for (const list of [{status: 500}, {status: 400}, {close: true},
		{body: '{'}, {status: 302, location: '/x'}])
		await is(502, ITEM, say(list));
	const r = await is(504, ITEM, say({wait: 4000}));
	equal(r.json.upstreamFailures[0].failureType, 'TIMEOUT');
	for (const status of [401, 404, 418])
		await is(status, ITEM, say({status}));
});

test('left alone for a while: 503', async () => {
	await is(502, '/api/shut', say({status: 500}));
	const r = await is(503, '/api/shut', say({status: 500}));
	equal(r.json.error, 'circuit-open');
	match(r.h['retry-after'], /^\d+$/);
});

/* The same URL again, by the job's name, as often as it is 202. */
async function again(path, r, headers) {
	const id = {'x-request-id': r.h['x-request-id']};
	match(id['x-request-id'], /^job_/);
	for (; r.status === 202; await pause(100))
		r = await ask('GET', path, {headers: {...headers, ...id}});
	return {...r, ...id};
}

test('a job: past the deadline, or at once', async () => {
	await is(200, '/api/slow/1');
	await is(200, '/api/lazy');
	const slow = say({wait: 1500});
	for (const [path, headers] of [
		['/api/slow/1', slow], ['/api/slow/1', {...slow, ...ASYNC}],
		['/api/slow/1', {...slow, 'x-wait-time-ms': '0'}],
		['/api/slow/1', {...slow, prefer: 'respond-async, wait=1'}],
		['/api/lazy', {...slow, ...ASYNC}]]) {
		const r = await is(202, path, headers);
		const a = await again(path, r, headers);
		equal([a.status, a.json.data.list], [200, {id: 7}], a.text);
		await is(200, pathOf(r.json.statusUrl));
		await is(200, `${pathOf(r.json.statusUrl)}/result`);
	}
});

test('a job that comes to nothing', async () => {
	for (const [path, list, want] of [['/api/slow/2', {status: 404}, 404],
		['/api/slow/2', {status: 500}, 502],
		['/api/hasty', {wait: 9000}, 504]]) {
		const r = await is(202, path, {...say(list), ...ASYNC});
		const a = await again(path, r, say(list));
		equal(a.status, want, a.text);
	}
	await is(404, '/api/slow/2', {'x-request-id': `job_${'A'.repeat(48)}`});
});

test('a job that is cancelled, and one that is erased', async () => {
	const wait = {...say({wait: 6000}), ...ASYNC};
	await is(202, '/api/turn', wait);
	const r = await is(202, '/api/turn', wait);
	const id = {'x-request-id': r.json.jobId};
	equal((await is(202, '/api/turn', id)).json.status, 'pending');
	await ask('DELETE', pathOf(r.json.statusUrl));
	await is(409, '/api/turn', id);
	let gone = await is(202, '/api/brief', ASYNC);
	const brief = {'x-request-id': gone.json.jobId};
	do /* a second, and whenever somebody sweeps */
		gone = await ask('GET', '/api/brief', {headers: brief});
	while (gone.status < 300 && await pause(300) === undefined);
	equal(gone.status, 410, gone.text);
});

test('whose reads they are', async () => {
	await is(401, '/api/own');
	await is(200, '/api/own', as('alice'));
	await is(200, '/api/own', as('bob'));
	await is(202, '/api/own', {...as('bob'), ...ASYNC});
});

/* Tokens as the provider would sign them (RFC 9068). */
const pair = generateKeyPairSync('ec', {namedCurve: 'P-256'});
const part = what => Buffer.from(JSON.stringify(what)).toString('base64url');

function bearer(claims = {}) {
	const text = `${part({alg: 'ES256', typ: 'at+jwt', kid: 'a'})}.${
		part({iss: 'https://login.example', aud: 'https://shop.example',
			sub: 'carol', exp: Math.floor(Date.now() / 1000) + 600,
			scope: 'orders', ...claims})}`;
	return {authorization: `Bearer ${text}.${sign('sha256', Buffer.from(text),
		{key: pair.privateKey, dsaEncoding: 'ieee-p1363'})
		.toString('base64url')}`};
}

test('tokens', async () => {
	const folder = `${process.env.LOWTIDE_STATE}/jwks`;
	equal((await is(503, '/api/token', bearer())).json.error,
		'keys-unavailable');
	mkdirSync(folder, {recursive: true});
	writeFileSync(`${folder}/new`, JSON.stringify({keys: [{kid: 'a',
		use: 'sig', alg: 'ES256',
		...pair.publicKey.export({format: 'jwk'})}]}));
	renameSync(`${folder}/new`, `${folder}/login.json`);
	let r;
	do /* it looks at the file once a second at most */
		r = await ask('GET', '/api/token', {headers: bearer()});
	while (r.status === 503 && await pause(200) === undefined);
	equal(r.status, 200, r.text);
	await is(401, '/api/token');
	await is(401, '/api/token', bearer({aud: 'x'}));
	await is(403, '/api/token', bearer({scope: 'other'}));
});

const excuses = fileURLToPath(
	new URL('openapi-reads/never-seen', import.meta.url));
testRecord('--cover', excuses);

/* Where the document said something else, that would be found. */
const read = (d, path) => d.paths[`/api${path}`].get;
const changes = {
	'a status that is not described': [/418: this status is not/,
		d => delete read(d, '/items/{ids}').responses['418']],
	'a header that is not described': [/x-aggregate-stale is not/,
		d => delete read(d, '/old').responses['200'].headers[
			'x-aggregate-stale']],
	'a header that is missing': [/etag is missing/, d => Object.assign(
		d.components.headers.ETagOfRead, {required: true})],
	'a member that is not described': [/'failures' was unexpected/,
		d => delete read(d, '/shaped/{ids}').responses['200'].content[
			'application/json'].schema.properties.failures],
	'a failure of another type': [/'TIMEOUT' is not one of/, d =>
		Object.assign(d.components.schemas.UpstreamFailures.items
			.properties.failureType, {enum: ['UNKNOWN_ERROR']})],
	'a problem of another type': [/ProblemCircuitOpen is not desc/, d =>
		read(d, '/shut').responses['503'].content[
			'application/problem+json'].schema.anyOf.shift()],
	'a parameter that need not be there': [/accepted without x-y/,
		d => read(d, '/old').parameters.push(
			{name: 'x-y', in: 'header', required: true})],
};
for (const [what, [said, change]] of Object.entries(changes))
	test(`the check finds ${what}`, async () => {
		const found = await checkRecord(change, '--cover', excuses);
		match(found.said, said);
		equal(found.status, 1);
	});
await done();
