/*
 * How a job is watched, behind the real programs: by a stream, by long polls
 * where there are none, by polls where nobody may be kept waiting; how many
 * requests each costs, and what becomes of one that outlasts our patience.
 */
import {done, equal, ok, test} from '../tap.mjs';
import {startWorld} from './client-kit.mjs';

const world = await startWorld();
const {up} = world;
const page = await world.page();

/* Nothing was asked for too fast, and nothing was wrong. */
const calm = () => equal(page.complaints.splice(0).filter(one =>
	!/^network: .* 406 /.test(one)), []);
const count = (what, kinds) => kinds.filter(one => one === what).length;

test('quick: one request, no ticket', async () => {
	page.mark();
	const hold = world.hold();
	up.release(hold);
	await page.begin('quick', {hold, wait: 20000});
	const it = await page.over('quick');
	equal([it.result, it.statusUrl], [{id: 7}, null]);
	equal(page.asked(), ['send']);
	equal(world.arrivals(hold), 1);
	calm();
});

test('a stream: one request to send, and one to see it through', async () => {
	page.mark();
	const hold = await page.held('streamed');
	await page.told('streamed', 'processing');
	up.release(hold);
	const it = await page.over('streamed');
	equal([it.result, it.states.at(-1)], [{id: 7}, 'completed']);
	equal(it.location, '/orders/7');
	equal(page.asked(), ['send', 'stream']);
	equal(world.arrivals(hold), 1);
	calm();
});

test('no streams: long polls, one for each change', async () => {
	world.no('streams');
	page.mark();
	const hold = await page.held('waited');
	await page.told('waited', 'processing');
	/* one is on its way, or will be, for what comes next */
	await page.until_asked('wait');
	up.release(hold);
	const it = await page.over('waited');
	equal([it.result, it.states.at(-1)], [{id: 7}, 'completed']);
	const asked = page.asked();
	equal([count('send', asked), count('stream', asked)], [1, 1], asked);
	/* one look for the version that is waited beyond */
	ok(count('look', asked) <= 1, asked);
	ok(count('wait', asked) <= 3, asked);
	equal(world.arrivals(hold), 1);
	calm();
});

test('no waits either: polls, none too fast', async () => {
	world.no('waits');
	page.mark();
	const hold = await page.held('polled');
	await page.told('polled', 'processing');
	const known = count('look', page.asked());
	await page.until_asked('look', known + 2);
	up.release(hold);
	const it = await page.over('polled');
	equal([it.result, it.states.at(-1)], [{id: 7}, 'completed']);
	equal(page.requests_of('send').length, 1);
	equal(world.arrivals(hold), 1);
	calm();
});

test('out of patience it is still running, and is taken up again', async () => {
	await page.run(() => dial({patience: 1}));
	const hold = await page.held('slow');
	const it = await page.over('slow');
	equal([it.error?.type, it.error?.ours], ['still-running', true],
		JSON.stringify(it));
	equal(it.states.at(-1), 'still-running');
	ok(!it.states.includes('failed'));
	/* asked again it is the same job, and still going on */
	await page.run(() => {
		watch('slower', jobs.slow.job);
	});
	equal((await page.over('slower')).error.type, 'still-running');
	world.yes('waits');
	world.yes('streams');
	await page.run(() => {
		dial({patience: 1});
		watch('followed', api.follow(jobs.slow.job.statusUrl));
	});
	await page.told('followed', 'processing');
	page.mark();
	up.release(hold);
	const last = await page.over('followed');
	/* and a stream is not bounded by patience */
	equal([last.result, last.states.includes('still-running')],
		[{id: 7}, false]);
	await page.run(() => {
		watch('again', jobs.slow.job);
	});
	equal((await page.over('again')).result, {id: 7});
	equal(world.arrivals(hold), 1);
	calm();
});

await done();
