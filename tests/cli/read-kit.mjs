/*
 * The real lowtide-read without a web server: a lowtide.json written here, its
 * socket spoken to directly, upstreams of the test's own (read-upstream.mjs).
 *
 *	const kit = await startRead({upstreams: [{name: 'u', base: up.url}],
 *		reads: [{name: 'case', path: '/api/case/{crns}', ids: […],
 *			calls: [{name: 'tier', upstream: 'u', path: '/tier'}]}]});
 *	const r = await kit.get('/api/case/1,2');   {status, headers, text, json}
 */
import {spawn, spawnSync} from 'node:child_process';
import {mkdirSync, rmSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import {join} from 'node:path';
import {cleanup} from '../tap.mjs';
import {Client, request} from '../fcgi-client.mjs';
import {newFolder, program, until} from './line.mjs';

/* The upstream is this process: nothing times out but where that is tested. */
const upstream = given => ({local: true, timeoutMs: 20000,
	connectTimeoutMs: 20000, stallTimeoutMs: 20000, responseMax: 200000,
	concurrency: 32, queueMax: 1024, retries: 0, breakerWindowMs: 0,
	...given});
const call = read => given => ({read: read.name, required: true, ...given});

export function configOf({upstreams, reads, apis = [], ...more}) {
	const all = (member, made) => reads.flatMap(r =>
		(r[member] ?? []).map(made(r)));
	const {readIds, readCalls} = {
		readIds: all('ids', r => i => ({read: r.name, max: 100, ...i})),
		readCalls: all('calls', call)};
	return {format: 1, name: 'test', baseUrl: 'http://127.0.0.1',
		prefix: '/api', ...more, upstreams: upstreams.map(upstream), apis,
		reads: reads.map(({ids, calls, ...r}) => ({auth: 'none',
			path: `/api/${r.name}`, deadlineMs: 20000,
			concurrency: 64, ...r})),
		...readIds.length && {readIds}, readCalls};
}

const answer = a => ({...a, text: a.body, get json() {
	return JSON.parse(a.body);
}});

export async function startRead({args = [], env = {}, dir = newFolder(),
	wait = true, ...config}) {
	const at = name => join(dir, name);
	const kit = {dir, at, socket: at('read.sock'),
		control: at('control.sock'), children: []};
	kit.configure = next => writeFileSync(at('lowtide.json'),
		JSON.stringify(configOf(next)));
	mkdirSync(at('state'), {recursive: true});
	kit.configure(config);
	kit.start = (...more) => {
		const child = spawn(program('lowtide-read'), ['--config',
			at('lowtide.json'), '--state', at('state'), '--listen',
			`unix:${kit.socket}`, '--endpoint',
			`unix:${at('cgi.sock')}`, '--control',
			`unix:${kit.control}`, ...args, ...more],
		{stdio: ['ignore', 'inherit', 'pipe'],
			env: {...process.env, ...env}});
		const it = {child, log: '', exit: undefined, pid: child.pid};
		child.stderr.on('data', d => { it.log += d; });
		it.ended = new Promise(r => child.on('close', (code, sig) => {
			it.exit = sig ?? code;
			r(it.exit);
		}));
		it.stop = sig => (child.kill(sig ?? 'SIGTERM'), it.ended);
		it.lines = event => it.log.split('\n').filter(l =>
			l.includes(`"event":"${event}"`)).map(l => JSON.parse(l));
		kit.children.push(it);
		kit.it = it;
		return it;
	};
	kit.listens = it => until('it listens', () => {
		if (it.exit !== undefined)
			throw new Error(`it ended (${it.exit}): ${it.log}`);
		return new Promise(r => {
			const c = net.connect(kit.socket, () => {
				c.destroy();
				r(true);
			});
			c.on('error', () => r(false));
		});
	});
	kit.run = (...given) => {
		const r = spawnSync(program('lowtide-read'), given,
			{encoding: 'utf8', timeout: 120000,
				killSignal: 'SIGABRT'});
		if (r.error)
			throw r.error;
		return {status: r.status, out: r.stdout, err: r.stderr};
	};
	kit.purge = prefix => kit.run('--purge', prefix, '--control',
		`unix:${kit.control}`);
	/* On a connection of its own; .leave() is a client that goes away. */
	kit.begin = async (uri, {method = 'GET', headers = {}, owner} = {}) => {
		const c = await Client.dial(kit.socket);
		c.send(request({id: 1, method, uri, headers, keep: false,
			params: owner ? {LOWTIDE_OWNER: owner} : {}}));
		const whole = c.answer(1, 120000).then(answer)
			.finally(() => c.close());
		whole.catch(() => {}); /* of one that left */
		return {answer: whole, leave: () => c.close()};
	};
	kit.get = async (uri, how) => (await kit.begin(uri, how)).answer;
	cleanup(async () => {
		for (const c of kit.children)
			if (c.exit === undefined)
				c.child.kill('SIGKILL');
		await Promise.all(kit.children.map(c => c.ended));
		rmSync(dir, {recursive: true, force: true});
	});
	kit.start();
	if (wait)
		await kit.listens(kit.it);
	return kit;
}
