/*
 * A page's life while its jobs go on: hidden and shown, frozen, put away with
 * its history and taken out again; and a clock that is a day fast or slow.
 */
import {done, equal, match, ok, test} from '../tap.mjs';
import {ONLY_WOKEN, startWorld, token} from './client-kit.mjs';

const world = await startWorld();
const {up, wire} = world;
const page = await world.page('/', ONLY_WOKEN);

async function one(of, name, hold) {
	const it = await of.over(name);
	equal(it.result, {id: 7}, JSON.stringify(it));
	equal(world.arrivals(hold), 1);
	return it;
}
/* Connections of browsers that wait for something to be told. */
const held = () => wire.waiting(/^GET \/api\/jobs\/[^ ]*\/events/);
const heldPolls = () => wire.waiting(/^prefer: wait/im);

test('hidden: the stream is given up, and its end is seen all the same',
	async () => {
		const hold = await page.held('hidden');
		await page.told('hidden', 'processing');
		equal(held(), 1);
		await page.hide();
		await page.until(() => document.hidden);
		await world.until('the stream is given up', () => held() === 0);
		page.mark();
		up.release(hold);
		await page.ended('hidden');
		await page.show();
		await one(page, 'hidden', hold);
		equal(page.requests_of('send').length, 0);
	});

test('hidden: so is a long poll', async () => {
	world.no('streams');
	const hold = await page.held('hidden poll');
	await page.told('hidden poll', 'processing');
	await world.until('a long poll', () => heldPolls() === 1);
	await page.hide();
	await world.until('it is given up', () => heldPolls() === 0);
	up.release(hold);
	await page.ended('hidden poll');
	await page.show();
	await one(page, 'hidden poll', hold);
	world.yes('streams');
});

test('hidden: polls rest, while those of another page go on', async () => {
	const other = await world.page('/other');
	['streams', 'waits'].forEach(world.no);
	page.mark();
	const hold = await page.held('resting');
	await page.told('resting', 'processing');
	await page.until_asked('look', 3);
	await page.hide();
	page.mark();
	const theirs = await other.held('theirs');
	await other.until_asked('look', 4);
	/* one was on its way */
	ok(page.requests_of('look').length <= 1, page.asked());
	up.release(hold);
	up.release(theirs);
	await page.show();
	await one(page, 'resting', hold);
	await one(other, 'theirs', theirs);
	['streams', 'waits'].forEach(world.yes);
	await other.close();
});

test('hidden when it is sent: it is sent, and shown again it is seen',
	async () => {
		await page.hide();
		page.mark();
		const hold = await page.held('unseen');
		up.release(hold);
		await page.ended('unseen');
		equal(page.asked(), ['send']);
		await page.show();
		await one(page, 'unseen', hold);
	});

test('frozen, and woken up', async () => {
	const hold = await page.held('frozen');
	await page.told('frozen', 'processing');
	await page.send('Page.setWebLifecycleState', {state: 'frozen'});
	await world.until('the stream is given up', () => held() === 0);
	up.release(hold);
	await page.send('Page.setWebLifecycleState', {state: 'active'});
	await page.show();
	await one(page, 'frozen', hold);
});

test('put away with its history, and taken out again', async () => {
	const hold = await page.held('history');
	await page.told('history', 'processing');
	const turn = type => page.run(what => dispatchEvent(
		new PageTransitionEvent(what, {persisted: true})), type);
	await turn('pagehide');
	await world.until('the stream is given up', () => held() === 0);
	up.release(hold);
	await page.ended('history');
	page.mark();
	await turn('pageshow');
	await one(page, 'history', hold);
	equal(page.requests_of('send').length, 0);
});

/* A page whose Date is so many days off, from before its first line. */
const skewed = days => world.page('/', `{
	const Real = Date, off = ${days} * 86400000;
	globalThis.Date = class extends Real {
		constructor(...all) {
			super(...all.length ? all : [Real.now() + off]);
		}
		static now() {
			return Real.now() + off;
		}
	};
}`);
/*
 * What pages ask for and are told, each of one that is signed in, in each way
 * of watching; as one text for each.
 */
async function lives(pages) {
	const told = pages.map(() => []);
	for (const of of pages)
		await of.run(its => {
			globalThis.bearer = its;
		}, token('alice'));
	for (const off of [[], ['streams'], ['streams', 'waits']]) {
		off.forEach(world.no);
		await Promise.all(pages.map(async (of, i) => {
			of.mark();
			const hold = await of.held('skewed', {api: 'sealed',
				key: 'k', body: {}});
			await of.told('skewed', 'processing');
			up.release(hold);
			const it = await one(of, 'skewed', hold);
			told[i].push(it.states.filter(s => s !== 'pending'),
				[...new Set(of.asked())]);
		}));
		off.forEach(world.yes);
	}
	for (const of of pages)
		equal(await of.run(() => asked.filter(Boolean)), []);
	return told.map(one => JSON.stringify(one));
}

test('a clock that is a day fast or slow changes nothing', async () => {
	const fast = await skewed(1), slow = await skewed(-1);
	for (const [of, sign] of [[fast, 1], [slow, -1]])
		ok(sign * (await of.run(() => Date.now()) - Date.now()) > 8e7);
	const [right, ...off] = await lives([page, fast, slow]);
	equal(off, [right, right]);
	match(right, /completed.*stream.*wait.*look/);
	await fast.close();
	await slow.close();
});

await done();
