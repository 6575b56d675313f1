/*
 * One stream of events for all tabs of an owner (shared-stream.mjs), in a real
 * browser against the real programs behind nginx, over HTTP/1.1. How many
 * streams there are the endpoint itself says.
 */
import {done, equal, ok, test} from '../tap.mjs';
import {freePort, until} from '../web/stack.mjs';
import {files} from '../web/contract-site.mjs';
import {startWorld, token} from './client-kit.mjs';

const world = await startWorld({page: 'stream-page.mjs', files: {
	'site.toml': `${files('')['site.toml']}
		[client]
		shared_stream = true
	`}});
const {up, wire, stack} = world;
const metrics = `tcp:127.0.0.1:${await freePort()}`;
const start = () => stack.startEndpoint('--metrics', metrics);
await stack.endpoint.stop();
await start();

/* How many streams are open, by the endpoint's own count. */
const open = async () => Number(/^lowtide_streams (\d+)$/m.exec(await (
	await fetch(`http://${metrics.slice(4)}/metrics`)).text())[1]);
const settle = (n) => until(`${n} streams`, async () => await open() === n);

const OWNER = 'Alice, of Ålesund';
const alice = token('alice');
const pages = new Set();

async function tab(owner = OWNER, ...tokens) {
	const page = await world.page();
	await page.run((...how) => start(...how), owner,
		...tokens.length ? tokens : [alice]);
	pages.add(page);
	return page;
}
const live = (page) => page.until(() => stream.live);
async function liveTabs(n) {
	const all = [];
	for (let i = 0; i < n; i++) {
		all.push(await tab());
		await live(all[i]);
	}
	return all;
}
async function shut(page) {
	pages.delete(page);
	await page.close();
}
/* Nobody answers there, and somebody does again. */
let gone = false;
async function away() {
	gone = true;
	await wire.away();
}
async function back() {
	if (gone)
		await wire.back();
	gone = false;
}

/* A test; behind it no tab is left, and everything is as it was. */
const scene = (name, run) => test(name, async () => {
	try {
		await run();
	} finally {
		wire.clear();
		await back();
		world.yes('streams');
		if (stack.endpoint.exitCode ?? stack.endpoint.signalCode)
			await start();
		for (const page of pages)
			await shut(page);
	}
	await settle(0);
});
/* Those that it asked for an owner's stream with. */
const asked = (page) => page.requests.filter(({url}) =>
	new URL(url).pathname === '/api/jobs/events');
const send = async (page, hold = world.hold()) => {
	await page.run((name) => send(name), hold);
	await up.arrived(hold);
	return hold;
};
const id = (page, hold) => page.until((name) =>
	jobs[name].job.state?.jobId, hold);
/* All that a tab was told, once it was told how that job ended. */
const toldOf = (page, job) => page.until((its) => told.some((one) =>
	one.job === its && one.status === 'completed') && told, job);
const seen = (page, job) => page.until((its) => told.some((one) =>
	one.job === its), job);
const leads = (page) => page.until(() => stream.leading && stream.live);

/* Each version once and in order, and the job's states, up to its end. */
function whole(told, job) {
	const events = told.filter((one) => one.id);
	equal(events.map((one) => one.id), [...new Set(events
		.map((one) => one.id))].sort((a, b) => a - b));
	const its = events.filter((one) => one.job === job);
	equal(its.filter((one) => one.status === 'completed').length, 1);
	equal(its.at(-1).status, 'completed');
	return its.map((one) => one.id);
}

scene('three tabs have one stream, and all are told all of it', async () => {
	const tabs = await liveTabs(3);
	equal(await open(), 1);
	equal(tabs.map((page) => asked(page).length), [1, 0, 0]);
	const hold = await send(tabs[1]);
	const job = await id(tabs[1], hold);
	up.release(hold);
	const told = [];
	for (const page of tabs)
		told.push(whole(await toldOf(page, job), job));
	equal([told[1], told[2]], [told[0], told[0]]);
	equal(await tabs[1].until((name) => jobs[name].result, hold), {id: 7});
	equal(await open(), 1);
});

scene('the leader is closed while nobody can be reached: the next one goes on',
	async () => {
		const [first, ...rest] = await liveTabs(3);
		const hold = await send(rest[1]);
		const job = await id(rest[1], hold);
		for (const page of rest)
			await seen(page, job);
		await away();
		await shut(first);
		await rest[0].until(() => stream.leading);
		up.release(hold);
		await until('the end of it', async () => (await world.rows())
			.every(({status}) => status === 'completed'));
		const last = await rest[0].run(() =>
			told.findLast((one) => one.id).id);
		await back();
		for (const page of rest)
			whole(await toldOf(page, job), job);
		equal(asked(rest[1]).length, 0);
		const [{headers}] = asked(rest[0]);
		equal(headers['last-event-id'], String(last));
		for (const page of rest)
			equal((await page.run(() => told)).filter((what) =>
				what === 'gap').length, 1);
		await settle(1);
	});

