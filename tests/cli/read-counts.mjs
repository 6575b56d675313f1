/*
 * What lowtide-read counts: each counter by a scene that moves it, and nothing
 * else; the upstream's own record says what there is to count. Then what it
 * logged of all that: nothing of any request, answer or secret.
 */
import {writeFileSync} from 'node:fs';
import net from 'node:net';
import {join} from 'node:path';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {newFolder, pause, until} from './line.mjs';
import {of, parse} from './metrics-text.mjs';
import {startRead} from './read-kit.mjs';
import {first as once, hang, json, reset, simulate, status, text}
	from './read-upstream.mjs';

const listen = (server, ...where) => new Promise(r =>
	server.listen(...where, () => r(server.address())));
const freePort = async () => {
	const s = net.createServer();
	const {port} = await listen(s, 0, '127.0.0.1');
	await new Promise(r => s.close(r));
	return port;
};
const up = await simulate();
const dir = newFolder();
const port = await freePort(), closed = await freePort();
const SECRET = 'marker-secret-5a1f';
const secret = join(dir, 'key');
writeFileSync(secret, SECRET, {mode: 0o600});
/* The endpoint: takes every request, and answers none. */
const endpoint = net.createServer(c => {
	endpoint.came++;
	c.on('error', () => {});
	c.on('data', () => c.destroy());
});
endpoint.came = 0;
await listen(endpoint, join(dir, 'cgi.sock'));
cleanup(() => new Promise(r => endpoint.close(r)));

const call = (name, more) => ({name, upstream: name, path: `/${name}`, ...more});
const names = ['kept', 'joined', 'stale', 'spare', 'retried', 'shut', 'narrow',
	'late', 'gone', 'large', 'huge', 'job'];
const shut = {breakerWindowMs: 60000, breakerCalls: 2, breakerFailures: 50,
	breakerOpenMs: 60000, breakerProbes: 1};
const more = {spare: shut, shut, retried: {retries: 1},
	narrow: {concurrency: 1, queueMax: 1}, late: {timeoutMs: 300},
	gone: {base: `http://127.0.0.1:${closed}`}, large: {responseMax: 100}};
const calls = {kept: {ttlMs: 600000}, stale: {ttlMs: 50, staleMs: 600000},
	spare: {ttlMs: 50, staleIfErrorMs: 600000}, huge: {ttlMs: 600000},
	late: {required: false}};
const site = {
	secrets: [{name: 'key', file: secret}],
	upstreams: [...names, 'id', 'hedged'].map(name =>
		({name, base: up.url, ...more[name],
			...name === 'hedged' ? {hedge: 50} : {}})),
	apis: [{name: 'job-job', read: 'job', method: 'GET', path: '/api/job',
		onLost: 'retry', idempotent: true, requestMethod: '',
		requestPath: '', bodyType: '', bodyMax: 0, attempts: 3,
		auth: 'none', pattern: 'async-polling', allow: ['async-polling'],
		upstream: '', ttlMs: 3600000, deadlineMs: 60000, waitMs: 0,
		concurrency: 4, tag: '00c0de'}],
	reads: [
		...names.filter(n => !['job', 'narrow'].includes(n)).map(name =>
			({name, calls: [call(name, calls[name])]})),
		{name: 'narrow', path: '/api/narrow/{n}', calls: [
			call('narrow', {path: '/narrow/{path.n}'})]},
		{name: 'job', deadlineMs: 400, promote: true, api: 'job-job',
			calls: [call('job'), call('late', {required: false,
				path: '/beside', upstream: 'kept'})]},
		{name: 'id', path: '/api/id/{ids}',
			ids: [{name: 'id', from: 'path.ids', max: 5}],
			calls: [{name: 'id', upstream: 'id', each: 'id',
				path: '/id/{id.id}?q={query.q?}',
				forward: ['x-more'], required: false,
				headers: {'X-Key': '{secret.key}'}}]},
		{name: 'hedged', path: '/api/hedged/{n}', calls: [
			{name: 'hedged', upstream: 'hedged',
				path: '/hedged/{path.n}'}]},
	],
};
const kit = await startRead({...site, dir, args: ['--log-level', 'debug',
	'--cache', '64KiB', '--metrics', `tcp:127.0.0.1:${port}`]});
