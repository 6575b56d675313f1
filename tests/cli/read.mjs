/*
 * lowtide-read as a web server sees it: what is answered, who may ask, what is
 * asked of the upstreams for it, by their own record.
 */
import {readdirSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import {done, equal, match, ok, test} from '../tap.mjs';
import {pause, switches, until} from './line.mjs';
import {configOf, startRead} from './read-kit.mjs';
import {hang, json, simulate, status, text} from './read-upstream.mjs';

const up = await simulate();
const site = {
	upstreams: [{name: 'u', base: up.url},
		{name: 'narrow', base: up.url, concurrency: 3},
		{name: 'shut', base: up.url, breakerWindowMs: 60000,
			breakerCalls: 3, breakerFailures: 50,
			breakerOpenMs: 30000, breakerProbes: 1}],
	origins: ['https://acme.example'],
	reads: [
		{name: 'case', path: '/api/case/{crns}',
			ids: [{name: 'crn', from: 'path.crns', max: 50}],
			calls: [
				{name: 'summary', upstream: 'u',
					path: '/summary?ids={id.crn}'},
				{name: 'tier', upstream: 'u',
					path: '/tier/{id.crn}', each: 'crn',
					required: false, emptyOn: ['404']},
			]},
		{name: 'kept', calls: [{name: 'kept', upstream: 'u',
			path: '/kept', ttlMs: 600000}]},
		{name: 'timed', deadlineMs: 300, calls: [
			{name: 'timed', upstream: 'u', path: '/timed'}]},
		{name: 'one', calls: [
			{name: 'one', upstream: 'u', path: '/one',
				passOn: ['404', '403']}]},
		{name: 'shut', calls: [
			{name: 'shut', upstream: 'shut', path: '/shut'}]},
		{name: 'wide', path: '/api/wide/{ids}',
			ids: [{name: 'id', from: 'path.ids', max: 50}],
			calls: [{name: 'each', upstream: 'narrow',
				path: '/wide/{id.id}', each: 'id'}]},
		{name: 'few', path: '/api/few/{ids}', concurrency: 4,
			ids: [{name: 'id', from: 'path.ids', max: 50}],
			calls: [{name: 'each', upstream: 'u',
				path: '/few/{id.id}', each: 'id'}]},
		{name: 'nested', ids: [
			{name: 'p', from: 'call.list.cases.premises', max: 10}],
		calls: [
			{name: 'list', upstream: 'u', path: '/list'},
			{name: 'premises', upstream: 'u',
				path: '/premises/{id.p}', each: 'p'},
		]},
		{name: 'mine', auth: 'web-server', calls: [
			{name: 'mine', upstream: 'u', path: '/mine',
				ttlMs: 600000, owned: true}]},
		{name: 'passed', calls: [{name: 'passed', upstream: 'u',
			path: '/passed', ttlMs: 600000,
			headers: {Authorization: 'Bearer {header.shop-token}'}}]},
	],
};
const kit = await startRead({...site, args: ['--log-level', 'debug']});
const failures = r => r.json.upstreamFailures;
const fresh = () => {
	up.moods.clear();
	up.forget();
};

/*
 * It has heard of all that was sent before: a new connection may be served
 * before others of the same turn, but not before those of the turn before.
 */
const settled = async () => {
	for (let i = 0; i < 2; i++)
		await kit.get('/api/nothing');
};

/* ---- what comes back ------------------------------------------------------- */

test('bulk and per identifier, all at once', async () => {
	up.on('/summary', up.gate(4, json({total: 3})));
	up.on('/tier', up.gate(4, (req, res, call) =>
		json({tier: call.path.slice(-1)})(req, res)));
	const r = await kit.get('/api/case/1,2,3');
	equal(r.status, 200, r.text);
	equal(r.json, {data: {summary: {total: 3}, tier: {1: {tier: '1'},
		2: {tier: '2'}, 3: {tier: '3'}}}, upstreamFailures: []});
	equal([up.count('/summary'), up.count('/tier')], [1, 3]);
	equal(up.calls[0].url.split('?')[1] ?? '', 'ids=1%2C2%2C3');
	equal([r.headers['x-aggregate-complete'], r.headers['cache-control'],
		r.headers['content-type']],
	['true', 'no-store', 'application/json']);
});
test('what is partial says so, and names what failed', async () => {
	fresh();
	up.on('/tier/2', status(500));
	up.on('/tier/3', status(404));
	up.on('/tier/4', text('{"half": '));
	const r = await kit.get('/api/case/1,2,3,4');
	equal(r.status, 200);
	equal([r.headers['x-aggregate-complete'], r.headers['cache-control'],
		r.headers.etag], ['false', 'no-store', undefined]);
	equal(r.json.data.tier, {1: {path: '/tier/1'}, 3: null});
	equal(failures(r).map(f => [f.endpoint, f.failureType,
		f.httpResponseStatus, f.identifier]), [
		['tier', 'UPSTREAM_HTTP_ERROR', 500, '2'],
		['tier', 'UNKNOWN_ERROR', null, '4']]);
	ok(failures(r).every(f => f.message.length > 5));
	const said = kit.it.lines('read-failed');
	equal(said.map(l => [l.read, l.call, l.upstream, l.failureType,
		l.times]), [
		['case', 'tier', 'u', 'UPSTREAM_HTTP_ERROR', 1],
		['case', 'tier', 'u', 'UNKNOWN_ERROR', 1]]);
	equal(said.map(l => l.why), failures(r).map(f => f.message));
});
test('a required one that failed: 502', async () => {
	fresh();
	up.on('/summary', status(500, {}, 'secret words of theirs'));
	const r = await kit.get('/api/case/7');
	equal([r.status, r.json.error], [502, 'upstream-error']);
	equal(failures(r).map(f => [f.endpoint, f.failureType,
		f.httpResponseStatus, f.identifier]),
	[['summary', 'UPSTREAM_HTTP_ERROR', 500, null]]);
	ok(!r.text.includes('secret words'));
	equal(r.headers['cache-control'], 'no-store');
});
test('timed out: 504, by the one deadline', async () => {
	fresh();
	up.on('/timed', hang);
	const r = await kit.get('/api/timed');
	equal([r.status, r.json.error], [504, 'upstream-timeout']);
	equal(failures(r).map(f => [f.endpoint, f.failureType]),
		[['timed', 'TIMEOUT']]);
	await until('the call is given up', () => up.gone === 1);
});
test('its breaker is open: 503 with Retry-After, and no call', async () => {
	fresh();
	up.on('/shut', status(500));
	for (let i = 0; i < 3; i++)
		equal((await kit.get('/api/shut')).status, 502);
	const r = await kit.get('/api/shut');
	equal([r.status, r.json.error], [503, 'circuit-open']);
	const s = Number(r.headers['retry-after']);
	ok(s >= 1 && s <= 30, `${s}`);
	equal(failures(r).map(f => [f.failureType, f.httpResponseStatus]),
		[['CIRCUIT_OPEN', null]]);
	equal(up.count('/shut'), 3);
	equal(kit.it.lines('breaker-opened').length, 1);
});
test('a status that is passed on is its own', async () => {
	fresh();
	for (const code of [404, 403]) {
		up.on('/one', status(code));
		const r = await kit.get('/api/one');
		equal([r.status, r.json.error, r.json.upstreamStatus],
			[code, 'upstream-refused', code]);
	}
	up.on('/one', status(401));
	equal((await kit.get('/api/one')).status, 502);
});
test('a call that needs another one is made after it', async () => {
	fresh();
	up.on('/list', json({cases: [{premises: 'a'}, {premises: 9},
		{premises: 'a'}, {}]}));
	const r = await kit.get('/api/nested');
	equal(r.json.data.premises, {a: {path: '/premises/a'},
		9: {path: '/premises/9'}});
	equal(up.calls.map(c => c.path).sort(),
		['/list', '/premises/9', '/premises/a']);
});
test('numbers keep their text', async () => {
	fresh();
	up.on('/one', text('{"n":12345678901234567890.10, "e":1E400}'));
	match((await kit.get('/api/one')).text,
		/\{"n":12345678901234567890.10, "e":1E400\}/);
});

/* ---- what is asked --------------------------------------------------------- */

test('identifiers: none, too many, too long, none twice', async () => {
	fresh();
	const many = Array.from({length: 10000}, (x, i) => i).join(',');
	for (const ids of [',', '%20,%20,', 'a'.repeat(200), 'a%01', many]) {
		const r = await kit.get(`/api/case/${ids}`);
		ok([400, 431].includes(r.status), `${ids.slice(0, 20)}: ${r.status}`);
	}
	match((await kit.get(`/api/case/${Array.from({length: 51},
		(x, i) => i)}`)).json.detail, /50/);
	equal(up.calls.length, 0);
	const r = await kit.get('/api/case/2,1,%201%20,,2');
	equal(Object.keys(r.json.data.tier), ['1', '2']);
	equal(up.count('/tier'), 2);
});
test('elsewhere is 404, another method 405', async () => {
	const none = await kit.get('/api/nothing');
	equal([none.status, none.json.error], [404, 'not-found']);
	const r = await kit.get('/api/kept', {method: 'POST'});
	equal([r.status, r.headers.allow], [405, 'GET, HEAD, OPTIONS']);
	const o = await kit.get('/api/passed', {method: 'OPTIONS',
		headers: {origin: 'https://acme.example'}});
	equal(o.status, 204);
	match(o.headers['access-control-allow-headers'], /, shop-token$/);
	equal((await kit.get('/api/kept', {headers: {origin: 'https://evil'}}))
		.headers['access-control-allow-origin'], undefined);
});
test('names and traces', async () => {
	fresh();
	const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
	const r = await kit.get('/api/one', {headers: {
		'x-request-id': 'mine', traceparent: trace}});
	equal([r.headers['x-request-id'], r.headers.traceparent],
		['mine', trace]);
	match(up.calls[0].headers.traceparent,
		/^00-0af7651916cd43dd8448eb211c80319c-/);
	const other = await kit.get('/api/one');
	match(other.headers['x-request-id'], /^[0-9a-f]{32}$/);
	match(up.calls[1].headers.traceparent,
		new RegExp(`^00-${other.headers['x-request-id']}-`));
});

/* ---- who asks -------------------------------------------------------------- */

test('nobody is served what another one asked for', async () => {
	fresh();
	equal((await kit.get('/api/mine')).status, 401);
	up.on('/mine', (req, res, call) => json({n: call.n})(req, res));
	const bob = await kit.get('/api/mine', {owner: 'bob'});
	const eve = await kit.get('/api/mine', {owner: 'eve'});
	const again = await kit.get('/api/mine', {owner: 'bob'});
	equal([bob.json.data.mine.n, eve.json.data.mine.n,
		again.json.data.mine.n], [0, 1, 0]);
	match(bob.headers.vary, /Authorization, Cookie/);
	/* a header of the client's cannot say who he is */
	equal((await kit.get('/api/mine', {headers: {'lowtide-owner': 'bob',
		authorization: 'Basic Ym9iOng='}})).status, 401);
});
test('another credential is another answer', async () => {
	fresh();
	up.on('/passed', (req, res) =>
		json({as: req.headers.authorization})(req, res));
	for (const who of ['a', 'b', 'a'])
		equal((await kit.get('/api/passed',
			{headers: {'shop-token': who}})).json.data.passed,
		{as: `Bearer ${who}`});
	equal(up.count(), 2);
});

/* ---- kept ------------------------------------------------------------------ */

test('ETag, Age, max-age, 304, HEAD', async () => {
	fresh();
	equal(kit.purge('u/kept').out, '1\n');
	const r = await kit.get('/api/kept');
	equal(r.status, 200);
	match(r.headers['cache-control'], /^private, max-age=(5[4-9]\d|600)$/);
	match(r.headers.age, /^\d$/);
	match(r.headers.etag, /^"[0-9a-f]{32}"$/);
	const same = await kit.get('/api/kept',
		{headers: {'if-none-match': `W/${r.headers.etag}`}});
	equal([same.status, same.text, same.headers.etag],
		[304, '', r.headers.etag]);
	const head = await kit.get('/api/kept', {method: 'HEAD'});
	equal([head.status, head.text, head.headers['content-length'],
		head.headers.etag],
	[200, '', String(r.text.length), r.headers.etag]);
	equal(up.count('/kept'), 1);
});

/* ---- bounds ---------------------------------------------------------------- */

const letters = n => Array.from({length: n}, (x, i) => `i${i}`).join(',');
test('an upstream has so many calls at once, whoever asks', async () => {
	fresh();
	up.on('/wide', up.hold());
	const all = [];
	for (const n of [1, 2, 3])
		all.push(await kit.begin(`/api/wide/${letters(20)}x${n}`));
	await settled();
	await until('as many as may be', () => up.held.length === 3);
	const ticks = setInterval(up.release, 10);
	for (const one of all)
		equal(Object.keys((await one.answer).json.data.each).length, 20);
	clearInterval(ticks);
	equal(up.most, 3);
	/* asked for by three, and called once */
	equal(up.count('/wide'), 22);
});
test('so has a request', async () => {
	fresh();
	up.on('/few', up.gate(4));
	const r = await kit.get(`/api/few/${letters(20)}`);
	equal(Object.keys(r.json.data.each).length, 20);
	equal([up.most, up.count('/few')], [4, 20]);
});

/* ---- those who wait -------------------------------------------------------- */

test('identical calls under way are made once; a leaver fails nobody',
	async () => {
		fresh();
		up.on('/one', up.hold(json({n: 1})));
		const first = await kit.begin('/api/one');
		await until('it is called', () => up.count('/one') === 1);
		const all = [];
		for (let i = 0; i < 40; i++)
			all.push(await kit.begin('/api/one'));
		first.leave();
		all.slice(0, 10).forEach(one => one.leave());
		await settled();
		up.release();
		for (const one of all.slice(10))
			equal((await one.answer).json.data.one, {n: 1});
		equal([up.count('/one'), up.gone], [1, 0]);
	});
test('when the last one leaves, the calls stop', async () => {
	fresh();
	up.on('/summary', hang);
	up.on('/tier', hang);
	const both = [await kit.begin('/api/case/1,2'),
		await kit.begin('/api/case/1,2')];
	await until('they are made', () => up.count() === 3);
	both[0].leave();
	await settled();
	equal(up.gone, 0);
	both[1].leave();
	await until('they are given up', () => up.gone === 3);
	equal(up.now, 0);
});

/* ---- the process ----------------------------------------------------------- */

test('every thread has its filter, and it leaves no core file', () => {
	const of = (task, name) => new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(
		readFileSync(`/proc/${kit.it.pid}/task/${task}/status`,
			'utf8'))?.[1];
	for (const task of readdirSync(`/proc/${kit.it.pid}/task`))
		equal([of(task, 'NoNewPrivs'), of(task, 'Seccomp')], ['1', '2']);
	match(readFileSync(`/proc/${kit.it.pid}/limits`, 'utf8'),
		/^Max core file size\s+0\s+0/m);
	const [partial] = kit.it.lines('sandbox-partial');
	if (partial)
		match(partial.missing, /^(landlock|no-core)$/);
});
test('with nobody here nothing wakes it', async () => {
	fresh();
	equal((await kit.get('/api/one')).status, 200);
	equal(kit.purge('').status, 0); /* nor is anything kept */
	await pause(1500);
	const before = switches(kit.it.pid);
	await pause(2500);
	equal(switches(kit.it.pid) - before, 0);
});
const hup = async (config, event) => {
	const before = kit.it.lines(event).length;
	writeFileSync(kit.at('next'), config);
	renameSync(kit.at('next'), kit.at('lowtide.json'));
	process.kill(kit.it.pid, 'SIGHUP');
	await until(event, () => kit.it.lines(event).length > before);
};
test('SIGHUP: another configuration, while somebody waits', async () => {
	fresh();
	up.on('/one', up.hold(json({old: true})));
	const waits = await kit.begin('/api/one');
	await until('it is called', () => up.count('/one') === 1);
	await hup(JSON.stringify(configOf({...site, reads: [
		{...site.reads[1], name: 'new', path: '/api/new',
			deadlineMs: 20000}]})), 'reloaded');
	equal((await kit.get('/api/one')).status, 404);
	equal((await kit.get('/api/new')).status, 200);
	up.release();
	equal((await waits.answer).json.data.one, {old: true});
	await hup('{"format":', 'reload-failed');
	equal((await kit.get('/api/new')).status, 200);
	await hup(JSON.stringify(configOf({...site, name: 'other'})),
		'reload-failed');
	equal((await kit.get('/api/new')).status, 200);
	/* what its sandbox has shut stays shut */
	for (const more of [{base: 'http://127.0.0.1:1'},
		{base: up.url, ca: '/somewhere/else/ca.pem'}]) {
		await hup(JSON.stringify(configOf({...site, upstreams:
			[{...site.upstreams[0], ...more},
				...site.upstreams.slice(1)]})), 'reload-failed');
		match(kit.it.lines('restart-needed').at(-1).why, /sandbox/);
		equal((await kit.get('/api/new')).status, 200);
	}
	await hup(JSON.stringify(configOf(site)), 'reloaded');
	fresh();
	equal((await kit.get('/api/one')).status, 200);
});
test('no line of its log has an identifier, a body or a credential', () => {
	ok(kit.it.lines('read-answered').length > 50);
	for (const word of ['premises/a', 'i11', 'shop-token', 'Bearer',
		'secret words', 'ids='])
		ok(!kit.it.log.includes(word), word);
	equal(kit.it.log.split('\n').filter(l => l && !l.startsWith('{')).map(l =>
		l.replace(/.*: (\S+): .*/, '$1')),
	['config-damaged', 'json-syntax', 'config-other-site']);
});
test('SIGTERM: those who wait are answered, then it ends', async () => {
	fresh();
	up.on('/one', up.hold(json({late: true})));
	const waits = await kit.begin('/api/one');
	await until('it is called', () => up.count('/one') === 1);
	const ended = kit.it.stop();
	await pause(200);
	up.release();
	equal((await waits.answer).json.data.one, {late: true});
	equal(await ended, 0);
	equal(kit.it.lines('read-stopped').length, 1);
});
test('one that is never answered gets 503 in time', async () => {
	fresh();
	up.on('/one', hang);
	await kit.listens(kit.start());
	const waits = await kit.begin('/api/one');
	await until('it is called', () => up.count('/one') === 1);
	const ended = kit.it.stop();
	const r = await waits.answer;
	equal([r.status, r.json.error], [503, 'overloaded']);
	equal(await ended, 0);
	await until('the call is given up', () => up.gone === 1);
});
await done();
