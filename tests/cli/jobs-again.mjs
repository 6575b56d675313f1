/*
 * lowtide-jobs resubmit, beside a running endpoint and worker: the new job is
 * its owner's, is checked as a request is, and never comes by accident.
 */
import {spawnSync} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {done, equal, match, test} from '../tap.mjs';
import {program, startLine, startUpstream} from './line.mjs';

const up = await startUpstream({
	file: (req, res, body, n) => n === 1 ? req.socket.destroy() :
		res.writeHead(201, {'content-type': 'application/json'})
			.end('{"id":"R1"}'),
	no: (req, res) => res.writeHead(422).end(),
});
const line = await startLine({
	upstreams: [{name: 'up', base: up.url}],
	apis: [{name: 'file', path: '/api/file/{vrn}', auth: 'web-server',
		upstream: 'up', requestPath: '/file',
		bodyRequired: {periodKey: 'string'}, ownerOpen: 2,
		requestBody: '{"vrn": "{path.vrn}", "key": "{body.periodKey}"}',
		requestHeaders: {authorization: 'Bearer {header.x-token}',
			'x-ip': '{cgi.REMOTE_ADDR}'},
		location: '/receipts/{result.id}'},
	{name: 'no', upstream: 'up'}],
});
const owner = 'alice';
const at = name => join(line.dir, name);
const again = (id, ...args) => line.jobs('resubmit', id, ...args);
const refused = (r, status, text) => {
	equal([r.status, r.out], [status, ''], r.err);
	match(r.err, text);
};
const job = {};
const whole = ['--url', '/api/file/123?q=1', '--body', at('body'), '-H',
	'X-Token: TOKEN', '--address', '192.0.2.9'];

test('a job whose outcome nobody knows', async () => {
	writeFileSync(at('body'), '{"periodKey": "23A1"}');
	line.worker();
	const r = await line.fcgi({method: 'POST', target: '/api/file/123',
		owner, body: '{"periodKey": "23A1"}',
		headers: {'x-wait-time-ms': '0', 'x-token': 'OLD'}});
	job.old = JSON.parse(r.text).jobId;
	equal((await line.ended(job.old)).reason, 'outcome-unknown');
});

test('is not done again without a word', async () => {
	refused(again(job.old, ...whole), 64, /not-confirmed: .*--yes/);
	equal(up.count('/file'), 1);
});

test('it is, with one: as if its owner had sent it', async () => {
	const r = again(job.old, ...whole, '--yes');
	equal(r.status, 0, r.err);
	job.new = r.out.trim();
	match(job.new, /^job_[\w-]{48}$/);
	match(r.err, new RegExp(`resubmitted ${job.old} of file as ${job.new}\n$`));
	equal((await line.ended(job.new)).httpStatus, 201);
	const call = up.calls.at(-1);
	equal(JSON.parse(call.body), {vrn: '123', key: '23A1'});
	equal([call.headers.authorization, call.headers['x-ip']],
		['Bearer TOKEN', '192.0.2.9']);
	const doc = await line.fcgi({method: 'GET', owner,
		target: `/api/jobs/${job.new}`});
	equal(JSON.parse(doc.text).location, '/receipts/R1');
	equal((await line.fcgi({method: 'GET', owner: 'bob',
		target: `/api/jobs/${job.new}`})).status, 404);
});

test('the body from stdin, headers from a file, JSON to stdout', async () => {
	writeFileSync(at('headers'), 'x-token: FROMFILE\n\nX-Other: 1\n');
	const r = spawnSync(program('lowtide-jobs'), ['resubmit', job.new,
		...line.common, '--url', '/api/file/7', '-b', '-',
		'-H', `@${at('headers')}`, '--address', '::1', '-y', '--json'],
	{encoding: 'utf8', input: '{"periodKey": "X"}'});
	equal(r.status, 0, r.stderr);
	const {jobId} = JSON.parse(r.stdout);
	await line.ended(jobId);
	equal(up.calls.at(-1).headers.authorization, 'Bearer FROMFILE');
});

test('one that surely was not done needs no word', async () => {
	const id = await line.send('/api/no');
	await line.ended(id);
	const r = again(id, '--body', at('body'));
	equal(r.status, 0, r.err);
	await line.ended(r.out.trim());
});

test('what the endpoint would not take is not taken', () => {
	const calls = up.calls.length;
	writeFileSync(at('number'), '{"periodKey": 7}');
	writeFileSync(at('text'), 'text');
	writeFileSync(at('large'), 'x'.repeat(65537));
	const with_ = (...args) => again(job.old, '--yes', ...args);
	const url = ['--url', '/api/file/1'];
	refused(with_('-b', at('body')), 1, /url-needed: .*\/api\/file\/\{vrn\}/);
	refused(with_('--url', '/api/no', '-b', at('body')), 1, /url-wrong/);
	refused(with_('--url', '/api/file/..', '-b', at('body')), 1,
		/url-wrong/);
	refused(with_(...url, '-b', at('number')), 1,
		/validation-failed: \/periodKey: .*must be a string/);
	refused(with_(...url), 1, /validation-failed: a JSON body is needed/);
	refused(with_(...url, '-b', at('text')), 1, /is not JSON/);
	refused(with_(...url, '-b', at('large')), 1, /too-large/);
	refused(with_(...url, '-b', at('body'), '-H', 'content-type: text/x'),
		1, /unsupported-media-type/);
	refused(with_(...url, '-b', at('none')), 74, /file-missing/);
	for (const header of ['nothing', ': x', 'a b: x', 'x: a\nb: c'])
		refused(with_(...url, '-b', at('body'), '-H', header), 1,
			/bad-header/);
	equal(up.calls.length, calls);
});

test('one that has not ended is not begun again', async () => {
	const r = await line.fcgi({method: 'POST', target: '/api/file/9',
		owner, body: '{"periodKey": "1"}',
		headers: {'x-wait-time-ms': '0', 'x-token': 'a'}});
	const id = JSON.parse(r.text).jobId;
	await line.ended(id);
	refused(again(`job_${'A'.repeat(48)}`), 1, /no-such-job/);
	for (const it of line.children.filter(c => c.pid !== line.cgi.pid))
		if (it.exit === undefined) {
			it.child.kill('SIGTERM');
			await it.ended;
		}
	const open = again(id, ...whole, '-y').out.trim();
	refused(again(open, ...whole, '-y'), 1, /job-open: .* it is pending/);
	equal(again(id, ...whole, '-y').status, 0);
	refused(again(id, ...whole, '-y'), 1, /rate-limited/);
});

await done();
