/*
 * Programs run by lowtide-worker, seen from where a client is: what they are
 * given, what becomes of their answers, progress, cancel, deadline, a worker
 * that drains and one that is killed. Behind each of them no process and no
 * folder may be left.
 *
 * The program waits for a gate, a file of the test's: nothing here is timed.
 */
import {chmodSync, existsSync, mkdirSync, readFileSync, readdirSync,
	writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {done, equal, match, ok, test} from '../tap.mjs';
import {newFolder, startLine, until} from './line.mjs';

const dir = newFolder();
const at = name => join(dir, name);

/* $1 is what it does, $2 a folder of the test's. */
mkdirSync(at('handlers'));
writeFileSync(at('handlers/do'), `#!/bin/sh
name=$2/$LOWTIDE_JOB_ID
echo $$ >"$name.$LOWTIDE_ATTEMPT.pid.new"
mv "$name.$LOWTIDE_ATTEMPT.pid.new" "$name.$LOWTIDE_ATTEMPT.pid"
gate() {
	while ! [ -e "$name.gate" ]; do
		sleep 0.02
	done
}
case $1 in
cat) exec cat ;;
env) env | sort ;;
where) pwd; ls -A; touch left ;;
words) echo not JSON ;;
nothing) ;;
says) echo "one of two" >&2; echo '"said"'; echo "two of two" >&2 ;;
fails) echo '{"half":'; exit 3 ;;
again)
	[ "$LOWTIDE_ATTEMPT" = 1 ] && exit 75
	echo "{\\"attempt\\":$LOWTIDE_ATTEMPT}" ;;
steps)
	echo "40 half of it" >&3
	gate
	echo '{"rows":2}' ;;
willing)
	trap 'exit 75' TERM
	echo "10 waits" >&3
	gate
	echo '{"ended":true}' ;;
whole)
	trap "echo '{\\"whole\\":true}'; exit 0" TERM
	echo "10 waits" >&3
	gate ;;
deaf)
	trap '' TERM
	(trap '' TERM HUP; setsid sleep 1000 &)
	touch left
	echo "10 waits" >&3
	gate
	echo '{"deaf":true}' ;;
esac
`);
chmodSync(at('handlers/do'), 0o755);
writeFileSync(at('handlers/mode'), '#!/bin/sh\n');

const does = (what, more = {}) => ({name: what, exec: ['do', what, dir],
	execStopMs: 60000, resultType: 'application/json', attempts: 3,
	...more});
process.env.EXEC_TEST_GIVEN = 'given';
process.env.EXEC_TEST_SECRET = 'not for programs';
const line = await startLine({dir, upstreams: [], apis: [
	does('cat'), does('words'), does('nothing'), does('says'),
	does('fails'), does('again'), does('steps'), does('willing'),
	does('whole'),
	does('env', {resultType: 'text/plain',
		execEnv: ['EXEC_TEST_GIVEN', 'EXEC_TEST_UNSET']}),
	does('where', {resultType: 'text/plain'}),
	does('csv', {exec: ['do', 'words', dir], resultType: 'text/csv'}),
	does('form', {exec: ['do', 'cat', dir], resultType: 'text/plain',
		requestForm: {to: '{body.to}', n: '{body.n}'}}),
	does('deaf', {execStopMs: 100}),
	does('deaf-retry', {exec: ['do', 'deaf', dir], execStopMs: 100,
		onLost: 'retry'}),
	does('late', {exec: ['do', 'deaf', dir], execStopMs: 100,
		deadlineMs: 6000}),
	does('late-willing', {exec: ['do', 'willing', dir], deadlineMs: 6000}),
	does('missing', {exec: ['no-such-file'], attempts: 1}),
	does('mode', {exec: ['mode'], attempts: 1}),
]});
let worker = line.worker();

const get = (id, path = '') =>
	line.fcgi({method: 'GET', target: `/api/jobs/${id}${path}`});
const documentOf = async id => JSON.parse((await get(id)).text);
const cancel = id => line.fcgi({method: 'POST',
	target: `/api/jobs/${id}/cancel`});
const open = id => writeFileSync(at(`${id}.gate`), '');
const pidOf = async (id, attempt = 1) => {
	const path = at(`${id}.${attempt}.pid`);
	await until('the program runs', () => existsSync(path));
	return Number(readFileSync(path, 'utf8'));
};
const isGone = pid => !existsSync(`/proc/${pid}`);
const folders = () => readdirSync(at('state/work'));
const nobodyIsLeft = (...pids) => until('nothing is left', () =>
	pids.every(isGone) && folders().length === 0);
/* Runs, and has said so: its traps are set. */
const progress = (id, percent) => until(`progress of ${id}`, async () => {
	const doc = await documentOf(id);
	return doc.progress === percent && doc;
});
const run = async (name, options) => {
	const id = await line.send(`/api/${name}`, options);
	const job = await line.ended(id);
	return {id, job, result: await get(id, '/result')};
};

test('its output is the result', async () => {
	const {job, result} = await run('says');
	equal(job.status, 'completed');
	equal(result.status, 200);
	equal(result.headers['content-type'], 'application/json');
	equal(result.text, '"said"\n');
});

test('it gets the body as it came', async () => {
	const body = '{ "a": [1, 2],\n"b":"\u00fc" }';
	equal((await run('cat', {body})).result.text, body);
});

test('or the form that the API makes of it', async () => {
	const {result} = await run('form',
		{body: '{"to":"a&b=c d","n":5}'});
	equal(result.text, 'to=a%26b%3Dc+d&n=5');
	equal(result.headers['content-type'], 'text/plain');
});

test('its environment is what it is given, and nothing of the worker\'s',
	async () => {
		const {id, result} = await run('env');
		const names = Object.fromEntries(result.text.trim().split('\n')
			.map(l => l.split(/=(.*)/).slice(0, 2)));
		delete names.PWD; /* the shell's own */
		delete names.OLDPWD;
		delete names._;
		delete names.SHLVL;
		delete names.LOWTIDE_TRACEPARENT;
		equal(names, {PATH: '/usr/local/bin:/usr/bin:/bin',
			LANG: 'C.UTF-8', LOWTIDE_JOB_ID: id, LOWTIDE_API: 'env',
			LOWTIDE_ATTEMPT: '1', EXEC_TEST_GIVEN: 'given'});
	});

test('its folder is empty, and goes with it', async () => {
	const {result} = await run('where');
	const [folder, ...entries] = result.text.trim().split('\n');
	ok(folder.startsWith(at('state/work/run-')), folder);
	equal(entries, []);
	await nobodyIsLeft();
});

test('no output is 204', async () => {
	const {job, result} = await run('nothing');
	equal(job.status, 'completed');
	equal(result.status, 204);
});

test('what is not JSON and should be is a failure', async () => {
	const {job, result} = await run('words');
	equal(job.status, 'failed');
	equal(result.status, 500);
	const csv = await run('csv');
	equal(csv.result.status, 200);
	equal(csv.result.headers['content-type'], 'text/csv');
	equal(csv.result.text, 'not JSON\n');
});

test('a failure is told without what the program said', async () => {
	const {id, job, result} = await run('fails');
	equal(job.status, 'failed');
	equal(result.status, 500);
	const problem = JSON.parse(result.text);
	match(problem.type, /\/job-failed$/);
	ok(!result.text.includes('half'), result.text);
	match(worker.log, new RegExp(`"event":"job-ended".*${id}.*status 3`));
});

test('75 is not executed, and runs again', async () => {
	const {job, result} = await run('again');
	equal(job.status, 'completed');
	const {attempt} = JSON.parse(result.text);
	ok(attempt > 1 || job.attempt >= 1);
	match(worker.log, /"event":"job-queued-again"/);
});

test('what it says is in the log, with its job', async () => {
	const {id} = await run('says');
	const said = worker.log.split('\n')
		.filter(l => l.startsWith('{')).map(l => JSON.parse(l))
		.filter(l => l.event === 'handler-said' && l.jobId === id);
	equal(said.map(l => l.text), ['one of two', 'two of two']);
	equal(said.map(l => l.handler), ['do', 'do']);
	equal(said.map(l => l.pid), Array(2).fill(await pidOf(id)));
});

test('progress is seen while it runs', async () => {
	const id = await line.send('/api/steps');
	const doc = await progress(id, 40);
	equal(doc.status, 'processing');
	equal(doc.message, 'half of it');
	open(id);
	await line.ended(id);
	const end = await documentOf(id);
	equal(end.status, 'completed');
	equal(end.progress, 100);
	equal(end.result, {rows: 2});
	await nobodyIsLeft(await pidOf(id));
});

test('cancel asks it to end: 75 is cancelled', async () => {
	const id = await line.send('/api/willing');
	await progress(id, 10);
	equal((await cancel(id)).status, 202);
	equal((await line.ended(id)).status, 'cancelled');
	await nobodyIsLeft(await pidOf(id));
});

test('and one that was done by then is completed', async () => {
	const id = await line.send('/api/whole');
	await progress(id, 10);
	equal((await cancel(id)).status, 202);
	equal((await line.ended(id)).status, 'completed');
	equal((await get(id, '/result')).text, '{"whole":true}\n');
});

test('one that does not hear it is killed: nobody knows what it did',
	async () => {
		const id = await line.send('/api/deaf');
		await progress(id, 10);
		equal((await cancel(id)).status, 202);
		equal((await line.ended(id)).status, 'failed');
		match((await get(id, '/result')).text, /outcome-unknown/);
		await nobodyIsLeft(await pidOf(id));
	});

/* Long enough that both surely run by then, and at the same time. */
const late = {};
test('a deadline ends it likewise', async () => {
	late.deaf = await line.send('/api/late');
	late.willing = await line.send('/api/late-willing');
	late.pids = [await pidOf(late.deaf), await pidOf(late.willing)];
	equal((await line.ended(late.deaf)).status, 'failed');
	match((await get(late.deaf, '/result')).text, /outcome-unknown/);
});

test('one that says in time that it did nothing is late, not unknown',
	async () => {
		equal((await line.ended(late.willing)).status, 'failed');
		match((await get(late.willing, '/result')).text,
			/deadline-exceeded/);
		await nobodyIsLeft(...late.pids);
	});

test('one that is not there, or may not be run, was never sent', async () => {
	const gone = await run('missing');
	equal(gone.job.status, 'failed');
	match(worker.log, /no-such-file.*is not there/);
	const mode = await run('mode');
	equal(mode.job.status, 'failed');
	match(worker.log, /handlers\/mode.*chmod 0755/);
});

test('a worker that is told to stop waits for its programs', async () => {
	const id = await line.send('/api/steps');
	await progress(id, 40);
	worker.child.kill('SIGTERM');
	await until('it drains', () => worker.log.includes('worker-drains'));
	equal(worker.exit, undefined);
	ok(!isGone(await pidOf(id)));
	open(id);
	equal(await worker.ended, 0);
	equal(line.show(id).status, 'completed');
	await nobodyIsLeft(await pidOf(id));
});

test('told twice, it ends at once, and its programs with it', async () => {
	worker = line.worker();
	const id = await line.send('/api/deaf');
	await progress(id, 10);
	worker.child.kill('SIGTERM');
	await until('it drains', () => worker.log.includes('worker-drains'));
	worker.child.kill('SIGTERM');
	await worker.ended;
	await nobodyIsLeft(await pidOf(id));
	worker = line.worker();
	equal((await line.ended(id)).status, 'failed');
});

test('killed, it takes its programs with it: on_lost decides', async () => {
	const ids = [await line.send('/api/deaf'),
		await line.send('/api/deaf-retry')];
	for (const id of ids)
		await progress(id, 10);
	const pids = [await pidOf(ids[0]), await pidOf(ids[1])];
	equal(folders().length, 2);
	worker.child.kill('SIGKILL');
	await worker.ended;
	await nobodyIsLeft(...pids);
	worker = line.worker();
	equal((await line.ended(ids[0])).status, 'failed');
	match((await get(ids[0], '/result')).text, /outcome-unknown/);
	ok(!existsSync(at(`${ids[0]}.2.pid`)));
	open(ids[1]);
	equal((await line.ended(ids[1])).status, 'completed');
	const second = await pidOf(ids[1], 2);
	await nobodyIsLeft(second);
});

test('a folder that a killed minder left goes at the next start', async () => {
	mkdirSync(at('state/work/run-00112233445566ff/deep/er'),
		{recursive: true});
	mkdirSync(at('state/work/of-somebody-else'));
	worker.child.kill('SIGTERM');
	equal(await worker.ended, 0);
	worker = line.worker();
	equal((await run('nothing')).job.status, 'completed');
	equal(folders(), ['of-somebody-else']);
	worker.child.kill('SIGTERM');
	equal(await worker.ended, 0);
});

await done();
