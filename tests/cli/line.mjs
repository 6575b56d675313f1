/*
 * The real programs without a web server: a state folder, keys, a lowtide.json
 * written here, lowtide-cgi on a unix socket spoken to directly, lowtide-worker
 * with a short lease, and an upstream of the test's own.
 *
 *	const line = await startLine({upstreams: [...], apis: [...]});
 *	const job = await line.send('/api/vat', {body});    its id
 *	const end = await line.ended(job);                  as `show --json`
 */
import {spawn, spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {cleanup} from '../tap.mjs';

const BIN = process.env.LOWTIDE_BIN ?? 'build/bin';
export const pause = ms => new Promise(r => setTimeout(r, ms));
export const program = name => join(BIN, name);

/* How long says nothing about speed: it is for what would never come. */
export async function until(what, check, ms = 60000) {
	for (const end = Date.now() + ms; Date.now() < end; await pause(20)) {
		const found = await check();
		if (found)
			return found;
	}
	throw new Error(`${what}: not within ${ms} ms`);
}

/* ---- FastCGI, as a web server would speak it --------------------------- */

const record = (type, content) => {
	const head = Buffer.from([1, type, 0, 1, content.length >> 8,
		content.length & 255, 0, 0]);
	return Buffer.concat([head, content]);
};
const size = n => n < 128 ? Buffer.from([n]) :
	Buffer.from([n >> 24 | 128, n >> 16 & 255, n >> 8 & 255, n & 255]);

function params(vars) {
	const parts = Object.entries(vars).flatMap(([k, v]) => {
		const [name, value] = [Buffer.from(k), Buffer.from(v)];
		return [size(name.length), size(value.length), name, value];
	});
	return Buffer.concat(parts);
}

/*
 * One request on a connection of its own: {status, headers, text}. `owner` is
 * the web server's word.
 */
export function fcgi(socket,
	{method, target, headers = {}, body = '', owner = ''}) {
	const bytes = Buffer.from(body);
	const vars = {REQUEST_METHOD: method, REQUEST_URI: target,
		REMOTE_ADDR: '192.0.2.7', SERVER_PROTOCOL: 'HTTP/1.1',
		LOWTIDE_OWNER: owner};
	for (const [k, v] of Object.entries(headers))
		vars[`HTTP_${k.toUpperCase().replace(/-/g, '_')}`] = v;
	if (bytes.length) {
		vars.CONTENT_LENGTH = String(bytes.length);
		vars.CONTENT_TYPE = headers['content-type'] ??
			'application/json';
	}
	return new Promise((resolve, reject) => {
		const c = net.connect(socket);
		let got = Buffer.alloc(0);
		c.on('error', reject);
		c.setTimeout(120000, () => c.destroy(new Error(
			`${method} ${target}: nothing comes`)));
		c.on('data', d => { got = Buffer.concat([got, d]); });
		c.on('close', () => resolve(answerOf(got)));
		c.write(Buffer.concat([
			record(1, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0])),
			record(4, params(vars)), record(4, Buffer.alloc(0)),
			...(bytes.length ? [record(5, bytes)] : []),
			record(5, Buffer.alloc(0))]));
	});
}

function answerOf(got) {
	const out = [];
	for (let at = 0; at + 8 <= got.length;) {
		const n = got.readUInt16BE(at + 4);
		if (got[at + 1] === 6)
			out.push(got.subarray(at + 8, at + 8 + n));
		at += 8 + n + got[at + 6];
	}
	const text = Buffer.concat(out).toString();
	const [head, ...rest] = text.split('\r\n\r\n');
	const headers = Object.fromEntries(head.split('\r\n').map(l =>
		[l.split(':')[0].toLowerCase(), l.slice(l.indexOf(':') + 2)]));
	return {status: Number.parseInt(headers.status, 10), headers,
		text: rest.join('\r\n\r\n')};
}

/* ---- an upstream ------------------------------------------------------- */

/* Counts what arrived, whole, by path; moods[path](req, res, body). */
export async function startUpstream(moods, server = http.createServer()) {
	const calls = [];
	server.on('request', async (req, res) => {
		const parts = [];
		for await (const p of req)
			parts.push(p);
		const body = Buffer.concat(parts).toString();
		const path = req.url.split('?')[0];
		calls.push({method: req.method, url: req.url, path,
			headers: req.headers, body});
		const mood = moods[path.split('/')[1]];
		if (mood)
			mood(req, res, body,
				calls.filter(c => c.path === path).length);
		else
			res.writeHead(404).end();
	});
	await new Promise(r => server.listen(0, '127.0.0.1', r));
	cleanup(() => {
		server.closeAllConnections?.();
		server.close();
	});
	const {port} = server.address();
	return {calls, port, url: `http://127.0.0.1:${port}`,
		count: path => calls.filter(c => c.path === path).length};
}

