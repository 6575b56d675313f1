/*
 * A FastCGI responder for tests of a web server's configuration: answers every
 * request with what arrived, as JSON: {"params": {…}, "body": bytes,
 * "connection": which one}. Listens on the unix socket in argv[2]; argv[3] is
 * the value of a header `x-who`, for who asks more than one of them.
 *
 * A path that ends in /hang is never answered and its connection closed, as a
 * program does that dies; /problem answers 404 with a body of its own.
 */
import net from 'node:net';
import {chmodSync} from 'node:fs';

let connections = 0, requests = 0;

function record(type, id, content = Buffer.alloc(0)) {
	const head = Buffer.from([1, type, id >> 8, id & 255,
		content.length >> 8, content.length & 255, 0, 0]);
	return Buffer.concat([head, content]);
}

/* Name-value pairs, FastCGI 1.0 section 3.4. */
function pairs(bytes) {
	const found = {};
	let at = 0;
	const length = () => {
		if (bytes[at] < 128)
			return bytes[at++];
		const n = bytes.readUInt32BE(at) & 0x7fffffff;
		at += 4;
		return n;
	};
	while (at < bytes.length) {
		const name = length(), value = length();
		found[bytes.toString('latin1', at, at + name)] =
			bytes.toString('latin1', at + name, at + name + value);
		at += name + value;
	}
	return found;
}

function answer(socket, id, keep, params, body, connection) {
	requests++;
	const path = params.REQUEST_URI ?? '';
	if (path.endsWith('/hang')) {
		socket.destroy();
		return;
	}
	const status = path.endsWith('/problem') ?
		'404 Not Found' : '200 OK';
	const json = JSON.stringify({params, body, connection, requests, keep});
	const text = `Status: ${status}\r\nContent-Type: application/json\r\n` +
		`Cache-Control: no-store\r\nx-who: ${process.argv[3] ?? 'echo'}` +
		`\r\n\r\n${json}`;
	socket.write(Buffer.concat([record(6, id, Buffer.from(text)),
		record(6, id), record(3, id, Buffer.alloc(8))]));
	if (!keep)
		socket.end();
}

net.createServer(socket => {
	const connection = ++connections;
	let rest = Buffer.alloc(0), keep = false, params = [], body = 0;
	socket.on('error', () => {});
	socket.on('data', chunk => {
		rest = Buffer.concat([rest, chunk]);
		for (;;) {
			if (rest.length < 8)
				return;
			const n = rest.readUInt16BE(4), all = 8 + n + rest[6];
			if (rest.length < all)
				return;
			const type = rest[1], id = rest.readUInt16BE(2);
			const content = rest.subarray(8, 8 + n);
			rest = rest.subarray(all);
			if (type === 1) {
				keep = (content[2] & 1) === 1;
				params = [];
				body = 0;
			} else if (type === 4 && n) {
				params.push(content);
			} else if (type === 5 && n) {
				body += n;
			} else if (type === 5) {
				answer(socket, id, keep,
					pairs(Buffer.concat(params)), body,
					connection);
			}
		}
	});
}).listen(process.argv[2], () => {
	chmodSync(process.argv[2], 0o777);
	console.log('ready');
});
