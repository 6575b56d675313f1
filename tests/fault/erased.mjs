/*
 * What a client says is nobody's business: markers in everything that comes in
 * (path, query, header, name, body, result) are looked for in every file of the
 * store and in all that the programs log, byte by byte, while the jobs wait,
 * when they have ended, and after a start has emptied the log.
 */
import {readFileSync, readdirSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {done, equal, match, ok, test} from '../tap.mjs';
import {startLine, startUpstream, until} from '../cli/line.mjs';

const MARK = 'Zq7Marker';
const marks = ['Query', 'Header', 'Secret', 'Name', 'Body', 'Result']
	.map(what => `${MARK}${what}`);
const [query, header, secret, name, inBody, inResult] = marks;

const up = await startUpstream({post: (req, res, body) =>
	res.writeHead(200, {'content-type': 'application/json'})
		.end(JSON.stringify({said: inResult, heard: body.length}))});
const line = await startLine({
	apis: [{name: 'post', upstream: 'up', forward: ['x-note'],
		requestHeaders: {'x-key': '{header.authorization}'}}],
	upstreams: [{name: 'up', base: up.url}]});

/* Each file of the store that holds a marker, and each log. */
function found() {
	const state = join(line.dir, 'state');
	const places = [
		...readdirSync(state).map(file =>
			[file, readFileSync(join(state, file)).toString('latin1')]),
		...line.children.map(c => ['a log', c.log]),
	];
	ok(places.some(([file]) => file === 'jobs.db-wal'));
	return places.filter(([, text]) => text.includes(MARK) ||
		text.includes(Buffer.from(MARK).toString('base64').slice(0, 10)))
		.map(([file]) => file);
}

let id;
test('nothing is there while a job waits', async () => {
	const r = await line.fcgi({method: 'POST',
		target: `/api/post?q=${query}`,
		headers: {'x-request-id': name, 'x-note': header,
			authorization: `Bearer ${secret}`, 'x-wait-time-ms': '0'},
		body: JSON.stringify({text: inBody.repeat(400)})});
	equal(r.status, 202);
	id = JSON.parse(r.text).jobId;
	equal(found(), []);
});
test('nothing is there when it has ended', async () => {
	line.first = line.worker();
	equal((await line.ended(id)).status, 'completed');
	/* all of it did go upstream, and the result comes back */
	const [call] = up.calls;
	equal(call.headers['x-note'], header);
	equal(call.headers['x-key'], `Bearer ${secret}`);
	match(call.body, new RegExp(inBody));
	const r = await line.fcgi({method: 'GET', target: `/api/jobs/${id}`});
	match(r.text, new RegExp(inResult));
	equal(found(), []);
});
test('nothing is there after another start', async () => {
	line.first.child.kill('SIGTERM');
	equal(await line.first.ended, 0);
	const log = () => statSync(join(line.dir, 'state', 'jobs.db-wal')).size;
	const before = log();
	const again = line.worker();
	await until('it is there', () => /worker-started/.test(again.log));
	/* begun anew; the worker's first sign of life may be in it already */
	ok(log() < before, `${log()} bytes of ${before}`);
	equal(found(), []);
	again.child.kill('SIGTERM');
	equal(await again.ended, 0);
});
await done();
