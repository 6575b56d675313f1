/*
 * CALLERS who ask for the same at the same time, of a service that answers when
 * it is told to: calls that were made, milliseconds from its answer until the
 * last caller has his, and what a caller costs in private memory while he waits.
 * Each has a connection of his own to the aggregator's socket, for nginx would
 * need twice as many descriptors as a machine may have; half as many come
 * through nginx.
 */
import {spawn} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {at, TOOLS} from '../line.mjs';
import {adopt, cpuUs, dirtyKb} from '../proc.mjs';
import {startReads} from '../read-line.mjs';
import {keep, turns} from '../web.mjs';
import {fastcgi} from './start.mjs';
import {quiet} from './waiting.mjs';

export const help = 'many callers of one slow call';
const CALLERS = Number(process.env.CALLERS ?? 10000);

const columns = [
	{key: 'calls', title: 'calls', digits: 0},
	{key: 'answered', title: 'answered', digits: 0},
	{key: 'last', title: 'last ms', digits: 0},
	{key: 'half', title: 'half ms', digits: 0},
	{key: 'first', title: 'first ms', digits: 1},
	{key: 'app', title: 'app µs each', digits: 1},
	{key: 'each', title: 'kB each', digits: 2},
];
const http = path => [`GET ${path} HTTP/1.1`, 'Host: localhost',
	'Connection: close', '', ''].join('\r\n');

async function crowd(line, c) {
	const [request, release] = [at('crowd.get'), at('crowd.release')];
	writeFileSync(request, c.request);
	writeFileSync(release, http('/release'));
	const child = spawn(`${TOOLS}/waiters`, [c.where, String(c.n), request,
		release, `127.0.0.1:${line.slow.port}`],
	{stdio: ['pipe', 'pipe', 'inherit']});
	const it = {...adopt(child, 'waiters'), out: ''};
	const ended = new Promise(r => child.on('close', r));
	const sent = new Promise((resolve, reject) => {
		child.on('close', code =>
			reject(new Error(`waiters ended with ${code}`)));
		child.stdout.on('data', d => {
			it.out += d;
			if (it.out.includes('sent\n'))
				resolve();
		});
	});
	await sent;
	await quiet(c.pids);
	return {release: async () => {
		child.stdin.end('go\n');
		await ended;
		await it.stop();
		return JSON.parse(it.out.trim().split('\n').at(-1));
	}};
}

export async function measure(bench) {
	const line = await startReads(bench, {peers: ['fetch']});
	const half = Math.floor(CALLERS / 2);
	const told = n => `${n.toLocaleString('en')} callers`;
	const web = new URL(line.url).host;
	const cases = [
		{name: `lowtide-read, ${told(CALLERS)}`, n: CALLERS,
			pids: [line.read.pid], where: `unix:${line.socket}`,
			ask: id => fastcgi(`/api/held/${id}`)},
		{name: `behind nginx, ${told(half)}`, n: half,
			pids: [line.read.pid, line.nginx.worker], where: web,
			ask: id => http(`/api/held/${id}`)},
		...line.peers.flatMap(p => [
			{name: `${p.name}, ${told(CALLERS)}`, n: CALLERS,
				pids: [p.pid], where: `unix:${p.socket}`,
				ask: id => http(`/held/${id}`)},
			{name: `${p.name}, behind nginx, ${told(half)}`,
				n: half, pids: [p.pid, line.nginx.worker],
				where: web,
				ask: id => http(`/${p.key}/held/${id}`)}]),
	];
	const rows = cases.map(({name}) => ({name, figures: {}}));
	for (let round = 1; round <= bench.rounds; round++)
		for (const i of turns(cases.length, round)) {
			const c = cases[i], row = rows[i];
			bench.progress(`round ${round} of ${bench.rounds}: ` +
				c.name);
			c.request = c.ask(`r${round}-${i}`);
			const idle = dirtyKb(c.pids[0]);
			await line.slow.count();
			const it = await crowd(line, c);
			const {calls} = await line.slow.count();
			const kb = dirtyKb(c.pids[0]) - idle;
			if (round === 1 && c.n === CALLERS) /* it stays */
				keep(row, 'each', kb / c.n);
			const cpu = cpuUs([c.pids[0]]);
			const r = await it.release();
			/* whoever came too late made one of his own */
			const more = (await line.slow.count()).calls;
			await quiet(c.pids);
			keep(row, 'app', (cpuUs([c.pids[0]]) - cpu) / c.n);
			keep(row, 'calls', calls + more);
			keep(row, 'answered', r.ok - r.early);
			keep(row, 'last', r.lastMs);
			keep(row, 'half', r.medianMs);
			keep(row, 'first', r.firstMs);
		}
	await line.stop();
	return {columns, rows};
}
