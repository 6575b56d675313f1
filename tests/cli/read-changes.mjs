/*
 * Reads in waves, by the upstream's record of what was asked after what; and
 * what changes while they are out: other times, headers and upstreams by
 * SIGHUP, an upstream that is away and comes back, and the program itself.
 */
import {readFileSync, readdirSync, renameSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import {ABORT, Client, record, request} from '../fcgi-client.mjs';
import {done, equal, match, ok, test} from '../tap.mjs';
import {pause, until} from './line.mjs';
import {configOf, startRead} from './read-kit.mjs';
import {hang, json, simulate, status} from './read-upstream.mjs';

const up = await simulate(), other = await simulate();
const away = await new Promise(found => {
	const server = net.createServer().listen(0, '127.0.0.1', () => {
		const {port} = server.address();
		server.close(() => found(port));
	});
});
const each = (name, path, more) => ({name, upstream: 'u', path, each: 'id',
	...more});
const ids = max => [{name: 'id', from: 'path.ids', max}];
const kept = more => ({name: 'kept', calls: [{name: 'kept', upstream: 'u',
	path: '/kept', ttlMs: 600000, ...more}]});
const site = {
	upstreams: [{name: 'u', base: up.url, headers: {'X-Site': 'one'}},
		{name: 'v', base: other.url},
		{name: 'away', base: `http://127.0.0.1:${away}`,
			breakerWindowMs: 60000, breakerCalls: 2,
			breakerFailures: 50, breakerOpenMs: 300,
			breakerProbes: 1}],
	reads: [
		{name: 'waves', ids: [
			{name: 'crn', from: 'call.list.cases.crn', max: 100}],
		calls: [{name: 'list', upstream: 'u', path: '/list'},
			{name: 'person', upstream: 'u', path: '/person/{id.crn}',
				each: 'crn'},
			{name: 'risk', upstream: 'u', each: 'crn',
				path: '/risk/{call.person.risk}'}]},
		{name: 'must', path: '/api/must/{ids}', ids: ids(9), calls: [
			each('tier', '/tier/{id.id}', {passOn: ['410', '404']}),
			each('more', '/more/{id.id}', {passOn: ['404']})]},
		{name: 'look', ids: [{name: 'x', from: 'call.twice.a', max: 3}],
			calls: [{name: 'twice', upstream: 'u', path: '/twice'}]},
		{name: 'splice', calls: [
			{name: 'twice', upstream: 'u', path: '/twice'}]},
		{name: 'away', calls: [
			{name: 'away', upstream: 'away', path: '/away'}]},
		/* its sandbox leaves open what is called at the start */
		{name: 'v', calls: [{name: 'v', upstream: 'v', path: '/v'}]},
		kept(),
	],
};
const kit = await startRead({...site, args: ['--log-level', 'debug']});
const fresh = () => {
	up.moods.clear();
	up.forget();
	other.moods.clear();
	other.forget();
};
const hup = async next => {
	const before = kit.it.lines('reloaded').length;
	writeFileSync(kit.at('next'), JSON.stringify(configOf({...site, ...next})));
	renameSync(kit.at('next'), kit.at('lowtide.json'));
	process.kill(kit.it.pid, 'SIGHUP');
	await until('it is read', () =>
		kit.it.lines('reloaded').length > before);
};
const paths = () => up.calls.map(c => c.path);

/* ---- waves ----------------------------------------------------------------- */

test('a wave is asked all at once, each of the next as soon as it can', async () => {
	fresh();
	up.on('/list', json({cases: [{crn: 1}, {crn: 2}, {crn: 3}]}));
	const people = [];
	up.on('/person', (req, res, call) => people.push(() =>
		json({risk: `r${call.path.at(-1)}`})(req, res)));
	const ask = await kit.begin('/api/waves');
	await until('all of the second wave are out', () => people.length === 3);
	equal(paths().slice(0, 1), ['/list']);
	equal(paths().slice(1).sort(), ['/person/1', '/person/2', '/person/3']);
	/* one of them is back: nobody waits for the others */
	people.shift()();
	await until('the third wave begins', () => up.count('/risk') === 1);
	equal(up.now, 2);
	people.forEach(go => go());
	const r = await ask.answer;
	equal(r.json.data.risk, {1: {path: '/risk/r1'}, 2: {path: '/risk/r2'},
		3: {path: '/risk/r3'}});
	equal(up.calls.length, 7);
});
test('ten thousand identifiers of a result: the first, and it is told', async () => {
	fresh();
	up.on('/list', json({cases: Array.from({length: 10000}, (x, i) =>
		({crn: i}))}));
	up.on('/person', json({risk: 1}));
	const r = await kit.get('/api/waves');
	equal([r.status, r.headers['x-aggregate-complete'],
		Object.keys(r.json.data.person).length, up.count('/person')],
	[200, 'false', 100, 100]);
	equal(r.json.upstreamFailures, [{endpoint: 'list',
		failureType: 'UNKNOWN_ERROR', httpResponseStatus: null,
		message: 'it has more than 100 of {crn}', identifier: null}]);
});
test('of required ones one is enough, and the rest is given up', async () => {
	fresh();
	up.on('/tier', hang);
	up.on('/more', hang);
	up.on('/more/3', status(500));
	const r = await kit.get('/api/must/1,2,3');
	equal([r.status, r.json.upstreamFailures.map(f =>
		[f.endpoint, f.identifier])], [502, [['more', '3']]]);
	await until('they are given up', () => up.gone === 5);
	/* the first in the file that is passed on decides, of those that came */
	up.on('/more/3', status(404));
	equal((await kit.get('/api/must/1,2,3')).status, 404);
	up.on('/more', status(410));
	equal((await kit.get('/api/must/1')).status, 502);
	await until('they are given up', () => up.now === 0);
	equal(up.gone, 5 + 5 + 1);
});
test('a name that stands twice: passed on as it came, not looked into', async () => {
	fresh();
	up.on('/twice', (req, res) => res.end('{"a":1,"a":2}'));
	equal((await kit.get('/api/splice')).text,
		'{"data":{"twice":{"a":1,"a":2}},"upstreamFailures":[]}');
	const r = await kit.get('/api/look');
	equal([r.status, r.json.upstreamFailures.map(f =>
		[f.failureType, f.message])],
	[502, [['UNKNOWN_ERROR', 'its answer is not JSON']]]);
});

test('a server that takes a request back, on a connection it keeps', async () => {
	fresh();
	up.on('/tier', hang);
	up.on('/more', hang);
	const c = await Client.dial(kit.socket);
	const ask = id => c.send(request({id, method: 'GET', keep: true,
		uri: '/api/must/1,2'}));
	ask(1);
	await until('they are made', () => up.now === 4);
	c.send(record(ABORT, 1));
	await until('they are given up', () => up.gone === 4);
	await c.answer(1);
	fresh();
	ask(1);
	equal((await c.answer(1)).status, 200);
	c.close();
});

/* ---- another configuration ------------------------------------------------- */

test('other times, headers and upstreams, while a call is out', async () => {
	fresh();
	const nth = (req, res, call) => json({n: call.n})(req, res);
	const ask = async () => {
		const r = await kit.get('/api/kept');
		return [r.json.data.kept.n, r.headers['cache-control']];
	};
	up.on('/kept', up.hold(nth));
	const old = await kit.begin('/api/kept');
	await until('it is called', () => up.held.length === 1);
	/* not kept any more: asked anew, though one is out that is */
	await hup({reads: [kept({ttlMs: 0})]});
	const joins = await kit.begin('/api/kept');
	await kit.get('/api/nothing');
	equal(up.calls.length, 1); /* the same call all the same */
	up.release();
	match((await old.answer).headers['cache-control'], /^private, max-age=/);
	equal((await joins.answer).json.data.kept, {n: 0});
	up.on('/kept', nth);
	equal([(await ask()), (await ask())],
		[[1, 'no-store'], [2, 'no-store']]);
	/* kept again: what the first brought is still there, for so long */
	await hup({reads: [kept({ttlMs: 600000})]});
	equal((await ask())[0], 0);
	await hup({reads: [kept({ttlMs: 60000})]});
	const [n, control] = await ask();
	equal(n, 0);
	ok(Number(/max-age=(\d+)/.exec(control)[1]) <= 60, control);
	/* another header is another answer, another upstream as well */
	await hup({upstreams: [{...site.upstreams[0],
		headers: {'X-Site': 'two'}}, ...site.upstreams.slice(1)]});
	equal((await ask())[0], 3);
	equal(up.calls[3].headers['x-site'], 'two');
	other.on('/kept', (req, res) => json({n: 'other'})(req, res));
	await hup({reads: [kept({upstream: 'v'})]});
	equal([(await ask())[0], up.calls.length, other.count()],
		['other', 4, 1]);
	/* the name the same, and the place another */
	await hup({upstreams: [{...site.upstreams[0], base: other.url},
		...site.upstreams.slice(1)]});
	equal([(await ask())[0], up.calls.length], ['other', 4]);
	await hup({});
	equal((await ask())[0], 0);
});
test('fewer at once, while more are out', async () => {
	fresh();
	const wide = {name: 'wide', path: '/api/wide/{ids}', ids: ids(9),
		calls: [each('wide', '/wide/{id.id}')]};
	await hup({reads: [wide]});
	up.on('/wide', up.hold());
	const first = await kit.begin('/api/wide/1,2,3,4');
	await until('they are out', () => up.held.length === 4);
	await hup({reads: [wide], upstreams: [
		{...site.upstreams[0], concurrency: 1}, ...site.upstreams.slice(1)]});
	const second = await kit.begin('/api/wide/5,6');
	await kit.get('/api/nothing');
	equal(up.calls.length, 4);
	up.release();
	equal((await first.answer).status, 200);
	await until('one of them begins', () => up.held.length === 1);
	await kit.get('/api/nothing');
	equal(up.now, 1);
	up.release();
	await until('then the other', () => up.held.length === 1);
	up.release();
	equal((await second.answer).status, 200);
	await hup({});
});
test('a read that cannot be answered spoils no other', async () => {
	fresh();
	await hup({reads: [kept(), {name: 'ring', calls: [
		{name: 'a', upstream: 'u', path: '/{call.b.x}'},
		{name: 'b', upstream: 'u', path: '/{call.a.x}'}]}]});
	const r = await kit.get('/api/ring');
	equal([r.status, r.json.error, up.calls.length], [500, 'internal', 0]);
	await until('it is logged', () => /wait for each other/.test(
		kit.it.lines('read-not-made').at(-1)?.why));
	equal((await kit.get('/api/kept')).status, 200);
	await hup({});
});

test('tokens from the start on, or never', async () => {
	fresh();
	const before = kit.it.lines('restart-needed').length;
	writeFileSync(kit.at('next'), JSON.stringify(configOf({...site,
		providers: [{name: 'id', kind: 'oidc', leewayMs: 5000,
			issuer: 'https://id.example', audiences: ['site'],
			algorithms: ['ES256']}],
		reads: [{...kept(), auth: 'id'}]})));
	renameSync(kit.at('next'), kit.at('lowtide.json'));
	process.kill(kit.it.pid, 'SIGHUP');
	await until('it is refused', () =>
		kit.it.lines('restart-needed').length > before);
	match(kit.it.lines('restart-needed').at(-1).why, /tokens/);
	equal((await kit.get('/api/kept')).status, 200);
	await hup({});
});

/* ---- an upstream, away and back --------------------------------------------- */

test('one that is not there, and then is', async () => {
	fresh();
	for (let i = 0; i < 2; i++)
		equal((await kit.get('/api/away')).status, 502);
	/* to half-open in whole seconds */
	let r = await kit.get('/api/away');
	if (r.status === 503)
		equal([r.json.error, r.headers['retry-after']],
			['circuit-open', '1']);
	const back = await simulate({port: away});
	r = await until('it is asked again', async () => {
		const a = await kit.get('/api/away');
		await pause(50);
		return a.status === 200 && a;
	});
	equal(r.json.data.away, {path: '/away'});
	await until('it is logged', () =>
		kit.it.lines('breaker-closed').length === 1);
	/* and goes with calls out, on connections that were kept */
	back.on('/away', hang);
	const waits = await kit.begin('/api/away');
	await until('it is called', () => back.now === 1);
	await back.stop();
	r = await waits.answer;
	equal([r.status, r.json.upstreamFailures.map(f => f.failureType)],
		[502, ['UNKNOWN_ERROR']]);
	const again = await simulate({port: away});
	await until('and comes back', async () => {
		await pause(50);
		return (await kit.get('/api/away')).status === 200;
	});
	ok(again.count('/away') >= 1);
});

/* ---- the process ------------------------------------------------------------ */

const tasks = pid => readdirSync(`/proc/${pid}/task`).map(task =>
	readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'));
test('confined, by the kernel\'s account of each thread', () => {
	const all = tasks(kit.it.pid);
	ok(all.length >= 1);
	for (const said of all) {
		match(said, /^NoNewPrivs:\t1$/m);
		match(said, /^Seccomp:\t2$/m);
		match(said, /^CapEff:\t0+$|^Uid:\t0/m);
	}
	match(readFileSync(`/proc/${kit.it.pid}/limits`, 'utf8'),
		/^Max core file size\s+0\s+0/m);
	const partial = kit.it.lines('sandbox-partial');
	ok(partial.every(l => /^(landlock|no-core)$/.test(l.missing)));
});
test('killed with calls out: they stop, and it starts with nothing', async () => {
	fresh();
	equal((await kit.get('/api/kept')).status, 200);
	up.on('/tier', hang);
	up.on('/more', hang);
	const waits = await kit.begin('/api/must/1,2');
	await until('they are out', () => up.now === 4);
	await kit.it.stop('SIGKILL');
	await until('they stopped', () => up.gone === 4);
	await waits.answer.catch(() => {});
	await kit.listens(kit.start());
	fresh();
	equal((await kit.get('/api/kept')).status, 200);
	equal(up.count('/kept'), 1); /* what it kept is gone */
	equal(await kit.it.stop(), 0);
});
await done();
