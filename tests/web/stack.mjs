/*
 * A site behind a real web server: built by lowtide, the server started with
 * the configuration that the build wrote, the endpoint and a worker behind it,
 * and a service that answers as a test wants (upstream.mjs). Everything is in a
 * folder of its own on 127.0.0.1, and stopped by pid at the end.
 */
import {execFile, execFileSync, spawn} from 'node:child_process';
import {chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync,
	readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import {tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {promisify} from 'node:util';
import {cleanup} from '../tap.mjs';

export const run = promisify(execFile);
export const bin = resolve(process.env.LOWTIDE_BIN ?? 'build/bin');
export const root = process.getuid() === 0;
export const pause = ms => new Promise(go => setTimeout(go, ms));
const started = [];
const env = {...process.env, PATH: `${process.env.PATH}:/usr/sbin`};

export const tmp = mkdtempSync(join(tmpdir(), 'lowtide-web.'));
chmodSync(tmp, 0o755); /* started by root, servers are somebody else */
cleanup(() => rmSync(tmp, {recursive: true, force: true, maxRetries: 3}));
/* However this program ends, also when nobody reads what it says. */
process.on('exit', () => {
	for (const child of started)
		child.kill('SIGTERM'); /* so that it ends its own, too */
	rmSync(tmp, {recursive: true, force: true, maxRetries: 3});
});

/* `every`: milliseconds between two looks; a process a request takes its time. */
export async function until(what, ask, every = 20) {
	for (const end = Date.now() + 60000; Date.now() < end; await pause(every)) {
		const found = await ask();
		if (found)
			return found;
	}
	throw new Error(`${what}: never`);
}

export function freePort() {
	return new Promise(go => {
		const s = net.createServer().listen(0, '127.0.0.1', () => {
			const {port} = s.address();
			s.close(() => go(port));
		});
	});
}

/*
 * Somebody listens there, and everybody may come: a socket is there before it
 * is given its mode, and only then listened at.
 */
async function opened(what, path) {
	await until(what, () => new Promise(go => {
		const s = net.connect(path, () => go(true));
		s.on('error', () => go(false));
		s.on('connect', () => s.destroy());
	}));
	chmodSync(path, 0o777);
}

/* What it says is in .said, how it ended in .ended. */
export function start(argv, options = {}) {
	const child = spawn(argv[0], argv.slice(1),
		{env, stdio: ['ignore', 'pipe', 'pipe'], ...options});
	child.said = '';
	child.stdout.on('data', d => child.said += d);
	child.stderr.on('data', d => child.said += d);
	child.ended = new Promise(go => child.on('exit', (code, signal) =>
		go(code ?? signal)).on('error', go));
	child.stop = async (signal = 'SIGTERM') => {
		child.kill(signal);
		const late = setTimeout(() => child.kill('SIGKILL'), 30000);
		const how = await child.ended;
		clearTimeout(late);
		return how;
	};
	cleanup(() => child.stop());
	started.push(child);
	return child;
}

/*
 * Who runs the endpoint where the server starts it: its own user, where root
 * starts the server, and so the worker, too.
 */
const wwwData = {uid: Number(execFileSync('id', ['-u', 'www-data'])),
	gid: Number(execFileSync('id', ['-g', 'www-data']))};

const MODULES = '/usr/lib/apache2/modules';
/*
 * kind: of configuration. argv(stack): how it is started in the output folder.
 * cgi: a process a request. user: whose those are, if root starts it.
 */
export const servers = {
	nginx: {
		kind: 'nginx',
		argv: ({dist}) => ['nginx', '-p', dist, '-c',
			'server/nginx-example.conf', '-e', 'stderr'],
	},
	apache: {
		kind: 'apache',
		needs: `${MODULES}/mod_proxy_fcgi.so`,
		argv: ({dist}) => ['apache2', '-d', dist, '-f',
			'server/apache-example.conf', '-D', 'FOREGROUND'],
	},
	lighttpd: {
		kind: 'lighttpd',
		argv: () => ['lighttpd', '-D', '-f',
			'server/lighttpd-example.conf'],
	},
	'apache-cgi': {
		kind: 'apache',
		cgi: true,
		user: wwwData,
		argv: ({dist, id}) => ['apache2', '-d', dist, '-f',
			'server/apache-example.conf', '-D', 'FOREGROUND',
			'-D', `lowtide_cgi_${id}`],
	},
	'lighttpd-cgi': {
		kind: 'lighttpd',
		cgi: true,
		argv: ({dist}) => {
			writeFileSync(join(dist, 'server/own.conf'), `
				include "lighttpd-example.conf"
				server.modules += ("mod_alias", "mod_cgi")
				include "lighttpd-cgi.conf"
			`);
			return ['lighttpd', '-D', '-f', 'server/own.conf'];
		},
	},
};

/*
 * The upstream. The header `say` tells it what to answer, as JSON: {status,
 * type, body or fill (bytes), location, close, hold}; without one it is 200 and
 * {"id": 7}. What is to `hold` a name waits for release(name).
 */
export async function startUpstream() {
	const calls = [], held = new Map(), waiting = new Map();
	const answer = (res, say) => {
		const body = say.fill ? 'x'.repeat(say.fill) :
			say.body ?? (say.status === 204 ? undefined : {id: 7});
		const text = body === undefined ? '' :
			typeof body === 'string' ? body : JSON.stringify(body);
		res.writeHead(say.status ?? 200, {
			...(text && {'content-type': say.type ?? 'application/json'}),
			...(say.location && {location: say.location})});
		res.end(text);
	};
	const server = http.createServer((req, res) => {
		const say = JSON.parse(req.headers.say ?? '{}');
		calls.push({method: req.method, path: req.url,
			headers: req.headers});
		req.resume();
		req.on('end', () => {
			if (say.close)
				return req.socket.destroy();
			if (!say.hold || waiting.get(say.hold) === 'released')
				return answer(res, say);
			held.set(say.hold, () => answer(res, say));
			return waiting.get(say.hold)?.();
		});
	});
	await new Promise(go => server.listen(0, '127.0.0.1', go));
	cleanup(() => {
		server.closeAllConnections();
		server.close();
	});
	return {
		url: `http://127.0.0.1:${server.address().port}`, calls,
		arrived: name => held.has(name) ? undefined :
			new Promise((go, fail) => {
				const late = setTimeout(() => fail(new Error(
					`${name} never came to the upstream`)), 60000);
				waiting.set(name, () => go(clearTimeout(late)));
			}),
		release: name => {
			waiting.set(name, 'released');
			held.get(name)?.();
			held.delete(name);
		},
	};
}

function put(dir, files) {
	for (const [name, bytes] of Object.entries(files)) {
		mkdirSync(dirname(join(dir, name)), {recursive: true});
		writeFileSync(join(dir, name), bytes);
	}
}

/* Every file of a folder and itself, to `user`. */
function give(dir, {uid, gid}) {
	chownSync(dir, uid, gid);
	for (const name of readdirSync(dir)) {
		const at = join(dir, name);
		if (statSync(at).isDirectory())
			give(at, {uid, gid});
		else
			chownSync(at, uid, gid);
	}
}

/*
 * files: of the site, which is called `acme-shop`. state: what is put into the
 * state folder. wrap(dist): a last look at what was built. port: where it is to
 * be, if that matters. behind(stack): starts what is behind the server instead
 * of endpoint and worker; read: lowtide-read, too. ready: a path that is answered
 * with 200. Comes back when the server answers: {url, dist, state, endpoint, worker, server, …}.
 */
export async function startStack(name, {files, state = {}, wrap, set = [],
	port: given, behind, read, ready = '/api/jobs/health'}) {
	const server = servers[name];
	const port = given ?? await freePort();
	const at = (...path) => join(tmp, ...path);
	const stack = {name, ...server, id: 'acme_shop', port, dist: at('dist'),
		state: at('state'), keys: at('etc/keys'), socket: at('cgi.sock'),
		readSocket: at('read.sock'), control: at('control.sock'),
		url: `http://127.0.0.1:${port}`,
		agent: new http.Agent({keepAlive: true})};
	cleanup(() => stack.agent.destroy());

	put(at('site'), files);
	mkdirSync(at('state'));
	put(at('state'), state);
	const {stderr} = await run(join(bin, 'lowtide'), ['build', '-q', '-C',
		at('site'), '--out', stack.dist, '--set',
		`base_url=${stack.url}`, '--set', `server.kinds=${server.kind}`,
		...set.flatMap(one => ['--set', one])]).catch(e => {
		throw new Error(e.stderr);
	});
	if (stderr)
		console.log(stderr.replace(/^/gm, '# '));
	/* the places that packages have, here */
	const etc = at('etc'), conf = join(stack.dist, 'server');
	mkdirSync(etc);
	for (const file of readdirSync(conf).filter(f => /\.conf$/.test(f)))
		writeFileSync(join(conf, file), readFileSync(join(conf, file),
			'utf8').replaceAll('/run/lowtide/acme-shop', tmp)
			.replaceAll('/etc/lowtide/acme-shop', etc)
			.replaceAll('/var/lib/lowtide/acme-shop', stack.state)
			.replaceAll('/usr/local/bin', at('bin')));
	mkdirSync(at('bin')); /* a checkout need not be www-data's to enter */
	for (const program of ['lowtide-cgi', 'lowtide-worker',
		...read ? ['lowtide-read'] : []])
		copyFileSync(join(bin, program), at('bin', program));
	writeFileSync(join(etc, 'lowtide.json'),
		readFileSync(join(conf, 'lowtide.json')));
	await run(join(bin, 'lowtide-jobs'), ['keygen', stack.keys]);
	await wrap?.(stack);
	if (root) {
		give(stack.dist, wwwData);
		give(etc, server.user ?? {uid: 0, gid: 0});
		give(stack.state, server.user ?? {uid: 0, gid: 0});
	}
	const common = ['--config', join(etc, 'lowtide.json'),
		'--keys', stack.keys, '--state', stack.state];
	const as = root && server.user ? server.user : {};
	stack.startEndpoint = async (...more) => {
		rmSync(stack.socket, {force: true});
		stack.endpoint = start([at('bin/lowtide-cgi'), ...common,
			'--listen', `unix:${stack.socket}`, ...more]);
		await opened('the endpoint', stack.socket);
	};
	stack.startRead = async (...more) => {
		rmSync(stack.readSocket, {force: true});
		stack.read = start([at('bin/lowtide-read'), ...common.slice(0, 2),
			'--state', stack.state, '--listen',
			`unix:${stack.readSocket}`, '--endpoint',
			`unix:${stack.socket}`, '--control',
			`unix:${stack.control}`, ...more]);
		await opened('lowtide-read', stack.readSocket);
	};
	if (behind)
		await behind(stack);
	else if (!server.cgi)
		await stack.startEndpoint();
	if (!behind)
		stack.worker = start([at('bin/lowtide-worker'), ...common], as);
	if (read)
		await stack.startRead();
	stack.server = start(server.argv(stack), {cwd: stack.dist});
	await until(name, async () => {
		if (stack.server.exitCode !== null)
			throw new Error(`${name} ended: ${stack.server.said}`);
		return (await fetch(`${stack.url}${ready}`,
			{signal: AbortSignal.timeout(5000)}).catch(e =>
			e.name === 'TimeoutError' && console.log(`# ${e}`)))?.ok;
	}).catch(e => {
		throw new Error(`${e.message}\n${stack.server.said}\n` +
			`${stack.endpoint?.said}\n${stack.worker?.said}\n` +
			`${stack.read?.said}`);
	});
	return stack;
}

/*
 * A request as it is: {status, h, text, json}. A body that is no string is sent
 * as JSON. A server may close a connection that it kept just as that is used
 * again (RFC 9112 9.3.1): then it is asked once more.
 */
export function ask(stack, method, path, {headers = {}, body} = {}) {
	const bytes = body === undefined ? undefined :
		typeof body === 'string' ? body : JSON.stringify(body);
	const all = {...headers};
	if (bytes !== undefined && !('content-type' in all))
		all['content-type'] = 'application/json';
	if (bytes !== undefined)
		all['content-length'] = Buffer.byteLength(bytes);
	return new Promise((resolve, reject) => {
		const req = http.request({host: '127.0.0.1', port: stack.port,
			agent: stack.agent, method, path, headers: all}, res => {
			const parts = [];
			res.on('data', d => parts.push(d));
			res.on('error', () => {});
			res.on('close', () => {
				const text = Buffer.concat(parts).toString();
				let json;
				try {
					json = JSON.parse(text);
				} catch {
					/* not JSON, then */
				}
				resolve({status: res.statusCode, h: res.headers,
					raw: res.rawHeaders, text, json});
			});
		});
		req.on('error', e => req.reusedSocket && e.code === 'ECONNRESET' ?
			resolve(ask(stack, method, path, {headers, body})) :
			reject(e));
		req.setTimeout(60000, () => req.destroy(new Error('slow')));
		req.end(bytes);
	});
}
