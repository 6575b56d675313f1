/*
 * An upstream of the tests of reads, which keeps a record: each call in the
 * order they came, how many were under way at most, and which of them were
 * given up by whoever made them.
 *
 *	const up = await simulate();
 *	up.on('/tier', hold);             answers when up.release() says so
 *	up.on('/risk', status(500));      a mood by the beginning of a path
 *	up.calls, up.count('/tier'), up.most, up.gone
 *
 * Without a mood it answers {"path": …} at once.
 */
import http from 'node:http';
import https from 'node:https';
import {cleanup} from '../tap.mjs';

export const json = (value, headers = {}) => (req, res) => res.writeHead(200,
	{'content-type': 'application/json', ...headers})
	.end(JSON.stringify(value));
export const status = (code, headers = {}, body = '') => (req, res) =>
	res.writeHead(code, headers).end(body);
export const text = (body, headers = {}) => (req, res) => res.writeHead(200,
	{'content-type': 'application/json', ...headers}).end(body);
export const hang = () => {};
export const reset = req => req.socket.resetAndDestroy?.() ??
	req.socket.destroy();
/* No HTTP at all. */
export const noise = req => req.socket.end('\x00\x01\x02 not HTTP\r\n\r\n');
/* Says it is whole, and is not. */
export const cut = (req, res) => {
	res.writeHead(200, {'content-length': 1000});
	res.write('{"a":');
	setTimeout(() => req.socket.destroy(), 20);
};
/* As many bytes as are taken, a gigabyte at most; `declared`: told before. */
export const flood = declared => (req, res) => {
	const piece = Buffer.alloc(65536, ' ');
	let left = 1 << 14;
	res.writeHead(200, declared ? {'content-length': 1 << 30} : {});
	const more = () => {
		while (left-- > 0)
			if (!res.write(piece))
				return res.once('drain', more);
		res.end();
	};
	more();
};
/* A byte now and then, without an end. */
export const drip = (req, res) => {
	res.writeHead(200);
	const timer = setInterval(() => res.write(' '), 20);
	res.on('close', () => clearInterval(timer));
};
/* Answers once: then as the next mood says. */
export const first = (n, mood, then) => (req, res, call, nth) =>
	(nth <= n ? mood : then)(req, res, call, nth);

export async function simulate({tls, port = 0} = {}) {
	const up = {calls: [], now: 0, most: 0, gone: 0, moods: new Map(),
		held: [], sockets: new Set()};
	const take = (req, res) => {
		const call = {n: up.calls.length, url: req.url,
			path: req.url.split('?')[0], method: req.method,
			headers: req.headers, ended: false, gone: false};
		up.calls.push(call);
		up.now++;
		up.most = Math.max(up.most, up.now);
		res.on('close', () => {
			up.now--;
			call.ended = res.writableFinished;
			call.gone = !call.ended;
			up.gone += call.gone;
		});
		const mood = [...up.moods].sort((a, b) =>
			b[0].length - a[0].length)
			.find(([path]) => call.path.startsWith(path));
		(mood ? mood[1] : json({path: call.path}))(req, res, call,
			up.count(call.path));
	};
	const server = tls ? https.createServer(tls, take) :
		http.createServer(take);
	server.keepAliveTimeout = 60000;
	server.on('connection', s => {
		up.sockets.add(s);
		s.on('error', () => {});
		s.on('close', () => up.sockets.delete(s));
	});
	server.on('clientError', (e, s) => s.destroy());
	await new Promise((done, fail) => {
		server.once('error', fail);
		server.listen(port, '127.0.0.1', done);
	});
	const stop = () => new Promise(done => {
		server.close(done);
		for (const s of up.sockets)
			s.destroy();
	});
	cleanup(stop);
	/* Waits until it is let go, by release(); `mood` answers then. */
	up.hold = (mood = json({held: true})) => (req, res, call, nth) =>
		up.held.push(() => mood(req, res, call, nth));
	up.release = () => up.held.splice(0).forEach(go => go());
	/* Answers when n of them wait: those who come one after the other never
	   do. */
	up.gate = (n, mood) => (req, res, call, nth) => {
		up.hold(mood)(req, res, call, nth);
		if (up.held.length >= n)
			up.release();
	};
	return Object.assign(up, {
		port: server.address().port,
		url: `${tls ? 'https' : 'http'}://127.0.0.1:` +
			server.address().port,
		on: (path, mood) => up.moods.set(path, mood),
		count: path => up.calls.filter(c =>
			!path || c.path.startsWith(path)).length,
		forget: () => {
			up.calls.length = 0;
			up.most = up.now;
			up.gone = 0;
		},
		stop});
}
