/*
 * The other side of work.mjs, a process of its own that nobody kills. It writes
 * down what came over the wire before it does or says anything, a JSON line
 * each, and that is the truth of the whole campaign:
 *
 *	{what: 'arrival', n, t, api, id, conn, first, instance, mood, done}
 *	{what: 'answer', n, t, status}     before its first byte
 *	{what: 'sent', n, t}               all of it was taken by the network
 *	{what: 'gone', n, t}               the caller went before that
 *	{what: 'poll', n, t, id, mood}     of an operation that is under way
 *	{what: 'shut', t, conn}            closed before anything was read
 *
 * n: the arrival's number; conn, first: the connection, and whether it is the
 * first on it; instance: which worker says that it calls; done: whether what it
 * was asked for has been done by it.
 *
 * It is calm at first, and everything is done and answered at once; PUT /moods:
 * no longer; PUT /calm: again. Arguments: the record, a seed.
 */
import {appendFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {drawer} from './work-draw.mjs';

const [record, seed] = process.argv.slice(2);
const draw = drawer(Number(seed));
const write = line => appendFileSync(record,
	`${JSON.stringify({...line, t: Date.now()})}\n`);

/* [weight, mood]: what becomes of a call. */
const MOODS = [[56, 'ok'], [15, 'slow'], [4, 'refuse'], [3, 'error'],
	[3, 'busy'], [2, 'later'], [4, 'silent'], [4, 'silent-done'],
	[2, 'hang'], [2, 'half']];
const POLLS = [[60, 'ok'], [20, 'running'], [8, 'error'], [8, 'silent'],
	[4, 'elsewhere']];
const SHUT = 0.02;
const DONE = ['ok', 'slow', 'silent-done', 'hang', 'half'];
let calm = true, arrivals = 0, connections = 0;
const conns = new WeakMap();

function answer(n, res, status, body, headers = {}) {
	write({what: 'answer', n, status});
	res.writeHead(status, {'content-type': 'application/json', ...headers});
	res.end(JSON.stringify(body));
}

/* Whether a caller heard all of it: as far as one can tell from here. */
function watch(n, res) {
	let over = false;
	const end = what => () => {
		if (!over)
			write({what, n});
		over = true;
	};
	res.on('finish', end('sent'));
	res.on('close', end('gone'));
}

/* What an upstream's own words are passed on as: see understand(). */
const no = id => ({jobStatus: 'failed', jobId: id});
const success = (api, id) => api === 'polled' ?
	[202, {taken: id}, {location: `/op/${id}`, 'retry-after': '1'}] :
	[200, {did: id}];
const acts = {
	ok: (n, res, api, id) => answer(n, res, ...success(api, id)),
	slow: (n, res, api, id) => setTimeout(() =>
		answer(n, res, ...success(api, id)), 50 + 250 * draw.real()),
	refuse: (n, res, api, id) => answer(n, res, 422, no(id)),
	error: (n, res) => answer(n, res, 500, {sorry: true}),
	busy: (n, res, api, id) => answer(n, res, 429, no(id),
		{'retry-after': draw.real() < 0.8 ? '0' : '1'}),
	later: (n, res) => answer(n, res, 503, {sorry: true},
		{'retry-after': draw.real() < 0.8 ? '0' : '1'}),
	silent: (n, res) => res.socket.end(),
	'silent-done': (n, res) => res.socket.end(),
	hang: () => {},
	/* its answer begins, and that is all */
	half: (n, res) => {
		write({what: 'answer', n, status: 200, half: true});
		res.writeHead(200, {'content-length': '1000'});
		res.write('{');
		setTimeout(() => res.socket?.destroy(), 20);
	},
};

const polls = {
	ok: (res, id) => answerPoll(res, 200, {did: id}),
	running: (res) => answerPoll(res, 200, {status: 'Running',
		progress: 50}),
	error: res => answerPoll(res, 500, {sorry: true}),
	silent: res => res.socket.end(),
	elsewhere: (res, id) => answerPoll(res, 303, {},
		{location: `/result/${id}`}),
};
function answerPoll(res, status, body, headers = {}) {
	res.writeHead(status, {'content-type': 'application/json', ...headers});
	res.end(JSON.stringify(body));
}

const server = createServer(async (req, res) => {
	const parts = [];
	try {
		for await (const p of req)
			parts.push(p);
	} catch {
		return; /* not all of it came */
	}
	const [, api, id] = req.url.split('/');
	const conn = conns.get(req.socket);
	if (api === 'calm' || api === 'moods') {
		calm = api === 'calm';
		res.end();
		return;
	}
	if (api === 'op' || api === 'result') {
		const mood = calm || api === 'result' ? 'ok' : draw.one(POLLS);
		write({what: 'poll', n: ++arrivals, id, mood});
		polls[mood](res, id);
		return;
	}
	const n = ++arrivals, mood = calm ? 'ok' : draw.one(MOODS);
	write({what: 'arrival', n, api, id, conn: conn.number,
		first: conn.calls++ === 0, instance: req.headers['x-instance'],
		mood, done: DONE.includes(mood)});
	watch(n, res);
	acts[mood](n, res, api, id);
});
server.on('connection', socket => {
	conns.set(socket, {number: ++connections, calls: 0});
	socket.on('error', () => {});
	if (calm || draw.real() >= SHUT)
		return;
	write({what: 'shut', conn: connections});
	socket.destroy();
});
server.keepAliveTimeout = 2000;
server.listen(0, '127.0.0.1', () =>
	console.log(`http://127.0.0.1:${server.address().port}`));
