/*
 * HTTP/1.1 and its six connections of a browser to one origin: ten jobs at
 * once, and three tabs of them; nobody waits for ever, and a page still loads.
 */
import {done, equal, ok, test} from '../tap.mjs';
import {startWorld} from './client-kit.mjs';

const world = await startWorld();
const {up, wire} = world;
const TEN = Array.from({length: 10}, (one, i) => `job ${i}`);
/* What is held open for the browser: streams, and long polls. */
const held = () => wire.waiting(/^GET \/api\/jobs\/[^ ]*\/events/) +
	wire.waiting(/^prefer: wait/im);

async function all(page, names) {
	const holds = new Map();
	for (const name of names)
		holds.set(name, await page.held(name));
	return holds;
}
async function seen(page, holds) {
	for (const [name, hold] of holds) {
		const it = await page.over(name);
		equal(it.result, {id: 7}, `${name}: ${JSON.stringify(it)}`);
		equal(world.arrivals(hold), 1, name);
	}
}
/* As a person goes on using a page: it gets its answer. */
const usable = page => page.run(async () => {
	const one = await fetch('/other', {cache: 'no-store'});
	const two = await api.fetch('jobs/health');
	return [one.status, two.status];
});

for (const [how, off] of [['streams', []], ['long polls', ['streams']],
	['polls', ['streams', 'waits']]])
	test(`ten jobs in one page, by ${how}`, async () => {
		const page = await world.page();
		off.forEach(world.no);
		const holds = await all(page, TEN);
		for (const name of TEN)
			await page.told(name, 'processing');
		ok(held() <= 3, `${held()} are held`);
		equal(await usable(page), [200, 200]);
		ok(held() <= 3, `${held()} are held`);
		/* the last is not only waited for behind the first */
		up.release(holds.get(TEN.at(-1)));
		await page.over(TEN.at(-1));
		for (const hold of holds.values())
			up.release(hold);
		await seen(page, holds);
		equal(page.complaints.filter(one => / 429 /.test(one)), []);
		await page.close();
		off.forEach(world.yes);
	});

test('three tabs with four jobs each', async () => {
	const tabs = [];
	for (let i = 0; i < 3; i++)
		tabs.push(await world.page(i ? '/other' : '/'));
	const jobs = [];
	for (const tab of tabs)
		jobs.push(await all(tab, TEN.slice(0, 4)));
	for (const tab of tabs)
		for (const name of TEN.slice(0, 4))
			await tab.told(name, 'processing');
	ok(held() <= 3, `${held()} are held`);
	for (const tab of tabs)
		equal(await usable(tab), [200, 200]);
	for (const holds of jobs)
		for (const hold of holds.values())
			up.release(hold);
	for (const [i, tab] of tabs.entries())
		await seen(tab, jobs[i]);
	for (const tab of tabs)
		await tab.close();
});

test('a tab that is closed leaves its places to the others', async () => {
	const [one, two] = [await world.page(), await world.page('/other')];
	const first = await all(one, TEN.slice(0, 3));
	for (const name of first.keys())
		await one.told(name, 'processing');
	await world.until('its places', () => held() === 3);
	const second = await all(two, TEN.slice(0, 3));
	/* long enough to have given up, if they did */
	await two.until_asked('look', 12);
	two.mark();
	await one.close();
	await two.until_asked('stream', 3);
	for (const hold of [...first.values(), ...second.values()])
		up.release(hold);
	await seen(two, second);
	await two.close();
});

await done();
