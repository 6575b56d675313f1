/*
 * lowtide-jobs audit: while everything runs nothing is found; what somebody did
 * to the tables behind our back is, each by its name.
 */
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {done, equal, match, ok, test} from '../tap.mjs';
import {program, startLine, startUpstream, until} from './line.mjs';

const waiting = [];
const up = await startUpstream({
	done: (req, res) => res.writeHead(200).end('{"n":1}'),
	bad: (req, res) => res.writeHead(404).end(),
	slow: (req, res) => waiting.push(() => res.writeHead(200).end()),
});
const line = await startLine({
	upstreams: [{name: 'up', base: up.url, timeoutMs: 60000}],
	apis: [{name: 'done', upstream: 'up'}, {name: 'bad', upstream: 'up'},
		{name: 'slow', upstream: 'up', onLost: 'retry'}],
});
const audit = () => {
	const r = line.jobs('audit');
	match(r.err, /^looked at \d+ jobs: \d+ findings\n$/);
	return [r.status, ...r.out.split('\n').filter(Boolean)];
};
const sql = text => {
	const r = spawnSync('sqlite3', [join(line.dir, 'state', 'jobs.db'), text],
		{encoding: 'utf8'});
	equal(r.stderr, '');
};
const bytes = (id, from) => `x'${Buffer.from(id.slice(4), 'base64url')
	.subarray(from, 20).toString('hex')}'`;
const job = {};

test('a busy store is as it must be', async () => {
	line.worker();
	for (let i = 0; i < 20; i++)
		job.done = await line.send('/api/done');
	job.bad = await line.send('/api/bad');
	for (const id of [job.done, job.bad])
		await line.ended(id);
	job.gone = await line.send('/api/done');
	await line.ended(job.gone);
	equal(line.jobs('purge', job.gone, '-y').status, 0);
	job.open = await line.send('/api/slow');
	await until('the call', () => waiting.length === 1);
	equal(audit(), [0]);
	const r = line.jobs('audit', '--json');
	equal([r.status, JSON.parse(r.out)], [0, {findings: [], jobs: 23}]);
});

test('what was changed behind our back is found', async () => {
	for (const it of line.children) {
		it.child.kill('SIGKILL');
		await it.ended;
	}
	equal(audit(), [0]);
	equal(line.jobs('audit', '--deep').status, 0);
	/* a bit of a result; another's owner; no request; a tombstone's body */
	sql(`UPDATE done SET owner=x'${'11'.repeat(16)}' WHERE key=${bytes(job.gone, 4)};
		UPDATE _body SET bytes=cast(substr(bytes, 1, 40) ||
			x'00' || substr(bytes, 42) AS blob) WHERE job=${bytes(job.bad, 1)}
			AND length(bytes) > 60;
		DELETE FROM _body WHERE job=${bytes(job.open, 1)};
		UPDATE bad SET progress=50 WHERE key=${bytes(job.bad, 4)};
		UPDATE bad SET status=200 WHERE key=${bytes(job.bad, 4)};
		INSERT INTO _body(n, job, kind, bytes)
			VALUES(999999, x'${'22'.repeat(19)}', 1, x'00');
		UPDATE _count SET n=n+1 WHERE api='slow'`);
	const found = line.jobs('audit');
	equal(found.status, 1);
	const lines = found.out.split('\n').filter(Boolean);
	const of = id => lines.filter(l => l.startsWith(`${id}: `))
		.map(l => l.split(': ')[1]);
	equal(of(job.gone), ['id-forged']);
	equal([...new Set(of(job.bad))], ['status-wrong', 'body-unreadable']);
	ok(lines.some(l => l.startsWith('slow: count-wrong: ')));
	ok(lines.some(l => l.startsWith('store: body-orphan: ')));
	equal(of(job.open), ['body-missing', 'body-missing']);
	equal(of(job.done), []);
	const {findings} = JSON.parse(line.jobs('audit', '--json').out);
	const [forged] = findings.filter(f => f.jobId === job.gone);
	equal([forged.api, forged.check], ['done', 'id-forged']);
	equal(findings.length, lines.length);
	equal(findings.filter(f => f.jobId).length,
		lines.filter(l => l.startsWith('job_')).length);
});

/* What is wrong is not the store. */
test('what cannot be written is told, and as that', () => {
	const into = (command, ...args) => {
		const r = spawnSync('sh', ['-c', '"$@" >/dev/full', 'sh',
			program('lowtide-jobs'), command, ...line.common,
			...args], {encoding: 'utf8'});
		return [r.status, r.stderr.replace(/^looked at .*\n/, '')];
	};
	const told = [74, 'io-error: the output could not be written\n'];
	equal(into('audit'), told);
	equal(into('audit', '--json'), told);
	equal(into('ls'), told);
});

await done();
