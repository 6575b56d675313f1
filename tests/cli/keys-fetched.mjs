/*
 * Key sets, fetched: a provider's server with moods, real workers, and the
 * endpoint that checks tokens with what they bring. What is counted is counted
 * at the provider.
 */
import {existsSync, readFileSync, readdirSync, rmSync, statSync, utimesSync}
	from 'node:fs';
import {join} from 'node:path';
import {Client} from '../fcgi-client.mjs';
import {jwks, newKey, sign} from '../tokens.mjs';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {pause, startLine, startUpstream, until} from './line.mjs';

const keys = {one: newKey('ES256', 'one'), two: newKey('ES256', 'two'),
	three: newKey('RS256', 'three')};
let mood = (res) => res.writeHead(503).end();
const say = (text, status = 200, headers = {}) => {
	mood = (res) => res.writeHead(status, {'content-type':
		'application/json', ...headers}).end(text);
};
const login = await startUpstream({keys: (req, res) => mood(res)});
const asked = () => login.count('/keys');

const provider = (name, more = {}) => ({name, kind: 'oidc',
	issuer: `https://${name}.example`, audiences: ['api'],
	algorithms: ['ES256', 'RS256'], leewayMs: 0, local: true,
	jwksUri: `${login.url}/keys`, refreshMs: 3600000, ...more});
const line = await startLine({
	providers: [provider('house'),
		provider('far', {local: false, jwksUri: `${login.url}/far`}),
		provider('hand', {refreshMs: 0, jwksUri: `${login.url}/hand`})],
	upstreams: [{name: 'up', base: login.url}],
	apis: ['house', 'far', 'hand'].map((name) =>
		({name, auth: name, upstream: 'up', noop: true}))});
const client = await Client.dial(line.socket);
cleanup(() => client.close());
const file = join(line.dir, 'state', 'jwks', 'house.json');
const post = (key) => client.ask({method: 'POST', uri: '/api/house',
	headers: {authorization: `Bearer ${sign(key, {aud: 'api', sub: 'ann',
		iss: 'https://house.example',
		exp: Math.floor(Date.now() / 1000) + 600})}`,
	'x-wait-time-ms': '0'}, body: '{}', type: 'application/json'});
const lines = (who, event, name = 'house') => who.log.split('\n').filter((l) =>
	l.startsWith('{')).map((l) => JSON.parse(l)).filter((e) =>
	e.event === event && e.provider === name);
const start = () => line.worker('--key-pace', '1s');
async function stop(worker) {
	worker.child.kill('SIGTERM');
	equal(await worker.ended, 0);
}
const age = (hours) => {
	const then = Date.now() / 1000 - hours * 3600;
	utimesSync(file, then, then);
};

let worker;
test('a provider that is down at the start is told once', async () => {
	worker = start();
	await until('it was asked often', () => asked() >= 4);
	equal(lines(worker, 'key-set-failed').map((e) => [e.why, e.keys]),
		[['it answered 503 instead of 200; is its jwks_uri right?', 0]]);
	equal(existsSync(file), false);
});
test('when it is back its keys are there, and that is told', async () => {
	say(jwks(keys.one));
	await until('it is there', () => existsSync(file));
	equal((await post(keys.one)).status, 202);
	equal(readFileSync(file, 'utf8'), jwks(keys.one));
	equal(statSync(file).mode & 0o777, 0o640);
	equal(statSync(join(file, '..')).mode & 0o777, 0o750);
	const [e] = await until('a line', () => {
		const found = lines(worker, 'key-set-fetched');
		return found.length && found;
	});
	equal([e.keys, e.leftOut], [1, 0]);
});
test('a key that is missed is fetched, and its token taken', async () => {
	const before = asked();
	say(jwks(keys.two, keys.one));
	await pause(1000); /* the pace, after the last try */
	const refused = await post(keys.two);
	equal(refused.status, 401);
	match(refused.headers['www-authenticate'], /names a key/);
	await until('it is taken', async () =>
		(await post(keys.two)).status === 202);
	equal((await post(keys.one)).status, 202);
	equal(asked(), before + 1);
});
test('keys of nobody are not asked for again and again', async () => {
	const before = asked();
	for (let i = 0; i < 20; i++)
		equal((await post(newKey('ES256', `no-${i}`))).status, 401);
	await pause(1500);
	equal(asked(), before);
});
test('a private address is only asked where it is local', async () => {
	await until('a line', () =>
		lines(worker, 'key-set-failed', 'far').length);
	match(lines(worker, 'key-set-failed', 'far')[0].why,
		/cannot be reached: its address is private.*; see its jwks_uri/);
	equal(login.count('/far'), 0);
});
test('one that is never to be fetched is not', () => {
	equal(login.count('/hand'), 0);
	equal(existsSync(join(file, '..', 'hand.json')), false);
	equal(existsSync(join(file, '..', 'hand.try')), false);
});
for (const [what, text, status, headers] of [
	['garbage', '<html>MARK</html>', 200],
	['half of it', jwks(keys.three).slice(0, 200), 200],
	['a set without keys', '{"keys":[]}', 200],
	['a set of others\' kinds', '{"keys":[{"kty":"oct","k":"MARK"}]}', 200],
	['a redirect', jwks(keys.three), 302, {location: '/keys'}],
	['more than a set', `{"keys":[],"x":"${'x'.repeat(300000)}"}`, 200],
	['an error with keys', jwks(keys.three), 500],
])
	test(`${what} leaves what is there`, async () => {
		await stop(worker);
		const before = readFileSync(file, 'utf8');
		say(text, status, headers);
		age(2);
		const n = asked();
		worker = start();
		const [e] = await until('it is told', () => {
			const found = lines(worker, 'key-set-failed');
			return found.length && found;
		});
		equal(e.keys, 2);
		ok(asked() > n);
		equal(readFileSync(file, 'utf8'), before);
		equal((await post(keys.two)).status, 202);
		equal((await post(keys.three)).status, 401);
		ok(!worker.log.includes('MARK'));
	});
test('a set that is old is fetched at the start, a fresh one not', async () => {
	await stop(worker);
	say(jwks(keys.two));
	age(2);
	let n = asked();
	worker = start();
	await until('it is another', () =>
		readFileSync(file, 'utf8') === jwks(keys.two));
	equal(asked(), n + 1);
	await stop(worker);
	n = asked();
	worker = start();
	await until('it has begun', () => /worker-started/.test(worker.log));
	await pause(300);
	equal(asked(), n);
});
test('two workers ask once', async () => {
	await stop(worker);
	rmSync(join(file, '..'), {recursive: true});
	const n = asked();
	/* at its real pace: who asks has ten seconds, however slow it all is */
	const both = [line.worker(), line.worker()];
	await until('it is there', () => existsSync(file));
	await until('both have begun', () => both.every((w) =>
		/worker-started/.test(w.log)));
	await pause(300);
	equal(asked(), n + 1);
	equal(both.flatMap((w) => lines(w, 'key-set-fetched')).length, 1);
	equal(readdirSync(join(file, '..')).filter((f) =>
		f.startsWith('house')).sort(), ['house.json', 'house.try']);
	for (const w of both)
		await stop(w);
});
await done();
