/*
 * What lowtide-read keeps: fresh, stale, spare, empty; what an upstream says of
 * it; within its bytes; and --purge, with those who come to its socket and say
 * nothing. By the upstream's own record.
 */
import {statSync} from 'node:fs';
import net from 'node:net';
import {done, equal, match, ok, test} from '../tap.mjs';
import {pause, until} from './line.mjs';
import {startRead} from './read-kit.mjs';
import {hang, json, simulate, status, text} from './read-upstream.mjs';

const up = await simulate();
const read = (name, call) => ({name, path: `/api/${name}/{id}`, calls: [
	{name, upstream: 'u', path: `/${name}/{path.id}`, ...call}]});
const kit = await startRead({
	upstreams: [{name: 'u', base: up.url},
		{name: 'shut', base: up.url, breakerWindowMs: 60000,
			breakerCalls: 2, breakerFailures: 50,
			breakerOpenMs: 60000, breakerProbes: 1}],
	reads: [
		read('long', {ttlMs: 600000}),
		read('none', {}),
		read('brief', {ttlMs: 50, staleMs: 600000}),
		read('spare', {ttlMs: 50, staleIfErrorMs: 600000,
			upstream: 'shut'}),
		read('empty', {ttlMs: 600000, emptyTtlMs: 600000,
			emptyOn: ['404', '410']}),
		read('mine', {ttlMs: 600000}),
		{name: 'two', calls: [
			{name: 'a', upstream: 'u', path: '/two/a', ttlMs: 600000},
			{name: 'b', upstream: 'u', path: '/two/b', ttlMs: 60000}]},
	],
	args: ['--cache', '256KiB'],
});
const fresh = () => {
	up.moods.clear();
	up.forget();
};
const state = r => [r.status, r.headers['x-aggregate-complete'],
	r.headers['x-aggregate-stale'], r.headers['cache-control']];

test('what has a ttl is asked for once, another one again', async () => {
	for (const id of ['a', 'a', 'b', 'a'])
		equal((await kit.get(`/api/long/${id}`)).json.data.long,
			{path: `/long/${id}`});
	equal(up.calls.map(c => c.path), ['/long/a', '/long/b']);
	await kit.get('/api/none/a');
	match((await kit.get('/api/none/a')).headers['cache-control'],
		/^no-store$/);
	equal(up.count('/none'), 2);
});
test('max-age is of the part that goes first', async () => {
	const [, max] = /^private, max-age=(\d+)$/.exec(
		(await kit.get('/api/two')).headers['cache-control']);
	ok(max > 50 && max <= 60, max);
});
test('the upstream says that it is not to be kept', async () => {
	fresh();
	const rows = {store: {'cache-control': 'no-store'},
		priv: {'cache-control': 'max-age=60, private'},
		cookie: {'set-cookie': 'a=b'},
		zero: {'cache-control': 'max-age=0'},
		/* it was kept on the way for as long as it may be */
		aged: {'cache-control': 'max-age=60', age: '60'}};
	for (const [id, headers] of Object.entries(rows)) {
		up.on(`/long/${id}`, json(1, headers));
		await kit.get(`/api/long/${id}`);
		const r = await kit.get(`/api/long/${id}`);
		equal([id, up.count(`/long/${id}`)], [id, 2]);
		equal(r.headers['set-cookie'], undefined);
	}
	up.on('/long/short', json(1, {'cache-control': 'max-age=20'}));
	match((await kit.get('/api/long/short')).headers['cache-control'],
		/^private, max-age=(1\d|20)$/);
});
test('stale: answered at once, and renewed behind it, once', async () => {
	fresh();
	up.on('/brief', (req, res, call, nth) => json({nth})(req, res));
	equal((await kit.get('/api/brief/x')).json.data.brief, {nth: 1});
	await pause(100);
	up.on('/brief', up.hold((req, res, call, nth) =>
		json({nth})(req, res)));
	const all = await Promise.all([1, 2, 3].map(() =>
		kit.get('/api/brief/x')));
	for (const r of all)
		equal([...state(r), r.json.data.brief],
			[200, 'true', 'true', 'no-store', {nth: 1}]);
	await until('it is renewed', () => up.count('/brief') === 2);
	up.release();
	await until('the new one is there', async () =>
		(await kit.get('/api/brief/x')).json.data.brief.nth >= 2);
	up.release();
});
test('spare: only where fetching fails, and while the breaker is open',
	async () => {
		fresh();
		equal((await kit.get('/api/spare/x')).status, 200);
		await pause(100);
		up.on('/spare', status(500));
		const r = await kit.get('/api/spare/x');
		equal(state(r), [200, 'true', 'true', 'no-store']);
		equal(up.count('/spare'), 2);
		await kit.get('/api/spare/other');
		const calls = up.count('/spare');
		equal(state(await kit.get('/api/spare/x')),
			[200, 'true', 'true', 'no-store']);
		equal((await kit.get('/api/spare/other')).status, 503);
		equal(up.count('/spare'), calls); /* it is open */
	});