/* ---- the line ---------------------------------------------------------- */

const api = (tag, given) => ({name: given.name, tag,
	method: 'POST', path: `/api/${given.name}`, auth: 'none',
	pattern: 'async-polling',
	allow: ['fire-and-forget', 'async-polling', 'synchronous'],
	waitMs: 0, waitMaxMs: 25000, onLost: 'fail', deadlineMs: 60000,
	ttlMs: 3600000, estimateMs: 1000, concurrency: 4, attempts: 3,
	bodyMax: 65536, bodyType: 'application/json', resultMax: 100000,
	requestMethod: 'POST', requestPath: `/${given.name}/{job.id}`,
	...given});
/*
 * The upstream is this process, which is held up by each program that it runs:
 * so nothing times out but where that is what is looked at.
 */
export const IMPATIENT = {timeoutMs: 4000, connectTimeoutMs: 4000,
	stallTimeoutMs: 3000};
const upstream = given => ({local: true, timeoutMs: 20000,
	connectTimeoutMs: 20000, stallTimeoutMs: 20000, responseMax: 200000,
	...given});

export const newFolder = () => mkdtempSync(join(tmpdir(), 'lowtide-test.'));
/* `more`: other members of lowtide.json, such as providers. */
export async function startLine({upstreams, apis, dir = newFolder(), ...more}) {
	const at = name => join(dir, name);
	const common = ['--config', at('lowtide.json'), '--state', at('state'),
		'--keys', at('keys')];
	const line = {dir, common, socket: at('cgi.sock'), children: []};
	mkdirSync(at('state'));
	writeFileSync(at('lowtide.json'), JSON.stringify({format: 1,
		name: 'test', baseUrl: 'http://127.0.0.1', prefix: '/api',
		...more,
		upstreams: upstreams.map(upstream),
		apis: apis.map((a, i) =>
			api((i + 0xa00000).toString(16), a))}));
	line.run = (name, ...args) => {
		const r = spawnSync(program(name), args,
			{encoding: 'utf8', maxBuffer: 1 << 30,
				timeout: 120000, killSignal: 'SIGABRT'});
		if (r.error)
			throw r.error; /* it did not end, for one */
		return {status: r.status, out: r.stdout, err: r.stderr};
	};
	line.start = (name, ...args) =>
		line.spawn(program(name), ...common, ...args);
	line.spawn = (command, ...args) => {
		const child = spawn(command, args,
			{stdio: ['ignore', 'inherit', 'pipe']});
		const it = {child, log: '', exit: undefined, pid: child.pid};
		child.stderr.on('data', d => { it.log += d; });
		it.ended = new Promise(r => child.on('close', (code, sig) => {
			it.exit = sig ?? code;
			r(it.exit);
		}));
		line.children.push(it);
		return it;
	};
	line.worker = (...args) => line.start('lowtide-worker', '--dev',
		'--lease', '1s', '--heartbeat', '100ms', ...args);
	line.jobs = (command, ...args) =>
		line.run('lowtide-jobs', command, ...common, ...args);
	line.show = id => JSON.parse(line.jobs('show', id, '--json').out);
	line.fcgi = request => fcgi(line.socket, request);
	line.send = async (path, {body = '{}', headers} = {}) => {
		const r = await line.fcgi({method: 'POST', target: path, body,
			headers: {'x-wait-time-ms': '0', ...headers}});
		if (r.status !== 202)
			throw new Error(`${path}: ${r.status} ${r.text}`);
		return JSON.parse(r.text).jobId;
	};
	line.in = (id, ...states) => until(`${id} ${states}`, () => {
		const job = line.show(id);
		return states.includes(job.status) && job;
	});
	line.ended = id => line.in(id, 'completed', 'failed', 'cancelled');
	cleanup(async () => {
		for (const c of line.children)
			if (c.exit === undefined)
				c.child.kill('SIGKILL');
		await Promise.all(line.children.map(c => c.ended));
		rmSync(dir, {recursive: true, force: true});
	});
	const made = line.run('lowtide-jobs', 'keygen', at('keys'));
	if (made.status !== 0)
		throw new Error(made.err);
	line.cgi = line.start('lowtide-cgi', '--unpaced',
		'--listen', `unix:${line.socket}`);
	await until('the endpoint listens', () => line.cgi.exit === undefined &&
		new Promise(r => {
			const c = net.connect(line.socket, () => {
				c.destroy();
				r(true);
			});
			c.on('error', () => r(false));
		}));
	return line;
}

/* How often a process went to sleep or was put to it, and so woke up. */
export function switches(pid) {
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');
	return [...status.matchAll(/ctxt_switches:\s+(\d+)/g)]
		.reduce((sum, m) => sum + Number(m[1]), 0);
}
