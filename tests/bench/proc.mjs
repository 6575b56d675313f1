/*
 * Processes and what they cost. Everything started here is stopped by pid,
 * last first, whatever ends the run; the folder of the run goes with it.
 */
import {spawn, spawnSync} from 'node:child_process';
import {mkdtempSync, openSync, closeSync, readFileSync, readdirSync, rmSync,
	existsSync} from 'node:fs';
import net from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

export const pause = ms => new Promise(r => setTimeout(r, ms));
export const tmp = mkdtempSync(join(tmpdir(), 'lowtide-bench.'));
const running = [];
process.on('exit', () => rmSync(tmp, {recursive: true, force: true}));

/* In the background; what it says goes into tmp/NAME.log. */
export function start(name, command, args = [], {env = {}, cwd} = {}) {
	const path = join(tmp, `${name}.log`);
	const log = openSync(path, 'a');
	const child = spawn(command, args, {cwd, env: {...process.env, ...env},
		stdio: ['ignore', log, log]});
	closeSync(log);
	const it = {name, pid: child.pid, gone: false,
		log: () => readFileSync(path, 'utf8')};
	it.ended = new Promise(r => {
		child.on('error', () => r(it.gone = true));
		child.on('exit', () => r(it.gone = true));
	});
	it.stop = async () => {
		for (const signal of ['SIGTERM', 'SIGKILL']) {
			if (it.gone)
				break;
			child.kill(signal);
			await Promise.race([it.ended, pause(10000)]);
		}
		if (running.includes(it))
			running.splice(running.indexOf(it), 1);
	};
	running.push(it);
	return it;
}

export async function stopAll() {
	for (const it of [...running].reverse())
		await it.stop();
}

/* For a child whose stdin and stdout somebody else holds. */
export function adopt(child, name) {
	const it = {name, pid: child.pid};
	it.stop = async () => {
		if (child.exitCode === null && child.signalCode === null) {
			const ended = new Promise(r => child.on('exit', r));
			child.kill('SIGKILL');
			await ended;
		}
		if (running.includes(it))
			running.splice(running.indexOf(it), 1);
	};
	running.push(it);
	return it;
}

/* To its end: stdout; throws with what it said otherwise. */
export function run(command, args, options = {}) {
	return new Promise((resolve, reject) => {
		const child = spawn(command, args, {...options,
			stdio: ['ignore', 'pipe', 'pipe']});
		const it = adopt(child, command);
		let out = '', err = '';
		child.stdout.on('data', d => { out += d; });
		child.stderr.on('data', d => { err += d; });
		child.on('error', reject);
		child.on('close', code => {
			it.stop();
			if (code === 0)
				resolve(out);
			else
				reject(new Error(`${command} ${args.join(' ')}: ` +
					`${code}\n${(err || out).slice(0, 2000)}`));
		});
	});
}

/* For the few words of short programs. */
export function ask(command, ...args) {
	const r = spawnSync(command, args, {encoding: 'utf8'});
	return r.status === 0 ? `${r.stdout}${r.stderr}`.trim() : '';
}

export async function until(what, check, {ms = 15000, every = 20} = {}) {
	for (const end = Date.now() + ms; Date.now() < end; await pause(every)) {
		const found = await check();
		if (found)
			return found;
	}
	throw new Error(`${what}: not within ${ms} ms`);
}

/* Somebody accepts connections there: a port or a socket's path. */
export const answers = (it, where) =>
	until(`${it.name} at ${where}`, () => {
		if (it.gone)
			throw new Error(`${it.name} ended:\n` +
				it.log().slice(0, 600));
		return new Promise(r => {
			const c = typeof where === 'number' ?
				net.connect(where, '127.0.0.1') :
				net.connect(where);
			c.on('connect', () => {
				c.destroy();
				r(true);
			});
			c.on('error', () => r(false));
		});
	});

export const freePort = () => new Promise(r => {
	const s = net.createServer();
	s.listen(0, '127.0.0.1', () => {
		const {port} = s.address();
		s.close(() => r(port));
	});
});

export const which = (...names) => names.find(n => n.startsWith('/') ?
	existsSync(n) : ask('sh', '-c', `command -v ${n}`));

/* ---- what the kernel says ----------------------------------------------- */

const read = path => {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return ''; /* a thread that has just ended */
	}
};
const tasks = pid => {
	try {
		return readdirSync(`/proc/${pid}/task`)
			.map(t => `/proc/${pid}/task/${t}`);
	} catch {
		return [];
	}
};
const sum = numbers => numbers.reduce((a, b) => a + b, 0);

export const children = pid => tasks(pid)
	.flatMap(t => read(`${t}/children`).trim().split(' '))
	.filter(Boolean).map(Number);
/* CPU time of all threads of all these processes, in µs. */
export const cpuUs = pids => sum(pids.flatMap(tasks)
	.map(t => Number(read(`${t}/schedstat`).split(' ')[0]) / 1e3));
/*
 * The same of a process and of all that it started, and these did, whether
 * they are gone or not: as the kernel adds it up, in ticks.
 */
const TICK_US = 1e6 / Number(ask('getconf', 'CLK_TCK'));
const descend = pid => [pid, ...children(pid).flatMap(descend)];
export const treeUs = pids => TICK_US * sum(pids.flatMap(descend).flatMap(p =>
	(read(`/proc/${p}/stat`).split(') ')[1] ?? '').split(' ')
		.slice(11, 15).map(Number)));
/* How often it went to sleep or was put to it, and so woke up. */
export const switches = pid => sum(tasks(pid).flatMap(t =>
	[...read(`${t}/status`).matchAll(/ctxt_switches:\s+(\d+)/g)]
		.map(m => Number(m[1]))));
/* Private_Dirty, kB: clean pages are the library's text. */
export const dirtyKb = pid => Number(
	/^Private_Dirty:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))[1]);
export const privateKb = pid => sum(
	[...read(`/proc/${pid}/smaps_rollup`)
		.matchAll(/^Private_\w+:\s+(\d+)/gm)].map(m => Number(m[1])));

/*
 * What others take of the machine, 0..1, since the call: read it when all that
 * was started in between has ended, for only then its time is ours.
 */
export function others() {
	const ticks = () => {
		const all = read('/proc/stat').split('\n')[0].split(/ +/)
			.slice(1, 9).map(Number);
		const own = read('/proc/self/stat').split(') ')[1].split(' ')
			.slice(11, 15).map(Number);
		return {all: sum(all), idle: all[3] + all[4], own: sum(own)};
	};
	const a = ticks();
	return () => {
		const b = ticks();
		const used = b.all - a.all - (b.idle - a.idle) - (b.own - a.own);
		return Math.max(0, used / (b.all - a.all));
	};
}
