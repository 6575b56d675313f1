/*
 * requests.mjs: what is kept for a tab under a key, from before the request is
 * sent until it is known how it ended; also where nothing can be kept.
 */
import {ok, equal, done} from '../tap.mjs';
import {ACCEPTED, STATUS, against, at, block, caught, empty, hangUp, json,
	load, plain, accepted, problem, stream, until} from './requests-kit.mjs';

const name = ({headers}) => headers['x-request-id'];

against('kept before it is sent, with its ticket, until it has ended', [
	(req, res) => {
		sent = Object.entries(globalThis.sessionStorage);
		accepted(req, res);
	}, stream(),
], async ({api, seen, shelf, base}) => {
	const job = api.submit('POST x', {}, {key: 'return'});
	equal(job.key, 'return');
	await until(() => job.statusUrl);
	equal(sent, [[`lowtide:${base}/api/`, JSON.stringify({return: {
		key: 'return', api: 'POST x', requestId: job.requestId,
		statusUrl: null}})]]);
	equal(api.kept(), [{key: 'return', api: 'POST x',
		requestId: job.requestId, statusUrl: base + STATUS}]);
	await until(() => seen.length === 2);
	seen[1].res.write(block(2, 'completed', {result: 1}));
	equal(await job.result(), 1);
	equal([api.kept(), shelf.kept], [[], {[`lowtide:${base}/api/`]: '{}'}]);
});
let sent;

against('pressing again is the same request, until it has ended', [
	...Array(8).fill(hangUp), json(200, 1), json(200, 2),
], async ({api, seen}) => {
	const press = () => api.submit('x', {}, {key: 'k'}).result();
	await caught(press());
	equal(await press(), 1);
	equal(await press(), 2);
	equal(new Set(seen.slice(0, 9).map(name)).size, 1);
	ok(name(seen[8]) !== name(seen[9]));
});

against('twice at once, too; and the one leaves what is the other\'s', [
	json(200, 1), json(200, 1), ...Array(8).fill(hangUp),
], async ({api, seen}) => {
	const [a, b] = [api.submit('x', {}, {key: 'k'}),
		api.submit('x', {}, {key: 'k'})];
	await a.result();
	await b.result();
	equal(name(seen[0]), name(seen[1]));
	await caught(api.submit('x', {}, {key: 'k'}).result());
	const [{requestId}] = api.kept();
	await a.cancel();
	equal(api.kept()[0].requestId, requestId);
});

against('what ends late leaves the record of the next one', [
	accepted, stream(), ...Array(8).fill(hangUp),
], async ({api, seen, shelf, base}) => {
	const job = api.submit('x', {}, {key: 'k'});
	await until(() => seen.length === 2);
	delete shelf.kept[`lowtide:${base}/api/`];
	await caught(api.submit('x', {}, {key: 'k'}).result());
	equal(api.kept().length, 1);
	seen[1].res.write(block(2, 'completed'));
	await job.result();
	equal(api.kept().length, 1);
	ok(api.kept()[0].requestId !== job.requestId);
});

against('another API is another request', [
	...Array(8).fill(hangUp), json(200, 1),
], async ({api, seen}) => {
	await caught(api.submit('x', {}, {key: 'k'}).result());
	await api.submit('PUT x', {}, {key: 'k'}).result();
	ok(name(seen[0]) !== name(seen[8]));
});

against('resume() after a reload', [
	accepted, stream(), at(5, 'completed', {result: 9}),
], async ({api, url, seen}) => {
	const stop = new AbortController();
	const job = api.submit('x', {}, {key: 'k', signal: stop.signal});
	await until(() => seen.length === 2);
	stop.abort();
	await caught(job.result());
	const {connect} = await load();
	const again = connect({base: url}).resume('k');
	equal([again.key, again.requestId, again.statusUrl],
		['k', job.requestId, job.statusUrl]);
	equal(await again.result(), 9);
	equal([again.state.status, api.kept(), api.resume('k')],
		['completed', [], null]);
});

against('where it is not known whether it arrived there is nothing to resume', [
	...Array(8).fill(hangUp),
], async ({api}) => {
	equal(api.resume('k'), null);
	await caught(api.submit('x', {}, {key: 'k'}).result());
	equal(api.resume('k'), null);
	equal(api.kept()[0].statusUrl, null);
});

against('resume() that is aborted; that finds it gone', [
	accepted, stream(), problem(404, 'job-not-found'),
], async ({api, seen}) => {
	const stop = new AbortController();
	const job = api.submit('x', {}, {key: 'k', signal: stop.signal});
	await until(() => seen.length === 2);
	stop.abort();
	await caught(job.result());
	const other = api.resume('k', {signal: AbortSignal.abort()});
	equal((await caught(other.result())).name, 'AbortError');
	equal(api.kept().length, 1);
	equal((await caught(api.resume('k').result())).type, 'job-not-found');
	equal(api.kept(), []);
});

const full = (more) => problem(503, 'queue-full', {jobStatus: 'pending',
	jobId: 'job_1', ...more});
against('a server that is busy says where the job is: that is kept, too', [
	...Array(8).fill(full({instance: STATUS})), at(2, 'completed', {result: 3}),
	...Array(8).fill(full()),
], async ({api, base}) => {
	const press = () => caught(api.submit('x', {}, {key: 'k'}).result());
	equal((await press()).type, 'queue-full');
	equal(api.kept()[0].statusUrl, base + STATUS);
	equal(await api.resume('k').result(), 3);
	await press();
	equal([api.kept()[0].statusUrl, api.resume('k')], [null, null]);
});

