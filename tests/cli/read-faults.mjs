/*
 * Each upstream hangs, breaks off, answers garbage or a gigabyte, drips, asks
 * for a pause, has the wrong certificate, has no name, refuses: of an optional
 * call each is one failure of its kind, beside the parts that came; of a
 * required one the status that contract 9 has for it. Then all of them at once.
 */
import {readFileSync} from 'node:fs';
import net from 'node:net';
import {done, equal, match, ok, test} from '../tap.mjs';
import {authority} from './certificates.mjs';
import {until} from './line.mjs';
import {startRead} from './read-kit.mjs';
import {cut, drip, first, flood, hang, json, noise, reset, simulate, status,
	text} from './read-upstream.mjs';

const ca = authority();
ca.make({name: 'good'});
ca.make({name: 'other', host: 'elsewhere.example'});
ca.make({name: 'strange', self: true});
const tls = name => ({key: readFileSync(ca.file(`${name}.key`)),
	cert: readFileSync(ca.file(`${name}.pem`))});
const up = await simulate();
const good = await simulate({tls: tls('good')});
const other = await simulate({tls: tls('other')});
const strange = await simulate({tls: tls('strange')});
const https = s => `https://localhost:${s.port}`;
const closed = await new Promise(found => {
	const server = net.createServer().listen(0, '127.0.0.1', () => {
		const {port} = server.address();
		server.close(() => found(port));
	});
});

const IMPATIENT = {timeoutMs: 800, stallTimeoutMs: 600, connectTimeoutMs: 800};
const kinds = {
	hang: [hang, 'TIMEOUT', null, IMPATIENT],
	drip: [drip, 'TIMEOUT', null, IMPATIENT],
	reset: [reset, 'UNKNOWN_ERROR', null],
	noise: [noise, 'UNKNOWN_ERROR', null],
	cut: [cut, 'UNKNOWN_ERROR', null],
	flood: [flood(false), 'UNKNOWN_ERROR', null],
	declared: [flood(true), 'UNKNOWN_ERROR', null],
	garbage: [text('<html>not json'), 'UNKNOWN_ERROR', null],
	half: [text('{"a":[1,2'), 'UNKNOWN_ERROR', null],
	deep: [text('['.repeat(5000) + ']'.repeat(5000)), 'UNKNOWN_ERROR', null],
	bytes: [text(Buffer.from([0x22, 0xff, 0xfe, 0x22])), 'UNKNOWN_ERROR', null],
	busy: [status(429, {'retry-after': '60'}), 'UPSTREAM_HTTP_ERROR', 429],
	e500: [status(500), 'UPSTREAM_HTTP_ERROR', 500],
	e503: [status(503), 'UPSTREAM_HTTP_ERROR', 503],
	moved: [status(302, {location: `${up.url}/fine`}),
		'UPSTREAM_HTTP_ERROR', 302],
	refused: [null, 'UNKNOWN_ERROR', null, {base: `http://127.0.0.1:${closed}`}],
	inward: [null, 'UNKNOWN_ERROR', null, {local: false}],
	host: [null, 'UNKNOWN_ERROR', null,
		{base: https(other), ca: ca.file('ca.pem')}],
	unsigned: [null, 'UNKNOWN_ERROR', null,
		{base: https(strange), ca: ca.file('ca.pem')}],
	system: [null, 'UNKNOWN_ERROR', null, {base: https(good)}],
};
const names = Object.keys(kinds);
for (const name of names)
	if (kinds[name][0])
		up.on(`/${name}`, kinds[name][0]);

const call = (name, more) => ({name, upstream: name, path: `/${name}`, ...more});
const fine = {name: 'fine', upstream: 'fine', path: '/fine'};
const kit = await startRead({
	upstreams: [{name: 'fine', base: up.url},
		{name: 'good', base: https(good), ca: ca.file('ca.pem')},
		{name: 'again', base: up.url, retries: 1},
		{name: 'nameless', base: 'http://no-such-host.invalid',
			timeoutMs: 2000},
		...names.map(name => ({name, base: up.url, responseMax: 100000,
			...kinds[name][3]}))],
	reads: [
		...names.map(name => ({name, calls: [fine,
			call(name, {required: false})]})),
		...names.map(name => ({name: `must-${name}`,
			path: `/api/must/${name}`, calls: [fine, call(name)]})),
		{name: 'good', calls: [call('good')]},
		{name: 'nameless', calls: [fine,
			call('nameless', {required: false})]},
		{name: 'again', calls: [call('again')]},
		{name: 'all', calls: names.map(name =>
			call(name, {required: false}))},
	],
});
const rss = () => Number(/VmRSS:\s+(\d+)/.exec(
	readFileSync(`/proc/${kit.it.pid}/status`, 'utf8'))[1]);
const ours = /^[A-Za-z][a-zA-Z0-9 ,'-]+$/;

for (const [name, [, failureType, code]] of Object.entries(kinds)) {
	test(`${name}, optional: told beside what came`, async () => {
		const r = await kit.get(`/api/${name}`);
		equal(r.status, 200, r.text);
		equal(r.json.data, {fine: {path: '/fine'}});
		const [f, ...more] = r.json.upstreamFailures;
		equal([f.endpoint, f.failureType, f.httpResponseStatus,
			f.identifier, more.length],
		[name, failureType, code, null, 0]);
		match(f.message, ours); /* nothing of theirs */
		equal(r.headers['x-aggregate-complete'], 'false');
	});
	test(`${name}, required: ${failureType === 'TIMEOUT' ? 504 : 502}`,
		async () => {
			const r = await kit.get(`/api/must/${name}`);
			const paused = name === 'busy'; /* it asked for that */
			equal(r.status, failureType === 'TIMEOUT' ? 504 :
				paused ? 503 : 502, r.text);
			if (paused)
				match(r.headers['retry-after'], /^[1-5]\d$|^60$/);
			equal(r.json.upstreamFailures.length, 1);
		});
}
test('nobody has that name: told, however long it took to find out', async () => {
	const r = await kit.get('/api/nameless');
	equal([r.status, r.json.data], [200, {fine: {path: '/fine'}}]);
	match(r.json.upstreamFailures[0].failureType, /^(UNKNOWN_ERROR|TIMEOUT)$/);
});
test('a certificate of the right authority and name is taken', async () =>
	equal((await kit.get('/api/good')).json.data.good, {path: '/good'}));
test('what failed on its way is asked once more, and no more', async () => {
	up.on('/again', first(1, reset, json({second: true})));
	equal((await kit.get('/api/again')).json.data.again, {second: true});
	equal(up.count('/again'), 2);
	up.forget();
	up.on('/again', status(503));
	equal((await kit.get('/api/again')).status, 502);
	equal(up.count('/again'), 2);
});
test('all of them at once, for many', async () => {
	const all = await Promise.all(Array.from({length: 30}, () =>
		kit.get('/api/all')));
	for (const r of all) {
		equal(r.status, 200);
		equal(r.json.data, {});
		equal(r.json.upstreamFailures.map(f => f.endpoint), names);
	}
	await until('nothing is left of it', () => up.now === 0);
});
test('it is still there, and no larger than its bounds', async () => {
	equal((await kit.get('/api/good')).status, 200);
	equal(kit.it.exit, undefined);
	if (!process.env.LOWTIDE_BIN?.includes('san'))
		ok(rss() < 100000, `${rss()} kB`);
});
test('killed and started again it answers', async () => {
	await kit.it.stop('SIGKILL');
	await kit.listens(kit.start());
	equal((await kit.get('/api/good')).status, 200);
	equal(await kit.it.stop(), 0);
});
await done();