test('404 as empty is kept, too; a failure never', async () => {
	fresh();
	up.on('/empty', status(404));
	for (let i = 0; i < 3; i++)
		equal((await kit.get('/api/empty/x')).json.data, {empty: null});
	equal(up.count('/empty'), 1);
	up.on('/long', status(500));
	for (let i = 0; i < 3; i++)
		equal((await kit.get('/api/long/failing')).status, 502);
	equal(up.count('/long'), 3);
});
test('it keeps within its bytes, and what is too large not at all',
	async () => {
		fresh();
		const big = JSON.stringify('x'.repeat(20000));
		up.on('/long', text(big));
		for (let i = 0; i < 50; i++)
			equal((await kit.get(`/api/long/big${i}`)).status, 200);
		const kept = Number(kit.purge('u/long/big').out);
		ok(kept >= 1 && kept * 20000 <= 256 * 1024, `${kept}`);
		up.on('/long', text(JSON.stringify('x'.repeat(100000))));
		await kit.get('/api/long/huge');
		equal(kit.purge('u/long/huge').out, '0\n');
	});

/* ---- orders ---------------------------------------------------------------- */

test('--purge forgets what begins so', async () => {
	fresh();
	kit.purge('');
	for (const id of ['a1', 'a2', 'b1'])
		await kit.get(`/api/long/${id}`);
	equal(kit.purge('u/long/a').out, '2\n');
	equal(kit.purge('u/long/a').out, '0\n');
	for (const id of ['a1', 'b1'])
		await kit.get(`/api/long/${id}`);
	equal(up.count('/long/a1'), 2);
	equal(up.count('/long/b1'), 1);
	equal(kit.it.lines('cache-purged').length >= 2, true);
});
const say = bytes => new Promise(done => {
	const c = net.connect(kit.control);
	let said = '';
	c.on('error', () => {});
	c.on('data', d => { said += d; });
	c.on('close', () => done(said));
	c.write(bytes);
});
test('its socket is its user\'s and group\'s; what is no order is none',
	async () => {
		equal(statSync(kit.control).mode & 0o777, 0o660);
		equal(await say('hello\n'), 'error\n');
		equal(await say('purge\n'), 'error\n');
		equal(await say('x'.repeat(100000)), 'error\n');
		match(await say('purge \n'), /^\d+\n$/);
		match(await say('pur'.concat('ge zzz\nand more')), /^0\n$/);
	});
test('--purge says what is wrong', () => {
	const away = kit.run('--purge', 'x', '--control',
		`unix:${kit.at('nobody.sock')}`);
	equal(away.status, 74);
	match(away.err, /control-missing/);
	equal(kit.run('--purge', 'x'.repeat(5000), '--control',
		`unix:${kit.control}`).status, 64);
	equal(kit.run('--purge', 'x', '--control', 'tcp:127.0.0.1:1').status, 64);
});
await done();
