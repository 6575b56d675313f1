/*
 * What one would otherwise use, in the same run and behind the same nginx:
 * each written as its own documentation shows (peers/), in production mode, on
 * unix sockets, over kept connections, with answers of the same size. Redis
 * syncs its log before it answers (appendfsync always), as lowtide does.
 *
 * Adding a peer? A row of `peers` with how to start it and which cases of
 * which measurement it has; a program in peers/. What cannot be started is
 * left out, and that is said.
 */
import {cpSync, existsSync, mkdirSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {at, TOOLS} from './line.mjs';
import {answers, children, run, start, until, which} from './proc.mjs';
import {get, post, requests} from './web.mjs';

let serial = 0; /* nothing is left over from the measurement before */
const fresh = name => at(`${++serial}-${name}`);
const DIR = join(TOOLS, 'peers');
const python = which('/usr/bin/python3', 'python3');

/* Its packages, as the lock file says; once, and again when that changes. */
async function install(bench) {
	const lock = 'tests/bench/peers/package-lock.json';
	const done = join(DIR, 'node_modules', '.package-lock.json');
	mkdirSync(DIR, {recursive: true});
	cpSync('tests/bench/peers', DIR, {recursive: true});
	if (existsSync(done) && statSync(done).mtimeMs > statSync(lock).mtimeMs)
		return;
	bench.progress('installing the peers');
	/* headers that are here already save node-gyp from asking for them */
	const env = existsSync('/usr/include/node/node.h') ?
		{...process.env, npm_config_nodedir: '/usr'} : process.env;
	/* not `npm ci`: that wants optional parts of other systems listed too */
	await run('npm', ['install', '--no-audit', '--no-fund'],
		{cwd: DIR, env});
}

let redis;
async function startRedis() {
	if (redis && !redis.gone)
		return redis;
	const socket = fresh('redis.sock'), dir = fresh('redis');
	mkdirSync(dir);
	redis = start('redis', 'redis-server', ['--port', '0',
		'--unixsocket', socket, '--dir', dir, '--save', '',
		'--appendonly', 'yes', '--appendfsync', 'always']);
	await answers(redis, socket);
	redis.socket = socket;
	return redis;
}

const node = (name, program, ...args) => start(name, process.execPath,
	[join(DIR, program), ...args], {env: {NODE_ENV: 'production'}});

async function startSqlite() {
	const socket = fresh('sqlite.sock');
	const app = node('fastify-sqlite', 'fastify-sqlite.mjs', socket,
		fresh('jobs.db'));
	await answers(app, socket);
	return {socket, parts: [app], pids: () => [app.pid],
		finish: url => fetch(`${url}/complete`, {method: 'POST'})};
}

const settled = url => until('all jobs are done', async () => {
	const r = await fetch(`${url}/open`);
	return (await r.json()).open === 0;
}, {ms: 120000, every: 5});

async function startBullmq(key) {
	const socket = fresh('bullmq.sock');
	const store = await startRedis();
	const app = node('fastify-bullmq', 'fastify-bullmq.mjs', socket,
		store.socket, key);
	await answers(app, socket);
	const it = {socket, parts: [app],
		pids: () => [app.pid, store.pid]};
	it.work = async (...call) => {
		const worker = node('bullmq-worker', 'bullmq-worker.mjs',
			store.socket, key, '32', ...call);
		await until('the worker', () =>
			worker.log().includes('worker-started'));
		it.parts.push(worker);
		return worker;
	};
	it.settled = settled;
	it.finish = async url => {
		const worker = await it.work();
		await settled(url);
		await worker.stop();
	};
	return it;
}

async function startFlask() {
	const socket = fresh('flask.sock');
	const store = await startRedis();
	const env = {REDIS: store.socket, PYTHONPATH: DIR,
		PYTHONDONTWRITEBYTECODE: '1'};
	const app = start('flask', python, ['-m', 'gunicorn', '-w', '2', '-k',
		'gthread', '--threads', '16', '-b', `unix:${socket}`,
		'flask_celery:app'], {env});
	await answers(app, socket);
	await until('its workers', () => children(app.pid).length === 2);
	const it = {socket, parts: [app],
		pids: () => [...children(app.pid), store.pid]};
	/* as many processes as cores, as it is by itself */
	it.work = async () => {
		const worker = start('celery', python, ['-m', 'celery', '-A',
			'flask_celery:tasks', 'worker', '-c', '2'],
		{env, cwd: DIR});
		it.parts.push(worker);
		await until('its worker', () =>
			children(worker.pid).length === 2, {ms: 60000});
		worker.pids = () => [worker.pid, ...children(worker.pid)];
		return worker;
	};
	it.finish = it.work;
	it.settled = settled;
	return it;
}

const peers = {
	sqlite: {name: 'fastify + better-sqlite3', start: startSqlite,
		in: {lookup: '', accept: ', fsync each'}},
	bullmq: {name: 'fastify + BullMQ', start: startBullmq,
		in: {lookup: '', accept: ', fsync always', jobs: ''}},
	calling: {name: 'BullMQ worker, upstream call', start: startBullmq,
		in: {jobs: ''}, call: true},
	flask: {name: 'Flask + Celery', start: startFlask,
		in: {lookup: '', jobs: ''}},
};

/* ---- in front of them --------------------------------------------------- */

const http = (key, socket) => `\tupstream ${key} {
		server "unix:${socket}";
		keepalive 256;
	}
`;
const server = key => `\t\tlocation /${key}/ {
			proxy_pass http://${key}/;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}
`;

/* A job of a peer that is completed; its URL. */
async function completed(it, url) {
	const r = await fetch(`${url}/job`, {method: 'POST',
		headers: {'content-type': 'application/json'}, body: '{"a":1}'});
	const {statusUrl} = await r.json();
	await it.finish(url);
	await until('its job is done', async () => {
		const {status} = await (await fetch(url + statusUrl)).json();
		return status === 'completed' || status === 'success';
	});
	return url + statusUrl;
}

const makers = {
	lookup: async (it, url, line, {key: peer}) => {
		const job = await completed(it, url);
		const {length} = await (await fetch(job)).text();
		const {origin, pathname: path} = new URL(job);
		const script = requests(`${peer}-look-up`, [{path}]);
		return {note: `${length} bytes`,
			once: seconds => get(`${origin}/`, {seconds, script})};
	},
	accept: async (it, url) =>
		({once: seconds => post(`${url}/job`, {seconds})}),
	jobs: async (it, url, line, {call}) => {
		const worker = await it.work(...call ? [line.nothing.url] : []);
		return {url: `${url}/job`, calls: call, settled: () => it.settled(url),
			done: call ? undefined : {url: `${url}/done`},
			watch: {app: it.pids(),
				worker: worker.pids?.() ?? [worker.pid]}};
	},
};
const names = {jobs: {bullmq: 'BullMQ worker, fsync always',
	flask: 'Celery worker, fsync always'}};

/* As run.mjs's `nobody`: what nginx needs, the cases, and the end of it. */
export async function peersOf(bench, measure) {
	const started = [];
	try {
		await install(bench);
	} catch (e) {
		bench.warn(`what npm would bring is left out: ${e.message}`);
	}
	for (const [key, peer] of Object.entries(peers)) {
		if (!(measure in peer.in))
			continue;
		try {
			bench.progress(`starting ${peer.name}`);
			started.push({key, peer, it: await peer.start(key)});
		} catch (e) {
			bench.warn(`${peer.name} is left out: ${e.message}`);
		}
	}
	return {
		conf: {http: started.map(s => http(s.key, s.it.socket)).join(''),
			server: started.map(s => server(s.key)).join('')},
		cases: async line => {
			const cases = [];
			for (const {key, peer, it} of started)
				cases.push({peer: true,
					name: names[measure]?.[key] ??
						peer.name + peer.in[measure],
					watch: {app: it.pids(),
						nginx: [line.nginx.worker]},
					...await makers[measure](it,
						`${line.url}/${key}`, line, {...peer, key})});
			return cases;
		},
		stop: async () => {
			for (const {it} of started)
				for (const part of it.parts.reverse())
					await part.stop();
			await redis?.stop();
		},
	};
}
