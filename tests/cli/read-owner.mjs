/*
 * Reads that take a provider's tokens: who is let in, that nobody is served
 * what is another's, and that keys come and go as files.
 */
import {mkdirSync, renameSync, writeFileSync} from 'node:fs';
import {done, equal, match, ok, test} from '../tap.mjs';
import {jwks, newKey, sign} from '../tokens.mjs';
import {newFolder, until} from './line.mjs';
import {startRead} from './read-kit.mjs';
import {json, simulate} from './read-upstream.mjs';

const ISS = 'https://id.acme.example', OTHER = 'https://id.other.example';
const up = await simulate();
const key = newKey('ES256', 'k1'), next = newKey('ES256', 'k2');
const dir = newFolder();
mkdirSync(`${dir}/state/jwks`, {recursive: true});
const put = (name, ...keys) => {
	writeFileSync(`${dir}/state/jwks/new`, jwks(...keys));
	renameSync(`${dir}/state/jwks/new`, `${dir}/state/jwks/${name}.json`);
};
put('acme', key);
const provider = (name, issuer) => ({name, kind: 'oidc', issuer,
	audiences: ['shop'], algorithms: ['ES256'], leewayMs: 5000});
const mine = (name, more) => ({name, auth: 'acme', calls: [{name,
	upstream: 'u', path: `/${name}`, ttlMs: 600000, owned: true}], ...more});
const kit = await startRead({dir, providers: [provider('acme', ISS),
	provider('other', OTHER)],
upstreams: [{name: 'u', base: up.url}],
reads: [mine('mine'), mine('scoped', {scopes: ['orders:read']}),
	mine('theirs', {auth: 'other'}),
	{name: 'web', auth: 'web-server', calls: [{name: 'mine', upstream: 'u',
		path: '/mine', ttlMs: 600000, owned: true}]}]});
up.on('/', (req, res, call) => json({n: call.n})(req, res));

const token = (sub, more = {}, by = key) => sign(by, {iss: ISS, aud: 'shop',
	sub, exp: Math.floor(Date.now() / 1000) + 600, ...more});
const as = (t, path = '/api/mine') =>
	kit.get(path, {headers: {authorization: `Bearer ${t}`}});

test('without a token, or with a bad one: 401, and no call', async () => {
	const none = await kit.get('/api/mine');
	equal([none.status, none.json.error], [401, 'unauthorized']);
	match(none.headers['www-authenticate'], /^Bearer realm="test"$/);
	for (const bad of ['x', token('bob', {aud: 'else'}),
		token('bob', {exp: 1}), token('bob', {iss: OTHER}),
		token('bob', {}, newKey('ES256', 'k1'))]) {
		const r = await as(bad);
		equal(r.status, 401);
		match(r.headers['www-authenticate'], /error="invalid_token"/);
		ok(!r.text.includes(bad) || bad === 'x');
	}
	equal(up.count(), 0);
});
test('each has his own', async () => {
	const [bob, eve] = [await as(token('bob')), await as(token('eve'))];
	equal([bob.status, eve.status], [200, 200]);
	equal([bob.json.data.mine.n, eve.json.data.mine.n], [0, 1]);
	/* another token of his, and the same for him */
	equal((await as(token('bob', {jti: 'x'}))).json.data.mine.n, 0);
	match(bob.headers.vary, /, Authorization$/);
	equal(up.calls.every(c => !c.headers.authorization), true);
});
test('a name that the web server says is nobody\'s of a provider', async () => {
	for (const owner of ['bob', `token ${ISS.length} ${ISS} bob`])
		ok((await kit.get('/api/web', {owner})).json.data.mine.n > 1);
});
test('without a scope: 403', async () => {
	const r = await as(token('bob'), '/api/scoped');
	equal([r.status, r.json.error], [403, 'forbidden']);
	match(r.headers['www-authenticate'], /scope="orders:read"/);
	equal((await as(token('bob', {scope: 'a orders:read b'}),
		'/api/scoped')).status, 200);
});
test('without a provider\'s keys: 503', async () => {
	const r = await as(token('bob', {iss: OTHER}), '/api/theirs');
	equal([r.status, r.json.error], [503, 'keys-unavailable']);
	ok(r.headers['retry-after']);
});
test('keys that come are taken, and those that go are not', async () => {
	put('other', next);
	await until('its keys are here', async () => (await as(token('bob',
		{iss: OTHER}, next), '/api/theirs')).status === 200);
	put('acme', next);
	await until('the old one is gone', async () =>
		(await as(token('bob'))).status === 401);
	equal((await as(token('bob', {}, next))).json.data.mine.n, 0);
});
test('no token is logged', () => ok(!/eyJ/.test(kit.it.log)));
await done();
