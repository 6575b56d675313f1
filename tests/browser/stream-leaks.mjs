/*
 * What many jobs (JOBS=1000 for that many) leave behind in a page that stays open
 * all day: no listener, on the page or on a signal that lives as long as it, no
 * node, no lock. The browser itself counts, after it has cleaned up.
 * The server is a script: each job has ended when it is first looked at, or is
 * told of by the stream.
 */
import {readFileSync} from 'node:fs';
import http from 'node:http';
import {cleanup, done, equal, ok, test} from '../tap.mjs';
import {open} from './cdp.mjs';

const MANY = Number(process.env.JOBS ?? 200);
const streams = new Set();
let jobs = 0;
const document = (n) => ({jobId: `job_${n}`, status: 'completed', result: n,
	statusUrl: `/api/jobs/job_${n}`});

function answer(req, res) {
	const [, n] = /\/api\/jobs\/job_(\d+)$/.exec(req.url) ?? [];
	const json = (status, body, headers = {}) => {
		res.writeHead(status,
			{'content-type': 'application/json', ...headers});
		res.end(JSON.stringify(body));
	};
	if (req.method === 'POST') {
		const its = ++jobs;
		json(202, {...document(its), status: 'accepted'},
			{location: `/api/jobs/job_${its}`});
		for (const stream of streams)
			stream.write(`event: job\nid: ${its}\ndata: ${
				JSON.stringify(document(its))}\n\n`);
	} else if (n) {
		json(200, document(Number(n)), {etag: `"${n}"`});
	} else if (req.url.startsWith('/api/jobs/events')) {
		res.writeHead(200, {'content-type': 'text/event-stream'});
		res.write(`id: ${jobs}\n\n`);
		streams.add(res);
		res.on('close', () => streams.delete(res));
	} else if (req.url.startsWith('/api/read/')) {
		json(200, {n: 1}, {'cache-control': 'max-age=0', etag: '"1"'});
	} else if (/^\/[\w-]+\.mjs$/.test(req.url)) {
		res.writeHead(200, {'content-type': 'text/javascript'});
		res.end(req.url === '/page.mjs' ? PAGE :
			readFileSync(`templates/client${req.url}`));
	} else {
		res.writeHead(200, {'content-type': 'text/html'});
		res.end('<!doctype html><title>Jobs</title><main></main>' +
			'<script type="module" src="/page.mjs"></script>');
	}
}
/* How much of each a page does; everything has one signal, which stays. */
const PAGE = `
import {openCache} from '/cache.mjs';
import '/lowtide-job.mjs';
import {connect} from '/requests.mjs';
import {shareStream} from '/shared-stream.mjs';

const {signal} = new AbortController();
const own = connect({base: '/api/'});
const shared = connect({base: '/api/'});
const cache = openCache();
const some = async (n, one) => {
	for (let i = 0; i < n; i += 10)
		await Promise.all(Array.from({length: 10}, (_, k) => one(i + k)));
};
let stream;
globalThis.act = {
	'jobs, each by itself': (n) => some(n, () =>
		own.submit('x', {}, {signal, wait: 0}).result()),
	'jobs with keys, fired': (n) => some(n, (i) => own.fireAndForget('x', {},
		{signal, key: 'k' + i, optimistic: () => () => {}}).result()),
	async 'jobs of a shared stream'(n) {
		stream ??= shareStream(shared, {owner: 'ann'});
		await some(n, () => shared.submit('x', {},
			{signal, wait: 0}).result());
	},
	'streams opened and closed': (n) => some(n / 10, async (i) => {
		const one = shareStream(connect({base: '/api/'}),
			{owner: 'bob' + i});
		one.addEventListener('job', () => {});
		one.close();
	}),
	'elements': (n) => some(n, async () => {
		const it = document.createElement('lowtide-job');
		const over = new Promise((go) => it.addEventListener('done', go));
		it.job = own.submit('x', {}, {signal, wait: 0});
		document.querySelector('main').append(it);
		await over;
		it.remove();
	}),
	'reads': (n) => some(n, (i) => cache.get('/api/read/' + i % 10,
		{signal, stale: i % 2 * 1e9}).then(({fresh}) => fresh)),
};
globalThis.ready = true;
`;
const server = http.createServer(answer);
await new Promise((go) => server.listen(0, '127.0.0.1', go));
cleanup(() => {
	server.closeAllConnections();
	server.close();
});
const browser = await open();
cleanup(() => browser.close());
const page = await browser.page();
await page.go(`http://127.0.0.1:${server.address().port}/`);
await page.until(() => globalThis.ready);
await page.send('Performance.enable');

/* What there is, once nothing more of it can be cleaned up. */
async function counted() {
	const names = ['JSEventListeners', 'Nodes'];
	let last = [];
	for (;;) {
		await page.send('HeapProfiler.collectGarbage');
		const {metrics} = await page.send('Performance.getMetrics');
		const now = names.map((name) =>
			metrics.find((m) => m.name === name).value);
		if (now.every((n, i) => n === last[i]))
			return now;
		last = now;
	}
}
const act = (what, n) => page.run((its, many) => act[its](many), what, n);

for (const what of await page.run(() => Object.keys(act)))
	test(`${MANY} ${what}`, async () => {
		await act(what, 20);
		const [listeners, nodes] = await counted();
		await act(what, MANY);
		const [then, left] = await counted();
		/* what the last of them is about to let go of, not one each */
		ok(then <= listeners + 20, `${listeners} listeners, ${then}`);
		ok(left <= nodes + 40, `${nodes} nodes, ${left}`);
		equal(await page.run(async () => (await navigator.locks.query())
			.held.filter(({name}) => !/ann/.test(name) &&
				!/held.*:0$/.test(name)).length), 0);
	});
test('nothing to complain about', () => equal(page.complaints, []));
await done();