const scrape = async () => parse(await (await fetch(
	`http://127.0.0.1:${port}/metrics`)).text());
const P = 'lowtide_read_';
/* What the scene changed, as {'name{labels}': by how much}; no times. */
const flat = samples => Object.fromEntries(Object.values(samples).flat()
	.filter(s => s.name.startsWith(P) && !/seconds|cache_bytes/.test(s.name))
	.map(s => [`${s.name.slice(P.length)} ${Object.values(s.labels)
		.join(' ')}`.trim(), s.value]));
const moved = async scene => {
	const before = flat(await scrape());
	await scene();
	const after = flat(await scrape());
	return Object.fromEntries(Object.entries(after)
		.map(([k, v]) => [k, v - (before[k] ?? 0)])
		.filter(([, v]) => v));
};
const get = async (path, want = 200, how) => {
	const r = await kit.get(`/api/${path}`, how);
	equal(r.status, want, r.text);
	return r;
};
const fresh = () => {
	up.moods.clear();
	up.forget();
};

test('a call, then the cache', async () => {
	equal(await moved(async () => {
		for (let i = 0; i < 3; i++)
			await get('kept');
	}), {'requests_total kept 200 true': 3, 'parts_total kept call': 1,
		'parts_total kept hit': 2, 'calls_total kept answer 200': 1,
		'cache_entries': 1, 'cache_events_total put': 1});
	const s = await scrape();
	equal([of(s, `${P}seconds_count`, {read: 'kept'}),
		of(s, `${P}call_seconds_count`, {upstream: 'kept'})], [3, 1]);
	ok(of(s, `${P}cache_bytes`) > 0);
});
test('what is purged', async () => equal(await moved(() =>
	equal(kit.purge('kept').out, '1\n')),
{cache_entries: -1, 'cache_events_total purged': 1}));
test('one call for three, and who waits for it', async () => {
	up.on('/joined', up.hold());
	const asks = [];
	const begun = await moved(async () => {
		for (let i = 0; i < 3; i++)
			asks.push(await kit.begin('/api/joined'));
		await until('it is called', () => up.held.length === 1);
		await until('all ask', async () => of(await scrape(),
			`${P}asking`) === 3);
	});
	equal(begun, {asking: 3, calling: 1, 'parts_total joined call': 1,
		'parts_total joined coalesced': 2});
	equal(await moved(async () => {
		up.release();
		for (const ask of asks)
			equal((await ask.answer).status, 200);
	}), {asking: -3, calling: -1, 'calls_total joined answer 200': 1,
		'requests_total joined 200 true': 3});
	equal(up.count('/joined'), 1);
});
test('stale, and renewed', async () => {
	await get('stale');
	await pause(100);
	const change = await moved(async () => {
		await get('stale');
		await until('it is renewed', () => up.count('/stale') === 2);
		await until('and over', async () =>
			of(await scrape(), `${P}calling`) === 0);
	});
	equal([change['parts_total stale stale'],
		change['parts_total stale call'],
		change['calls_total stale answer 200']], [1, undefined, 1]);
});
test('a breaker opens; what is spare, and what is refused', async () => {
	await get('spare');
	await pause(100);
	up.on('/spare', status(500));
	up.on('/shut', status(500));
	const failed = await moved(async () => {
		for (let i = 0; i < 2; i++)
			await get('shut', 502);
	});
	equal(failed, {'requests_total shut 502 false': 2,
		'parts_total shut call': 2, 'calls_total shut answer 500': 2,
		'breaker_opened_total shut': 1, 'breaker_open shut': 1});
	equal(await moved(() => get('shut', 503)),
		{'requests_total shut 503 false': 1,
			'parts_total shut call': 1,
			'refused_total shut breaker': 1});
	/* one good, one bad: its breaker opens with this one */
	equal(await moved(() => get('spare')),
		{'requests_total spare 200 true': 1, 'parts_total spare call': 1,
			'parts_total spare spare': 1,
			'calls_total spare answer 500': 1,
			'breaker_opened_total spare': 1, 'breaker_open spare': 1});
	equal(await moved(() => get('spare')),
		{'requests_total spare 200 true': 1,
			'parts_total spare call': 1,
			'parts_total spare spare': 1,
			'refused_total spare breaker': 1});
});
test('a second try', async () => {
	up.on('/retried', once(1, status(503), json({})));
	equal(await moved(() => get('retried')),
		{'requests_total retried 200 true': 1,
			'parts_total retried call': 1, 'retries_total retried': 1,
			'calls_total retried answer 503': 1,
			'calls_total retried answer 200': 1});
});
test('one has a place, one waits for it, one is shed', async () => {
	fresh();
	up.on('/narrow', up.hold());
	const asks = [await kit.begin('/api/narrow/1')];
	await until('it is called', () => up.held.length === 1);
	equal(await moved(async () => {
		asks.push(await kit.begin('/api/narrow/2'));
		await until('it waits', async () =>
			of(await scrape(), `${P}queued`) === 1);
	}), {asking: 1, calling: 1, queued: 1, 'parts_total narrow call': 1});
	let r;
	equal(await moved(async () => { r = await get('narrow/3', 503); }),
		{'requests_total narrow 503 false': 1,
			'parts_total narrow call': 1,
			'refused_total narrow full': 1});
	equal([r.json.error, r.json.upstreamFailures.map(f => [f.failureType,
		f.httpResponseStatus, f.message])], ['overloaded',
		[['UNKNOWN_ERROR', null, 'too much waits for it']]]);
	match(r.headers['retry-after'], /^[1-9]\d*$/);
	up.release();
	await until('the second', () => up.count('/narrow') === 2);
	up.release();
	for (const ask of asks)
		equal((await ask.answer).status, 200);
	equal(up.calls.map(c => c.path), ['/narrow/1', '/narrow/2']);
});
test('a time-out, optional or not; nobody there; too large', async () => {
	fresh();
	up.on('/late', hang);
	up.on('/large', text(JSON.stringify('x'.repeat(1000))));
	equal(await moved(() => get('late')),
		{'requests_total late 200 false': 1, 'parts_total late call': 1,
			'calls_total late timeout': 1});
	equal(await moved(() => get('gone', 502)),
		{'requests_total gone 502 false': 1, 'parts_total gone call': 1,
			'calls_total gone unsent': 1});
	equal(await moved(() => get('large', 502)),
		{'requests_total large 502 false': 1, 'parts_total large call': 1,
			'calls_total large too-large': 1});
});
test('larger than the cache: answered each time, and told', async () => {
	fresh();
	up.on('/huge', text(JSON.stringify('x'.repeat(100000))));
	equal(await moved(async () => {
		for (let i = 0; i < 2; i++)
			ok((await get('huge')).text.length > 100000);
	}), {'requests_total huge 200 true': 2, 'parts_total huge call': 2,
		'calls_total huge answer 200': 2,
		'cache_events_total refused': 2});
	equal(await moved(() => get('kept')).then(m => m['cache_entries']), 1);
});
test('what a read that may become a job is, and is not', async () => {
	fresh();
	/* all came but what is optional: that is no job */
	up.on('/beside', hang);
	const before = endpoint.came;
	const r = await get('job');
	equal([r.headers['x-aggregate-complete'], r.headers['cache-control'],
		r.json.data, r.json.upstreamFailures.map(f => [f.endpoint,
			f.failureType])],
	['false', 'no-store', {job: {path: '/job'}}, [['late', 'TIMEOUT']]]);
	/* what failed already is no job either */
	up.on('/job', status(500));
	await get('job', 502);
	equal([endpoint.came, of(await scrape(), `${P}promoted_total`,
		{read: 'job'})], [before, 0]);
	/* one that nobody took is none */
	up.on('/job', hang);
	await get('job', 504);
	equal(endpoint.came, before + 1);
	equal(of(await scrape(), `${P}promoted_total`, {read: 'job'}), 0);
	await until('nothing goes on', () => up.now === 0);
});
test('a second call beside a slow first', async () => {
	fresh();
	for (let i = 0; i < 40; i++)
		await get(`hedged/${i}`);
	up.on('/hedged/slow', (req, res, call, nth) =>
		(nth === 1 ? hang : json({nth}))(req, res));
	const change = await moved(async () =>
		equal((await get('hedged/slow')).json.data.hedged, {nth: 2}));
	equal([change['hedges_total hedged'], change['parts_total hedged call'],
		change['calls_total hedged answer 200']], [1, 1, 1]);
	const [first, ...more] = up.calls.filter(c =>
		c.path === '/hedged/slow');
	equal(more.length, 1);
	await until('the first is given up', () => first.gone);
});
test('what is nowhere, and what is no request', async () => {
	equal(await moved(async () => {
		await get('marker-path-7c', 404);
		await get('kept', 405, {method: 'POST'});
		await get('id/,', 400);
	}), {'requests_total  404 true': 1, 'requests_total  405 true': 1,
		'requests_total id 400 true': 1});
});
test('by their names, in whatever order they stand', async () => {
	fresh();
	const before = await scrape();
	kit.configure({...site, upstreams: site.upstreams.slice(1).reverse()
		.concat(site.upstreams[0]), reads: [...site.reads].reverse()});
	process.kill(kit.it.pid, 'SIGHUP');
	await until('it is read', () => kit.it.lines('reloaded').length === 1);
	const reloaded = await scrape();
	const more = {read: 'kept', code: '200'}, u = {upstream: 'kept'};
	equal(of(reloaded, `${P}requests_total`, more),
		of(before, `${P}requests_total`, more));
	equal(await moved(() => get('late')),
		{'requests_total late 200 true': 1, 'parts_total late call': 1,
			'calls_total late answer 200': 1});
	equal(of(await scrape(), `${P}calls_total`, {...u, code: '200'}),
		of(before, `${P}calls_total`, {...u, code: '200'}));
	equal([of(before, 'lowtide_reloads_total', {result: 'ok'}),
		of(reloaded, 'lowtide_reloads_total', {result: 'ok'})], [0, 1]);
});
test('no line of its log has anything of a request, answer or secret',
	async () => {
		fresh();
		up.on('/id/marker-one', status(500, {'x-theirs': 'marker-theirs'},
			'marker-words'));
		up.on('/id/marker-two', text('marker-garbage'));
		up.on('/id/marker-three', json({a: 'marker-body'},
			{'set-cookie': 'marker-cookie'}));
		up.on('/id/marker-four', reset);
		const r = await get('id/marker-one,marker-two,marker-three,' +
			'marker-four?q=marker-query', 200, {headers: {
			'x-more': 'marker-header', 'x-request-id': 'marker-name',
			authorization: 'Bearer marker-token',
			cookie: 'a=marker-jar', origin: 'https://marker.example',
			'if-none-match': '"marker-tag"', 'x-api-key': 'marker-key',
			traceparent: '00-marker'}});
		equal(r.json.upstreamFailures.length, 3);
		equal(up.calls[0].headers['x-key'], SECRET);
		equal(up.calls[0].headers['x-more'], 'marker-header');
		ok(!r.text.includes(SECRET));
		for (const id of [`marker-${'long'.repeat(50)}`, 'marker%01',
			Array.from({length: 6}, (x, i) => `marker-${i}`)])
			await get(`id/${id}`, 400);
		await until('it is logged', () =>
			kit.it.lines('read-answered').at(-1)?.status === 400);
		ok(kit.it.lines('read-failed').some(l => l.read === 'id'));
		ok(kit.it.lines('call-failed').some(l => l.upstream === 'id'));
		ok(!kit.it.log.includes('marker'), kit.it.log.split('\n')
			.find(l => l.includes('marker')));
		const metrics = await (await fetch(
			`http://127.0.0.1:${port}/metrics`)).text();
		ok(!metrics.includes('marker'));
		for (const line of kit.it.log.trim().split('\n'))
			match(line, /^\{"time":/);
	});
await done();