scene('the leader crashes: the next one goes on', async () => {
	const [first, ...rest] = await liveTabs(3);
	const hold = await send(rest[1]);
	const job = await id(rest[1], hold);
	for (const page of rest)
		await seen(page, job);
	const crashed = new Promise((go) =>
		first.on('Inspector.targetCrashed', go));
	pages.delete(first);
	first.send('Page.crash').catch(() => {}); /* it does not answer */
	await crashed;
	await leads(rest[0]);
	up.release(hold);
	for (const page of rest) {
		const told = await toldOf(page, job);
		whole(told, job);
		equal(told.filter((what) => what === 'gap').length, 1);
	}
	await settle(1);
});

scene('the endpoint is killed in mid-stream, and started again', async () => {
	const tabs = await liveTabs(2);
	const hold = await send(tabs[1]);
	const job = await id(tabs[1], hold);
	for (const page of tabs)
		await seen(page, job);
	await stack.endpoint.stop('SIGKILL');
	for (const page of tabs)
		await page.until(() => !stream.live);
	up.release(hold);
	await start();
	for (const page of tabs) {
		const told = await toldOf(page, job);
		whole(told, job);
		equal(told.filter((what) => what === 'gap').length, 1);
	}
	equal(await tabs[1].until((name) => jobs[name].result, hold), {id: 7});
	equal(asked(tabs[1]).length, 0);
	equal(await open(), 1);
});

scene('the connection breaks again and again: nothing missed, nothing twice',
	async () => {
		const tabs = await liveTabs(2);
		for (let i = 0; i < 2; i++) {
			const hold = await send(tabs[0]);
			const job = await id(tabs[0], hold);
			wire.cut();
			up.release(hold);
			for (const page of tabs)
				whole(await toldOf(page, job), job);
		}
	});

scene('ten jobs of one page: one held connection, and nobody waits', async () => {
	const [page] = await liveTabs(1);
	const before = page.requests.length;
	const holds = [];
	for (let i = 0; i < 10; i++)
		holds.push(await send(page));
	for (const hold of holds)
		await page.until((name) => jobs[name].states.at(-1) ===
			'processing', hold);
	equal(await open(), 1);
	const since = page.requests.slice(before);
	equal(since.filter(({url, headers}) => /\/events$/.test(url) ||
		headers.prefer), []);
	equal(await page.run(async () =>
		(await fetch('/api/jobs/health')).status), 200);
	for (const hold of holds)
		up.release(hold);
	for (const hold of holds)
		equal(await page.until((name) => jobs[name].result, hold),
			{id: 7});
	/* each was sent, and looked at once, if it was not told of before */
	const all = page.requests.slice(before).length;
	ok(all >= 11 && all <= 21, `${all} requests`);
});

scene('another owner in the same browser hears nothing of it', async () => {
	const [mine] = await liveTabs(1);
	const theirs = await tab('Bob', token('bob'));
	await live(theirs);
	equal(await open(), 2);
	const hold = await send(mine);
	const job = await id(mine, hold);
	up.release(hold);
	await toldOf(mine, job);
	const his = await send(theirs);
	up.release(his);
	await toldOf(theirs, await id(theirs, his));
	equal((await theirs.run(() => told)).filter((one) => one.job === job),
		[]);
	await mine.run(() => stream.close());
	await settle(1);
	equal(await theirs.run(() => stream.live), true);
});

scene('signed out in one tab, that is, in all of them', async () => {
	const tabs = await liveTabs(3);
	const hold = await send(tabs[2]);
	await tabs[1].run(() => stream.close());
	for (const page of tabs) {
		await page.until(() => told.at(-1) === 'close');
		equal(await page.run(() => [api.stream, stream.live]),
			[null, false]);
	}
	equal(await tabs[0].run(async () => {
		const {held, pending} = await navigator.locks.query();
		return [...held, ...pending].filter(({name}) =>
			name.startsWith('lowtide-stream'));
	}), []);
	const openings = tabs.map((page) => asked(page).length);
	/* whose job it was watches it otherwise */
	up.release(hold);
	equal(await tabs[2].until((name) => jobs[name].result, hold), {id: 7});
	await settle(0);
	equal(tabs.map((page) => asked(page).length), openings);
});

