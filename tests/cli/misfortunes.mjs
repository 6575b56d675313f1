/*
 * What goes wrong on an operator's side, and what upstreams say that makes no
 * sense, by the real worker: each is a failure of that job alone, its line of
 * the log says what to do, its client hears nothing of it, and it is enough to
 * mend it.
 */
import {spawnSync} from 'node:child_process';
import {chmodSync, mkdirSync, readFileSync, renameSync, rmSync,
	writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {done, equal, match, ok, test} from '../tap.mjs';
import {IMPATIENT, newFolder, startLine, startUpstream, until}
	from './line.mjs';

const dir = newFolder();
const at = name => join(dir, name);
const last = url => url.split('/').at(-1);

mkdirSync(at('handlers/folder'), {recursive: true});
const handler = (name, text) => {
	writeFileSync(at(name), text);
	chmodSync(at(name), 0o755);
};
handler('outside', '#!/bin/sh\necho \'{"outside":true}\'\n');
handler('handlers/stranger', '#!/no/such/interpreter\n');
handler('handlers/nonsense', 'not a program\n');
handler('handlers/do', `#!/bin/sh
case $1 in
fine) echo '{"fine":true}' ;;
pours) exec yes '{"more":1}' ;;
floods) yes '50 half' | head -c 33554432 >&3; echo '{"fine":true}' ;;
esac
`);

/* ---- an upstream ------------------------------------------------------- */

const again = value => (req, res, body, n) => n === 1 ?
	res.writeHead(429, {'retry-after': value}).end() : res.end('{}');
const waits = {
	'again-words': again('when it suits you'),
	'again-negative': again('-5'),
	'again-past': again('Wed, 21 Oct 2015 07:28:00 GMT'),
	'again-zero': again('0'),
	year: again('31536000'),
};
const drip = req => {
	const more = () => req.socket.destroyed ||
		req.socket.write('X-More: x\r\n', () => setTimeout(more, 50));
	req.socket.write('HTTP/1.1 200 OK\r\n', more);
};
const other = await startUpstream({});
const up = await startUpstream({...waits, drip,
	ok: (req, res) => res.end('{}'),
	bare: (req, res) => res.writeHead(202).end('{"taken":true}'),
	away: (req, res) => res.writeHead(202,
		{location: `${other.url}/status/${last(req.url)}`}).end('{}'),
});

/* ---- the line ---------------------------------------------------------- */

const secrets = ['empty', 'folder', 'pipe', 'long', 'nul']
	.map(name => ({name, file: at(`secret-${name}`)}));
const put = {
	empty: file => writeFileSync(file, '\n'),
	folder: file => mkdirSync(file),
	pipe: file => equal(spawnSync('mkfifo', [file]).status, 0),
	long: file => writeFileSync(file, 'x'.repeat(1 << 20)),
	nul: file => writeFileSync(file, 'SECRET\0MARK'),
};
for (const {name, file} of secrets)
	put[name](file);

const program = (name, exec, more) =>
	({name, exec, resultType: 'application/json', ...more});
const line = await startLine({dir, secrets,
	upstreams: [{name: 'up', base: up.url},
		{name: 'impatient', base: up.url, ...IMPATIENT}],
	apis: [
		program('stranger', ['stranger']),
		program('nonsense', ['nonsense']),
		program('folder', ['folder']),
		program('outside', ['../outside']),
		program('rooted', ['/bin/true']),
		program('pours', ['do', 'pours'], {resultMax: 1 << 20}),
		program('floods', ['do', 'floods']),
		program('boundless', ['do', 'fine'], {execCpuMs: 2 ** 52,
			execMemory: 2 ** 52, execDisk: 2 ** 52,
			execProcesses: 2 ** 52}),
		program('fine', ['do', 'fine']),
		...secrets.map(({name}) => ({name: `secret-${name}`,
			upstream: 'up', requestPath: '/ok/{job.id}',
			requestHeaders: {'X-Key': `{secret.${name}}`}})),
		...Object.keys(waits).map(name =>
			({name, upstream: 'up', attempts: 2})),
		...['ok', 'bare', 'away'].map(name =>
			({name, upstream: 'up'})),
		{name: 'drip', upstream: 'impatient'},
	].map(api => ({attempts: 1, ...api,
		...(api.name === 'year' ? {deadlineMs: 6000} : {})}))});
const worker = line.worker();
const ends = async name => line.ended(await line.send(`/api/${name}`));
/* What the log says last of why a job ended so. */
const why = id => until(`why ${id}`, () => worker.log.split('\n')
	.filter(l => l.includes(id)).map(l => JSON.parse(l))
	.find(l => l.event === 'job-ended')?.why);
const resultOf = id => line.fcgi({method: 'GET',
	target: `/api/jobs/${id}/result`});
/* Failed by that name, with those words for whoever runs this, and no others. */
async function fails(name, reason, words) {
	const job = await ends(name);
	equal([job.status, job.reason], ['failed', reason]);
	match(await why(job.jobId), words);
	const {text} = await resultOf(job.jobId);
	equal(JSON.parse(text).error, reason);
	for (const told of [dir, 'handlers', 'secret', 'errno', 'MARK'])
		ok(!text.includes(told), text);
	return job;
}

/* ---- programs ---------------------------------------------------------- */

for (const [name, words] of [
	['stranger', /handlers\/stranger.*interpreter that its first line names is not installed/],
	['nonsense', /handlers\/nonsense.*begin a script with #!/],
	['folder', /handlers\/folder cannot be started/],
	['outside', /\.\.\/outside is no program of the folder handlers.*build the site again/],
	['rooted', /\/bin\/true is no program of the folder handlers/],
])
	test(`a program that cannot be run: ${name}`, async () => {
		const job = await fails(name, 'job-failed', words);
		equal(job.sent, false);
		ok(worker.log.split('\n').some(l => l.includes(job.jobId) &&
			l.includes('"handler-unavailable"')));
	});

test('output without end is cut off, and the program with it', () =>
	fails('pours', 'outcome-unknown', /output is larger than result_max/));

test('progress without end costs nothing', async () => {
	equal((await ends('floods')).status, 'completed');
	const [, kib] = /VmHWM:\s+(\d+)/.exec(
		readFileSync(`/proc/${worker.pid}/status`, 'utf8'));
	ok(process.env.LOWTIDE_BIN?.includes('san') || Number(kib) < 65536, kib);
});

test('limits that no machine has are none', async () =>
	equal((await ends('boundless')).status, 'completed'));

test('the folder of programs is gone, and comes back', async () => {
	renameSync(at('handlers'), at('elsewhere'));
	await fails('fine', 'job-failed',
		/handlers\/do.*is not there; build and install the site again/);
	equal((await ends('ok')).status, 'completed');
	renameSync(at('elsewhere'), at('handlers'));
	equal((await ends('fine')).status, 'completed');
});

test('their folders have no place, and get it back', async () => {
	rmSync(at('state/work'), {recursive: true});
	writeFileSync(at('state/work'), '');
	await fails('fine', 'job-failed',
		/no folder can be made in .*state\/work.*must be a folder of the user/);
	rmSync(at('state/work'));
	equal((await ends('fine')).status, 'completed');
});

/* ---- secrets ----------------------------------------------------------- */

for (const [name, words] of [
	['empty', /the file .*secret-empty is empty; the secret empty belongs there/],
	['folder', /secret-folder is no regular file/],
	['pipe', /secret-pipe is no regular file; a secret is read from one/],
	['long', /secret-long is longer than \d+ bytes, which no secret is/],
	['nul', /secret-nul has a NUL byte/],
])
	test(`a secret's file that holds none: ${name}`, async () => {
		const job = await fails(`secret-${name}`, 'job-failed', words);
		equal([job.sent, up.count(`/ok/${job.jobId}`)], [false, 0]);
		ok(!worker.log.includes('MARK'));
	});

/* ---- what upstreams say ------------------------------------------------ */

for (const name of Object.keys(waits).filter(n => n !== 'year'))
	test(`a Retry-After that says nothing is none: ${name}`, async () => {
		const job = await ends(name);
		equal([job.status, job.attempt,
			up.count(`/${name}/${job.jobId}`)], ['completed', 2, 2]);
	});

test('one of a year: that API rests, a deadline ends its jobs', async () => {
	const id = await line.send('/api/year');
	const told = await until('it is told', () => worker.log.split('\n')
		.find(l => l.includes(id) && l.includes('"job-queued-again"')));
	match(JSON.parse(told).why, /no call of this API for 3600 s/);
	const behind = await line.send('/api/year');
	equal((await ends('ok')).status, 'completed');
	const [first, second] = [await line.ended(id),
		await line.ended(behind)];
	equal([first.reason, first.sent, second.reason, second.attempt],
		['deadline-exceeded', false, 'deadline-exceeded', 0]);
	equal(up.count(`/year/${id}`), 1);
	const rests = JSON.parse(line.jobs('stats', '--json').out).apis
		.filter(a => a.restsUntil);
	equal(rests.map(a => a.api), ['year']);
	ok(Date.parse(rests[0].restsUntil) < Date.now() + 3700 * 1000);
});

test('headers that drip are cut off', async () => {
	const job = await fails('drip', 'outcome-unknown', /./);
	equal(up.count(`/drip/${job.jobId}`), 1);
});

test('a 202 that names no place is an answer', async () => {
	const job = await ends('bare');
	equal([job.status, job.httpStatus], ['completed', 200]);
	equal((await resultOf(job.jobId)).text, '{"taken":true}');
});

test('and one that names a place elsewhere, which is told', async () => {
	const job = await ends('away');
	equal([job.status, job.httpStatus, other.calls.length],
		['completed', 200, 0]);
	match(await why(job.jobId),
		/answered 202, and its Location is not of its upstream's base/);
});

/* ---- afterwards -------------------------------------------------------- */

test('after all of it the queue goes on', async () => {
	equal((await ends('ok')).status, 'completed');
	equal((await ends('fine')).status, 'completed');
	equal(worker.exit, undefined);
});

await done();
