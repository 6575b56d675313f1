/*
 * Bearer tokens at lowtide-cgi itself: two providers, two owners each, a job
 * that goes all the way, keys that come, go and are spoilt while it runs.
 */
import {spawnSync} from 'node:child_process';
import {mkdirSync, readFileSync, readdirSync, renameSync, truncateSync,
	writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {program, startLine, startUpstream, until} from './line.mjs';
import {Client} from '../fcgi-client.mjs';
import {hmac, jwks, newKey, sign, signWith, unsigned} from '../tokens.mjs';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';

const soon = () => Math.floor(Date.now() / 1000) + 600;
const providers = [
	{name: 'house', kind: 'oidc', issuer: 'https://house.example',
		audiences: ['api'], algorithms: ['ES256'], leewayMs: 0},
	{name: 'pool:test', kind: 'cognito', issuer: 'https://pool.example',
		clientIds: ['web'], algorithms: ['RS256'], leewayMs: 0},
];
const house = newKey('ES256', 'h1'), pool = newKey('RS256', 'p1');
const of = {
	house: (sub, more = {}, header = {}, key = house) => sign(key,
		{iss: 'https://house.example', aud: 'api', sub, exp: soon(),
			...more}, header),
	pool: (sub, more = {}, header = {}, key = pool) => sign(key,
		{iss: 'https://pool.example', client_id: 'web', sub,
			token_use: 'access', exp: soon(), ...more}, header),
};
const bearer = (token) => ({authorization: `Bearer ${token}`});

const upstream = await startUpstream({
	house: (req, res, body) => res.writeHead(200,
		{'content-type': 'application/json'}).end(body)});
const line = await startLine({providers,
	upstreams: [{name: 'up', base: upstream.url}],
	apis: [
		{name: 'house', auth: 'house', upstream: 'up'},
		{name: 'pool', auth: 'pool:test', upstream: 'up',
			scopes: ['jobs.write']},
		{name: 'open', auth: 'none', upstream: 'up'},
		{name: 'desk', auth: 'web-server', upstream: 'up'},
	]});
const client = await Client.dial(line.socket);
cleanup(() => client.close());

const ask = (method, uri, token, more = {}) => client.ask({method, uri,
	headers: {...(token ? bearer(token) : {}), ...more},
	...(method === 'POST' ? {body: '{"vrn":"1"}',
		type: 'application/json'} : {})});
const post = (api, token, more) => ask('POST', `/api/${api}`, token,
	{'x-wait-time-ms': '0', ...more});
const file = (name) => join(line.dir, 'state', 'jwks', `${name}.json`);
/* As the operator does it. */
function replace(name, text) {
	writeFileSync(`${file(name)}.new`, text);
	renameSync(`${file(name)}.new`, file(name));
}
const lines = (event) => line.cgi.log.split('\n').filter((l) =>
	l.includes(`"event":"${event}"`)).map((l) => JSON.parse(l));

test('it started without keys, and said so', () => {
	match(line.cgi.log, /jwks\/house\.json.*jwks-missing/);
	equal(line.cgi.exit, undefined);
});
test('-t says whose are missing, and that it is no error', () => {
	const r = line.run('lowtide-cgi', ...line.common, '-t');
	equal(r.status, 0);
	match(r.err, /jwks\/house\.json.*jwks-missing.*put .*jwks_uri/);
	match(r.err, /jwks\/pool-test\.json.*pool:test are answered 503/);
});
test('until there are any, tokens are answered 503', async () => {
	const r = await post('house', of.house('ann'));
	equal(r.status, 503);
	equal(JSON.parse(r.body).error, 'keys-unavailable');
	ok(Number(r.headers['retry-after']) > 0);
	equal((await post('house')).status, 401);
});

mkdirSync(join(line.dir, 'state', 'jwks'));
test('keys that come are taken without a restart', async () => {
	replace('house', jwks(house));
	replace('pool-test', jwks(pool));
	const r = await until('the keys', async () => {
		const got = await post('house', of.house('ann'));
		return got.status !== 503 && got;
	});
	equal(r.status, 202);
	await until('it is told', () => lines('keys-loaded').length);
	equal(lines('keys-loaded').map((l) => l.provider), ['house']);
});
test('without a token: how to sign in, and no error', async () => {
	for (const headers of [{}, {authorization: 'Basic YW5uOng='},
		{authorization: ''}]) {
		const r = await post('house', null, headers);
		equal(r.status, 401);
		equal(r.headers['www-authenticate'], 'Bearer realm="test"');
	}
});
test('each attack is 401, in words of our own', async () => {
	const claims = {iss: 'https://house.example', aud: 'api', sub: 'ann',
		exp: soon()};
	const eve = newKey('ES256', 'h1');
	const spki = house.publicKey.export({type: 'spki', format: 'pem'});
	const tokens = {
		'alg none': `${unsigned({alg: 'none', kid: 'h1'}, claims)}.AA`,
		'the public key as a secret': hmac(spki,
			{alg: 'HS256', kid: 'h1'}, claims),
		'somebody\'s key': of.house('ann', {}, {}, eve),
		'a key that it brings along': of.house('ann', {},
			{jwk: eve.jwk}, eve),
		'another audience': of.house('ann', {aud: 'web'}),
		'no audience': of.house('ann', {aud: undefined}),
		'another issuer': of.house('ann',
			{iss: 'https://pool.example'}),
		'the other provider\'s': of.pool('ann', {scope: 'jobs.write'}),
		'over': of.house('ann', {exp: soon() - 3600}),
		'not yet': of.house('ann', {nbf: soon()}),
		'no subject': of.house(undefined),
		'crit': of.house('ann', {}, {crit: ['exp']}),
		'a path as kid': of.house('ann', {},
			{kid: '../../../../etc/passwd'}),
		'a long kid': of.house('ann', {}, {kid: 'k'.repeat(10000)}),
		'an algorithm of others': signWith(pool,
			{alg: 'RS256', kid: 'h1'}, claims),
		'nonsense': 'MARKER',
		'a second one': `${of.house('ann')}, ${of.house('bob')}`,
		'no end': 'A'.repeat(17000),
	};
	for (const [name, token] of Object.entries(tokens)) {
		const r = await post('house', token);
		equal([name, r.status], [name, 401]);
		match(r.headers['www-authenticate'], new RegExp('^Bearer ' +
			'realm="test", error="invalid_token", ' +
			'error_description="The [a-zA-Z ,]+\\."$'));
		ok(!r.body.includes(token.slice(0, 6)), name);
	}
	for (const token of [of.pool('ann', {token_use: 'id',
		client_id: undefined, aud: 'web', scope: 'jobs.write'}),
	of.pool('ann', {client_id: 'x', scope: 'jobs.write'})])
		equal((await post('pool', token)).status, 401);
});
test('a scope that is missing is 403', async () => {
	const r = await post('pool', of.pool('ann', {scope: 'jobs.read'}));
	equal(r.status, 403);
	equal(r.headers['www-authenticate'],
		'Bearer error="insufficient_scope", scope="jobs.write"');
	equal((await post('pool', of.pool('ann', {scope: 'a jobs.write'})))
		.status, 202);
});
/* The first piece of an owner's stream that has `mark` in it. */
async function heard(token, mark) {
	const c = await Client.dial(line.socket);
	let text = '';
	c.follow({method: 'GET', uri: '/api/jobs/events?lastEventId=0',
		headers: bearer(token)}, (piece) => { text += piece ?? ''; });
	await until(mark, () => text.includes(mark));
	c.close();
	return text;
}
test('and so are the jobs of that API in a list and a stream', async () => {
	const [less, all] = ['jobs.read', 'jobs.write'].map((scope) =>
		of.pool('ann', {scope}));
	const count = async (token) => JSON.parse((await ask('GET',
		'/api/jobs', token)).body).jobs.length;
	equal([await count(less), await count(all)], [0, 1]);
	match(await heard(all, 'event: job'), /"api":"pool"/);
	ok(!(await heard(less, 'retry:')).includes('event: job'));
});

let mine;
test('a job is its owner\'s and nobody else\'s', async () => {
	const r = await post('house', of.house('ann-MARKER'),
		{'x-request-id': 'one', 'x-initial-request': 'true'});
	equal(r.status, 202);
	mine = JSON.parse(r.body).statusUrl;
	const others = {
		'another subject': [of.house('bob'), 404],
		'the other provider\'s ann': [of.pool('ann-MARKER',
			{scope: 'jobs.write'}), 401],
		'nobody': [null, 401],
	};
	for (const [name, [token, status]] of Object.entries(others))
		for (const [method, url] of [['GET', mine],
			['GET', `${mine}/result`], ['DELETE', mine],
			['POST', `${mine}/cancel`]])
			equal([name, url, (await ask(method, url, token))
				.status], [name, url, status]);
	equal((await ask('GET', mine, of.house('ann-MARKER', {iat: 1})))
		.status, 200);
	/* a web server's owner of that name is another one, too */
	equal((await client.ask({method: 'GET', uri: mine,
		params: {LOWTIDE_OWNER: 'ann-MARKER'}})).status, 401);
});
test('the name of a request is an owner\'s own', async () => {
	const bob = await post('house', of.house('bob'),
		{'x-request-id': 'one', 'x-initial-request': 'true'});
	equal(bob.status, 202);
	ok(JSON.parse(bob.body).statusUrl !== mine);
	const again = await post('house', of.house('ann-MARKER', {iat: 2}),
		{'x-request-id': 'one'});
	equal(again.status, 202);
	equal(JSON.parse(again.body).statusUrl, mine);
});
test('its result reaches its owner alone', async () => {
	line.worker();
	await until('the job', async () => JSON.parse((await ask('GET', mine,
		of.house('ann-MARKER'))).body).status === 'completed');
	const r = await ask('GET', `${mine}/result`, of.house('ann-MARKER'));
	equal([r.status, r.body], [200, '{"vrn":"1"}']);
	equal((await ask('GET', `${mine}/result`, of.house('bob'))).status,
		404);
});
test('the credential that signed in here goes nowhere', () => {
	ok(upstream.calls.length > 0);
	for (const call of upstream.calls)
		ok(!/authorization|bearer|eyJhbGciOi/i.test(JSON.stringify(call)));
});
test('a web server\'s owner counts where it is asked for alone', async () => {
	const desk = (params) => client.ask({method: 'POST',
		uri: '/api/desk', body: '{}', type: 'application/json',
		headers: bearer(of.house('ann')), params});
	equal((await desk({})).status, 401);
	equal((await desk({LOWTIDE_OWNER: ''})).status, 401);
	equal((await desk({LOWTIDE_OWNER: 'ann'})).status, 202);
	equal((await post('house', null, {'lowtide-owner': 'ann'})).status,
		401);
});

test('keys are rotated: the old one\'s tokens end with it', async () => {
	const next = newKey('ES256', 'h2');
	const old = of.house('ann'), fresh = of.house('ann', {}, {}, next);
	equal((await post('house', old)).status, 202);
	equal((await post('house', fresh)).status, 401);
	replace('house', jwks(house, next));
	equal((await post('house', fresh)).status, 202);
	equal((await post('house', old)).status, 202);
	replace('house', jwks(next));
	await until('the old key is gone', async () =>
		(await post('house', old)).status === 401);
	equal((await post('house', fresh)).status, 202);
	replace('house', jwks(house));
	await until('it is back', async () =>
		(await post('house', old)).status === 202);
});
test('a file that is spoilt changes nothing, and is told once', async () => {
	const before = lines('keys-refused').length;
	truncateSync(file('house'), 30);
	await until('it was looked at', async () => {
		equal((await post('house', of.house('ann'))).status, 202);
		return lines('keys-refused').length > before;
	});
	equal((await post('house', of.house('bob'))).status, 202);
	const told = lines('keys-refused').slice(before);
	equal(told.map((l) => [l.provider, l.keys]), [['house', 1]]);
	replace('house', jwks(house));
});
test('a provider that a new configuration brings is taken', async () => {
	const config = join(line.dir, 'lowtide.json');
	const now = JSON.parse(readFileSync(config, 'utf8'));
	const late = newKey('ES256', 'l1'), old = of.house('ann');
	const token = sign(late, {iss: 'https://late.example', aud: 'api',
		sub: 'ann', exp: soon()});
	replace('late', jwks(late));
	equal((await post('late', token)).status, 404);
	now.providers.push({...providers[0], name: 'late',
		issuer: 'https://late.example'});
	now.apis.push({...now.apis[0], name: 'late', auth: 'late',
		path: '/api/late', tag: 'abcdef'});
	writeFileSync(config, JSON.stringify(now));
	process.kill(line.cgi.pid, 'SIGHUP');
	await until('its API is there', async () =>
		(await post('late', token)).status === 202);
	equal((await post('house', token)).status, 401);
	equal((await post('house', old)).status, 202);
	equal((await ask('GET', mine, of.house('ann-MARKER'))).status, 200);
});
test('a program of one request checks tokens as well', () => {
	const plain = (token) => {
		const r = spawnSync(program('lowtide-cgi'), [], {input: '{}',
			encoding: 'utf8', env: {...process.env,
				GATEWAY_INTERFACE: 'CGI/1.1',
				REQUEST_METHOD: 'POST', CONTENT_LENGTH: '2',
				REQUEST_URI: '/api/house',
				CONTENT_TYPE: 'application/json',
				REMOTE_ADDR: '192.0.2.7',
				HTTP_AUTHORIZATION: `Bearer ${token}`,
				LOWTIDE_CONFIG: join(line.dir, 'lowtide.json'),
				LOWTIDE_STATE: join(line.dir, 'state'),
				LOWTIDE_KEYS: join(line.dir, 'keys')}});
		return Number(/^Status: (\d+)/.exec(r.stdout)?.[1]);
	};
	equal(plain(of.house('ann')), 202);
	equal(plain(of.house('ann', {aud: 'x'})), 401);
	equal(plain(of.house('ann', {}, {kid: 'x'})), 401);
	equal(plain(of.house('ann', {}, {kid: 'x'})), 401);
});
test('no token and no subject is on the disk or in the log', () => {
	const state = join(line.dir, 'state');
	const texts = readdirSync(state).filter((name) => name !== 'jwks')
		.map((name) => readFileSync(join(state, name), 'latin1'));
	for (const text of [line.cgi.log, ...texts])
		ok(!/MARKER|eyJhbGciOi|https:\/\/house/.test(text));
	ok(texts.some((text) => text.includes('house'))); /* it does look */
});
await done();
