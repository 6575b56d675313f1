/*
 * A read of one call whose answer is never kept, to an nginx that answers at
 * once: what the call alone costs in CPU time, over kept connections in the
 * clear, with TLS, and as one of many streams of HTTP/2; beside the same read
 * with its answer kept, which is what the rest costs.
 */
import {startReads, strangers} from '../read-line.mjs';
import {get, keep, requests, sideBySide} from '../web.mjs';

export const help = 'CPU time of one call, HTTP/1.1, TLS and HTTP/2';

const columns = [
	{key: 'reqs', title: 'req/s', digits: 0},
	{key: 'app', title: 'app µs', digits: 1},
	{key: 'call', title: 'the call µs', digits: 1},
	{key: 'behind', title: 'lowtide is x', digits: 2},
	{key: 'cpu', title: 'its CPU x', digits: 2},
	{key: 'p50', title: 'p50 ms', digits: 2},
	{key: 'p99', title: 'p99 ms', digits: 2},
];
const mine = 'HTTP/1.1, kept connections';

export async function measure(bench) {
	const line = await startReads(bench, {plain: true,
		peers: ['fetch', 'agent', 'aiohttp']});
	const ask = (name, path, pid = line.read.pid) => {
		const who = strangers(path);
		return {name, peer: pid !== line.read.pid, watch: {app: [pid],
			nginx: [line.nginx.worker]}, once: seconds =>
			get(`${line.url}/`, {seconds, script: who.script})};
	};
	const kept = requests('kept', [{path: '/api/kept/a'}]);
	const table = await sideBySide(bench, [
		{name: 'no call, kept', watch: line.watch, once: seconds =>
			get(`${line.url}/`, {seconds, script: kept})},
		ask(mine, '/api/call/'),
		ask('HTTP/1.1 with TLS', '/api/tls/'),
		ask('HTTP/2 with TLS', '/api/h2/'),
		...line.peers.map(p => ask(p.name, `/${p.key}/call/`, p.pid)),
	], {mine});
	const {rows} = table;
	const ours = rows.find(r => r.name === mine).figures.app;
	for (const row of rows.slice(1))
		row.figures.app.forEach((app, i) => {
			if (line.peers.some(p => p.name === row.name))
				keep(row, 'cpu', app / ours[i]);
			else
				keep(row, 'call', app - rows[0].figures.app[i]);
		});
	await line.stop();
	return {columns, rows};
}
