/*
 * What is measured: lowtide-cgi behind nginx, over a state folder of its own,
 * and, where asked for, lowtide-worker with an upstream that does nothing.
 *
 * nginx: one worker, no access log, unix sockets behind it. The server{} block
 * is ours, so that `return 200` and the static file are as bare as nginx can
 * serve them; for the API it includes what `lowtide build` wrote, word for
 * word but for the path of the socket, and for one more: whoever sends no
 * Authorization header is OWNER. What people run is what is measured.
 */
import {mkdirSync, readFileSync, writeFileSync, copyFileSync} from 'node:fs';
import {join} from 'node:path';
import {answers, children, freePort, run, start, tmp, until, which}
	from './proc.mjs';
import {jwks, newKey, sign} from '../tokens.mjs';

export const BIN = process.env.LOWTIDE_BIN ?? 'build/bin';
export const TOOLS = 'build/bench';
const nginx = which('nginx', '/usr/sbin/nginx', '/usr/local/sbin/nginx');
const JOB = '/api/v1/job';
export const NOOP = '/api/v1/noop';
export const OWNER = 'bench';
const ISSUER = 'https://id.bench.example'; /* as site.toml says */
export const RESULT = `{"text":"${'x'.repeat(245)}"}`;
export const at = (...names) => join(tmp, ...names);

/* ---- once a run --------------------------------------------------------- */

/* What is measured: the programs in `bin`, with the site in `from`. */
export const ours = {name: 'dist', bin: BIN, from: 'tests/bench/site',
	settings: ['--set', `web_server.users=${at('users')}`]};
/* The same programs with another site than that, which has no upstream. */
export const withSite = folder => ({...ours, name: folder, calls: false,
	from: `tests/bench/${folder}`});
let common;
async function prepare() {
	const port = await freePort();
	mkdirSync(at('www', 'static'), {recursive: true});
	writeFileSync(at('www', 'static', 'file.json'), RESULT);
	writeFileSync(at('users'), `${OWNER}:{PLAIN}secret\n`);
	return {port, key: newKey('RS256', 'bench')};
}
const whole = () => common ??= prepare();

async function build({name, bin, from, settings = [], calls = true}) {
	const {port} = await whole();
	await run(join(bin, 'lowtide'), ['build', '-q', '-C', from,
		'--out', at(name), ...calls ? ['--set',
			`upstream.nothing.base=http://127.0.0.1:${port}`] : [],
		...settings]);
	await run(join(bin, 'lowtide-jobs'), ['keygen', at(`${name}.keys`)]);
	return {config: at(name, 'server', 'lowtide.json'),
		keys: at(`${name}.keys`), from: n => at(name, 'server', n)};
}
const built = {};
export const site = (what = ours) => built[what.name] ??= build(what);

/* Headers of those who are somebody. */
export const basic = {authorization: `Basic ${
	Buffer.from(`${OWNER}:secret`).toString('base64')}`};
export const bearer = async () => ({authorization: `Bearer ${sign(
	(await whole()).key, {iss: ISSUER, aud: 'bench', sub: OWNER,
		scope: 'openid jobs', iat: Math.floor(Date.now() / 1000),
		exp: Math.floor(Date.now() / 1000) + 7200})}`});

/*
 * Jobs that are there already: `rows` of an API in the folder `state`, pending
 * (later: not before an hour is over) or completed, of one owner or of many.
 * [{path, etag}] of an even sample.
 */
export async function fill(state, rows, {api = 'job', pending = false,
	later = false, owners, what} = {}) {
	const {config, keys} = await site(what);
	mkdirSync(state, {recursive: true});
	const out = await run(what?.fill ?? join(TOOLS, 'fill'), ['--config', config,
		'--state', state, '--keys', keys, '--api', api,
		'--owner', OWNER, ...api === 'token' ? ['--issuer', ISSUER] : [],
		...owners ? ['--owners', String(owners)] : [],
		...pending ? ['--pending'] : [], ...later ? ['--later'] : [],
		String(rows)]);
	return out.trim().split('\n').map(l => l.split(' ')).map(
		([id, version]) => ({path: `/api/jobs/${id}`,
			etag: `"${version}"`}));
}

/* ---- nginx -------------------------------------------------------------- */

const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
	.map(n => `\t${n}_temp_path ${n};`).join('\n');
/* As the web server of a busy host: room for those who wait. */
const nginxConf = ({http, server, port}) => `daemon off;
${process.getuid() === 0 ? 'user root;' : ''}
worker_processes 1;
worker_rlimit_nofile ${limit()};
pid nginx.pid;
error_log stderr error;
events {
	worker_connections ${limit()};
}
http {
	access_log off;
	server_tokens off;
	sendfile on;
	tcp_nopush on;
	keepalive_timeout 65s;
	map_hash_bucket_size 256;
${temporary}
${http}
	server {
		listen 127.0.0.1:${port} backlog=4096;
		root "${at('www')}";
${server}
	}
}
`;
function limit() {
	const row = /Max open files +\d+ +(\d+)/
		.exec(readFileSync('/proc/self/limits', 'utf8'));
	return Math.min(Number(row?.[1] ?? 4096), 20000);
}

