/*
 * The line for campaigns: the example site's simulator, lowtide-cgi and
 * lowtide-worker without a web server, each started again when it ends (keep),
 * with or without the shim that breaks its calls; clients that go on all the
 * while, and the verdict in the end.
 *
 *	const world = await startWorld({plan: 'lowtide-cgi:/jobs.db:…'});
 *	await world.load(async () => { … break something … });
 *	await world.settle();
 *	await world.verdict();       throws with the findings
 */
import {spawn, spawnSync} from 'node:child_process';
import {appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync,
	readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import {tmpdir} from 'node:os';
import {basename, join, resolve} from 'node:path';
import {cleanup, equal, ok} from '../tap.mjs';
import {run, within} from '../waits.mjs';
import {Journal, Sender, overFcgi, pause} from './client.mjs';
import {compare, figures} from './compare.mjs';
import {decided, integrity, openRows, readRows} from './tables.mjs';

const BIN = process.env.LOWTIDE_BIN ?? 'build/bin';
export const SHIM = resolve('build/tests/shim.so');
const needed = spawnSync('ldd', [join(BIN, 'lowtide-cgi')], {encoding: 'utf8'});
if (needed.status !== 0)
	throw new Error(`${BIN}/lowtide-cgi: ${needed.stderr}`);
export const sanitized = needed.stdout.includes('asan');

export async function until(what, check, ms = 60000) {
	for (const end = Date.now() + ms; Date.now() < end; await pause(20)) {
		const found = await check();
		if (found)
			return found;
	}
	throw new Error(`${what}: not within ${ms} ms`);
}

/* Dirty pages of a process's own, in bytes, and its open descriptors. */
export function footprint(pid) {
	const smaps = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
	return {dirty: 1024 * Number(/Private_Dirty:\s+(\d+)/.exec(smaps)[1]),
		files: readdirSync(`/proc/${pid}/fd`).length};
}

/*
 * Where it was before: no descriptor more (but `more`: connections that are
 * kept on purpose), and no more memory than the caches of its database connections (1 MiB
 * each) and what malloc keeps of a busy time.
 */
export const DIRTY_MORE = 8 << 20;
export async function backAgain(name, pid, before, more = 0) {
	let now;
	for (let i = 0; i < 300; i++) {
		now = footprint(pid);
		if (now.files <= before.files + more)
			break;
		await pause(100);
	}
	console.log(`# ${name}: ${before.files} → ${now.files} descriptors, ` +
		`${before.dirty >> 10} → ${now.dirty >> 10} kB of its own`);
	ok(now.files <= before.files + more,
		`${name}: ${now.files} descriptors, ${before.files} before`);
	if (!sanitized)
		ok(now.dirty <= before.dirty + DIRTY_MORE,
			`${name}: ${now.dirty} bytes, ${before.dirty} before`);
}

/* The worker may keep a connection for each bundle that is called at once. */
export const CALLS_KEPT = 4;

let instances = 0;

/* One program that is started again whenever it ends, at once. */
class Kept {
	constructor(name, args, env, log) {
		Object.assign(this, {name, args, env, log, ends: [], wanted: true});
		this.start();
	}
	start() {
		/* a name for each time it is started, which it may pass on */
		this.instance = `${this.name}-${++instances}`;
		const child = spawn(join(BIN, this.name), this.args,
			{stdio: ['ignore', 'inherit', 'pipe'],
				env: {...this.env, WORK_INSTANCE: this.instance}});
		this.pid = child.pid;
		this.running = true;
		child.stderr.on('data', d => appendFileSync(this.log, d));
		this.ended = new Promise(done => child.on('close',
			(code, signal) => {
				this.running = false;
				this.ends.push(signal ?? code);
				done();
				if (this.wanted)
					this.again = setTimeout(
						() => this.start(), 50);
			}));
	}
	signal(name) {
		try {
			if (this.running)
				process.kill(this.pid, name);
			return this.running;
		} catch {
			return false;
		}
	}
	async stop(name = 'SIGTERM') {
		this.wanted = false;
		clearTimeout(this.again);
		this.signal('SIGCONT');
		this.signal(name);
		const late = setTimeout(() => this.signal('SIGKILL'), 15000);
		await this.ended;
		clearTimeout(late);
	}
}

async function startSimulator(dir, pace) {
	const child = spawn('node', ['site/simulator.mjs'], {env: {
		...process.env, PORT: '0', SIMULATOR_PACE_MS: String(pace),
		SIMULATOR_PERMISSION: 'any'},
	stdio: ['ignore', 'pipe', 'inherit']});
	const ended = new Promise(r => child.on('close', r));
	cleanup(() => {
		child.kill('SIGKILL');
		return ended;
	});
	let said = '';
	child.stdout.on('data', d => { said += d; });
	await until('the simulator', () => said.includes('\n'));
	return /http:\S+/.exec(said)[0];
}

/* What `lowtide serve` would fill in: {run.simulator.url} of env/dev.toml. */
function atSimulator(simulator) {
	let section = '';
	return readFileSync('site/env/dev.toml', 'utf8').split('\n').flatMap(l => {
		section = /^\[(.+)\]/.exec(l)?.[1] ?? section;
		const [, key, path] =
			/^(\w+) = "\{run\.simulator\.url\}(.*)"/.exec(l) ?? [];
		return key ? ['--set', `${section}.${key}=${simulator}${path}`] :
			[];
	});
}

/*
 * A connection may be closed by the other side just as it is used. The first
 * fetch() of a process has no ear for that yet, and waits for ever.
 */
export async function fetched(url, options = {}) {
	for (let left = 5; ; left--)
		try {
			return await fetch(url, {...options,
				signal: AbortSignal.timeout(20000)});
		} catch (e) {
			if (!left)
				throw e;
			await pause(100);
		}
}

async function exampleSite({dir, at}, pace) {
	const simulator = await startSimulator(dir, pace);
	await run(join(BIN, 'lowtide'), ['build', '-C', 'site', '--env', 'dev',
		'--out', at('dist'), '--set', 'auth=none',
		...atSimulator(simulator)]);
	/* Of one address they would be bounded as one. */
	const address = () => `10.${[1, 2, 3].map(
		() => Math.floor(Math.random() * 256)).join('.')}`;
	return {config: at('dist/server/lowtide.json'),
		person: () => ({who: {lines: () =>
			({params: {REMOTE_ADDR: address()}})}}),
		calls: async () => (await fetched(`${simulator}/__calls`)).json()};
}

/*
 * plan: for the shim, '' = none, the programs run unchanged. state: where the
 * store lives, made when missing. site(world, pace): makes another site than
 * the example, {config, calls, person(i), promises}: person: what is particular
 * to the i-th client (client.mjs), promises: what compare() holds it to,
 * decides: it has an operator of its own for jobs that are held. env:
 * more of it, for the programs. workers: how many, the first is .worker. FAULT_KEEP in ours: a folder that journal, logs
 * and store are copied to in the end.
 */
export async function startWorld({plan = '', state, pace = 5, clients = 16,
	lease = '2s', heartbeat = '200ms', site = exampleSite, env: more = {},
	workers = 1} = {}) {
	const dir = mkdtempSync(join(tmpdir(), 'lowtide-fault.'));
	const at = name => join(dir, name);
	state ??= at('state');
	/* the endpoint's sandbox lets it make files in the store's folder only */
	const world = {dir, at, state, faults: join(state, 'faults'),
		socket: at('sock'), seen: at('seen'), senders: []};
	cleanup(() => {
		const kept = process.env.FAULT_KEEP;
		if (kept)
			cpSync(dir, join(kept, basename(dir)), {recursive: true,
				filter: name => name !== world.socket});
		rmSync(dir, {recursive: true, force: true});
	});
	mkdirSync(world.state, {recursive: true});
	mkdirSync(world.faults);
	const made = world.site = await site(world, pace);
	await run(join(BIN, 'lowtide-jobs'), ['keygen', at('keys')]);
	const common = ['--config', made.config,
		'--state', world.state, '--keys', at('keys')];
	const env = world.env = {...process.env, ...more, ...plan && {
		LD_PRELOAD: SHIM, FAULT_PLAN: plan, FAULT_STATE: world.faults,
		FAULT_LOG: world.seen}};
	world.journal = new Journal(at('journal'));
	world.journal.write({what: 'start', t: Date.now()});
	const keep = (name, ...args) => {
		const kept = new Kept(name, [...common, ...args], env,
			at(`${name}.log`));
		cleanup(() => kept.stop('SIGKILL'));
		return kept;
	};

	world.jobs = (command, ...args) => run(join(BIN, 'lowtide-jobs'),
		[command, ...args, ...common]);
	world.start = () => {
		world.cgi = keep('lowtide-cgi', '--unpaced', '--listen',
			`unix:${world.socket}`);
		world.workers = Array.from({length: workers}, () =>
			keep('lowtide-worker', '--dev', '--lease', lease,
				'--heartbeat', heartbeat));
		[world.worker] = world.workers;
	};
	world.log = name => readFileSync(at(`${name}.log`), 'utf8');
	/* what the shim did: [{pid, program, call, path, action}] */
	world.shim = () => existsSync(world.seen) ?
		readFileSync(world.seen, 'utf8').split('\n').filter(Boolean)
			.map(l => l.split(' ')).map(
				([pid, program, call, path, action]) =>
					({pid, program, call, path, action})) : [];
	world.struck = (rule = 0) =>
		existsSync(join(world.faults, `hit-${rule}`));
	world.mend = () => writeFileSync(join(world.faults, 'off'), '');
	world.listens = () => new Promise(r => {
		const c = net.connect(world.socket, () => {
			c.destroy();
			r(true);
		});
		c.on('error', () => r(false));
	});
	world.ready = () => until('the endpoint listens', world.listens);
	cleanup(() => {
		for (const s of world.senders)
			s.ask.close();
	});
	world.another = (person = made.person()) => {
		const s = new Sender(overFcgi(world.socket), world.journal,
			person);
		world.senders.push(s);
		return s;
	};
	const crowd = Array.from({length: clients},
		(_, i) => world.another(made.person(i)));

	/* The crowd sends and asks for as long as during() takes. */
	world.load = async during => {
		let stop = false;
		const all = Promise.all(crowd.map(s => s.run(() => stop)));
		try {
			return await during();
		} finally {
			stop = true;
			await all;
		}
	};
	/* Nothing is broken any more: everything comes to its end. */
	world.settle = async (ms = 180000) => {
		const end = Date.now() + ms;
		const ends = made.decides ? (_, during) => during() : decided;
		await ends(world.jobs, async () => {
			const states = () => world.senders.map(s =>
				s.state()).join('; ');
			await within('the clients', Promise.all(
				world.senders.map(s => s.drain(() =>
					Date.now() > end))), states, ms / 500);
			ok(Date.now() < end, `the clients: not over within ${
				ms} ms; ${states()}`);
			await until('every row is at its end',
				async () => await openRows(world.state) === 0,
				end - Date.now());
		});
		for (const s of world.senders)
			s.ask.close();
	};
	world.evidence = async () => {
		const log = world.journal.read();
		const told = new Set(log.filter(l => l.what === 'answer')
			.map(l => l.jobId).filter(Boolean));
		return {log, ...made.promises,
			rows: await readRows(world.state, world.jobs, told),
			calls: await made.calls()};
	};
	/* Of one whose 202 did not come, from the table. */
	world.idOf = async ({name}) => (await world.evidence()).rows
		.find(r => r.requestId === name).jobId;
	world.verdict = async () => {
		const all = await world.evidence();
		console.log(`# ${figures(all)}`);
		const found = compare(all);
		for (const check of new Set(found.map(f => f.check))) {
			const its = found.filter(f => f.check === check);
			console.log(`# ${check}: ${its.length}`);
			for (const {text} of its.slice(0, 4))
				console.log(`#   ${text}`);
		}
		equal(found.length, 0, `${found.length} findings, the first: ${
			found[0]?.check} ${found[0]?.text}`);
		for (const row of all.rows)
			equal(row.listed, row.state, row.jobId);
		equal(await integrity(world.state), 'ok');
		return all;
	};
	return world;
}