scene('a leader that nobody looks at leads on', async () => {
	const [first, second] = await liveTabs(2);
	await first.hide();
	await first.until(() => document.hidden);
	const hold = await send(second);
	const job = await id(second, hold);
	up.release(hold);
	for (const page of [first, second])
		whole(await toldOf(page, job), job);
	equal(await first.run(() => [stream.leading, document.hidden]),
		[true, true]);
	equal(asked(second).length, 0);
});

scene('kept for going back: it leaves the stream to others, and comes back',
	async () => {
		const [first, second] = await liveTabs(2);
		const turn = (type) => first.run((what) => dispatchEvent(
			new PageTransitionEvent(what, {persisted: true})), type);
		await turn('pagehide');
		await leads(second);
		await settle(1);
		const hold = await send(second);
		const job = await id(second, hold);
		up.release(hold);
		whole(await toldOf(second, job), job);
		await turn('pageshow');
		await live(first);
		equal(await first.run(() => stream.leading), false);
		const log = await first.run(() => told);
		equal(log.at(-1), 'gap');
		equal(log.filter((one) => one.job === job), []);
		const next = await send(second);
		const its = await id(second, next);
		up.release(next);
		whole(await toldOf(first, its), its);
		equal(await open(), 1);
	});

scene('signed out while a page is kept for going back: it closes when shown',
	async () => {
		const [first, second] = await liveTabs(2);
		const turn = (type) => first.run((what) => dispatchEvent(
			new PageTransitionEvent(what, {persisted: true})), type);
		await turn('pagehide');
		await leads(second);
		await second.run(() => stream.close());
		await settle(0);
		await turn('pageshow');
		equal(await first.run(() => [told.at(-1), api.stream]),
			['close', null]);
		/* who signs in now has one again */
		const [third] = await liveTabs(1);
		await turn('pagehide');
		await turn('pageshow');
		equal(await third.run(() => stream.live), true);
		equal(await open(), 1);
		const marks = await third.run(() => ({...localStorage}));
		equal(Object.keys(marks).length, 1);
		ok(!/alice|lesund/i.test(JSON.stringify(marks)));
	});

scene('frozen: it leaves the stream to others, and hears what it has missed',
	async () => {
		const [first, second] = await liveTabs(2);
		const turn = (state) => first.send(
			'Page.setWebLifecycleState', {state});
		await turn('frozen');
		await leads(second);
		await settle(1);
		const hold = await send(second);
		const job = await id(second, hold);
		up.release(hold);
		whole(await toldOf(second, job), job);
		await turn('active');
		whole(await toldOf(first, job), job);
		await live(first);
		equal(await open(), 1);
		/* also that somebody has signed out */
		await turn('frozen');
		await second.run(() => stream.close());
		await settle(0);
		await turn('active');
		await first.until(() => told.at(-1) === 'close');
		equal(await open(), 0);
	});

scene('a token that is over is refreshed; without another the next tab leads',
	async () => {
		const old = token('alice', {claims: {exp: 1000}});
		const fresh = await tab(OWNER, old, alice);
		await leads(fresh);
		equal(asked(fresh).length, 2);
		await shut(fresh);
		await settle(0);
		const stale = await tab(OWNER, old);
		await stale.until(() => told.at(-1) === 'lost unauthorized');
		const [good] = await liveTabs(1);
		await leads(good);
		await live(stale);
		const hold = await send(good);
		const job = await id(good, hold);
		up.release(hold);
		whole(await toldOf(stale, job), job);
	});

scene('where there are no streams jobs are watched without', async () => {
	world.no('streams');
	const page = await tab();
	await page.until(() => told.at(-1)?.startsWith('lost '));
	const hold = await send(page);
	up.release(hold);
	equal(await page.until((name) => jobs[name].result, hold), {id: 7});
});

scene('no stream ever comes through: jobs are watched otherwise', async () => {
	wire.mute(/^GET \/api\/jobs\/events/);
	const page = await world.page();
	pages.add(page);
	/* its looks at how it is are not waited for, but called */
	await page.run((...how) => {
		globalThis.setInterval = (look) => globalThis.look = look;
		start(...how);
	}, OWNER, alice);
	const hold = await send(page);
	const job = await id(page, hold);
	equal(await page.run(() => [stream.live, stream.leading]),
		[false, true]);
	await page.run(() => look());
	up.release(hold);
	equal(await page.until((name) => jobs[name].result, hold), {id: 7});
	ok(page.requests.some(({url}) => url.endsWith(`${job}/events`)));
});

scene('whose stream it is stays in the browser', async () => {
	const [page] = await liveTabs(1);
	const said = JSON.stringify(page.requests);
	for (const name of [OWNER, encodeURIComponent(OWNER), 'lesund'])
		ok(!said.includes(name), name);
	equal(page.complaints, []);
});

await done();
