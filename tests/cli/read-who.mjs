/*
 * Who gets what of lowtide-read: by the headers that go on, by the owner that
 * the web server or a token names, from the cache, from a call that is under
 * way, and by If-None-Match. Each answer of the upstream is another one, so
 * that whoever is given somebody else's is seen.
 */
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {done, equal, match, ok, test} from '../tap.mjs';
import {jwks, newKey, sign} from '../tokens.mjs';
import {newFolder, pause, until} from './line.mjs';
import {startRead} from './read-kit.mjs';
import {json, simulate, status} from './read-upstream.mjs';

const issuers = {ours: newKey('ES256', 'k1'), theirs: newKey('ES256', 'k1')};
const dir = newFolder();
mkdirSync(join(dir, 'state', 'jwks'), {recursive: true});
for (const [name, key] of Object.entries(issuers))
	writeFileSync(join(dir, 'state', 'jwks', `${name}.json`), jwks(key));
const issuer = name => `https://${name}.example`;
let nth = 0;
const bearer = (name, sub) => ({authorization: `Bearer ${sign(issuers[name], {
	iss: issuer(name), aud: 'site', sub, nth: nth++, iat: 0,
	exp: Math.floor(Date.now() / 1000) + 3600})}`});

const up = await simulate();
const kept = {upstream: 'u', ttlMs: 600000};
const one = (name, more, of) => ({name, ...of, calls: [
	{name, path: `/${name}`, ...kept, ...more}]});
const token = {path: '/mine', owned: true, forward: ['authorization', 'x-*']};
const kit = await startRead({dir,
	providers: Object.keys(issuers).map(name => ({name, kind: 'oidc',
		issuer: issuer(name), leewayMs: 5000, audiences: ['site'],
		algorithms: ['ES256']})),
	upstreams: [{name: 'u', base: up.url}, {name: 'v', base: up.url}],
	reads: [
		one('shop', {forward: ['X-Shop']}),
		one('basic', {forward: ['authorization']}),
		one('cookie', {forward: ['cookie'], headers: {cookie: ''}}),
		one('web', {owned: true}, {auth: 'web-server'}),
		one('all', {}, {auth: 'web-server'}),
		one('ours', token, {auth: 'ours'}),
		one('again', token, {auth: 'ours'}),
		one('theirs', token, {auth: 'theirs'}),
		one('weblike', {...token, forward: []}, {auth: 'web-server'}),
		one('u', {path: '/place'}),
		one('v', {path: '/place', upstream: 'v'}),
		one('none', {}),
		{name: 'each', path: '/api/each/{ids}',
			ids: [{name: 'id', from: 'path.ids', max: 5}],
			calls: [{name: 'list', path: '/list', upstream: 'u'},
				{name: 'tier', path: '/tier/{id.id}', each: 'id',
					upstream: 'u', required: false}]},
	],
	args: ['--log-level', 'debug']});
const fresh = () => {
	up.moods.clear();
	up.forget();
	up.on('/', (req, res, call) => json({n: call.n})(req, res));
};
const number = (r, name) => {
	equal(r.status, 200, r.text);
	return r.json.data[name].n;
};
/* What each of these is answered with, as the number of the upstream's call. */
const numbers = async (name, ...asks) => {
	const all = [];
	for (const how of asks)
		all.push(number(await kit.get(`/api/${name}`, how), name));
	return all;
};
const headers = h => ({headers: h});

