/*
 * An upstream that takes a job with 202 and is asked about it, by workers that
 * are real: and killed, drained, and started again. What is counted is what
 * arrived there: the job itself once.
 */
import {done, equal, match, ok, test} from '../tap.mjs';
import {startLine, startUpstream, until} from './line.mjs';

const json = (res, status, body, headers = {}) =>
	res.writeHead(status, {'content-type': 'application/json', ...headers})
		.end(JSON.stringify(body));
/* What is said of an operation: (res, how many times it was asked). */
const states = new Map();
const last = url => url.split('/').at(-1);
const places = {op: id => `/status/${id}`,
	absolute: id => `${up.url}/status/${id}`,
	elsewhere: id => `${other.url}/status/${id}`};
const taking = name => (req, res) => json(res, 202, {progress: 5},
	{location: places[name](last(req.url)), 'retry-after': '1'});
const up = await startUpstream({
	...Object.fromEntries(Object.keys(places).map(n => [n, taking(n)])),
	/* asked before we know its name: not yet */
	status: (req, res, body, n) =>
		(states.get(last(req.url)) ?? not_yet)(req, res, n),
	results: (req, res) => json(res, 200, {id: 'b/1'}),
});
const other = await startUpstream({});

const line = await startLine({upstreams: [{name: 'up', base: up.url,
	headers: {'X-Own': 'yes'}}],
apis: Object.keys(places).map(name => ({name, upstream: 'up'}))});
let worker = line.worker();
const asked = id => up.count(`/status/${id}`);
const sent = id => up.calls.filter(c => c.method === 'POST' &&
	last(c.url) === id).length;
const not_yet = (req, res) => json(res, 202, {progress: 40,
	message: 'halfway\u0007there'}, {'retry-after': '1'});
const over = (req, res) => json(res, 200, {id: 'b/1'});
/* Taken by the upstream, which says `state` whenever it is asked. */
async function taken(name, state) {
	const id = await line.send(`/api/${name}`);

	states.set(id, state); /* asked a second later at the earliest */
	await until('it is asked', () => asked(id));
	return id;
}

test('asked until it is done, and its progress is told', async () => {
	let now = not_yet;
	const id = await taken('op', (...a) => now(...a));
	const job = await until('its progress', () => {
		const j = line.show(id);
		return j.progress === 40 && j;
	});
	equal([job.status, job.attempt, job.progressMessage],
		['processing', 1, 'halfway there']);
	now = over;
	const end = await line.ended(id);
	equal([end.status, end.httpStatus, end.attempt, sent(id)],
		['completed', 200, 1, 1]);
	equal(line.jobs('show', id, '--result').out, '{"id":"b/1"}');
	const call = up.calls.find(c => c.path === `/status/${id}`);
	equal([call.method, call.body, call.headers['x-own']],
		['GET', '', 'yes']);
	match(worker.log, /"event":"job-polled"/);
	ok(!worker.log.includes('halfway'));
});

test('its answer may be elsewhere, as long as that is its own', async () => {
	const id = await taken('absolute', (req, res) =>
		res.writeHead(303, {location: `${up.url}/results/${last(req.url)}`}).end());
	const end = await line.ended(id);
	equal([end.status, up.count(`/results/${id}`), sent(id)],
		['completed', 1, 1]);
	const out = await line.ended(await line.send('/api/elsewhere'));
	equal([out.status, out.httpStatus, other.calls.length],
		['completed', 200, 0]);
});

test('polls that break are repeated, the job is not', async () => {
	const id = await taken('op', (req, res, n) =>
		n === 1 ? req.socket.destroy() :
			n === 2 ? json(res, 500, {}) : over(req, res));
	const end = await line.ended(id);
	equal([end.status, end.attempt, asked(id), sent(id)],
		['completed', 1, 3, 1]);
});

test('its worker is killed: the next one asks on', async () => {
	let now = not_yet;
	const id = await taken('op', (...a) => now(...a));
	worker.child.kill('SIGKILL');
	await worker.ended;
	now = over;
	worker = line.worker();
	const end = await line.ended(id);
	equal([end.status, end.attempt, sent(id)], ['completed', 2, 1]);
});

test('its worker is told to end: given back, no attempt burnt', async () => {
	let now = not_yet;
	const id = await taken('op', (...a) => now(...a));
	worker.child.kill('SIGTERM');
	equal(await worker.ended, 0);
	equal([line.show(id).status, sent(id)], ['pending', 1]);
	/* who asks for its end is told to wait for an answer */
	equal(line.jobs('cancel', id).status, 0);
	equal(line.show(id).status, 'pending');
	now = over;
	worker = line.worker();
	const end = await line.ended(id);
	equal([end.status, end.attempt - end.released, sent(id)],
		['completed', 1, 1]);
});

test('it knows nothing of it any more: unknown, and sent once', async () => {
	const id = await taken('op', (req, res) => json(res, 404, {}));
	const end = await line.ended(id);
	equal([end.reason, end.attempt, sent(id)], ['outcome-unknown', 3, 1]);
});

await done();
