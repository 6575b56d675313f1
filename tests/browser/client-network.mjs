/*
 * The network goes and comes back: in each way of watching, in the midst of a
 * stream, while a request is sent; and what is at its other end goes and comes
 * back: endpoint and server killed, nobody there for a while.
 */
import {done, equal, match, ok, test} from '../tap.mjs';
import {ONLY_WOKEN, startWorld} from './client-kit.mjs';

const world = await startWorld();
const {up, wire} = world;
const page = await world.page('/', ONLY_WOKEN);

async function one(name, hold) {
	const it = await page.over(name);
	equal(it.result, {id: 7}, JSON.stringify(it));
	/* what was told only went forward */
	const order = ['accepted', 'pending', 'processing', 'completed'];
	const at = it.states.map(state => order.indexOf(state));
	equal(at, [...at].sort((a, b) => a - b));
	equal(new Set(it.states).size, it.states.length);
	equal(world.arrivals(hold), 1);
	return it;
}
const header = ({headers}, name) => Object.entries(headers).find(([its]) =>
	its.toLowerCase() === name)?.[1];

for (const [how, off] of [['a stream', []], ['long polls', ['streams']],
	['polls', ['streams', 'waits']]])
	test(`offline and back: ${how}`, async () => {
		off.forEach(world.no);
		const hold = await page.held('away');
		await page.told('away', 'processing');
		await page.offline(true);
		/* what happens meanwhile is not missed */
		up.release(hold);
		await page.ended('away');
		equal((await page.seen('away')).states.includes('completed'),
			false);
		page.mark();
		await page.offline(false);
		await one('away', hold);
		equal(page.requests_of('send').length, 0);
		off.forEach(world.yes);
	});

test('sent while there is no network: it leaves when there is', async () => {
	await page.offline(true);
	const hold = world.hold();
	page.mark();
	await page.begin('later', {hold, wait: 0});
	equal((await page.seen('later')).states, []);
	equal(world.arrivals(hold), 0);
	await page.offline(false);
	await up.arrived(hold);
	/* it was not tried in vain */
	equal(page.asked().filter(kind => kind === 'send').length, 1);
	up.release(hold);
	await one('later', hold);
});

test('a stream that breaks goes on behind its last event', async () => {
	const hold = await page.held('cut');
	await page.told('cut', 'processing');
	page.mark();
	wire.cut();
	await page.until_asked('stream');
	match(header(page.requests_of('stream')[0], 'last-event-id') ?? '',
		/^\d+$/);
	up.release(hold);
	await one('cut', hold);
	equal(page.requests_of('send').length, 0);
});

test('the answer to what was sent is lost: sent again, under its name',
	async () => {
		const hold = world.hold();
		/* a browser sends once more by itself where it reused one */
		const lost = wire.lose(/^POST \/api\/order/, {left: 3});
		page.mark();
		await page.begin('lost', {hold, wait: 0});
		await lost;
		await up.arrived(hold);
		await page.until_asked('send', 2);
		const sent = page.requests_of('send');
		equal(new Set(sent.map(r => header(r, 'x-request-id'))).size, 1);
		ok(sent.every(r => header(r, 'x-initial-request') === 'true'));
		wire.clear();
		up.release(hold);
		await one('lost', hold);
	});

test('the endpoint is killed in the midst of a stream', async () => {
	const hold = await page.held('killed');
	await page.told('killed', 'processing');
	await world.stack.endpoint.stop('SIGKILL');
	/* it ends meanwhile: the worker needs no endpoint */
	up.release(hold);
	await page.ended('killed');
	await world.stack.startEndpoint();
	await one('killed', hold);
});

test('the endpoint is told to leave in the midst of a stream', async () => {
	const hold = await page.held('left');
	await page.told('left', 'processing');
	await world.restartEndpoint('SIGTERM');
	up.release(hold);
	await one('left', hold);
});

test('nginx is started anew in the midst of a stream, and its worker killed',
	async () => {
		const hold = await page.held('restarted');
		await page.told('restarted', 'processing');
		page.mark();
		await world.restartServer();
		await page.until_asked('stream');
		world.killServerWorkers();
		up.release(hold);
		await one('restarted', hold);
		equal(page.requests_of('send').length, 0);
	});

test('sent while the endpoint is away: 503, and then it is there', async () => {
	await world.stack.endpoint.stop();
	const hold = world.hold();
	page.mark();
	await page.begin('refused', {hold, wait: 0});
	await page.until(() => performance.getEntriesByType('resource')
		.some(r => r.responseStatus === 503));
	await world.stack.startEndpoint();
	await up.arrived(hold);
	up.release(hold);
	await one('refused', hold);
});

test('nobody listens: it is sent when somebody does', async () => {
	await wire.away();
	const hold = world.hold();
	page.mark();
	await page.begin('nobody', {hold, wait: 0});
	await page.until_asked('send', 2);
	equal((await page.seen('nobody')).error, undefined);
	await wire.back();
	await up.arrived(hold);
	up.release(hold);
	await one('nobody', hold);
});

for (const [how, off] of [['long polls', ['streams']],
	['polls', ['streams', 'waits']]])
	test(`the endpoint is killed: ${how}`, async () => {
		off.forEach(world.no);
		const hold = await page.held('killed then');
		await page.told('killed then', 'processing');
		await world.restartEndpoint();
		up.release(hold);
		await one('killed then', hold);
		off.forEach(world.yes);
	});

await done();
