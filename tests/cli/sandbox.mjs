/*
 * The endpoint's sandbox, as the kernel tells it of every thread of the real
 * program; and that it still answers, and takes other files by SIGHUP.
 * tests/unit/test-sandbox.c tries what is not possible any more.
 */
import {spawn} from 'node:child_process';
import {readFileSync, readdirSync, renameSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {program, startLine, startUpstream, until} from './line.mjs';

const upstream = await startUpstream({
	free: (req, res) => res.writeHead(200,
		{'content-type': 'application/json'}).end('{"done":true}'),
});
const line = await startLine({upstreams: [{name: 'u', base: upstream.url}],
	apis: [{name: 'free', upstream: 'u'}]});
const at = name => join(line.dir, name);
const worker = line.worker();

const member = (pid, task, name) => {
	const said = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
	return new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(said)?.[1];
};
const tasks = pid => readdirSync(`/proc/${pid}/task`);
const isConfined = (pid, task) => {
	equal(member(pid, task, 'NoNewPrivs'), '1');
	equal(member(pid, task, 'Seccomp'), '2');
};
/* by the kernel's own account: 0:soft, 0:hard */
const coreLimit = pid => /^Max core file size\s+(\d+)\s+(\d+)/m.exec(
	readFileSync(`/proc/${pid}/limits`, 'utf8')).slice(1);

test('every thread has its filter and gets no new rights', async () => {
	await until('there are two threads', () =>
		tasks(line.cgi.pid).length >= 2);
	for (const task of tasks(line.cgi.pid))
		isConfined(line.cgi.pid, task);
});
test('it leaves no core file, nor does the worker', async () => {
	equal(coreLimit(line.cgi.pid), ['0', '0']);
	await until('the worker runs', () =>
		worker.log.includes('"worker-started"'));
	equal(coreLimit(worker.pid), ['0', '0']);
});
test('nothing was missing, or it says what', () => {
	const said = line.cgi.log.match(/.*sandbox-partial.*/);
	if (said)
		match(JSON.parse(said[0]).missing, /^(landlock|no-core)$/);
});
test('it accepts and answers', async () => {
	const job = await line.send('/api/free');
	equal((await line.ended(job)).status, 'completed');
	const r = await line.fcgi({method: 'GET', target: `/api/jobs/${job}`});
	equal(r.status, 200);
});
test('another configuration, put there by rename, is taken', async () => {
	const config = JSON.parse(readFileSync(at('lowtide.json')));
	config.apis.push({...config.apis[0], name: 'more', tag: '00beef',
		path: '/api/more'});
	writeFileSync(at('next'), JSON.stringify(config));
	renameSync(at('next'), at('lowtide.json'));
	process.kill(line.cgi.pid, 'SIGHUP');
	await until('reloaded', () => line.cgi.log.includes('"reloaded"'));
	await line.send('/api/more');
});
test('and so are other keys', async () => {
	writeFileSync(at('next'), readFileSync(at('keys')), {mode: 0o600});
	renameSync(at('next'), at('keys'));
	process.kill(line.cgi.pid, 'SIGHUP');
	await until('reloaded', () =>
		line.cgi.log.split('"reloaded"').length === 3);
	ok(!line.cgi.log.includes('reload-failed'));
});
test('a program of one request is as confined while it reads', async () => {
	const child = spawn(program('lowtide-cgi'), [], {
		stdio: ['pipe', 'pipe', 'pipe'],
		env: {...process.env, GATEWAY_INTERFACE: 'CGI/1.1',
			REQUEST_METHOD: 'POST', REQUEST_URI: '/api/free',
			CONTENT_TYPE: 'application/json', CONTENT_LENGTH: '2',
			REMOTE_ADDR: '127.0.0.1',
			LOWTIDE_CONFIG: at('lowtide.json'),
			LOWTIDE_STATE: at('state'), LOWTIDE_KEYS: at('keys')}});
	let out = '';
	child.stdout.on('data', d => { out += d; });
	const ended = new Promise(r => child.on('close', r));
	cleanup(() => child.exitCode === null && child.kill('SIGKILL'));
	await until('it is confined', () =>
		member(child.pid, child.pid, 'Seccomp') === '2');
	isConfined(child.pid, child.pid);
	child.stdin.end('{}');
	equal(await ended, 0);
	match(out, /^Status: 202 /);
});
await done();
