/*
 * FastCGI as a web server speaks it, for tests that want to see or to break
 * single records. One Client is one connection; answers come by request id.
 *
 *	const c = await Client.dial(path);
 *	c.send(request({id: 1, method: 'GET', uri: '/api/jobs/health'}));
 *	const {status, headers, body} = await c.answer(1);
 */
import net from 'node:net';

export const BEGIN = 1, ABORT = 2, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6;

export function record(type, id, content = Buffer.alloc(0), padding = 0) {
	const bytes = Buffer.from(content);
	const header = Buffer.from([1, type, id >> 8, id & 255,
		bytes.length >> 8, bytes.length & 255, padding, 0]);
	return Buffer.concat([header, bytes, Buffer.alloc(padding)]);
}

function length(n) {
	if (n < 128)
		return Buffer.from([n]);
	const four = Buffer.alloc(4);
	four.writeUInt32BE((n | 0x80000000) >>> 0);
	return four;
}

export function pairs(params) {
	const parts = [];
	for (const [name, value] of Object.entries(params)) {
		const n = Buffer.from(name), v = Buffer.from(String(value));
		parts.push(length(n.length), length(v.length), n, v);
	}
	return Buffer.concat(parts);
}

export function begin(id, keep = true) {
	return record(BEGIN, id, [0, 1, keep ? 1 : 0, 0, 0, 0, 0, 0]);
}

function stream(type, id, content) {
	const parts = [];
	for (let at = 0; at < content.length; at += 32768)
		parts.push(record(type, id, content.subarray(at, at + 32768)));
	return Buffer.concat([...parts, record(type, id)]);
}

/* headers: {'x-request-id': 'abc'}; type: the body's media type. */
export function request({id = 1, method, uri, headers = {}, params = {},
	body = '', type = '', keep = true}) {
	const bytes = Buffer.from(body);
	const cgi = {REQUEST_METHOD: method, REQUEST_URI: uri,
		REMOTE_ADDR: '127.0.0.1', CONTENT_TYPE: type,
		CONTENT_LENGTH: bytes.length || '', ...params};
	for (const [name, value] of Object.entries(headers))
		cgi['HTTP_' + name.toUpperCase().replaceAll('-', '_')] = value;
	return Buffer.concat([begin(id, keep), stream(PARAMS, id, pairs(cgi)),
		stream(STDIN, id, bytes)]);
}

function parse(bytes) {
	const text = bytes.toString('latin1');
	const end = text.indexOf('\r\n\r\n');
	const headers = {};
	if (end < 0)
		return {status: 0, headers, body: ''};
	for (const line of text.slice(0, end).split('\r\n')) {
		const colon = line.indexOf(':');
		headers[line.slice(0, colon).toLowerCase()] =
			line.slice(colon + 1).trim();
	}
	return {status: parseInt(headers.status, 10), headers,
		body: bytes.subarray(end + 4).toString()};
}

export class Client {
	/* Rejects where nobody listens, or when nobody took it in ms. */
	static dial(path, ms = 60000) {
		return new Promise((resolve, reject) => {
			const socket = net.connect(path);
			const late = setTimeout(() => socket.destroy(
				new Error('not connected')), ms);
			socket.once('error', reject);
			socket.once('close', () => clearTimeout(late));
			socket.once('connect', () => {
				clearTimeout(late);
				resolve(new Client(socket));
			});
		});
	}

	constructor(socket) {
		this.socket = socket;
		this.bytes = Buffer.alloc(0);
		this.out = new Map();
		this.answers = new Map();
		this.waiting = new Map();
		this.following = new Map();
		this.closed = new Promise(done => socket.once('close', done));
		socket.on('error', () => {});
		socket.on('data', data => this.#take(data));
		socket.on('close', () => {
			this.isClosed = true;
			for (const {reject} of this.waiting.values())
				reject(new Error('closed without an answer'));
		});
	}

	#take(data) {
		this.bytes = Buffer.concat([this.bytes, data]);
		while (this.bytes.length >= 8) {
			const b = this.bytes;
			const n = b.readUInt16BE(4), whole = 8 + n + b[6];
			if (b.length < whole)
				return;
			this.#record(b[1], b.readUInt16BE(2), b.subarray(8, 8 + n));
			this.bytes = b.subarray(whole);
		}
	}

	#record(type, id, content) {
		const follower = this.following.get(id);
		if (follower) {
			if (type === END)
				this.following.delete(id);
			follower(type === END ? null : Buffer.from(content));
			return;
		}
		const parts = this.out.get(id) ?? [];
		this.out.set(id, [...parts, Buffer.from(content)]);
		if (type !== END)
			return;
		this.out.delete(id);
		const answer = parse(Buffer.concat(parts));
		const waits = this.waiting.get(id);
		this.waiting.delete(id);
		if (waits)
			waits.resolve(answer);
		else
			this.answers.set(id, answer);
	}

	send(bytes) {
		this.socket.write(bytes);
	}

	/* Rejects when the connection closes, or after ms. */
	answer(id = 1, ms = 60000) {
		const here = this.answers.get(id);
		this.answers.delete(id);
		if (here)
			return Promise.resolve(here);
		if (this.isClosed)
			return Promise.reject(new Error('closed before that'));
		return new Promise((resolve, reject) => {
			const late = setTimeout(
				() => reject(new Error('no answer')), ms);
			const settle = f => x => (clearTimeout(late), f(x));
			this.waiting.set(id, {resolve: settle(resolve),
				reject: settle(reject)});
		});
	}

	/* An answer as it comes: take(bytes), at its end take(null). */
	follow(what, take) {
		this.following.set(what.id ?? 1, take);
		this.send(request(what));
	}

	ask(what) {
		this.send(request(what));
		return this.answer(what.id ?? 1);
	}

	close() {
		this.socket.destroy();
	}
}
