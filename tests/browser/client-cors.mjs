/*
 * Pages on one origin and the APIs at another: all that requests.mjs sends is
 * allowed and all that it reads can be read, in each way of watching, with a
 * token and with headers that the service behind is to have.
 */
import {done, equal, match, ok, test} from '../tap.mjs';
import {startWorld, token} from './client-kit.mjs';

const world = await startWorld({apart: true});
const {up, far} = world;
const page = await world.page();
const connected = (more = {}) => page.run((base, its, says) => {
	globalThis.bearer = its;
	dial({base: `${base}/api/`, more: says});
}, world.api, token('alice'), more);

async function one(name, hold) {
	const it = await page.over(name);
	equal(it.result, {id: 7}, JSON.stringify(it));
	equal(world.arrivals(hold), 1);
	return it;
}

for (const [how, off] of [['stream', []], ['wait', ['streams']],
	['look', ['streams', 'waits']]])
	test(`from elsewhere, with a token: ${how}`, async () => {
		await connected();
		off.forEach(world.no);
		page.mark();
		const hold = await page.held('sealed', {api: 'sealed', body: {}});
		await page.told('sealed', 'processing');
		/* what is read of an answer can be: its version, at least */
		if (how === 'wait')
			await page.until_asked('wait');
		up.release(hold);
		await one('sealed', hold);
		ok(page.asked().includes(how), page.asked());
		if (how === 'wait')
			match(page.requests_of('wait').at(-1).headers['if-none-match'] ??
				page.requests_of('wait').at(-1).headers['If-None-Match'],
			/\d/);
		off.forEach(world.yes);
	});

test('a stream that breaks goes on: Last-Event-ID may be sent', async () => {
	await connected();
	const hold = await page.held('cut', {api: 'sealed', body: {}});
	await page.told('cut', 'processing');
	page.mark();
	far.cut();
	await page.until_asked('stream');
	up.release(hold);
	await one('cut', hold);
	equal(page.asked().filter(kind => kind !== 'stream'), []);
});

test('the endpoint is away: 503 can be read, and Retry-After', async () => {
	await connected();
	const hold = await page.held('restarted', {api: 'sealed', body: {}});
	await page.told('restarted', 'processing');
	await world.restartEndpoint();
	up.release(hold);
	await one('restarted', hold);
});

test('a token that is over: the 401 can be read', async () => {
	const now = Math.floor(Date.now() / 1000);
	await connected();
	await page.run((over, then) => {
		globalThis.bearer = over;
		globalThis.fresh = then;
	}, token('alice', {claims: {iat: now - 7200, exp: now - 3600}}),
	token('alice'));
	const hold = await page.held('over', {api: 'sealed', body: {}});
	up.release(hold);
	await one('over', hold);
});

test('headers for the service behind go with everything, and are allowed',
	async () => {
		const hold = world.hold();
		await connected({'shop-token': 'mine',
			say: JSON.stringify({hold})});
		page.mark();
		await page.run(() => submit('renewed', 'refresh', {}, {wait: 0}));
		await up.arrived(hold);
		await page.told('renewed', 'processing');
		up.release(hold);
		await one('renewed', hold);
		equal(page.asked(), ['send', 'stream']);
		equal(up.calls.at(-1).headers.authorization, 'mine');
	});

test('cancelled from elsewhere', async () => {
	await connected();
	const first = await page.held('first', {api: 'turn', body: {}});
	const hold = world.hold();
	await page.begin('second', {api: 'turn', body: {n: 1}, hold, wait: 0});
	await page.told('second', 'pending');
	const {status} = await page.run(() => jobs.second.job.cancel());
	equal(status, 'cancelled');
	equal((await page.over('second')).error.type, 'job-cancelled');
	up.release(first);
	await one('first', first);
});

test('a quick one: Location and its name can be read', async () => {
	await connected();
	const hold = world.hold();
	up.release(hold);
	await page.begin('quick', {hold, wait: 20000,
		answer: {status: 201, location: '/orders/7'}});
	equal((await one('quick', hold)).location, '/orders/7');
});

test('all jobs of an owner from elsewhere, and their stream', async () => {
	await connected();
	const list = await page.run(async () => {
		const all = [];
		for await (const {status} of api.jobs({limit: 5}))
			all.push(status);
		return all;
	});
	ok(list.length > 3 && list.every(status => status === 'completed'), list);
	await page.run(() => {
		globalThis.told = [];
		globalThis.live = false;
		globalThis.enough = new AbortController();
		(async () => {
			for await (const {document} of
				api.events({signal: enough.signal, told(id) {
					live ||= id !== null;
				}}))
				told.push(document.status);
		})().catch(() => {});
	});
	/* begun before it is connected, it might be over what it tells first */
	await page.until(() => live);
	const hold = await page.held('told', {api: 'sealed', body: {}});
	await page.until(() => told.includes('processing'));
	up.release(hold);
	await one('told', hold);
	await page.until(() => told.at(-1) === 'completed');
	await page.run(() => enough.abort());
});

test('what api_url says is not where the page is connected to: not asked',
	async () => {
		/* pages of old: they ask their own host, which answers, too */
		await page.run(() => dial());
		page.mark();
		const hold = world.hold();
		await page.begin('old', {hold, wait: 0});
		const {error} = await page.over('old');
		equal([error.type, error.ours], ['foreign-url', true]);
		equal(page.asked(), ['send']);
		await up.arrived(hold);
		up.release(hold);
	});

await done();
