/*
 * Each attack on the endpoint that has to fail, and the test that tries it:
 * the table below is held to the files, and what is not tried elsewhere with
 * all of the endpoint switched on is tried here. What is planted here is looked
 * for afterwards in every answer, log, table and file of the store.
 */
import {readFileSync, readdirSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {test, ok, equal, cleanup, done} from '../tap.mjs';
import {hmac, newKey, unsigned} from '../tokens.mjs';
import {overFcgi, pause} from './client.mjs';
import {startWorld, until} from './world.mjs';
import {keys, now, token, wholeSite} from './whole.mjs';

/* attack: [file, what its test is called] … */
const TRIED = {
	'a Basic header that names another owner, through each server': [
		['tests/web/contract.mjs', 'makes nobody anybody'],
		['tests/web/line.mjs', 'a Basic header naming a victim']],
	'another’s job id': [
		['tests/fault/compare.mjs', 'ownersApart'],
		['tests/web/contract.mjs', 'another owner\'s by']],
	'a guessed name of somebody anonymous': [
		['tests/unit/test-ids.c', 'a_stranger_cannot_guess_a_name'],
		['tests/unit/test-app.c', 'a_guessed_name_reaches_nothing'],
		['tests/fault/attacks.mjs', 'a name is no key']],
	'an id that is forged, cut off, spelt in another way': [
		['tests/unit/test-ids.c', 'every_flipped_bit_is_refused'],
		['tests/unit/test-ids.c', 'refuses_other_spellings'],
		['tests/fault/attacks.mjs', 'ids that are none']],
	'a name that is sent again with another body': [
		['tests/unit/test-app.c', 'another_body_under_the_same_name'],
		['tests/fault/attacks.mjs', 'another body under a name']],
	'a token for others, of no algorithm, of a key that is not there': [
		['tests/cli/owner.mjs', 'each attack is 401'],
		['tests/fault/attacks.mjs', 'tokens that are none']],
	'records that do not belong together': [
		['tests/unit/test-framer.c', 'test_broken_order'],
		['tests/fault/connections.mjs', 'a request inside another']],
	'headers and bodies without end': [
		['tests/unit/test-framer.c', 'test_without_end'],
		['tests/fault/connections.mjs', 'a body beyond every cap']],
	'a byte at a time': [
		['tests/fault/connections.mjs', 'many at one byte'],
		['tests/fault/crowd.mjs', 'read a byte at a time']],
	'connections that say nothing': [
		['tests/fault/crowd.mjs', 'that say nothing'],
		['tests/fault/connections.mjs', 'silent connections']],
	'every stream for one': [
		['tests/fault/crowd.mjs', 'takes every stream']],
	'secrets in logs, tables and errors': [
		['tests/fault/erased.mjs', 'nothing is there when'],
		['tests/cli/owner.mjs', 'no token and no subject'],
		['tests/fault/attacks.mjs', 'nothing of it is told']],
	'a page of a foreign origin': [
		['tests/browser/cors.mjs', 'a page of another origin reads'],
		['tests/fault/compare.mjs', 'originsTold'],
		['tests/fault/compare.mjs', 'loginsStayHome']],
};
for (const [attack, tests] of Object.entries(TRIED))
	test(`${attack}: tried`, () => {
		for (const [file, name] of tests)
			ok(readFileSync(file, 'utf8').includes(name),
				`${file} has no test of the name ${name}`);
	});

const world = await startWorld({site: wholeSite, clients: 0});
world.start();
await world.ready();
const ask = overFcgi(world.socket);
cleanup(() => ask.close());
const MARK = 'PLANTED', told = [];
const json = 'application/json';

async function send(method, target, {headers, ...more} = {}) {
	const a = await ask({method, target, ...more,
		headers: {'content-type': json, ...headers}});
	told.push(JSON.stringify(a.headers) + a.text);
	return a;
}
const post = (api, headers, body = {periodKey: `${MARK}-body`}) =>
	send('POST', `/api/${api}`, {headers, body: JSON.stringify(body)});
const alice = {authorization: token(`${MARK}-alice`)};
const bob = {authorization: token(`${MARK}-bob`)};

let mine;
test('somebody has a job', async () => {
	const a = await post('return', {...alice, 'x-request-id': 'the-name'});
	equal(a.status, 202);
	mine = JSON.parse(a.text).jobId;
	await until('it has ended', async () => JSON.parse((await send('GET',
		`/api/jobs/${mine}`, {headers: alice})).text).status ===
		'completed');
});

test('a name is no key to what it names', async () => {
	const name = {'x-request-id': 'a-long-enough-name-of-anybodys'};
	const first = await post('open', name);
	const other = await post('open', name, {periodKey: 'guessed'});
	equal([first.status, other.status], [202, 202]);
	ok(JSON.parse(first.text).jobId !== JSON.parse(other.text).jobId);
	const bobs = await post('return', {...bob, 'x-request-id': 'the-name'});
	ok(JSON.parse(bobs.text).jobId !== mine);
});

test('another body under a name is refused', async () => {
	const named = (name, status) => async () => {
		const headers = {...alice, [name]: 'the-other-name'};
		await post('renewed', headers);
		equal((await post('renewed', headers, {periodKey: 'x'})).status,
			status);
	};
	await named('x-request-id', 409)();
	await named('idempotency-key', 422)();
});

test('ids that are none are 404, in the same words', async () => {
	const flip = (id, at) => id.slice(0, at) +
		(id[at] === 'A' ? 'B' : 'A') + id.slice(at + 1);
	const bodies = new Set();
	for (const id of [flip(mine, 4), flip(mine, 8), flip(mine, 20),
		flip(mine, mine.length - 1), mine.slice(0, -1), `${mine}A`,
		`${mine}=`, mine.toLowerCase(), mine.replace('job_', 'JOB_'),
		'job_', `job_${'A'.repeat(48)}`,
		`job_${'A'.repeat(5000)}`])
		for (const [method, tail] of [['GET', ''], ['GET', '/result'],
			['GET', '/events'], ['DELETE', ''], ['POST', '/cancel']]) {
			const a = await send(method, `/api/jobs/${id}${tail}`,
				{headers: alice});
			equal([id, tail, a.status], [id, tail, 404]);
			bodies.add(a.text.replace(/"requestId":"[^"]*"/, ''));
		}
	const foreign = await send('GET', `/api/jobs/${mine}`, {headers: bob});
	equal(foreign.status, 404);
	bodies.add(foreign.text.replace(/"requestId":"[^"]*"/, ''));
	equal(bodies.size, 1, [...bodies].join('\n'));
	/* no addresses at all, whatever is before their end */
	for (const id of [`${mine}%00`, `${mine}%2f`, `${mine}/..`, `${mine}/`,
		`..%2f${mine}`, `${mine}%`])
		equal([id, (await send('GET', `/api/jobs/${id}`,
			{headers: alice})).status], [id, 404]);
});

test('tokens that are none are 401, wherever one is asked for', async () => {
	const claims = {iss: 'https://house.example', aud: 'api',
		sub: `${MARK}-alice`, exp: now() + 600, scope: 'read write'};
	const [head, body] = alice.authorization.slice(7).split('.');
	const eve = newKey('ES256', 'h1');
	const none = {
		'of no algorithm': `${unsigned({alg: 'none'}, claims)}.`,
		'of an unknown key': token('alice', 'house', {},
			newKey('ES256', 'nobodys')).slice(7),
		'of somebody else’s key': token('alice', 'house', {}, eve)
			.slice(7),
		'signed with what is public': hmac(JSON.stringify(
			keys.house.jwk), {alg: 'HS256', kid: 'h1'}, claims),
		'for others': token('alice', 'house', {aud: 'web'}).slice(7),
		'of others': token('alice', 'house',
			{iss: 'https://evil.example'}).slice(7),
		'that is over': token('alice', 'house', {exp: now() - 60})
			.slice(7),
		'without a signature': `${head}.${body}.`,
		'of another’s claims': `${head}.${Buffer.from(JSON.stringify(
			claims)).toString('base64url')}.${
			alice.authorization.split('.')[2]}`,
	};
	for (const [what, value] of Object.entries(none))
		for (const [method, target] of [['POST', '/api/return'],
			['GET', `/api/jobs/${mine}`], ['GET', '/api/jobs'],
			['GET', '/api/jobs/events']]) {
			const a = await send(method, target, {headers: {
				authorization: `Bearer ${value}`}, body:
				method === 'POST' ? '{"periodKey":"x"}' : ''});
			equal([what, target, a.status], [what, target, 401]);
			ok(a.headers['www-authenticate']);
			ok(!a.text.includes(value.slice(-20)), what);
		}
});

test('a page that is not ours is told nothing it may read', async () => {
	for (const origin of ['https://evil.example', 'null',
		'https://page.example.evil.example', 'http://page.example',
		'https://page.example:8443', 'https://PAGE.example', '*']) {
		const a = await send('GET', `/api/jobs/${mine}`,
			{headers: {...alice, origin}});
		equal([origin, a.headers['access-control-allow-origin']],
			[origin, undefined]);
	}
});

/* [marker, may be told to whom it belongs] */
test('nothing of it is told or kept in the clear', async () => {
	const credential = `${MARK}-credential`;
	for (const headers of [{...alice, 'up-token': credential},
		{...bob, cookie: `${MARK}-cookie`, 'x-other': `${MARK}-other`},
		{authorization: `Bearer ${credential}`},
		{authorization: `Basic ${credential}`}])
		await post('renewed', headers);
	await send('POST', '/api/return', {headers: alice,
		body: `{"${MARK}-member": 1, "periodKey": 7}`});
	await send('POST', '/api/return', {headers: alice,
		body: `{"${MARK}-broken`});
	await send('GET', `/api/${MARK}-path?${MARK}-query=1`);
	await send('GET', `/api/jobs?cursor=${MARK}-cursor`, {headers: alice});
	await pause(300);
	const clear = told.filter(t => /-(credential|cookie|other|alice|bob)/
		.test(t) && t.includes(MARK));
	equal(clear, []);
	const kept = readdirSync(world.state).map(n => join(world.state, n))
		.filter(n => statSync(n).isFile())
		.map(n => [n, readFileSync(n, 'latin1')]);
	for (const [name, text] of [...kept, ...['lowtide-cgi',
		'lowtide-worker'].map(n => [n, world.log(n)])]) {
		ok(!text.includes(MARK), `${name} has it`);
		ok(!/eyJ[A-Za-z0-9_-]{10}/.test(text), `${name} has a token`);
	}
	ok(kept.some(([, text]) => text.includes('renewed')), 'it does look');
});

test('and all of that stopped nothing', () => {
	equal([...world.cgi.ends, ...world.worker.ends], []);
});

await done();