against('resume() while it is being sent, and beside who sent it', [
	accepted, stream(), at(1, 'pending', {eventsUrl: ACCEPTED.eventsUrl}),
	stream(),
], async ({api, seen}) => {
	const job = api.submit('x', {}, {key: 'k'});
	equal(api.resume('k'), null);
	await until(() => seen.length === 2);
	const other = api.resume('k');
	await until(() => seen.length === 4);
	seen[1].res.write(block(2, 'completed', {result: 1}));
	equal([await job.result(), api.kept(), api.resume('k')], [1, [], null]);
	seen[3].res.write(block(2, 'completed', {result: 1}));
	equal(await other.result(), 1);
	equal([other.requestId, other.statusUrl],
		[job.requestId, job.statusUrl]);
});

for (const [what, document, type] of [
	['failed', at(5, 'failed', {problem: {type: '/problems/outcome-unknown',
		status: 502}}), 'outcome-unknown'],
	['was cancelled', at(5, 'cancelled'), 'job-cancelled'],
	['is gone', problem(410, 'job-expired', {jobStatus: 'completed'}),
		'job-expired']])
	against(`resume() of what ${what} meanwhile`, [
		accepted, stream(), document,
	], async ({api, seen}) => {
		const stop = new AbortController();
		const job = api.submit('x', {}, {key: 'k', signal: stop.signal});
		await until(() => seen.length === 2);
		stop.abort();
		await caught(job.result());
		const e = await caught(api.resume('k').result());
		equal([e.type, api.kept()], [type, []]);
	});

against('another request under that name: the key is that one\'s', [
	problem(409, 'id-conflict', {jobStatus: 'processing', jobId: 'job_1',
		instance: STATUS}),
	problem(409, 'id-conflict', {instance: '/api/x'}),
	at(2, 'completed', {result: 'the first'}),
], async ({api, base}) => {
	const other = () => api.submit('x', {b: 2}, {key: 'k'});
	equal((await caught(other().result())).type, 'id-conflict');
	equal((await caught(other().result())).type, 'id-conflict');
	const job = api.resume('k');
	equal(job.statusUrl, base + STATUS);
	equal(await job.result(), 'the first');
	equal(api.kept(), []);
});

against('a tab that is full, or may keep nothing', [
	accepted, stream(), ...Array(8).fill(hangUp), json(200, 1),
], async ({api, seen, shelf}) => {
	shelf.full = true;
	const job = api.submit('x', {}, {key: 'k'});
	await until(() => seen.length === 2);
	equal(shelf.kept, {});
	equal(api.kept()[0].statusUrl, job.statusUrl);
	seen[1].res.write(block(2, 'completed'));
	await job.result();
	equal(api.kept(), []);
	await caught(api.submit('x', {}, {key: 'k'}).result());
	await api.submit('x', {}, {key: 'k'}).result();
	equal(name(seen[2]), name(seen[10]));
});

against('full by now: what was written last counts', [
	accepted, stream(),
], async ({api, seen, shelf}) => {
	const stop = new AbortController();
	const job = api.submit('x', {}, {key: 'k', signal: stop.signal});
	shelf.full = true;
	await until(() => seen.length === 2);
	equal(api.kept()[0].statusUrl, job.statusUrl);
	stop.abort();
	await caught(job.result());
});

against('full for a while: what is written then counts, and is over', [
	...Array(8).fill(hangUp), json(200, 1), json(200, 2),
], async ({api, seen, shelf}) => {
	const press = () => api.submit('x', {}, {key: 'k'}).result();
	shelf.full = true;
	await caught(press());
	shelf.full = false;
	equal([await press(), api.kept()], [1, []]);
	await press();
	ok(name(seen[8]) !== name(seen[9]));
});

against('no storage at all, or one that must not be touched', [
	json(200, 1), json(200, 2),
], async ({url}) => {
	for (const get of [() => undefined, () => {
		throw new Error('SecurityError');
	}]) {
		Object.defineProperty(globalThis, 'sessionStorage',
			{get, configurable: true});
		const api = (await load()).connect({base: url});
		equal(api.kept(), []);
		await api.submit('x', {}, {key: 'k'}).result();
		equal(api.kept(), []);
	}
	delete globalThis.sessionStorage;
});

against('what others keep is none of ours', [], async ({api, connect, shelf,
	base}) => {
	const other = (origin) => shelf.kept[`lowtide:${origin}/api/`] =
		'{"k":{"key":"k","requestId":"1"}}';
	other(`${base}/other`);
	other('https://b.example');
	equal([api.kept(), api.resume('k')], [[], null]);
	equal(connect({base: `${base}/other/api`}).kept(),
		[{key: 'k', requestId: '1'}]);
	for (const text of ['{', 'null', '5', '[]', '""', '{"k":5}']) {
		shelf.kept[`lowtide:${base}/api/`] = text;
		equal(api.resume('k'), null);
	}
	shelf.kept[`lowtide:${base}/api/`] = 'null';
	equal([api.kept(), api.resume('k')], [[], null]);
});

against('without a key nothing is kept', [
	json(200, 1)], async ({api, shelf}) => {
	const job = api.submit('x');
	equal(shelf.kept, {});
	await job.result();
});
ok(ACCEPTED && plain && empty);
await done();