test('by each header that goes on, and by no other', async () => {
	fresh();
	equal(await numbers('shop', headers({'x-shop': 'a'}),
		headers({'x-shop': 'b'}), headers({'x-shop': 'a', 'x-other': '1'}),
		{}, headers({'x-shop': ''}), headers({'x-shop': 'a '})),
	[0, 1, 0, 2, 3, 0]);
	const r = await kit.get('/api/shop', headers({'x-shop': 'a'}));
	match(r.headers.vary, /, X-Shop$/i);
	equal(up.calls.map(c => c.headers['x-shop']), ['a', 'b', undefined, '']);
});
test('by the credential that goes on', async () => {
	fresh();
	const who = name => headers({authorization:
		`Basic ${Buffer.from(`${name}:x`).toString('base64')}`});
	equal(await numbers('basic', who('bob'), who('evelyn'), who('bob'), {}),
		[0, 1, 0, 2]);
	equal(up.calls[2].headers.authorization, undefined);
	match((await kit.get('/api/basic', who('bob'))).headers.vary,
		/, authorization$/i);
});
test('a credential under way is for who has it alone', async () => {
	fresh();
	kit.purge('');
	up.on('/basic', up.hold((req, res) =>
		json({n: req.headers.authorization ?? ''})(req, res)));
	const asks = [];
	for (const authorization of ['A', 'B', 'A', 'B', 'B'])
		asks.push([authorization, await kit.begin('/api/basic',
			headers({authorization}))]);
	await kit.get('/api/nothing');
	await until('both are made', () => up.held.length === 2);
	up.release();
	for (const [n, ask] of asks)
		equal(number(await ask.answer, 'basic'), n);
	equal(up.count('/basic'), 2);
});
test('owned: by whom the web server names, under way as well', async () => {
	fresh();
	equal(await numbers('web', {owner: 'bob'}, {owner: 'evelyn'},
		{owner: 'bob'}, {owner: 'Bob'}, {owner: 'bob '}), [0, 1, 0, 2, 3]);
	kit.purge('');
	fresh();
	up.on('/web', up.hold((req, res, call) => json({n: call.n})(req, res)));
	const asks = [];
	for (const owner of ['bob', 'evelyn', 'bob'])
		asks.push(await kit.begin('/api/web', {owner}));
	await until('both are made', () => up.held.length === 2);
	up.release();
	const got = await Promise.all(asks.map(async a =>
		number(await a.answer, 'web')));
	equal([got[0] === got[2], got[0] === got[1], up.count('/web')],
		[true, false, 2]);
});
test('shared: one for all whom it lets in', async () => {
	fresh();
	equal(await numbers('all', {owner: 'bob'}, {owner: 'evelyn'}), [0, 0]);
	equal((await kit.get('/api/all')).status, 401);
});
test('a token: by issuer and subject, and it does not go on', async () => {
	fresh();
	const as = (name, sub, more) => headers({...bearer(name, sub), ...more});
	equal(await numbers('ours', as('ours', 'ann'), as('ours', 'bob'),
		as('ours', 'ann')), [0, 1, 0]);
	/* another read of the same call, of the same people */
	equal(await numbers('again', as('ours', 'ann')), [0]);
	/* the same word of another issuer, and of the web server's */
	equal(await numbers('theirs', as('theirs', 'ann')), [2]);
	equal(await numbers('weblike', {owner: 'ann'},
		{owner: `${issuer('ours')} ann`}), [3, 4]);
	equal((await kit.get('/api/ours', as('theirs', 'ann'))).status, 401);
	equal((await kit.get('/api/ours', {owner: 'ann'})).status, 401);
	ok(up.calls.every(c => !('authorization' in c.headers)));
	/* of names that are not all known nothing can be said */
	equal((await kit.get('/api/ours', as('ours', 'ann'))).headers.vary, '*');
});
test('by upstream, though its address is the same', async () => {
	fresh();
	equal([...await numbers('u', {}), ...await numbers('v', {}),
		...await numbers('u', {})], [0, 1, 0]);
});
test('one\'s ETag does not answer for another\'s', async () => {
	fresh();
	kit.purge('');
	const bob = await kit.get('/api/web', {owner: 'bob'});
	const ask = owner => kit.get('/api/web', {owner,
		headers: {'if-none-match': bob.headers.etag}});
	const eve = await ask('evelyn');
	equal([eve.status, eve.json.data.web.n], [200, 1]);
	ok(eve.headers.etag !== bob.headers.etag);
	equal((await ask('bob')).status, 304);
	/* nor for somebody who has to sign in, nor for what is partial */
	equal((await ask(undefined)).status, 401);
	up.on('/tier/2', status(500));
	const whole = await kit.get('/api/each/1');
	ok(whole.headers.etag);
	equal((await kit.get('/api/each/1,2', headers({'if-none-match': '*'})))
		.status, 200);
});
test('GET, HEAD and 304 say the same of it', async () => {
	fresh();
	up.on('/none', json({n: 1}, {age: '7'}));
	await kit.get('/api/none');
	await pause(1100);
	const said = r => ['etag', 'cache-control', 'vary', 'content-length',
		'x-aggregate-complete'].map(name => r.headers[name]);
	const get = await kit.get('/api/none');
	ok(Number(get.headers.age) >= 1, get.headers.age);
	const head = await kit.get('/api/none', {method: 'HEAD'});
	equal([head.status, head.text, said(head)], [200, '', said(get)]);
	for (const method of ['GET', 'HEAD']) {
		const r = await kit.get('/api/none', {method,
			headers: {'if-none-match': `"x", ${get.headers.etag}`}});
		equal([r.status, r.text], [304, '']);
		equal(said(r).map((v, i) => i === 3 ? '' : v),
			said(get).map((v, i) => i === 3 ? '' : v));
		ok(Number(r.headers.age) >= Number(get.headers.age));
	}
	equal(up.count('/none'), 1);
	/* a part under way says so too, when it comes */
	up.on('/all', up.hold(json({n: 1})));
	kit.purge('');
	const waits = await kit.begin('/api/all', {method: 'HEAD', owner: 'x',
		headers: {origin: 'https://evil.example'}});
	await until('it is called', () => up.held.length === 1);
	up.release();
	const late = await waits.answer;
	equal([late.status, late.text, late.headers['content-length'],
		late.headers['access-control-allow-origin']],
	[200, '', String('{"data":{"all":{"n":1}},"upstreamFailures":[]}'
		.length), undefined]);
	up.on('/none', status(500));
	kit.purge('');
	const bad = await kit.get('/api/none', {method: 'HEAD'});
	equal([bad.status, bad.text, bad.headers.etag, bad.headers.age],
		[502, '', undefined, undefined]);
});
test('the very text of what failed', async () => {
	fresh();
	up.on('/list', json([1]));
	up.on('/tier/1', status(503, {}, 'words of theirs'));
	up.on('/tier/2', json({t: 2}));
	const failure = '{"endpoint":"tier","failureType":"UPSTREAM_HTTP_ERROR",' +
		'"httpResponseStatus":503,"message":"it answered with an error",' +
		'"identifier":"1"}';
	equal((await kit.get('/api/each/1,2')).text,
		'{"data":{"list":[1],"tier":{"2":{"t":2}}},' +
		`"upstreamFailures":[${failure}]}`);
	up.on('/list', (req, res) => req.socket.destroy());
	equal((await kit.get('/api/each/2')).json.upstreamFailures,
		[{endpoint: 'list', failureType: 'UNKNOWN_ERROR',
			httpResponseStatus: null,
			message: 'the connection to it broke', identifier: null}]);
});
test('a conditional of the client\'s is ours, and does not go on', async () => {
	fresh();
	await kit.get('/api/ours', headers({...bearer('ours', 'carl'),
		'if-none-match': '"a"', 'x-shop': 'goes'}));
	equal([up.calls[0].headers['if-none-match'],
		up.calls[0].headers['x-shop']], [undefined, 'goes']);
});
test('nobody of these is in its log', () => {
	for (const word of ['ann', 'bob', 'evelyn', 'carl', 'x-shop', 'eyJ', 'Basic',
		'Bearer', '/tier/', 'words of'])
		ok(!kit.it.log.includes(word), word);
});
await done();
