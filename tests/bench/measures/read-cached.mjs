/*
 * A read whose upstream's answer is kept, beside a static file of the same bytes
 * and beside nginx's own proxy_cache of that file, all in one nginx: requests a
 * second, and the CPU time of all processes that have a part in an answer.
 */
import {writeFileSync} from 'node:fs';
import {at} from '../line.mjs';
import {startReads} from '../read-line.mjs';
import {columns, get, keep, requests, sideBySide} from '../web.mjs';

export const help = 'answers that are kept, beside nginx\'s file and its cache';
const IDS = Array.from({length: 20}, (_, i) => `k${i}`).join(',');

const http = () => `	proxy_cache_path cache keys_zone=kept:10m max_size=100m;
	server {
		listen unix:${at('origin.sock')};
		root "${at('www')}";
	}
`;
const server = () => `		location /proxied/ {
			proxy_cache kept;
			proxy_cache_valid 200 1h;
			proxy_pass http://unix:${at('origin.sock')}:/static/;
		}
`;

export async function measure(bench) {
	const line = await startReads(bench, {http: http(), server: server()});
	const alone = {nginx: [line.nginx.worker]};
	const look = async (name, path, {watch = line.watch, headers = {},
		note} = {}) => {
		const r = await fetch(line.url + path, {headers});
		const text = await r.text();
		const script = requests(name.replace(/\W+/g, '-'),
			[{path, headers}]);
		return {name, watch, text, etag: r.headers.get('etag'),
			note: [r.status, `${text.length} bytes`,
				...note ? [note] : []].join(', '),
			once: seconds => get(`${line.url}/`, {seconds, script})};
	};
	const kept = await look('read, one call', '/api/kept/a');
	const page = await look('read, page of 81 calls', `/api/case/${IDS}`);
	writeFileSync(at('www', 'static', 'kept.json'), kept.text);
	writeFileSync(at('www', 'static', 'page.json'), page.text);
	const cases = [
		await look('static file', '/static/kept.json', {watch: alone}),
		await look('nginx proxy_cache', '/proxied/kept.json',
			{watch: alone}),
		kept,
		await look('read, one call, 304', '/api/kept/a',
			{headers: {'if-none-match': kept.etag}}),
		await look('static page', '/static/page.json', {watch: alone}),
		await look('proxy_cache of the page', '/proxied/page.json',
			{watch: alone}),
		page,
	];
	await line.slow.count();
	const table = await sideBySide(bench, cases);
	const {calls} = await line.slow.count();
	/* what all of them took, beside the file that is the same bytes */
	for (const row of table.rows) {
		const file = table.rows.find(r => r.name ===
			(/page/.test(row.name) ? 'static page' : 'static file'));
		row.figures.nginx.forEach((nginx, i) => {
			keep(row, 'all', (nginx + (row.figures.app?.[i] ?? 0)) /
				file.figures.nginx[i]);
			keep(row, 'file', row.figures.reqs[i] /
				file.figures.reqs[i]);
			keep(row, 'cache', row.figures.reqs[i] / table.rows.find(
				r => r.name === (/page/.test(row.name) ?
					'proxy_cache of the page' :
					'nginx proxy_cache')).figures.reqs[i]);
		});
	}
	/* the page is kept for a minute, and then made once more */
	if (calls)
		table.rows.at(-1).note += `, ${calls} calls meanwhile`;
	await line.stop();
	return {rows: table.rows, columns: [...columns.filter(c =>
		c.key !== 'ratio'),
	{key: 'file', title: 'vs static', digits: 2},
	{key: 'cache', title: 'vs proxy_cache', digits: 2},
	{key: 'all', title: 'all CPU x', digits: 2}]};
}
