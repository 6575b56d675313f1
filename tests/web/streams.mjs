/*
 * Events through a real web server, as they happen, whatever it does to other
 * answers: compressed ones, too, over HTTP/1.1 and HTTP/2. Nothing here looks
 * at a clock: the service behind a job answers when the test has seen what was
 * to come before.
 *
 *	node tests/web/streams.mjs nginx
 */
import {execFileSync} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {readFileSync, writeFileSync} from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import {join} from 'node:path';
import zlib from 'node:zlib';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {basic, files, state, token} from './contract-site.mjs';
import {ask, freePort, startStack, startUpstream, tmp} from './stack.mjs';

const name = process.argv[2];
const up = await startUpstream();

/* ---- what an operator has of his own ------------------------------------- */

const edit = (stack, file, change) => {
	const at = join(stack.dist, 'server', file);
	writeFileSync(at, change(readFileSync(at, 'utf8')));
};
const MODULES = '/usr/lib/apache2/modules';
const GZIP = 'gzip on; gzip_types *; gzip_proxied any; gzip_min_length 1;';
let secure;
/* All answers are compressed, where that can be told, and anybody may come in. */
const own = {
	nginx: async stack => edit(stack, 'nginx-example.conf',
		text => text.replace('http {',
			`http { ${GZIP} satisfy any; allow all;`)),
	apache: async stack => edit(stack, 'apache-example.conf',
		text => `LoadModule filter_module ${MODULES}/mod_filter.so
			LoadModule deflate_module ${MODULES}/mod_deflate.so
			SetOutputFilter DEFLATE\n${text}`),
	lighttpd: async stack => edit(stack, 'lighttpd-example.conf',
		text => `${text}
			server.modules += ("mod_deflate")
			deflate.mimetypes = ("")
			deflate.allowed-encodings = ("gzip")`),
	/* the server{} that the example has in a comment, with a certificate */
	'nginx-tls': async stack => {
		const [key, cert] = ['key.pem', 'cert.pem'].map(f => join(tmp, f));
		execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
			'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
			'-subj', '/CN=localhost', '-addext',
			'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
		{stdio: 'ignore'});
		const port = await freePort();
		secure = {url: `https://127.0.0.1:${port}`, ca: readFileSync(cert)};
		edit(stack, 'nginx-example.conf', text => {
			const pasted = /^\t# *\t*server \{\n(?:\t#.*\n)*?\t# *\t\}\n/m
				.exec(text)[0].replace(/^\t# */gm, '\t')
				.replace('listen 443', `listen 127.0.0.1:${port}`)
				.replace('/etc/ssl/example/fullchain.pem', cert)
				.replace('/etc/ssl/example/key.pem', key);
			return text.replace('http {', `http { ${GZIP}`)
				.replace(/\}\n$/, `${pasted}}\n`);
		});
	},
};
const kind = name.replace('-tls', '');
const stack = await startStack(kind, {files: files(up.url), state,
	wrap: own[name]});

/* ---- streams -------------------------------------------------------------- */

/* "id: 3\nevent: job\ndata: {}" → {id, event, data} */
function parse(text) {
	const event = {};
	for (const line of text.split('\n')) {
		const at = line.indexOf(':');
		if (at > 0)
			event[line.slice(0, at)] = line.slice(at + 1).trim();
	}
	return {...event, data: event.data && JSON.parse(event.data)};
}

/*
 * What comes of a stream: {status, headers, next(), ended, close()}. next() is
 * the next event, and undefined at the end.
 */
function read(status, headers, input, close) {
	const events = [], waiting = [];
	let text = '', over = false;
	const settle = () => {
		while (waiting.length && (events.length || over))
			waiting.shift()(events.shift());
	};
	const output = headers['content-encoding'] === 'gzip' ?
		input.pipe(zlib.createGunzip({flush: zlib.constants.Z_SYNC_FLUSH,
			finishFlush: zlib.constants.Z_SYNC_FLUSH})) : input;
	output.on('data', d => {
		text += d;
		for (let at; (at = text.indexOf('\n\n')) >= 0; text = text.slice(at + 2))
			/* a name of a version alone is where to go on from */
			if (/^data:/m.test(text.slice(0, at)))
				events.push(parse(text.slice(0, at)));
		settle();
	});
	const end = () => {
		over = true;
		settle();
	};
	for (const what of ['end', 'close', 'error'])
		output.on(what, end);
	input.on('error', end);
	return {status, headers, close, next: () => new Promise((go, fail) => {
		const late = setTimeout(() => fail(new Error(
			'nothing came: what the test waits for is held back')),
		60000);
		waiting.push(event => {
			clearTimeout(late);
			go(event);
		});
		settle();
	})};
}

const clients = {
	h1: (path, headers) => new Promise((go, fail) => {
		const req = http.get({host: '127.0.0.1', port: stack.port, path,
			headers, agent: false}, res => go(read(res.statusCode,
			res.headers, res, () => req.destroy())));
		req.on('error', fail);
		cleanup(() => req.destroy());
	}),
	h2: (path, headers) => new Promise((go, fail) => {
		const req = session().request({':path': path, ...headers});
		req.on('response', head => go(read(head[':status'], head, req,
			() => req.close(http2.constants.NGHTTP2_CANCEL))));
		req.on('error', fail);
		req.end();
	}),
};
let connection;
function session() {
	connection ??= http2.connect(secure?.url ?? stack.url, {ca: secure?.ca});
	return connection;
}
cleanup(() => connection?.destroy());
const protocols = name === 'nginx' ? ['h1'] : secure ? ['h2'] : ['h1', 'h2'];

/* ---- jobs ------------------------------------------------------------------ */

