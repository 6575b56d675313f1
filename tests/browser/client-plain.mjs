/*
 * requests.mjs where a process a request answers (plain CGI): nobody is kept
 * waiting and there are no streams, and the same page does without.
 */
import {done, equal, ok, test} from '../tap.mjs';
import {startWorld} from './client-kit.mjs';

const world = await startWorld({server: 'lighttpd-cgi'});
const {up} = world;
const page = await world.page();

test('polled until it is done', async () => {
	page.mark();
	const hold = world.hold();
	/* as pages send it: kept back for a result, where that can be */
	await page.begin('polled', {hold, key: 'kept'});
	await up.arrived(hold);
	await page.told('polled', 'processing');
	const known = page.requests_of('look').length;
	await page.until_asked('look', known + 1);
	up.release(hold);
	const it = await page.over('polled');
	equal([it.result, it.states.at(-1)], [{id: 7}, 'completed']);
	equal(world.arrivals(hold), 1);
	equal(page.requests_of('send').length, 1);
	equal(await page.run(() => api.kept()), []);
	/* what it cannot is tried once, and not asked again */
	ok(page.requests_of('stream').length <= 1);
	ok(page.requests_of('wait').length <= 2);
});

test('reloaded, and cancelled', async () => {
	const hold = await page.held('first', {api: 'turn', body: {}});
	await page.begin('second', {api: 'turn', body: {n: 2}, key: 'k',
		hold: world.hold()});
	await page.until(() => jobs.second.job.statusUrl);
	await page.go(`${world.url}/`);
	await page.until(() => globalThis.ready);
	await page.run(() => {
		watch('second', api.resume('k'));
	});
	const {status} = await page.run(() => jobs.second.job.cancel());
	equal(status, 'cancelled');
	equal((await page.over('second')).error.type, 'job-cancelled');
	up.release(hold);
});

test('nothing was asked for too fast', () =>
	equal(page.complaints.filter(one => / 429 | csp/.test(one)), []));

await done();
