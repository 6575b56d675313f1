/*
 * Programs that are waited for no longer than BOUND_S, and what is told of one
 * that did not end: where it was, and who had the lock that it waited for.
 *
 *	const stdout = await run('build/bin/lowtide-jobs', ['ls', …]);
 *	await within('the senders', Promise.all(…), () => 'what they do');
 */
import {execFile} from 'node:child_process';
import {readFileSync, readdirSync} from 'node:fs';

/* Far longer than any of them takes: to tell one that hangs. */
const BOUND_S = Number(process.env.RUN_LIMIT_S ?? 120);

function read(path) {
	try {
		return readFileSync(path, 'utf8').trim();
	} catch {
		return '';
	}
}
function list(path) {
	try {
		return readdirSync(path);
	} catch {
		return [];
	}
}

const stateOf = folder =>
	/^State:\s+(\S)/m.exec(read(`${folder}/status`))?.[1] ?? 'gone';

/* `lowtide-jobs 123: S flock_lock_inode_wait 73 …`, a line for each thread. */
function threads(pid) {
	return list(`/proc/${pid}/task`).map(tid => {
		const at = `/proc/${pid}/task/${tid}`;
		const call = read(`${at}/syscall`).split(' ').slice(0, 4);
		return `${read(`${at}/comm`)} ${tid}: ${stateOf(at)} ${
			read(`${at}/wchan`)} ${call.join(' ')}`;
	});
}

/* Locks that it waits for (->) or has, and of the former who has them. */
function locks(pid) {
	const rows = read('/proc/locks').split('\n').map(line => {
		const [, n, waits, kind, , mode, owner, file] =
			/^(\d+): (-> )?(\S+)\s+(\S+)\s+(\S+)\s+(-?\d+) (\S+)/
				.exec(line) ?? [];
		return {n, waits, kind, mode, owner: Number(owner), file};
	});
	const wanted = rows.filter(r => r.waits && r.owner === pid)
		.map(r => r.n);
	return rows.filter(r => r.owner === pid || wanted.includes(r.n))
		.map(r => `${r.waits ? 'wants' : 'has'} ${r.kind} ${r.mode} ${
			r.file}: ${read(`/proc/${r.owner}/comm`)} ${r.owner} ${
			stateOf(`/proc/${r.owner}`)}`);
}

/* What a process and its children do just now, in a few lines. */
export function doing(pid) {
	const below = list(`/proc/${pid}/task`).flatMap(tid =>
		read(`/proc/${pid}/task/${tid}/children`).split(' '))
		.filter(Boolean).map(Number);
	return [...threads(pid), ...locks(pid), ...below.flatMap(doing)];
}

/* What it resolves with; `tell` is asked for more once it is too late. */
export async function within(what, promise, tell = () => '',
	limit = 2 * BOUND_S) {
	let timer;
	const late = new Promise((done, failed) => {
		timer = setTimeout(() => failed(new Error(`${what}: not over ` +
			`within ${limit} s; ${tell()}`)), limit * 1000);
	});
	try {
		return await Promise.race([promise, late]);
	} finally {
		clearTimeout(timer);
	}
}

const pause = ms => new Promise(r => setTimeout(r, ms));

/* Resolves with what it printed, or rejects with what it complained of. */
export async function run(program, args, {limit = BOUND_S, ...options} = {}) {
	let child, timer, told;
	const ended = new Promise((done, failed) => {
		/* a sanitized one says where it was when it is ended so */
		const env = {...options.env ?? process.env};
		env.ASAN_OPTIONS = [env.ASAN_OPTIONS, 'handle_abort=1']
			.filter(Boolean).join(':');
		child = execFile(program, args, {encoding: 'utf8',
			maxBuffer: 1 << 28, ...options, env},
		(e, stdout, stderr) => {
			if (!e)
				return done(stdout);
			const why = [told, stderr || e.message];
			failed(Object.assign(new Error(`${program} ${
				args.join(' ')}: ${why.filter(Boolean)
				.join('\n')}`), {stdout, code: e.code}));
		});
	});
	const late = new Promise((done, failed) => {
		timer = setTimeout(async () => {
			told = [`not over within ${limit} s`,
				...doing(child.pid)].join('\n');
			const never = new Error(`${program} ${
				args.join(' ')}: ${told}`);
			console.log(never.message.replace(/^/gm, '# '));
			child.kill('SIGABRT');
			await pause(10000);
			child.kill('SIGKILL');
			await pause(10000);
			failed(never); /* its end was not told */
		}, limit * 1000);
	});
	try {
		return await Promise.race([ended, late]);
	} finally {
		clearTimeout(timer);
	}
}
