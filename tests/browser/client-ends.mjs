/*
 * How jobs end, and what a page is told of it: results of every kind, refusals,
 * cancelled in each state, a signal that stops watching alone, changes that are
 * shown before they are done, and an address that is not to be asked.
 */
import {done, equal, match, ok, test} from '../tap.mjs';
import {startWorld} from './client-kit.mjs';

const world = await startWorld();
const {up} = world;
const page = await world.page();

/* Through a ticket, so that the document says how it ended. */
async function through(name, options) {
	const hold = await page.held(name, options);
	up.release(hold);
	const it = await page.over(name);
	equal(world.arrivals(hold), 1);
	return it;
}

test('results: JSON, nothing, text, and what is too large for a document',
	async () => {
		equal((await through('json', {answer: {body: [1, {a: null}]}}))
			.result, [1, {a: null}]);
		const none = await through('none', {answer: {status: 204}});
		equal([none.result, none.error], [null, undefined]);
		page.mark();
		const short = await through('text', {answer:
			{body: {text: 'x'.repeat(100)}, type: 'text/plain'}});
		equal(short.result, '{"text":"' + 'x'.repeat(100) + '"}');
		const huge = await through('huge',
			{answer: {fill: 300000, type: 'text/plain'}});
		equal(huge.result.length, 300000);
		/* neither stands in the document */
		equal(page.requests_of('result').length, 2);
		const made = world.hold();
		up.release(made);
		await page.begin('made', {hold: made, wait: 20000,
			answer: {status: 201}});
		equal((await page.over('made')).location, '/orders/7');
	});

test('what is read once is read once', async () => {
	page.mark();
	const it = await through('once', {api: 'once', body: {},
		answer: {body: {secret: 1}}});
	equal(it.result, {secret: 1});
	equal(page.requests_of('result').length, 1);
});

test('refused: by us, and by the service, whose words are kept', async () => {
	page.mark();
	await page.begin('invalid', {body: {}});
	const {error} = await page.over('invalid');
	equal([error.type, error.status, error.ours],
		['validation-failed', 400, true]);
	equal(page.asked(), ['send']);
	const refused = await through('refused', {answer: {status: 409,
		type: 'application/vnd.acme+json', body: '{"code":"NO"}'}});
	equal([refused.error.type, refused.error.status, refused.error.body],
		['upstream-refused', 409, {code: 'NO'}]);
	equal(refused.states.at(-1), 'failed');
	const broken = await through('broken', {answer: {status: 500}});
	equal([broken.error.type, broken.error.status],
		['upstream-error', 502]);
	await page.begin('nowhere', {api: 'none'});
	equal((await page.over('nowhere')).error.status, 404);
});

test('results that are neither: bytes of their type', async () => {
	const hold = await page.held('bytes', {answer:
		{fill: 70000, type: 'application/pdf'}});
	up.release(hold);
	await page.over('bytes');
	equal(await page.run(async () => {
		const result = await jobs.bytes.job.result();
		return [result.constructor.name, result.type, result.size];
	}), ['Blob', 'application/pdf', 70000]);
});

test('a base where no endpoint is: told with what was asked', async () => {
	await page.run(() => {
		dial({base: '/apis/'});
		submit('lost', 'order', {sku: 'tea'}, {key: 'lost'});
	});
	const {error} = await page.over('lost');
	equal([error.type, error.message, await page.run(() => api.kept().length)],
		['foreign-answer', `POST ${world.url}/apis/order: ${error.status}`,
			1]);
	ok([404, 405].includes(error.status));
	await page.run(() => dial());
});

test('past its deadline it has failed, and says so', async () => {
	const hold = world.hold();
	await page.begin('noon', {api: 'noon', body: {}, hold, wait: 0});
	const it = await page.over('noon');
	equal(it.error.ours, true);
	match(it.error.type, /deadline-exceeded|upstream-timeout|outcome-unknown/);
	up.release(hold);
});

test('cancelled while it waits: at once, and it never leaves', async () => {
	const first = await page.held('first', {api: 'turn', body: {}});
	const hold = world.hold();
	await page.begin('second', {api: 'turn', body: {n: 2}, hold, wait: 0});
	await page.told('second', 'pending');
	const state = await page.run(() => jobs.second.job.cancel());
	equal(state.status, 'cancelled');
	const it = await page.over('second');
	equal([it.error.type, it.states.at(-1)],
		['job-cancelled', 'cancelled'], JSON.stringify(it));
	up.release(first);
	equal((await page.over('first')).result, {id: 7});
	equal(world.arrivals(hold), 0);
});