let holds = 0;
async function held(path = '/api/order', headers = {}, answer = {}) {
	const hold = `hold-${++holds}`;
	const r = await ask(stack, 'POST', path, {body: {sku: 'tea'}, headers: {
		...headers, 'x-wait-time-ms': '0', 'x-request-id': randomUUID(),
		say: JSON.stringify({hold, ...answer})}});
	equal(r.status, 202, r.text);
	await up.arrived(hold);
	return {id: r.json.jobId, path: r.json.statusUrl,
		events: r.json.eventsUrl, release: () => up.release(hold)};
}
cleanup(() => {
	for (; holds; holds--)
		up.release(`hold-${holds}`);
});
const EVENTS = {accept: 'text/event-stream'};

for (const protocol of protocols)
	for (const coding of ['identity', 'gzip']) {
		const open = (path, headers) => clients[protocol](path, {...EVENTS,
			'accept-encoding': coding, ...headers});
		const t = (what, run) => test(`${name} ${protocol} ${coding}: ${what}`,
			run);

		t('the events of a job come one by one, and then an end', async () => {
			const job = await held();
			const stream = await open(job.events);
			equal(stream.status, 200);
			match(stream.headers['content-type'], /^text\/event-stream/);
			equal(stream.headers['cache-control'], 'no-store');
			/* lighttpd compresses whole answers alone */
			equal(stream.headers['content-encoding'],
				coding === 'gzip' && kind !== 'lighttpd' ? coding :
					undefined);
			let event = await stream.next();
			equal([event.event, event.data.jobId], ['job', job.id]);
			/* the first may be from before it was called */
			while (event.data.status === 'pending')
				event = await stream.next();
			equal(event.data.status, 'processing');
			job.release();
			const last = await stream.next();
			equal([last.data.status, last.data.result],
				['completed', {id: 7}]);
			ok(Number(last.id) > Number(event.id));
			equal(await stream.next(), undefined, 'it ends');
		});
		t('a stream goes on behind the last event that came', async () => {
			const job = await held();
			const first = await open(job.events);
			const {id} = await first.next();
			first.close();
			job.release();
			const second = await open(job.events, {'last-event-id': id});
			let event = await second.next();
			while (event.data.status !== 'completed') {
				ok(Number(event.id) > Number(id));
				event = await second.next();
			}
			for (const [path, headers] of [
				[job.events, {'last-event-id': event.id}],
				[`${job.events}?lastEventId=${event.id}`, {}]]) {
				const third = await open(path, headers);
				equal(third.status, 204);
				equal(await third.next(), undefined);
			}
		});
		t('the API’s own names, and what went wrong alone', async () => {
			const job = await held();
			const stream = await open(`${job.events}?view=command`);
			const alerts = await open(`${job.events}?view=alert`);
			job.release();
			const event = await stream.next();
			equal([event.event, event.data.jobId], ['order.made', job.id]);
			equal(await stream.next(), undefined);
			equal(await alerts.next(), undefined);
			const wrong = await held('/api/order', {}, {status: 409});
			const alert = await open(`${wrong.events}?view=alert`);
			wrong.release();
			equal((await alert.next()).data.status, 'failed');
		});
		const people = {token: ['/api/sealed', token('alice'), token('bob')],
			...kind !== 'lighttpd' && {password: ['/api/mine/1',
				basic('alice'), basic('bob')]}};
		for (const [how, [path, alice, bob]] of Object.entries(people))
			t(`all jobs of one owner, by ${how}`, async () => {
				const as = authorization => ({authorization});
				const stream = await open('/api/jobs/events', as(alice));
				const other = await open('/api/jobs/events', as(bob));
				equal([stream.status, other.status], [200, 200]);
				for (let i = 0; i < 2; i++) {
					const job = await held(path, as(alice));
					let event = await stream.next();
					/* those of before, each once */
					while (event.data.jobId !== job.id)
						event = await stream.next();
					job.release();
					while (event.data.status !== 'completed' ||
						event.data.jobId !== job.id)
						event = await stream.next();
				}
				const his = await held(path, as(bob));
				let event = await other.next();
				while (event.data.jobId !== his.id)
					event = await other.next();
				his.release();
				stream.close();
				other.close();
				equal((await open('/api/jobs/events')).status, 401);
				equal((await open('/api/jobs/events',
					as(basic('alice', 'wrong')))).status, 401);
			});
	}

if (secure) {
	const poll = (path, headers) => new Promise((go, fail) => {
		const req = session().request({':path': path, ...headers});
		let text = '', head;
		req.on('response', h => head = h);
		req.on('data', d => text += d);
		req.on('end', () => go({status: head[':status'], h: head, text}));
		req.on('error', fail);
		req.end();
	});
	test('ten polls and a stream wait on one connection', async () => {
		const job = await held();
		const before = await poll(job.path);
		equal(before.status, 200);
		const stream = await open(job.events);
		equal((await stream.next()).data.status, 'processing');
		const polls = Array.from({length: 10}, () => poll(job.path,
			{'if-none-match': before.h.etag, prefer: 'wait=20'}));
		/* behind them on the connection, and answered before them */
		equal((await poll('/api/jobs/health')).status, 200);
		job.release();
		for (const r of await Promise.all(polls))
			equal([r.status, JSON.parse(r.text).status],
				[200, 'completed']);
		let last = await stream.next();
		while (last.data.status !== 'completed')
			last = await stream.next();
		equal(session().alpnProtocol, 'h2');
		function open(path) {
			return clients.h2(path, EVENTS);
		}
	});
	test('pages come over it, too', async () => {
		const r = await poll('/');
		equal(r.status, 200);
		match(r.text, /<title>home/);
	});
}
test('those who left are gone', async () => {
	connection?.destroy();
	equal(await stack.endpoint.stop(), 0);
});
await done();
