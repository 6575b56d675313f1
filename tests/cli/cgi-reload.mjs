/*
 * lowtide-cgi and lowtide-worker while they run: another configuration and
 * other keys by SIGHUP while requests go on, and an end when nobody is there.
 */
import {spawn} from 'node:child_process';
import {readFileSync, readdirSync, renameSync, rmSync,
	writeFileSync} from 'node:fs';
import net from 'node:net';
import {join} from 'node:path';
import {Client, request} from '../fcgi-client.mjs';
import {cleanup, done, equal, match, test} from '../tap.mjs';
import {pause, program, startLine, startUpstream, until} from './line.mjs';

const held = [];
const upstream = await startUpstream({
	hold: (req, res) => held.push(res),
	free: (req, res) => res.writeHead(200,
		{'content-type': 'application/json'}).end('{"done":true}'),
});
const line = await startLine({
	upstreams: [{name: 'u', base: upstream.url}],
	apis: [{name: 'kept', upstream: 'u', requestPath: '/hold/{job.id}'},
		{name: 'gone', upstream: 'u', requestPath: '/free/{job.id}'}],
});
const at = name => join(line.dir, name);
const put = (name, text, mode = 0o600) => { /* as a deploy would */
	writeFileSync(at('next'), text, {mode});
	renameSync(at('next'), at(name));
};
const read = () => JSON.parse(readFileSync(at('lowtide.json')));
const change = how => {
	const config = read();
	how(config);
	put('lowtide.json', JSON.stringify(config));
};
const events = (it, event) => it.log.split('\n').filter(l =>
	l.startsWith('{') && l.includes(`"event":"${event}"`)).map(JSON.parse);
async function hangup(it, event) {
	const before = events(it, event).length;
	process.kill(it.pid, 'SIGHUP');
	return until(event, () => events(it, event)[before]);
}
const numbers = ({added, removed, changed}) => [added, removed, changed];
const get = target => line.fcgi({method: 'GET', target});
const status = async id => JSON.parse((await get(`/api/jobs/${id}`)).text);
const post = (path, more) =>
	line.fcgi({method: 'POST', target: path, body: '{}', ...more});
const api = (config, name) => config.apis.find(a => a.name === name);

const old = {};

test('nothing changed', async () => {
	old.kept = await line.send('/api/kept');
	old.gone = await line.send('/api/gone');
	equal(numbers(await hangup(line.cgi, 'reloaded')), [0, 0, 0]);
	equal((await status(old.kept)).status, 'pending');
});

test('a new API is there, what went is not, what it accepted is', async () => {
	equal((await post('/api/new')).status, 404);
	change(c => {
		c.apis = [{...api(c, 'gone'), name: 'new', tag: 'b00001',
			path: '/api/new'}, api(c, 'kept')];
	});
	equal((await post('/api/new')).status, 404); /* not before it is told */
	equal(numbers(await hangup(line.cgi, 'reloaded')), [1, 1, 0]);
	old.new = await line.send('/api/new');
	old.again = await line.send('/api/kept');
	equal((await post('/api/gone')).status, 404);
	for (const [id, name] of [[old.gone, 'gone'], [old.kept, 'kept'],
		[old.new, 'new'], [old.again, 'kept']])
		equal((await status(id)).api, name);
	/* and can still be cancelled */
	equal((await line.fcgi({method: 'DELETE',
		target: `/api/jobs/${old.gone}`})).status, 200);
});

test('it comes back to where it was', async () => {
	change(c => c.apis.unshift({...api(c, 'new'), name: 'gone',
		tag: 'a00001', path: '/api/gone'}));
	equal(numbers(await hangup(line.cgi, 'reloaded')), [1, 0, 0]);
	equal((await status(old.gone)).status, 'cancelled');
	const id = await line.send('/api/gone');
	equal((await status(id)).api, 'gone');
});

test('a larger body, on a connection that is kept', async () => {
	const c = await Client.dial(line.socket);
	const send = id => c.send(request({id, method: 'POST',
		uri: '/api/kept', type: 'application/json',
		body: `{"a":"${'x'.repeat(100000)}"}`}));
	send(1);
	equal((await c.answer(1)).status, 413);
	change(f => { api(f, 'kept').bodyMax = 200000; });
	equal(numbers(await hangup(line.cgi, 'reloaded')), [0, 0, 1]);
	send(2);
	equal((await c.answer(2)).status, 202);
	c.close();
});

