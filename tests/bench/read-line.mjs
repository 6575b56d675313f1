/*
 * What `make bench-read` measures: lowtide-read behind nginx, with what `lowtide
 * build` wrote for both, and upstreams whose latency is known (slow-upstream)
 * or that cost next to nothing (nginx). Beside it, behind the same nginx, what
 * one would otherwise write: peers/read-node.mjs, peers/read_aiohttp.py.
 */
import {copyFileSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {at, BIN, RESULT, site, startNginx, TOOLS} from './line.mjs';
import {answers, ask, freePort, run, start, which} from './proc.mjs';

/* ---- once a run --------------------------------------------------------- */

const UPSTREAMS = {slow: 'slow', plain: 'plain', tls: 'tls', h2: 'h2',
	summaries: 'slow', people: 'slow', tiers: 'slow', risks: 'slow',
	premises: 'slow', bound: 'bound', patient: 'bound'};
let serial = 0; /* nothing is left over from what was before */
let common;
async function prepare() {
	const ports = {};
	for (const name of new Set(Object.values(UPSTREAMS)))
		ports[name] = await freePort();
	const [key, cert] = [at('upstream.key'), at('upstream.pem')];
	await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
		'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
		'-subj', '/CN=127.0.0.1', '-addext',
		'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert]);
	const secure = name => name === 'tls' || name === 'h2';
	const bases = Object.fromEntries(Object.entries(UPSTREAMS).map(
		([name, by]) => [name, `http${secure(name) ? 's' : ''}://` +
			`127.0.0.1:${ports[by]}`]));
	const settings = Object.entries(bases).flatMap(([name, base]) => [
		'--set', `upstream.${name}.base=${base}`,
		...secure(name) ? ['--set', `upstream.${name}.ca=${cert}`] : []]);
	return {ports, key, cert, bases, what: {name: 'reads', bin: BIN,
		from: 'tests/bench/reads', calls: false, settings}};
}
const whole = () => common ??= prepare();

/* ---- upstreams ---------------------------------------------------------- */

/* it.count() is what was asked for since the last time: slow-upstream.c. */
async function startSlow(name, ...slots) {
	const port = (await whole()).ports[name];
	const it = start(`upstream-${name}`, join(TOOLS, 'slow-upstream'),
		[String(port), ...slots]);
	await answers(it, port);
	it.port = port;
	it.count = async () => (await fetch(`http://127.0.0.1:${port}/count`))
		.json();
	return it;
}

/* The same answer at once: as plain as can be, with TLS, and many at a time. */
async function startPlain() {
	const {ports, key, cert} = await whole();
	const server = (port, how) => `\tserver {
		listen 127.0.0.1:${port} ${how} backlog=4096;
		ssl_certificate "${cert}";
		ssl_certificate_key "${key}";
		location / {
			default_type application/json;
			return 200 '${RESULT}';
		}
	}
`;
	return startNginx('plain', {port: ports.plain,
		http: '\tkeepalive_requests 10000000;\n' +
			server(ports.tls, 'ssl') +
			server(ports.h2, 'ssl http2'),
		server: `\t\tlocation / {
			default_type application/json;
			return 200 '${RESULT}';
		}`});
}

/* ---- what one would otherwise write ------------------------------------- */

const python = which('/usr/bin/python3', 'python3');
const node = how => socket => [process.execPath,
	['tests/bench/peers/read-node.mjs', socket, how]];
const peers = {
	fetch: {name: 'node, fetch', command: node('fetch')},
	agent: {name: 'node, http.Agent', command: node('agent')},
	aiohttp: {name: 'Python, aiohttp', command: socket => [python,
		['tests/bench/peers/read_aiohttp.py', socket]],
	there: () => ask(python, '-c', 'import aiohttp; print(1)')},
};

async function startPeer(bench, key) {
	const {name, command, there} = peers[key];
	if (there && !there()) {
		bench.warn(`${name} is left out: it is not installed`);
		return [];
	}
	const socket = at(`${++serial}-${key}.sock`);
	const it = start(key, ...command(socket), {env: {
		BASES: JSON.stringify((await whole()).bases),
		NODE_ENV: 'production', PYTHONDONTWRITEBYTECODE: '1'}});
	await answers(it, socket);
	return [{key, name, socket, it, pid: it.pid}];
}

const http = ({key, socket}) => `\tupstream ${key} {
		server "unix:${socket}";
		keepalive 256;
	}
`;
const server = ({key}) => `\t\tlocation /${key}/ {
			proxy_pass http://${key}/;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffers 32 8k;
			proxy_read_timeout 75s;
		}
`;

/* ---- the line ----------------------------------------------------------- */

/*
 *	args     more for lowtide-read
 *	peers    keys of those beside it, if peers are asked for
 *	bound    the upstream that can do SLOTS at a time is started, too
 *	plain    and those that answer at once
 *	http, server  more for nginx
 */
export async function startReads(bench, {args = [], peers: wanted = [], bound,
	plain, http: moreHttp = '', server: moreServer = ''} = {}) {
	const {what, ports} = await whole();
	const {config, from} = await site(what);
	const line = {socket: at('read.sock'), parts: []};
	const part = it => (line.parts.push(it), it);
	line.slow = part(await startSlow('slow'));
	if (bound)
		line.bound = part(await startSlow('bound', String(bound)));
	if (plain)
		line.plain = part(await startPlain());
	line.startRead = async () => {
		line.read = start('read', join(BIN, 'lowtide-read'), ['--config',
			config, '--listen', `unix:${line.socket}`, '--endpoint',
			`unix:${at('none.sock')}`, '--control',
			`unix:${at('control.sock')}`, '--log-level', 'error',
			...args]);
		await answers(line.read, line.socket);
	};
	await line.startRead();
	line.peers = [];
	for (const key of Number(process.env.PEERS) ? wanted : [])
		line.peers.push(...await startPeer(bench, key));
	const dir = 'reads-nginx';
	mkdirSync(at(dir), {recursive: true});
	copyFileSync(from('nginx-site.conf'), at(dir, 'nginx-site.conf'));
	writeFileSync(at(dir, 'nginx-http.conf'),
		readFileSync(from('nginx-http.conf'), 'utf8').replace(
			/server "unix:[^"]*"/, `server "unix:${line.socket}"`));
	line.nginx = await startNginx(dir, {
		http: `\tinclude nginx-http.conf;
	keepalive_requests 10000000;
	upstream slow {
		server 127.0.0.1:${ports.slow};
		keepalive 256;
		keepalive_requests 10000000;
	}
${line.peers.map(http).join('')}${moreHttp}`,
		server: `\t\tlocation /static/ {
		}
${server({key: 'slow'})}${line.peers.map(server).join('')}${moreServer}
		include nginx-site.conf;
`});
	line.url = line.nginx.url;
	line.watch = {app: [line.read.pid], nginx: [line.nginx.worker]};
	line.stop = async () => {
		for (const p of [line.nginx, ...line.peers.map(x => x.it),
			line.read, ...line.parts])
			await p.stop();
	};
	return line;
}

/*
 * For get(): wrk asks for PATH with so many identifiers that nobody has asked
 * for before, parted by commas.
 */
export function strangers(path, ids = 1) {
	const file = at(`strangers-${++serial}.lua`);
	writeFileSync(file, `
local n, at = 0, ""
function init(args) at = args[1] end
function request()
	local ids = {}
	for i = 1, ${ids} do
		n = n + 1
		ids[i] = at .. "-" .. n
	end
	return wrk.format("GET", "${path}" .. table.concat(ids, ","))
end
`);
	/* get() puts what is behind the first two after the URL */
	return {get script() {
		return ['-s', file, '--', `x${++serial}`];
	}};
}