test('cancelled when it has left: its answer is waited for', async () => {
	const hold = await page.held('left', {api: 'turn', body: {}});
	const state = await page.run(() => jobs.left.job.cancel());
	equal(state.status, 'processing');
	ok(state.cancelRequestedAt);
	up.release(hold);
	const it = await page.over('left');
	equal([it.result, it.states.at(-1)], [{id: 7}, 'completed']);
	/* and what is over stays as it is */
	const after = await page.run(() => jobs.left.job.cancel());
	equal(after.status, 'completed');
});

test('cancelled before there is a ticket', async () => {
	const hold = world.hold();
	const caught = world.wire.mute(/^POST \/api\/turn/);
	await page.begin('early', {api: 'turn', body: {}, hold, wait: 0});
	await caught;
	await page.run(() => {
		globalThis.asked_to = jobs.early.job.cancel().then(
			({status}) => status, error => error.type);
	});
	world.wire.clear();
	world.wire.cut();
	await up.arrived(hold);
	ok(['processing', 'cancelled', 'completed', 'pending'].includes(
		await page.run(() => asked_to)));
	up.release(hold);
	ok((await page.over('early')).over);
	ok(world.arrivals(hold) <= 1);
});

test('a signal stops watching, and leaves the job alone', async () => {
	const hold = world.hold();
	await page.run(header => {
		globalThis.stop = new AbortController();
		submit('left alone', 'order', {sku: 'tea'}, {wait: 0,
			signal: stop.signal, headers: {say: header}});
	}, JSON.stringify({hold}));
	await up.arrived(hold);
	await page.told('left alone', 'processing');
	page.mark();
	await page.run(() => stop.abort());
	const it = await page.over('left alone');
	equal([it.error?.name, it.error?.ours], ['AbortError', false],
		JSON.stringify(it));
	up.release(hold);
	await page.run(url => {
		watch('seen later', api.follow(url));
	}, it.statusUrl);
	equal((await page.over('seen later')).result, {id: 7});
	equal([page.requests_of('cancel').length, world.arrivals(hold)], [0, 1]);
});

/* What an optimistic change was told of its end. */
const settled = name => page.until(which => changes[which]?.length &&
	changes[which], name);
const fire = (name, more) => page.run((which, say, how) => {
	globalThis.changes ??= {};
	changes[which] = [];
	changes[`${which} shown`] = 0;
	watch(which, api.fireAndForget('order', {sku: 'tea'}, {...how,
		headers: {say}, optimistic() {
			changes[`${which} shown`]++;
			return ({confirmed, result, error}) => changes[which]
				.push([confirmed, result ?? error?.type]);
		}}));
	return changes[`${which} shown`];
}, name, JSON.stringify(more.say), more.how ?? {});

test('shown at once, and settled once: confirmed, refused, not heard of',
	async () => {
		for (const [name, status, want] of [
			['confirmed', 200, [[true, {id: 7}]]],
			['refused then', 409, [[false, 'upstream-refused']]],
			['late', 200, [[false, 'still-running']]]]) {
			const hold = world.hold();
			equal(await fire(name, {say: {hold, status},
				how: name === 'late' ? {ttl: 50} : {}}), 1);
			await up.arrived(hold);
			if (name === 'late')
				equal(await settled(name), want, name);
			up.release(hold);
			equal(await settled(name), want, name);
			await page.over(name);
			equal(await settled(name), want, name);
		}
	});

test('an address at another origin is not asked', async () => {
	/* the same server under another name, which knows better */
	const elsewhere = world.url.replace('127.0.0.1', 'localhost');
	page.mark();
	const said = await page.run(async url => {
		try {
			return await api.follow(`${url}/api/jobs/job_x`).result();
		} catch (error) {
			return error.type;
		}
	}, elsewhere);
	equal(said, 'foreign-url');
	equal(await page.run(async url => {
		try {
			return (await api.fetch(`${url}/api/jobs/job_x`)).status;
		} catch (error) {
			return error.type;
		}
	}, elsewhere), 'foreign-url');
	equal(page.asked(), []);
});

test('nor is one that an answer sends it on to', async () => {
	const hold = await page.held('sent on');
	world.no('here');
	page.mark();
	world.wire.cut();
	await page.until_asked('stream');
	equal(await page.run(async () => {
		try {
			return (await api.fetch('jobs/health',
				{method: 'POST'})).status;
		} catch (error) {
			return error.type;
		}
	}), 'network');
	world.yes('here');
	up.release(hold);
	equal((await page.over('sent on')).result, {id: 7});
	equal(page.requests.filter(({url}) => /localhost/.test(url)), []);
});

await done();