const good = () => readFileSync(at('lowtide.json'), 'utf8');
const broken = (what, text, error, finding) => test(what, async () => {
	const before = good();
	text === null ? rmSync(at('lowtide.json')) : put('lowtide.json', text());
	equal((await hangup(line.cgi, 'reload-failed')).error, error);
	match(line.cgi.log, finding);
	put('lowtide.json', before);
	equal((await post('/api/kept')).status, 202);
});
broken('no JSON', () => '{', 'INPUT', /lowtide\.json:1:\d+: /);
broken('half a file', () => good().slice(0, 200), 'INPUT', /config-damaged/);
broken('no file', null, 'NOT_FOUND', /config-missing/);
broken('another site', () => JSON.stringify({...read(), name: 'another'}),
	'INPUT', /config-other-site/);
broken('too many APIs', () => JSON.stringify({...read(),
	apis: Array.from({length: 4096}, (_, i) => ({...api(read(), 'kept'),
		name: `n-${i}`, path: `/api/n${i}`,
		tag: (0xc00000 + i).toString(16)}))}),
'TOO_LARGE', /config-too-many/);

test('other keys: new ids by the new one, the old ones hold', async () => {
	const was = readFileSync(at('keys'), 'utf8');
	const made = line.run('lowtide-jobs', 'keygen', at('more'));
	equal(made.status, 0);
	const other = readFileSync(at('more'), 'utf8');
	/* a name key that is another's is refused */
	put('keys', other);
	await hangup(line.cgi, 'reload-failed');
	match(line.cgi.log, /store-other-keys/);
	equal((await status(old.kept)).jobId, old.kept);
	/* rotation: the new ones first */
	const fresh = other.split('\n').filter(l => /^\d+ (mac|seal) /.test(l))
		.map(l => l.replace(/^\d+/, '2')).join('\n');
	put('keys', `${fresh}\n${was}`);
	await hangup(line.cgi, 'reloaded');
	const id = await line.send('/api/kept');
	const version = text => Buffer.from(text.slice(4), 'base64url')[0];
	equal([version(old.kept), version(id)], [1, 2]);
	equal((await status(old.kept)).jobId, old.kept);
	equal((await status(id)).jobId, id);
	/* keys that others may read are not taken, and the old go on */
	put('keys', `${fresh}\n${was}`, 0o644);
	await hangup(line.cgi, 'reload-failed');
	match(line.cgi.log, /keys-mode/);
	put('keys', `${fresh}\n${was}`);
	equal((await status(id)).jobId, id);
});

test('who waits is answered over it', async () => {
	const worker = line.worker();
	const waits = post('/api/gone',
		{headers: {'x-wait-time-ms': '20000'}});
	const parked = post('/api/kept', {headers: {'x-wait-time-ms': '20000'}});
	await until('the call', () => held.length > 0);
	change(c => { c.apis = c.apis.filter(a => a.name !== 'kept'); });
	equal(numbers(await hangup(line.cgi, 'reloaded')), [0, 1, 0]);
	const timer = setInterval(() => {
		for (const res of held.splice(0))
			res.writeHead(200, {'content-type': 'application/json'})
				.end('{"held":true}');
	}, 20);
	const answers = [await parked, await waits];
	clearInterval(timer);
	equal(answers.map(a => a.text), ['{"held":true}', '{"done":true}']);
	worker.child.kill();
	await worker.ended;
	change(c => c.apis.unshift({...api(c, 'new'), name: 'kept',
		tag: 'a00000', path: '/api/kept',
		requestPath: '/hold/{job.id}'}));
	await hangup(line.cgi, 'reloaded');
});

let worker;
test('the worker takes what is new, and ends what it has', async () => {
	worker = line.worker();
	await until('it has begun', () => events(worker, 'worker-started').length);
	const waits = await line.send('/api/kept');
	await until('the call', () => held.length > 0);
	change(c => {
		c.apis.push({...api(c, 'gone'), name: 'newer', tag: 'b00002',
			path: '/api/newer', requestPath: '/free/newer'});
	});
	await hangup(line.cgi, 'reloaded');
	process.kill(worker.pid, 'SIGHUP');
	/* what is called ends first, by what it began with */
	for (const res of held.splice(0))
		res.writeHead(200, {'content-type': 'application/json'})
			.end('{"held":true}');
	await until('reloaded', () => events(worker, 'reloaded').length);
	equal(numbers(events(worker, 'reloaded')[0]), [1, 0, 0]);
	equal((await line.ended(waits)).status, 'completed');
	equal((await line.ended(await line.send('/api/newer'))).status,
		'completed');
	equal(events(worker, 'job-lost').length, 0);
});

test('what went is not done by it, nor lost', async () => {
	change(c => { c.apis = c.apis.filter(a => a.name !== 'newer'); });
	await hangup(worker, 'reloaded');
	const late = await line.send('/api/newer'); /* the endpoint still has it */
	const after = await line.send('/api/gone');
	equal((await line.ended(after)).status, 'completed');
	equal((await status(late)).status, 'pending');
	await hangup(line.cgi, 'reloaded');
	const health = JSON.parse((await get('/api/jobs/health')).text);
	equal((await status(late)).status, 'pending');
	equal(health.pending, 0); /* it is not the worker's that it waits */
	change(c => c.apis.push({...api(c, 'gone'), name: 'newer',
		tag: 'b00002', path: '/api/newer', requestPath: '/free/newer'}));
	await hangup(worker, 'reloaded');
	equal((await line.ended(late)).status, 'completed');
});

