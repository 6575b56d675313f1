/*
 * Many calls on one connection: build/bench/calls makes them as it is told, and
 * the upstream counts connections and streams. What goes wrong with one of them
 * is that one's affair.
 */
import {spawn} from 'node:child_process';
import {readFileSync} from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import {createServer as tlsServer} from 'node:tls';
import {createInterface} from 'node:readline';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {authority} from './certificates.mjs';
import {until} from './line.mjs';

const ca = authority();
const own = ca.make({name: 'shared'});
const tls = {key: readFileSync(own.key), cert: readFileSync(own.cert)};

/* ---- the upstream -------------------------------------------------------- */

const seen = {connections: 0, versions: [], held: [], closed: [], refused: 0,
	paths: []};
const forget = () => Object.assign(seen, {connections: 0, versions: [],
	held: [], closed: [], refused: 0, paths: []});
const chunk = Buffer.alloc(16384, 'x');
const moods = {
	ok: (req, res) => res.end('{}'),
	hold: (req, res) => seen.held.push(res),
	reset: (req, res) => res.stream.close(
		http2.constants.NGHTTP2_INTERNAL_ERROR),
	half: (req, res) => {
		res.writeHead(200, {'content-length': 10});
		res.write('half', () => res.stream.close(
			http2.constants.NGHTTP2_INTERNAL_ERROR));
	},
	refuse: (req, res) => seen.refused++
		? res.end('{}')
		: res.stream.close(http2.constants.NGHTTP2_REFUSED_STREAM),
	endless: (req, res) => {
		const more = () => {
			while (!res.stream?.destroyed && res.write(chunk))
				;
			res.once('drain', more);
		};
		res.writeHead(200);
		more();
	},
	huge: (req, res) => {
		res.writeHead(200, {'content-length': 1 << 30});
		res.write('x');
	},
	flood: (req, res) => {
		for (let i = 0; i < 60; i++)
			res.stream.additionalHeaders({':status': 103,
				'x-flood': 'y'.repeat(2000)});
		res.end('{}');
	},
	part: (req, res) => {
		res.writeHead(200, {'content-length': 2});
		res.write('{');
	},
	destroy: req => req.stream.session.destroy(),
	goaway: (req, res) => {
		res.stream.session.goaway();
		res.end('{}');
	},
};
const answer = (req, res) => {
	seen.versions.push(req.httpVersion);
	seen.paths.push(req.url);
	req.stream?.on('error', () => {});
	req.stream?.on('close', () => seen.closed.push(req.url));
	moods[req.url.split('/')[1]](req, res);
};
const listen = async server => {
	const sockets = new Set();
	server.on('connection', s => {
		sockets.add(s);
		s.on('close', () => sockets.delete(s));
		s.on('error', () => {});
	});
	server.on('sessionError', () => {});
	await new Promise(go => server.listen(0, '127.0.0.1', go));
	cleanup(() => {
		sockets.forEach(s => s.destroy());
		server.close();
	});
	return `https://localhost:${server.address().port}`;
};
const count = server => server.on('secureConnection',
	() => seen.connections++);
const shared = await listen(count(http2.createSecureServer(
	{...tls, allowHTTP1: true}, answer)));
const old = await listen(count(https.createServer(tls, answer)));
const garbled = await listen(count(tlsServer({...tls, ALPNProtocols: ['h2']},
	socket => {
		socket.on('error', () => {});
		socket.once('data', () => socket.write('no frame at all\n'.repeat(99)));
	})));
const mute = await listen(net.createServer(() => seen.connections++));
const release = () => seen.held.splice(0).forEach(res => res.end('{}'));

/* ---- the calls ----------------------------------------------------------- */

const open = () => {
	const child = spawn('build/bench/calls', {stdio: 'pipe'});
	const ended = new Map();
	let asked = 0;
	cleanup(() => child.kill('SIGKILL'));
	createInterface({input: child.stdout}).on('line', line => {
		const [name, end, status, bytes, ...why] = line.split(' ');
		ok(!ended.has(name), `${name} ended twice`);
		ended.set(name, {end, status: Number(status),
			bytes: Number(bytes), why: why.join(' ')});
	});
	child.stderr.on('data', text => console.log(`# ${text}`));
	const say = line => child.stdin.write(`${line}\n`);
	const start = (url, how = 'reuse multiplex') => {
		const name = `n${asked++}`;
		say(`start ${name} ${url} ${ca.ca} ${how}`);
		return name;
	};
	const ends = async name => {
		await until(`${name} ends`, () => ended.has(name));
		return ended.get(name);
	};
	return {start, ends, ended, abort: name => say(`abort ${name}`),
		call: (...args) => ends(start(...args)),
		close: async () => {
			say('end');
			await new Promise(go => child.once('close', go));
		}};
};
const many = (c, n, url, how) =>
	Array.from({length: n}, (_, i) => c.start(`${url}/${i}`, how));
const all = async (c, names) =>
	(await Promise.all(names.map(n => c.ends(n)))).map(e => e.end);
const held = n => until(`${n} are held`, () => seen.held.length >= n);
const hears = path => until(`the upstream hears that ${path} is over`,
	() => seen.closed.includes(path));
const with_calls = run => async () => {
	const c = open();
	forget();
	await run(c);
	await c.close();
};
const good = n => Array(n).fill('answer');

test('fifty at once are one connection', with_calls(async c => {
	const names = many(c, 50, `${shared}/hold`);
	await held(50);
	equal(seen.connections, 1);
	equal(new Set(seen.versions), new Set(['2.0']));
	release();
	equal(await all(c, names), good(50));
	equal((await c.call(`${shared}/ok/more`)).end, 'answer');
	equal(seen.connections, 1);
}));