/* it.worker is the process that does the work. */
export async function startNginx(name, conf) {
	const port = conf.port ?? await freePort();
	mkdirSync(at(name), {recursive: true});
	writeFileSync(at(name, 'nginx.conf'), nginxConf({...conf, port}));
	const it = start(name, nginx, ['-p', at(name), '-c', 'nginx.conf',
		'-e', 'stderr']);
	await answers(it, port);
	it.port = port;
	it.url = `http://127.0.0.1:${port}`;
	[it.worker] = await until(`${name}'s worker`, () => {
		const found = children(it.pid);
		return found.length && found;
	});
	return it;
}

/* Answers every call of the worker at once. */
const startNothing = async () => startNginx('nothing', {
	port: (await whole()).port, http: '\tkeepalive_requests 1000000;',
	server: `\t\tlocation / {
			default_type application/json;
			return 200 '${RESULT}';
		}`});

const bare = `		location /static/ {
		}
		location = /return {
			return 200 "ok\\n";
		}
		include nginx-site.conf;
`;

/* ---- the line ----------------------------------------------------------- */

function counter(name) {
	const path = at(`${name}.syncs`);
	return {env: {COUNT_SYNCS: path,
		LD_PRELOAD: join(process.cwd(), TOOLS, 'count-syncs.so')},
	read: () => Number(readFileSync(path).readBigUInt64LE())};
}

const processEnv = (it, syncs) => {
	if (!syncs)
		return {};
	const c = counter(it);
	return {env: c.env, read: c.read};
};

/*
 *	name     of its folder and logs
 *	state    another folder to use instead of an empty one
 *	syncs    count how often the programs wait for the disk
 *	what     other programs and another site than ours
 *	unpaced  one job may be looked up as often as wrk likes
 *	http, server  more for nginx: what else is measured beside it
 */
export async function startLine({name = 'line', state, syncs, http = '',
	server = '', what = ours, unpaced} = {}) {
	const {config, keys, from} = await site(what);
	const line = {name, dir: at(name), state: state ?? at(name, 'state'),
		socket: at(name, 'cgi.sock')};
	for (const dir of [line.dir, join(line.state, 'jwks')])
		mkdirSync(dir, {recursive: true});
	writeFileSync(join(line.state, 'jwks', 'bench.json'),
		jwks((await whole()).key));
	line.common = ['--config', config, '--state', line.state,
		'--keys', keys];
	const made = processEnv(`${name}-cgi`, syncs);
	line.cgi = start(`${name}-cgi`, join(what.bin, 'lowtide-cgi'),
		[...line.common, '--listen', `unix:${line.socket}`,
			...unpaced ? ['--unpaced'] : []], made);
	line.cgi.syncs = made.read;
	await answers(line.cgi, line.socket);
	const web = `${name}-nginx`;
	mkdirSync(at(web), {recursive: true});
	copyFileSync(from('nginx-site.conf'), at(web, 'nginx-site.conf'));
	writeFileSync(at(web, 'nginx-http.conf'),
		readFileSync(from('nginx-http.conf'), 'utf8').replace(
			/server "unix:[^"]*"/,
			`server "unix:${line.socket}"`).replace(
			/(\$lowtide_owner_bench \{\n\tdefault )"";/,
			`$1"${OWNER}";`));
	line.nginx = await startNginx(web, {
		http: `\tinclude nginx-http.conf;\n${http}`,
		server: `${bare}${server}`});
	line.url = line.nginx.url;
	line.watch = {app: [line.cgi.pid], nginx: [line.nginx.worker]};
	line.startWorker = (...args) =>
		startWorker(line, what, syncs, args);
	line.send = () => send(line);
	line.settled = () => settled(line);
	line.stop = async () => {
		for (const p of [line.worker, line.nothing, line.nginx,
			line.cgi])
			await p?.stop();
	};
	return line;
}

async function startWorker(line, {bin, calls = true}, syncs, args) {
	if (calls)
		line.nothing ??= await startNothing();
	const made = processEnv(`${line.name}-worker`, syncs);
	line.worker = start(`${line.name}-worker`,
		join(bin, 'lowtide-worker'), [...line.common, '--dev', ...args],
		made);
	line.worker.syncs = made.read;
	await until('the worker is there', () =>
		line.worker.log().includes('worker-started'));
	line.stopWorker = async () => {
		await line.worker.stop();
		line.worker = undefined;
	};
	return line.worker;
}

/* A new job: {id, path} of its status document. */
async function send(line) {
	const r = await fetch(line.url + JOB, {method: 'POST', body: RESULT,
		headers: {'content-type': 'application/json'}});
	const text = await r.text();
	if (r.status !== 202)
		throw new Error(`a job was not accepted: ${r.status} ${text}`);
	const {jobId, statusUrl} = JSON.parse(text);
	return {id: jobId, path: new URL(statusUrl, line.url).pathname};
}

/* Nothing is on its way any more. */
const settled = line => until('all jobs are done', async () => {
	const r = await fetch(`${line.url}/api/jobs/health`);
	const h = await r.json();
	return h.pending === 0 && h.processing === 0;
}, {ms: 120000, every: 5});

export const status = async (line, path) => {
	const r = await fetch(line.url + path);
	return {status: r.status, etag: r.headers.get('etag'),
		bytes: (await r.text()).length};
};
export const jobPath = JOB;