test('keys alone are taken at once', async () => {
	const before = readFileSync(at('keys'), 'utf8');
	equal(line.run('lowtide-jobs', 'keygen', at('third')).status, 0);
	const fresh = readFileSync(at('third'), 'utf8').split('\n')
		.filter(l => /^\d+ (mac|seal) /.test(l))
		.map(l => l.replace(/^\d+/, '3')).join('\n');
	/* everybody accepts it, then everybody seals with it */
	for (const text of [`${before}\n${fresh}\n`, `${fresh}\n${before}`]) {
		put('keys', text);
		equal(numbers(await hangup(worker, 'reloaded')), [0, 0, 0]);
		await hangup(line.cgi, 'reloaded');
		const job = await line.ended(await line.send('/api/gone'));
		equal(job.status, 'completed');
	}
	equal((await get(`/api/jobs/${old.new}`)).status, 200);
});

test('a file that is no good leaves it as it was', async () => {
	const before = good();
	put('lowtide.json', '{');
	equal((await hangup(worker, 'reload-failed')).error, 'INPUT');
	put('lowtide.json', before);
	equal((await line.ended(await line.send('/api/gone'))).status,
		'completed');
	worker.child.kill();
	equal(await worker.ended, 0);
});

test('a hundred at once, and nothing is left of them', async () => {
	await hangup(line.cgi, 'reloaded');
	const files = () => readdirSync(`/proc/${line.cgi.pid}/fd`).length;
	const before = files();
	for (let i = 0; i < 100; i++)
		process.kill(line.cgi.pid, 'SIGHUP');
	change(c => { api(c, 'kept').estimateMs = 7000; });
	await hangup(line.cgi, 'reloaded');
	/* whatever was read in between, the last is what holds */
	await until('the last', async () => JSON.parse((await post('/api/kept'))
		.text).estimatedDuration === 7);
	await until('the files are closed', () => files() === before);
});

test('requests go on meanwhile, and none is lost or another\'s', async () => {
	const extra = {...api(read(), 'gone'), name: 'extra', tag: 'b00003',
		path: '/api/extra'};
	let over = false, times = 0;
	const turning = (async () => {
		for (; !over; await pause(5)) {
			change(c => {
				c.apis = c.apis.filter(a => a.name !== 'extra');
				if (times % 2 === 0) /* another order, too */
					c.apis.unshift(extra);
				api(c, 'kept').bodyMax = 70000 + times;
			});
			process.kill(line.cgi.pid, 'SIGHUP');
			times++;
		}
	})();
	const one = async () => {
		for (let i = 0; i < 20; i++) {
			const name = i % 2 ? 'kept' : 'gone';
			const id = await line.send(`/api/${name}`);
			const document = await status(id);
			equal([document.jobId, document.api], [id, name]);
		}
	};
	const before = events(line.cgi, 'reload-failed').length;
	try {
		await Promise.all(Array.from({length: 8}, one));
	} finally {
		over = true;
		await turning;
	}
	await hangup(line.cgi, 'reloaded');
	equal(events(line.cgi, 'reload-failed').length, before);
	equal(times > 1, true);
});

test('SIGHUP before it listens does not end it', async () => {
	const early = line.start('lowtide-cgi', '--listen',
		`unix:${at('early.sock')}`);
	/* the first moments are any program's; from its first lock on, ours */
	await until('it has begun', () => readdirSync(`/proc/${early.pid}/fd`)
		.length > 6);
	process.kill(early.pid, 'SIGHUP');
	await until('it reloads', () => events(early, 'reloaded').length);
	early.child.kill();
	equal(await early.ended, 0);
});

test('it leaves when nobody is there, and the socket stays', async () => {
	const path = at('idle.sock');
	const server = net.createServer().listen(path);
	await new Promise(r => server.on('listening', r));
	server.close = () => {}; /* it is passed on, never accepted at here */
	const start = () => {
		const child = spawn(program('lowtide-cgi'), [...line.common,
			'--idle-exit', '50ms'],
		{stdio: [server._handle.fd, 'ignore', 'pipe']});
		const it = {child, log: ''};
		cleanup(() => child.kill('SIGKILL'));
		child.stderr.on('data', d => { it.log += d; });
		it.ended = new Promise(r => child.on('close', r));
		return it;
	};
	const first = start();
	equal(await first.ended, 0);
	equal(events(first, 'endpoint-idle').length, 1);
	equal(events(first, 'endpoint-stopped')[0].error, '');
});

await done();