test('a hundred and no more are on one', with_calls(async c => {
	const names = many(c, 250, `${shared}/hold`);
	await held(250);
	/* those that find it full do not wait for another's handshake */
	ok(seen.connections >= 3 && seen.connections <= 151, seen.connections);
	release();
	equal(await all(c, names), good(250));
	equal(seen.paths.length, 250);
}));

test('only who says so shares, and only what may be kept', with_calls(
	async c => {
		equal((await c.call(`${shared}/ok`)).end, 'answer');
		equal(seen.versions, ['2.0']);
		const names = [...many(c, 3, `${shared}/hold`, 'reuse'),
			...many(c, 3, `${shared}/hold`, 'multiplex'),
			...many(c, 3, `${shared}/hold`, '')];
		await held(9);
		equal(seen.versions, ['2.0', ...Array(9).fill('1.1')]);
		equal(seen.connections, 10);
		release();
		equal(await all(c, names), good(9));
		/* those of 1.1 are kept for such as them */
		equal((await c.call(`${shared}/ok`, 'reuse')).end, 'answer');
		equal((await c.call(`${shared}/ok`)).end, 'answer');
		equal(seen.connections, 10);
		equal(seen.versions.slice(-2), ['1.1', '2.0']);
	}));

test('an upstream of HTTP/1.1 is called as ever', with_calls(async c => {
	const names = many(c, 20, `${old}/hold`);
	await held(20);
	equal(seen.connections, 20);
	release();
	equal(await all(c, names), good(20));
	equal(await all(c, many(c, 20, `${old}/ok`)), good(20));
	equal(seen.connections, 20);
}));

test('one that is aborted leaves the others', with_calls(async c => {
	const names = many(c, 10, `${shared}/hold/some`);
	await held(10);
	[2, 5, 7].forEach(i => c.abort(names[i]));
	/* the upstream hears of it with the next word on that connection */
	equal((await c.call(`${shared}/ok`)).end, 'answer');
	for (const i of [2, 5, 7])
		await hears(`/hold/some/${i}`);
	release();
	equal(await all(c, names.filter((n, i) => ![2, 5, 7].includes(i))),
		good(7));
	equal(seen.connections, 1);
}));

test('with the last one that is aborted its connection goes', with_calls(
	async c => {
		const names = many(c, 3, `${shared}/hold/alone`);
		await held(3);
		names.forEach(c.abort);
		for (let i = 0; i < 3; i++)
			await hears(`/hold/alone/${i}`);
		const last = c.start(`${shared}/hold/alone/last`);
		await held(4);
		c.abort(last);
		await hears('/hold/alone/last');
		equal((await c.call(`${shared}/huge/alone`)).end, 'too-large');
		await hears('/huge/alone');
		equal(seen.connections, 3);
	}));

/* of early hints without end libcurl makes what it can */
for (const [mood, end, how = ''] of [['reset', /^broken/], ['half', /^broken/],
	['part', /^timeout/, 'timeout=300'], ['hold', /^timeout/, 'timeout=300'],
	['endless', /^too-large/, 'max=100000'], ['huge', /^too-large/],
	['flood', /^(too-large|broken)/]])
	test(`one that ends by ${mood} leaves the others`, with_calls(
		async c => {
			const names = many(c, 5, `${shared}/hold`);
			await held(5);
			const last = await c.call(`${shared}/${mood}/it`,
				`reuse multiplex ${how}`);
			match(last.end, end, last.why);
			release();
			equal(await all(c, names), good(5));
			equal((await c.call(`${shared}/ok`)).end, 'answer');
			equal(seen.connections, 1);
		}));

test('one that was refused is sent again', with_calls(async c => {
	equal((await c.call(`${shared}/refuse`)).end, 'answer');
	equal(seen.paths, ['/refuse', '/refuse']);
}));

/* Where nothing was answered on it yet, libcurl sends one of them again. */
test('a connection that breaks: all on it hear of it', with_calls(async c => {
	const names = many(c, 5, `${shared}/hold`);
	await held(5);
	c.start(`${shared}/destroy`);
	await until('most have ended', () => c.ended.size >= 4);
	await until('others came again', () => c.ended.size + seen.held.length ===
		6 + 5 || c.ended.size === 6);
	release();
	for (const end of await all(c, names))
		match(end, /^(broken|answer)$/);
	equal((await c.call(`${shared}/ok`)).end, 'answer');
	ok(seen.connections > 1);
}));

/* The first one that reads it is told; libcurl leaves the others to their time. */
test('garbage: all on it end', with_calls(async c => {
	const names = many(c, 5, `${garbled}/x`, 'reuse multiplex timeout=500');
	for (const end of await all(c, names))
		match(end, /^(broken|timeout)$/);
	equal((await c.call(`${shared}/ok`)).end, 'answer');
}));

test('who is sent away with goaway comes back', with_calls(async c => {
	equal((await c.call(`${shared}/goaway`)).end, 'answer');
	equal((await c.call(`${shared}/ok`)).end, 'answer');
}));

test('who waits for another one\'s handshake has his own time', with_calls(
	async c => {
		const names = many(c, 5, `${mute}/x`, 'reuse multiplex timeout=500');
		equal(await all(c, names), Array(5).fill('unsent'));
		const more = many(c, 3, `${mute}/x`);
		more.forEach(c.abort);
		equal((await c.call(`${shared}/ok`)).end, 'answer');
	}));

test('a shared one is nobody\'s who must not go there', with_calls(async c => {
	equal((await c.call(`${shared}/ok`)).end, 'answer');
	const {end, why} = await c.call(`${shared}/ok`, 'reuse multiplex far');
	equal(end, 'unsent');
	match(why, /is private/);
	equal(seen.paths.length, 1);
}));

await done();
