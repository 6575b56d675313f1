/*
 * lowtide-cgi --metrics: a real scrape, by curl, at a port.
 */
import {spawnSync} from 'node:child_process';
import {createServer, connect} from 'node:net';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {done, equal, match, ok, test} from '../tap.mjs';
import {startLine, startUpstream, until} from './line.mjs';
import {of, parse} from './metrics-text.mjs';

/* ---- the endpoint ------------------------------------------------------- */

const freePort = () => new Promise(r => {
	const s = createServer().listen(0, '127.0.0.1', () => {
		const {port} = s.address();
		s.close(() => r(port));
	});
});
const held = [];
const upstream = await startUpstream({
	held: (req, res) => held.push(res),
	free: (req, res) => res.writeHead(200,
		{'content-type': 'application/json'}).end('{"done":true}'),
});
const line = await startLine({upstreams: [{name: 'u', base: upstream.url}],
	apis: [{name: 'free', upstream: 'u'},
		{name: 'held', upstream: 'u', concurrency: 1}]});
const at = name => join(line.dir, name);
const port = await freePort();

const curl = (...args) => {
	const r = spawnSync('curl', ['-s', '-i', '--max-time', '20', ...args],
		{encoding: 'utf8'});
	equal(r.status, 0, r.stderr);
	const end = r.stdout.indexOf('\r\n\r\n');
	return {status: parseInt(r.stdout.split(' ')[1], 10),
		head: r.stdout.slice(0, end), text: r.stdout.slice(end + 4)};
};
const url = `http://127.0.0.1:${port}/metrics`;
const scrape = () => parse(curl(url).text);
const get = target => line.fcgi({method: 'GET', target});

test('it is started with a place for its metrics', async () => {
	line.cgi.child.kill('SIGTERM');
	await line.cgi.ended;
	line.cgi = line.start('lowtide-cgi', '--listen',
		`unix:${line.socket}`, '--metrics', `tcp:127.0.0.1:${port}`);
	await until('it is there', () => line.cgi.log.includes('endpoint-started'));
});
test('curl gets text of the version that it names', () => {
	const r = curl(url);
	equal(r.status, 200);
	match(r.head, /^Content-Type: text\/plain; version=0\.0\.4/m);
	const s = parse(r.text);
	equal(of(s, 'lowtide_build_info'), 1);
	ok(of(s, 'process_start_time_seconds') > 1.7e9);
	equal(of(s, 'lowtide_queue_pending', {api: 'free'}), 0);
	equal(of(s, 'lowtide_queue_oldest_seconds', {api: 'free'}), 0);
});
test('what is no scrape is refused', () => {
	equal(curl(`${url}x`).status, 404);
	equal(curl('-X', 'POST', '-d', 'a=b', url).status, 405);
	equal(curl('-I', url).text, '');
	equal(curl('-H', `a: ${'b'.repeat(5000)}`, url).status, 431);
});
test('answers are counted by API and status', async () => {
	const before = scrape();
	const jobs = [];
	for (let i = 0; i < 3; i++)
		jobs.push(await line.send('/api/free'));
	equal((await get(`/api/jobs/${jobs[0]}`)).status, 200);
	equal((await get('/api/jobs/job_none')).status, 404);
	equal((await line.fcgi({method: 'POST', target: '/api/free', body: '{}',
		headers: {'x-request-id': 'job_none'}})).status, 404);
	const after = scrape();
	const more = labels => of(after, 'lowtide_requests_total', labels) -
		(of(before, 'lowtide_requests_total', labels) ?? 0);
	equal(more({api: 'free', code: '202'}), 3);
	equal(more({api: 'free', code: '200'}), 1);
	equal(more({api: 'free', code: '404'}), 1);
	equal(more({api: '', code: '404'}), 1);
	equal(of(after, 'lowtide_accept_duration_seconds_count',
		{api: 'free'}), 3);
	equal(of(after, 'lowtide_accept_duration_seconds_bucket',
		{api: 'free', le: '+Inf'}), 3);
});
test('the depth of the queue is that of the table', async () => {
	for (let i = 0; i < 4; i++)
		await line.send('/api/held');
	await until('both tell the same', () => of(scrape(),
		'lowtide_queue_pending', {api: 'held'}) === 4);
	const rows = line.jobs('ls', '--json').out;
	equal(rows.match(/"api":\s*"held"/g).length, 4);
	ok(of(scrape(), 'lowtide_queue_oldest_seconds', {api: 'held'}) > 0);
});
test('and goes down as it is done', async () => {
	line.worker();
	await until('one is called', () => held.length === 1);
	await until('that is told', () => {
		const s = scrape();
		return of(s, 'lowtide_queue_pending', {api: 'held'}) === 3 &&
			of(s, 'lowtide_queue_processing', {api: 'held'}) === 1 &&
			of(s, 'lowtide_queue_pending', {api: 'free'}) === 0;
	});
});
test('those who wait are told', async () => {
	const parked = line.fcgi({method: 'POST', target: '/api/held',
		body: '{}', headers: {'x-wait-time-ms': '20000'}});
	await until('one waits', () => of(scrape(), 'lowtide_parked') === 1);
	ok(of(scrape(), 'lowtide_connections') >= 1);
	const pump = setInterval(() => held.splice(0).forEach(res =>
		res.writeHead(200).end('{}')), 20);
	try {
		await parked;
	} finally {
		clearInterval(pump);
	}
	equal(of(scrape(), 'lowtide_parked'), 0);
});
test('reloads are counted, good and bad', async () => {
	process.kill(line.cgi.pid, 'SIGHUP');
	await until('a good one', () =>  of(scrape(), 'lowtide_reloads_total',
		{result: 'ok'}) === 1);
	const good = readFileSync(at('lowtide.json'));
	writeFileSync(at('lowtide.json'), '{');
	process.kill(line.cgi.pid, 'SIGHUP');
	await until('a bad one', () => of(scrape(), 'lowtide_reloads_total',
		{result: 'failed'}) === 1);
	writeFileSync(at('lowtide.json'), good);
});
test('who says nothing holds up nobody else', async () => {
	const silent = await Promise.all(Array.from({length: 7}, () =>
		new Promise(r => {
			const c = connect(port, '127.0.0.1', () => r(c));
			c.on('error', () => {});
		})));
	equal(curl(url).status, 200);
	equal((await get('/api/jobs/health')).status, 200);
	silent.forEach(c => c.destroy());
});
test('no series bears another name than an API’s', () => {
	for (const list of Object.values(scrape()))
		for (const {labels} of list)
			ok(['free', 'held', '', undefined].includes(labels.api));
});
test('a place that can be reached from elsewhere is refused', () => {
	const r = line.run('lowtide-cgi', ...line.common,
		'--listen', `unix:${at('other.sock')}`,
		'--metrics', 'tcp:0.0.0.0:9');
	match(r.err, /listen-loopback: .*metrics/);
	const odd = line.run('lowtide-cgi', ...line.common,
		'--listen', `unix:${at('other.sock')}`, '--metrics', 'here');
	match(odd.err, /bad-value: --metrics takes unix:PATH/);
});
await done();
