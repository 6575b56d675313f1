/*
 * Clients that wait for one job (a long poll of its status document, through
 * nginx) and are released by one change, its cancellation: milliseconds from
 * the DELETE until the last one has its answer. Meanwhile look-ups of another
 * job, compared with none waiting; and what a waiting client costs in private
 * memory of lowtide-cgi.
 */
import {spawn} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {at, startLine, status, TOOLS} from '../line.mjs';
import {adopt, cpuUs, dirtyKb, pause} from '../proc.mjs';
import {get, keep} from '../web.mjs';

export const help = '1,000 and 5,000 clients wait and are released';
const CROWDS = (process.env.CROWDS ?? '1000,5000').split(',').map(Number);

const columns = [
	{key: 'last', title: 'last ms', digits: 0},
	{key: 'half', title: 'half ms', digits: 0},
	{key: 'first', title: 'first ms', digits: 1},
	{key: 'app', title: 'app µs each', digits: 1},
	{key: 'each', title: 'kB each', digits: 2},
	{key: 'reqs', title: 'look-ups/s', digits: 0},
	{key: 'ratio', title: 'vs none', digits: 2},
	{key: 'p99', title: 'p99 ms', digits: 2},
];

const http = (...lines) => [...lines, 'Host: localhost', 'Connection: close',
	'', ''].join('\r\n');

/* n clients under way, and what releases them. */
export async function crowd(line, job, n) {
	const {etag} = await status(line, job.path);
	const [request, release] = [at('waiters.get'), at('waiters.delete')];
	writeFileSync(request, http(`GET ${job.path} HTTP/1.1`,
		`If-None-Match: ${etag}`, 'Prefer: wait=25'));
	writeFileSync(release, http(`DELETE ${job.path} HTTP/1.1`));
	const child = spawn(`${TOOLS}/waiters`, [new URL(line.url).host,
		String(n), request, release],
	{stdio: ['pipe', 'pipe', 'inherit']});
	const it = {...adopt(child, 'waiters'), out: ''};
	const ended = new Promise(r => child.on('close', r));
	await new Promise((resolve, reject) => {
		child.on('close', code =>
			reject(new Error(`waiters ended with ${code}`)));
		child.stdout.on('data', d => {
			it.out += d;
			if (it.out.includes('sent\n'))
				resolve();
		});
	});
	it.release = async () => {
		child.stdin.end('go\n');
		await ended;
		await it.stop();
		return JSON.parse(it.out.trim().split('\n').at(-1));
	};
	return it;
}

/* Those who were sent have arrived: the endpoint has nothing to do. */
export async function quiet(pids) {
	let before = 0;
	for (let turn = 0; turn < 50; turn++) {
		const now = cpuUs(pids);
		if (now - before < 500)
			return;
		before = now;
		await pause(100);
	}
}

export async function measure(bench) {
	const line = await startLine({unpaced: true});
	const seconds = Math.min(bench.seconds, 10); /* of the 25 s of waiting */
	const other = await line.send();
	const look = () => get(line.url + other.path, {seconds});
	const rows = CROWDS.map(n => ({figures: {}, n,
		name: `${n.toLocaleString('en')} waiting`}));
	const none = {name: 'none waiting', figures: {reqs: [], p99: []}};
	const rate = r => r.count / r.seconds;
	const tell = (row, what) => bench.progress(
		`round ${none.figures.reqs.length} of ${bench.rounds}: ` +
		`${row.name}: ${what}`);

	await look();
	const idleKb = dirtyKb(line.cgi.pid);
	for (let round = 1; round <= bench.rounds; round++) {
		bench.progress(`round ${round} of ${bench.rounds}: ` +
			none.name);
		const alone = await look();
		none.figures.reqs.push(rate(alone));
		none.figures.p99.push(alone.p99);
		for (const row of rows) {
			const job = await line.send();
			tell(row, 'arriving');
			const it = await crowd(line, job, row.n);
			await quiet([line.cgi.pid, line.nginx.worker]);
			if (round === 1) /* what has grown once stays */
				keep(row, 'each', (dirtyKb(line.cgi.pid) -
					idleKb) / row.n);
			tell(row, 'look-ups meanwhile');
			const now = await look();
			keep(row, 'reqs', rate(now));
			keep(row, 'ratio', rate(now) / rate(alone));
			keep(row, 'p99', now.p99);
			tell(row, 'released');
			const cpu = cpuUs([line.cgi.pid]);
			const r = await it.release();
			keep(row, 'app', (cpuUs([line.cgi.pid]) - cpu) / row.n);
			keep(row, 'last', r.lastMs);
			keep(row, 'half', r.medianMs);
			keep(row, 'first', r.firstMs);
			if (r.ok !== row.n || r.early)
				row.note = `only ${r.ok - r.early} of ` +
					`${row.n} waited and were answered`;
		}
	}
	await line.stop();
	return {columns, rows: [none, ...rows]};
}
