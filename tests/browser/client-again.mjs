/*
 * The same request again: reloaded in the midst of it, and in the gap between
 * sending and the ticket; pressed twice; in two tabs; with a storage that is
 * full, or that nobody may use. One row and one arrival each.
 */
import {done, equal, ok, test} from '../tap.mjs';
import {startWorld} from './client-kit.mjs';

const world = await startWorld();
const {up, wire} = world;

/* Loads the page anew; what was open is broken off. */
async function reload(page) {
	await page.go(`${world.url}/`);
	await page.until(() => globalThis.ready);
}
const kept = page => page.run(() => api.kept());
const rows = async id => (await world.rows('--request-id', id)).length;
async function one(page, name, hold) {
	const it = await page.over(name);
	equal(it.result, {id: 7}, JSON.stringify(it));
	equal(world.arrivals(hold), 1);
	equal(await kept(page), []);
	return it;
}

test('reloaded in mid-job: resumed by its key, without being sent', async () => {
	const page = await world.page();
	const hold = await page.held('mine', {key: 'order 1'});
	await page.told('mine', 'processing');
	const [line] = await kept(page);
	const {requestId, statusUrl} = await page.seen('mine');
	equal(line, {key: 'order 1', api: 'order', requestId, statusUrl});
	await reload(page);
	equal(await kept(page), [line]);
	page.mark();
	await page.run(() => {
		watch('mine', api.resume('order 1'));
	});
	await page.told('mine', 'processing');
	up.release(hold);
	await one(page, 'mine', hold);
	equal(page.asked(), ['look', 'stream']);
	equal(await rows(requestId), 1);
	equal(await page.run(() => api.resume('order 1')), null);
	await page.close();
});

test('reloaded and sent again: a replay', async () => {
	const page = await world.page();
	const hold = await page.held('mine', {key: 'order 2'});
	const {requestId} = await page.seen('mine');
	await reload(page);
	await page.begin('mine', {key: 'order 2', hold, wait: 0});
	await page.told('mine', 'processing');
	up.release(hold);
	const it = await one(page, 'mine', hold);
	equal(it.requestId, requestId);
	equal(await rows(requestId), 1);
	/* it is over: pressed now it is another one */
	const other = await page.held('mine', {key: 'order 2'});
	up.release(other);
	ok((await one(page, 'mine', other)).requestId !== requestId);
	await page.close();
});

test('reloaded between sending and the ticket', async () => {
	const page = await world.page();
	const hold = world.hold();
	const lost = wire.mute(/^POST \/api\/order/);
	await page.begin('mine', {key: 'order 3', hold, wait: 0});
	await lost;
	await up.arrived(hold);
	wire.clear();
	await reload(page);
	const [line] = await kept(page);
	equal([line.key, line.statusUrl], ['order 3', null]);
	equal(await page.run(() => api.resume('order 3')), null);
	await page.begin('mine', {key: 'order 3', hold, wait: 0});
	await page.told('mine', 'processing');
	up.release(hold);
	const it = await one(page, 'mine', hold);
	equal(it.requestId, line.requestId);
	equal(await rows(line.requestId), 1);
	await page.close();
});

test('pressed twice: one request, told twice', async () => {
	const page = await world.page();
	const hold = world.hold();
	await page.run(say => {
		for (const name of ['once', 'twice'])
			submit(name, 'order', {sku: 'tea'},
				{key: 'press', wait: 0, headers: {say}});
	}, JSON.stringify({hold}));
	await up.arrived(hold);
	const id = (await page.seen('once')).requestId;
	equal((await page.seen('twice')).requestId, id);
	up.release(hold);
	await one(page, 'once', hold);
	await one(page, 'twice', hold);
	equal(await rows(id), 1);
	await page.close();
});

test('two tabs: both are told', async () => {
	const [page, other] = [await world.page(), await world.page('/other')];
	const hold = await page.held('mine');
	const {statusUrl} = await page.seen('mine');
	await other.run(url => {
		watch('mine', api.follow(url));
	}, statusUrl);
	await other.told('mine', 'processing');
	up.release(hold);
	await one(page, 'mine', hold);
	await one(other, 'mine', hold);
	await page.close();
	await other.close();
});

test('a tab that was doubled: its storage is, the job is not', async () => {
	const page = await world.page();
	const hold = await page.held('mine', {key: 'doubled'});
	await page.told('mine', 'processing');
	await page.run(() => {
		globalThis.second = window.open('/other');
	});
	const other = world.drive(await world.browser.opened());
	await other.until(() => globalThis.ready);
	equal(await kept(other), await kept(page));
	await other.begin('mine', {key: 'doubled', hold, wait: 0});
	await other.told('mine', 'processing');
	/* cancelled in the one tab is told in the other */
	const {status} = await other.run(() => jobs.mine.job.cancel());
	equal(status, 'processing');
	up.release(hold);
	await one(page, 'mine', hold);
	await one(other, 'mine', hold);
	await page.run(() => second.close());
	await page.close();
});

/* As a key is kept where it cannot be stored: until the page is left. */
async function unstored(page) {
	const hold = world.hold();
	const caught = wire.mute(/^POST \/api\/order/);
	await page.begin('mine', {key: 'unstored', hold, wait: 0});
	await caught;
	wire.clear();
	await page.run(() => {
		globalThis.first = jobs.mine.job;
	});
	await page.begin('mine', {key: 'unstored', hold, wait: 0});
	await up.arrived(hold);
	equal(await page.run(() => first.requestId === jobs.mine.job.requestId),
		true);
	up.release(hold);
	await one(page, 'mine', hold);
	equal(page.complaints, []);
	await page.close();
}

test('storage is full', async () => {
	const page = await world.page();
	await page.run(() => {
		for (let size = 1 << 22, n = 0; size;)
			try {
				sessionStorage.setItem(`full ${n++}`,
					'x'.repeat(size));
			} catch {
				size >>= 1;
			}
	});
	await unstored(page);
});

test('storage is forbidden', async () => {
	await unstored(await world.page('/',
		`Object.defineProperty(window, 'sessionStorage', {get() {
			throw new DOMException('no', 'SecurityError');
		}});`));
});

await done();
