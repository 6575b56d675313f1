/*
 * How the calls of reads travel, by what upstreams saw: many at once on one
 * connection of HTTP/2, one connection after the other used again, one of a
 * caller who left closed with him and no other; and a secret that comes late.
 */
import {readFileSync, writeFileSync} from 'node:fs';
import http2 from 'node:http2';
import {join} from 'node:path';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {authority} from './certificates.mjs';
import {newFolder, until} from './line.mjs';
import {startRead} from './read-kit.mjs';
import {hang, simulate} from './read-upstream.mjs';

const ca = authority();
const own = ca.make({name: 'wires'});
const h2 = {sessions: 0, streams: [], held: [], gone: 0};
const server = http2.createSecureServer({key: readFileSync(own.key),
	cert: readFileSync(own.cert)});
server.on('session', s => {
	h2.sessions++;
	s.on('error', () => {});
	cleanup(() => s.destroy());
});
server.on('stream', (stream, headers) => {
	const path = headers[':path'];
	h2.streams.push({path, version: 2});
	stream.on('error', () => {});
	stream.on('close', () => { h2.gone += stream.aborted || stream.rstCode !== 0; });
	h2.held.push(() => {
		if (stream.destroyed)
			return;
		stream.respond({':status': 200, 'content-type': 'application/json'});
		stream.end(JSON.stringify({path}));
	});
});
await new Promise(r => server.listen(0, '127.0.0.1', r));
cleanup(() => server.close());
const release = () => h2.held.splice(0).forEach(go => go());

const up = await simulate();
const dir = newFolder();
const secret = join(dir, 'key');
const each = (name, upstream) => ({name, path: `/api/${name}/{ids}`,
	ids: [{name: 'id', from: 'path.ids', max: 50}],
	calls: [{name, upstream, path: `/${name}/{id.id}`, each: 'id'}]});
const sealed = {name: 'sealed', upstream: 'one', path: '/sealed',
	headers: {'X-Key': '{secret.key}'}};
const kit = await startRead({dir, secrets: [{name: 'key', file: secret}],
	upstreams: [{name: 'two', ca: ca.file('ca.pem'),
		base: `https://localhost:${server.address().port}`},
	{name: 'one', base: up.url}],
	reads: [each('wide', 'two'), each('plain', 'one'),
		{name: 'sealed', calls: [sealed]},
		{name: 'half', calls: [{...sealed, required: false},
			{name: 'open', upstream: 'one', path: '/open'}]}]});
const many = Array.from({length: 30}, (x, i) => i).join(',');

test('all on one connection, and all at once', async () => {
	/* the first finds out what it speaks */
	const first = await kit.begin('/api/wide/first');
	await until('it is called', () => h2.held.length === 1);
	release();
	equal((await first.answer).status, 200);
	const ask = await kit.begin(`/api/wide/${many}`);
	await until('all of them wait there', () => h2.held.length === 30);
	release();
	equal(Object.keys((await ask.answer).json.data.wide).length, 30);
	equal([h2.sessions, h2.streams.length], [1, 31]);
});
test('who leaves takes his calls along, and not the connection', async () => {
	const stays = await kit.begin('/api/wide/a,b');
	const leaves = await kit.begin('/api/wide/b,c,d');
	await until('they are out', () => h2.held.length === 4);
	leaves.leave();
	/* the upstream hears of it with the next word on that connection */
	await kit.get('/api/nothing');
	const next = await kit.begin('/api/wide/e');
	await until('two are given up', () => h2.gone === 2);
	await until('the next is out', () => h2.held.length === 5);
	release();
	equal((await stays.answer).status, 200);
	equal((await next.answer).status, 200);
	/* with nobody else there the connection goes */
	const last = await kit.begin('/api/wide/f');
	await until('it is out', () => h2.held.length === 1);
	h2.held.length = 0;
	last.leave();
	await until('it is given up', () => h2.gone === 3);
	equal(h2.sessions, 1);
});
test('one after the other on the connection that there is', async () => {
	const ports = new Set();
	up.on('/plain', (req, res) => {
		ports.add(req.socket.remotePort);
		res.end('1');
	});
	for (let i = 0; i < 10; i++)
		equal((await kit.get(`/api/plain/${i}`)).status, 200);
	equal([ports.size, up.count('/plain')], [1, 10]);
	/* and as many as are wanted at once, of those no more */
	up.on('/plain', up.gate(10, (req, res) => {
		ports.add(req.socket.remotePort);
		res.end('1');
	}));
	equal((await kit.get('/api/plain/1,2,3,4,5,6,7,8,9,10')).status, 200);
	ok(ports.size <= 10, `${ports.size}`);
	up.on('/plain', hang);
	const ask = await kit.begin('/api/plain/1');
	await until('it is out', () => up.now === 1);
	ask.leave();
	await until('it is given up', () => up.gone === 1);
});
test('a secret that is not there yet, and then is', async () => {
	const r = await kit.get('/api/sealed');
	equal([r.status, r.json.error, up.count('/sealed')],
		[500, 'internal', 0]);
	await until('it is logged', () => /secret/.test(
		kit.it.lines('read-not-made').at(-1)?.why));
	ok(!r.text.includes(dir));
	/* where it is optional the rest goes on */
	const half = await kit.get('/api/half');
	equal([half.status, up.count('/open'), up.count('/sealed')],
		[200, 1, 0]);
	equal(half.json.upstreamFailures.map(f => [f.endpoint, f.message]),
		[['sealed', 'it could not be asked']]);
	await until('it is logged, too', () => new RegExp(secret).test(
		kit.it.lines('read-failed').at(-1)?.why));
	ok(!half.text.includes(dir));
	writeFileSync(secret, 'opened', {mode: 0o600});
	equal((await kit.get('/api/sealed')).status, 200);
	match(up.calls.at(-1).headers['x-key'], /^opened$/);
	equal((await kit.get('/api/half')).json.upstreamFailures, []);
});
await done();
