/*
 * One upstream's name server hangs, far longer than a lease. That upstream's
 * jobs end as never sent; the call of another is neither held up nor lost.
 */
import {IMPATIENT, startLine, startUpstream, until} from '../cli/line.mjs';
import {done, equal, test} from '../tap.mjs';

const waiting = [];
const up = await startUpstream({ok: (req, res) => waiting.push(res)});
const line = await startLine({
	apis: [{name: 'slow', upstream: 'slow', attempts: 1},
		{name: 'ok', upstream: 'up'}],
	upstreams: [{name: 'slow', base: 'http://slow.example',
		...IMPATIENT},
		{name: 'up', base: up.url}]});
process.env.LD_PRELOAD = process.env.SLOW_NAMES;
process.env.ASAN_OPTIONS = 'verify_asan_link_order=0';
const worker = line.worker();
delete process.env.LD_PRELOAD;

test('a name server that hangs holds up its own upstream alone', async () => {
	const other = await line.send('/api/ok');
	await until('its call', () => waiting.length === 1);
	const slow = await line.ended(await line.send('/api/slow'));
	equal([slow.reason, slow.sent], ['upstream-error', false]);
	equal(line.show(other).status, 'processing');
	waiting[0].writeHead(200).end();
	const job = await line.ended(other);
	equal([job.status, job.attempt, up.calls.length],
		['completed', 1, 1]);
	worker.child.kill('SIGTERM');
	equal(await worker.ended, 0);
});

await done();
