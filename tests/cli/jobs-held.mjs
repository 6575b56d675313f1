/*
 * A return may have been filed, and nobody knows: it is held until an operator
 * says what became of it. Its client sees his word at once, its upstream gets
 * nothing more unless he says so.
 */
import {spawnSync} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {done, equal, match, ok, test} from '../tap.mjs';
import {startLine, startUpstream, until} from './line.mjs';

let mood = req => req.socket.destroy(); /* read, and never answered */
const up = await startUpstream({file: (...args) => mood(...args)});
const line = await startLine({
	upstreams: [{name: 'up', base: up.url}],
	apis: [{name: 'file', auth: 'web-server', upstream: 'up',
		onLost: 'hold', concurrency: 1, requestPath: '/file',
		location: '/receipts/{body.vrn}/{result.id}'}],
});
const owner = 'alice';
const ask = (method, target, headers = {}) =>
	line.fcgi({method, target, headers, owner});
const document_ = async id =>
	JSON.parse((await ask('GET', `/api/jobs/${id}`)).text);
async function send() {
	const r = await line.fcgi({method: 'POST', target: '/api/file', owner,
		body: '{"vrn":"123"}', headers: {'x-wait-time-ms': '0'}});
	return JSON.parse(r.text).jobId;
}
async function hold() {
	const id = await send();
	await until('it is held', () => line.show(id).held);
	return id;
}
/* What a client that waits is told, once `command` was given. */
async function seen(id, ...command) {
	const {headers} = await ask('GET', `/api/jobs/${id}`);
	const poll = ask('GET', `/api/jobs/${id}`,
		{prefer: 'wait=20', 'if-none-match': headers.etag});
	const r = line.jobs(...command);
	equal([r.status, r.out], [0, ''], r.err);
	return [JSON.parse((await poll).text), r.err];
}
const at = name => join(line.dir, name);

test('it is held: told, and listed', async () => {
	line.worker();
	const id = await hold();
	const job = line.show(id);
	equal([job.status, job.held, job.sent, job.leaseUntil],
		['processing', true, true, null]);
	const doc = await document_(id);
	equal([doc.status, doc.held, doc.message],
		['processing', true, 'awaiting a decision']);
	match(line.jobs('ls', '--status', 'held').out,
		new RegExp(`${id} .*  held\n`));
	equal(JSON.parse(line.jobs('show', id, '--request', '--json').out)
		.requestPath, '/api/file');
	equal(line.jobs('show', id, '--request-body').out, '{"vrn":"123"}');
	equal(line.jobs('audit').status, 0);
	/* it takes no place: the next one runs, and is held as well */
	const next = await hold();
	equal(up.count('/file'), 2);
	equal(line.jobs('fail', id, next).status, 0);
});

test('it was done: complete, with what the upstream knows of it', async () => {
	const id = await hold(), calls = up.count('/file');
	writeFileSync(at('receipt.json'), '{"id":"R-7"}');
	const [doc, said] = await seen(id, 'complete', id, '--result',
		at('receipt.json'));
	equal([doc.status, doc.result, doc.location],
		['completed', {id: 'R-7'}, '/receipts/123/R-7']);
	match(said, new RegExp(`completed ${id} of file with status 201\n$`));
	const r = await ask('GET', `/api/jobs/${id}/result`);
	equal([r.status, r.headers['content-type'], r.text],
		[201, 'application/json', '{"id":"R-7"}']);
	equal(up.count('/file'), calls);
	equal(line.jobs('complete', id).status, 1);
	equal(line.jobs('audit').status, 0);
});

test('complete: status, type and location as they are said', async () => {
	let id = await hold();
	writeFileSync(at('text'), 'done, by telephone');
	let r = line.jobs('complete', id, '--result', at('text'));
	equal(r.status, 1);
	match(r.err, /result-type: .*--type/);
	ok(line.show(id).held);
	await seen(id, 'complete', id, '--result', at('text'), '--type',
		'text/plain', '--status', '203', '--location', '/elsewhere');
	r = await ask('GET', `/api/jobs/${id}/result`);
	equal([r.status, r.headers['content-type'], r.text],
		[203, 'text/plain', 'done, by telephone']);
	equal((await document_(id)).location, '/elsewhere');
	id = await hold();
	await seen(id, 'complete', id);
	r = await ask('GET', `/api/jobs/${id}/result`);
	equal([r.status, r.text], [204, '']);
});

test('it was not and will not be: fail', async () => {
	let id = await hold();
	let [doc] = await seen(id, 'fail', id, '-m',
		'It was not filed; file it again.');
	equal([doc.status, doc.error, doc.message], ['failed', 'job-failed',
		'It was not filed; file it again.']);
	id = await hold();
	[doc] = await seen(id, 'fail', id, '--unknown');
	equal([doc.status, doc.error], ['failed', 'outcome-unknown']);
});

test('it was not done: release, and it is done', async () => {
	const id = await hold(), calls = up.count('/file');
	const before = await document_(id);
	mood = (req, res) => res.writeHead(200).end();
	equal(line.jobs('release', id).status, 0);
	equal((await line.ended(id)).status, 'completed');
	equal(up.count('/file'), calls + 1);
	const doc = await document_(id);
	ok(doc.deadlineAt > before.deadlineAt);
	mood = req => req.socket.destroy();
});

test('its owner wants it cancelled: that is noted until then', async () => {
	const id = await hold(), calls = up.count('/file');
	equal((await ask('DELETE', `/api/jobs/${id}`)).status, 202);
	const r = line.jobs('cancel', id);
	equal(r.status, 0);
	match(r.err, new RegExp(`noted for ${id} of file, which is held`));
	ok(line.show(id).held);
	const [doc, said] = await seen(id, 'release', id);
	equal(doc.status, 'cancelled');
	match(said, /cancelled .*, as its owner had asked for/);
	equal(up.count('/file'), calls);
});

test('several, and one of them is not held', async () => {
	const ids = [await hold(), await hold()];
	line.jobs('fail', ids[0]);
	const r = line.run('lowtide-jobs', 'fail', ...ids, ...line.common,
		'--json');
	equal([r.status, JSON.parse(r.out)], [1, {done: [ids[1]],
		failed: [{jobId: ids[0], error: 'job-ended'}]}]);
	equal(line.jobs('ls', '--status', 'held', '--json').out.match(/job_/g),
		null);
	equal(line.jobs('audit').status, 0);
});

test('keys that a held job needs are not pruned', async () => {
	const day = 24 * 3600 * 1000;
	await hold();
	for (const it of line.children) {
		it.child.kill('SIGTERM');
		await it.ended;
	}
	equal([line.jobs('keyadd').status, line.jobs('keyuse').status], [0, 0]);
	const keys = at('keys'), text = readFileSync(keys, 'utf8');
	const retired = new Date(Date.now() - 60 * day).toISOString();
	writeFileSync(keys, text.replace(/# retired \S+/g,
		`# retired ${retired}`));
	/* as if it had been held for so long */
	const accepted = days => equal(spawnSync('sqlite3',
		[join(line.dir, 'state', 'jobs.db'),
			`UPDATE file SET accepted=${Date.now() - days * day}`],
		{encoding: 'utf8'}).stderr, '');
	accepted(61);
	match(line.jobs('keyprune').out, /^dropped 0 keys; the next from /);
	accepted(59);
	match(line.jobs('keyprune').out, /^dropped 2 keys\n/);
});

await done();
