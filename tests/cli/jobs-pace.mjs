/*
 * lowtide-jobs pause, resume and stats, beside a running endpoint and worker:
 * an API that is paused is not worked on, whoever starts, until it is resumed,
 * and then at once.
 */
import {done, equal, match, ok, test} from '../tap.mjs';
import {startLine, startUpstream, until} from './line.mjs';

const waiting = [];
const up = await startUpstream({
	a: (req, res) => res.writeHead(200).end(),
	b: (req, res) => waiting.push(() => res.writeHead(200).end()),
	busy: (req, res, body, n) => n === 1 ?
		res.writeHead(429, {'retry-after': '3600'}).end() :
		res.writeHead(200).end(),
});
const line = await startLine({
	upstreams: [{name: 'up', base: up.url, timeoutMs: 60000}],
	apis: [{name: 'a', upstream: 'up', requestPath: '/a'},
		{name: 'b', upstream: 'up', requestPath: '/b'},
		{name: 'busy', upstream: 'up', requestPath: '/busy'}],
});
const stats = () => {
	const r = line.jobs('stats', '--json');
	equal([r.status, r.err], [0, '']);
	const {apis, ...rest} = JSON.parse(r.out);
	return {...rest, ...Object.fromEntries(apis.map(x => [x.api, x]))};
};
const told = (r, status, text) => {
	equal([r.status, r.out], [status, ''], r.err);
	match(r.err, text);
};

test('an idle store', () => {
	const {a, workerSeenAt, fileBytes} = stats();
	equal([a.pending, a.running, a.held, a.needing, a.completed],
		[0, 0, 0, 0, 0]);
	equal([a.oldestPendingAt, a.medianMs, a.medianRunMs, a.restsUntil,
		a.pausedSince], [null, null, null, null, null]);
	equal(workerSeenAt, null);
	ok(fileBytes > 0);
});

test('what is paused is not worked on, and the others are', async () => {
	line.worker();
	told(line.jobs('pause', 'a', '-m', 'the\x1b[2J evening'), 0,
		/ paused a: the\\x1b\[2J evening; what is accepted waits/);
	const stays = await line.send('/api/a');
	const next = await line.send('/api/a');
	const runs = await line.send('/api/b');
	await until('the other one', () => waiting.length === 1);
	equal(up.count('/a'), 0);
	equal([line.show(stays).status, line.show(next).status],
		['pending', 'pending']);
	const {a, b, workerSeenAt} = stats();
	equal([a.pending, a.running, b.pending, b.running], [2, 0, 0, 1]);
	equal(a.oldestPendingAt, line.show(stays).createdAt);
	ok(Date.parse(a.pausedSince) <= Date.now());
	equal(b.pausedSince, null);
	ok(workerSeenAt !== null);
	waiting.splice(0).forEach(go => go());
	await line.ended(runs);
	match(line.jobs('ls').err, /^a is paused since .* goes on with it\n$/);
	match(line.jobs('stats').out, /^a .*  paused since \d{4}-/m);
});

test('also by a worker that is started then', async () => {
	const other = line.worker();
	await until('it has begun', () =>
		other.log.includes('worker-started'));
	const runs = await line.send('/api/b');
	await until('it works', () => waiting.length === 1);
	waiting.splice(0).forEach(go => go());
	await line.ended(runs);
	equal(up.count('/a'), 0);
	told(line.jobs('pause', 'a'), 0, / a was paused already, since \d/);
});

test('resumed, it goes on at once', async () => {
	told(line.jobs('resume', 'a', 'b'), 0,
		/ resumed a, which was paused since .*\n.* b was not paused\n$/);
	await until('both', () => up.count('/a/') + up.count('/a') === 2);
	await until('they end', () => stats().a.completed === 2);
	const {a} = stats();
	equal([a.pending, a.oldestPendingAt, a.pausedSince], [0, null, null]);
	ok(a.medianMs >= a.medianRunMs && a.medianRunMs >= 0);
	equal(line.jobs('ls').err, '');
});

test('one that its upstream asked for is told as well', async () => {
	await line.send('/api/busy');
	await until('it rests', () => stats().busy.restsUntil);
	ok(Date.parse(stats().busy.restsUntil) > Date.now() + 1000 * 1000);
	equal(stats().busy.pausedSince, null);
	match(line.jobs('stats').out, /^busy .*  its upstream rests until /m);
	told(line.jobs('resume', 'busy'), 0,
		/ busy goes on at \d{4}-.*: its upstream said so, by Retry-After\n$/);
});

test('a name that is wrong changes nothing', () => {
	told(line.jobs('pause', 'b', 'aa'), 1,
		/no-such-api: .*did you mean `a`/);
	equal(stats().b.pausedSince, null);
	told(line.jobs('stats', '--api', 'x'), 1, /no-such-api/);
	equal(JSON.parse(line.jobs('stats', '-a', 'b', '--json').out).apis
		.map(x => x.api), ['b']);
});

await done();
