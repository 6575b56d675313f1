/*
 * shared-stream.mjs over tabs that are made up (tabs.mjs): whatever becomes of
 * tabs and server, there is one stream, each tab hears each event once and in
 * order, or is told that it may have missed some.
 */
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {newBrowser, newServer, settled} from './tabs.mjs';

const ann = {owner: 'ann'};
/* A browser with so many of ann's tabs, all of which hear. */
async function world(n = 1, options = {}) {
	const server = newServer();
	const browser = newBrowser(options);
	const tabs = Array.from({length: n}, () => browser.open(server, ann));
	await settled();
	return {server, browser, tabs, open: async (how = ann) => {
		const tab = browser.open(server, how);
		await settled();
		return tab;
	}};
}
const leaders = (tabs) => tabs.filter((t) => t.stream.leading);
const heard = (tabs) => tabs.map((t) => t.told);

test('one tab: live, and what was before is not known', async () => {
	const {server, tabs: [tab]} = await world();
	equal([tab.log, tab.stream.live, tab.stream.leading],
		[['live', 'gap'], true, true]);
	ok(tab.client.stream === tab.stream);
	server.happen('job_1');
	server.happen('job_2');
	await settled();
	equal(tab.told, [1, 2]);
	equal(server.asked, [undefined]);
});

test('an event says what, which version, and all of the document', async () => {
	const {server, tabs} = await world(2);
	const details = [];
	for (const {stream} of tabs)
		stream.addEventListener('job', (e) => details.push(e.detail));
	server.happen('job_1', 'completed');
	await settled();
	const its = {event: 'job', id: '1',
		document: {jobId: 'job_1', status: 'completed'}};
	equal(details, [its, its]);
});

test('three tabs have one stream, and all hear it', async () => {
	const {server, tabs} = await world(3);
	server.happen();
	server.happen();
	await settled();
	equal([server.streams.size, server.most, server.asked.length],
		[1, 1, 1]);
	equal(heard(tabs), [[1, 2], [1, 2], [1, 2]]);
	for (const {stream, log} of tabs)
		equal([stream.live, log], [true, ['live', 'gap', 1, 2]]);
	equal(leaders(tabs), [tabs[0]]);
});

test('who comes later is told that it is live, and nobody else of a gap',
	async () => {
		const {server, tabs: [first], open} = await world();
		server.happen();
		await settled();
		const second = await open();
		equal([second.log, second.stream.live],
			[['live', 'gap'], true]);
		equal(first.log, ['live', 'gap', 1]);
		server.happen();
		await settled();
		equal([first.told, second.told], [[1, 2], [2]]);
	});

test('while the leader has no connection nobody is told that it is live',
	async () => {
		const {server, tabs: [first], open} = await world();
		server.up = false;
		server.all('cut');
		await settled();
		const second = await open();
		equal([first.stream.live, second.stream.live], [false, false]);
		equal([first.log, second.log], [['live', 'gap', 'lost'], []]);
		server.up = true;
		server.wake();
		await settled();
		equal([first.log.slice(3), second.log], [['live'],
			['live', 'gap']]);
	});

test('the leader goes: another one goes on behind the last event', async () => {
	const {server, tabs} = await world(3);
	server.happen();
	await settled();
	tabs[0].sleep();
	server.happen();
	await settled();
	equal(heard(tabs), [[1], [1, 2], [1, 2]]);
	equal([server.asked, server.most], [[undefined, 1], 1]);
	equal(leaders(tabs), [tabs[1]]);
	for (const tab of tabs.slice(1))
		equal(tab.log, ['live', 'gap', 1, 'lost', 'live', 2]);
});

test('one that has heard of no event goes on from where the stream began',
	async () => {
		const server = newServer();
		for (let i = 0; i < 3; i++)
			server.happen();
		const browser = newBrowser();
		const tabs = [1, 2].map(() => browser.open(server, ann));
		await settled();
		tabs[0].sleep();
		server.happen();
		await settled();
		equal(server.asked, [undefined, 3]);
		equal(tabs[1].log, ['live', 'gap', 'lost', 'live', 4]);
	});

test('a sign of life moves all on, events or not', async () => {
	const {server, tabs} = await world(2);
	/* of another owner: no event comes of it */
	server.rows.push({n: 7, event: 'none', id: '7', document: {}});
	await settled();
	server.all('beat');
	await settled();
	const told = heard(tabs);
	tabs[0].sleep();
	await settled();
	equal(server.asked.at(-1), 7);
	equal(heard(tabs), told);
});

test('cut off and back: the same place, nothing missed, nobody told twice',
	async () => {
		const {server, tabs} = await world(2);
		server.happen();
		await settled();
		server.all('cut');
		server.happen();
		await settled();
		equal(heard(tabs), [[1, 2], [1, 2]]);
		for (const {log} of tabs)
			equal(log, ['live', 'gap', 1, 'lost', 'live', 2]);
	});

test('a follower that becomes leader while the server is away', async () => {
	const {server, tabs} = await world(2);
	server.happen();
	await settled();
	server.up = false;
	server.all('cut');
	tabs[0].sleep();
	server.happen();
	await settled();
	equal([tabs[1].stream.live, tabs[1].stream.leading], [false, true]);
	server.up = true;
	server.wake();
	await settled();
	equal([tabs[1].told, tabs[1].stream.live], [[1, 2], true]);
	ok(!tabs[1].log.slice(2).includes('gap'));
});

test('another store: what was before is not known, and versions begin anew',
	async () => {
		const {server, tabs, open} = await world(2);
		for (let i = 0; i < 5; i++)
			server.happen();
		await settled();
		server.replace();
		await settled();
		server.happen();
		await settled();
		const third = await open();
		server.happen();
		await settled();
		for (const {log} of tabs)
			equal(log.slice(7), ['lost', 'live', 'gap', 1, 2]);
		equal(third.log, ['live', 'gap', 2]);
	});

test('what was told before the lock changed hands is not told again',
	async () => {
		const {server, tabs} = await world(3);
		server.happen();
		/* it is told, and has come to nobody when the lock goes */
		for (let i = 0; i < 20; i++)
			await null;
		equal(heard(tabs), [[1], [], []]);
		tabs[0].sleep();
		await settled();
		equal(server.asked, [undefined, 0]);
		for (const {log} of tabs.slice(1))
			equal(log.filter((one) => one !== 'live' &&
				one !== 'lost'), ['gap', 1]);
	});

test('versions are numbers: ten is more than nine', async () => {
	const {server, tabs} = await world(2);
	const versions = Array.from({length: 12}, () => server.happen());
	await settled();
	for (const {log} of tabs)
		equal(log, ['live', 'gap', ...versions]);
});

test('who missed what the leader said is told of a gap', async () => {
	const {server, browser, tabs: [first], open} = await world();
	const versions = Array.from({length: 8}, () => server.happen());
	await settled();
	const second = await open();
	server.happen();
	await settled();
	browser.Channel.deaf = browser.Channel.newest();
	server.happen();
	await settled();
	browser.Channel.deaf = null;
	server.happen();
	await settled();
	equal(first.log, ['live', 'gap', ...versions, 9, 10, 11]);
	equal(second.log, ['live', 'gap', 9, 'gap', 11]);
});

test('what another module says is nothing to this one', async () => {
	const server = newServer();
	server.up = false;
	const browser = newBrowser();
	const tabs = [1, 2].map(() => browser.open(server, ann));
	await settled();
	const stranger = new browser.Channel(browser.Channel.names()[0]);
	const say = async () => {
		for (const what of [{}, {hello: 1}, 'id', 7, [], true, null,
			{id: 7}, {id: {}, event: 5}, {id: [1]}])
			stranger.postMessage(what);
		await settled();
	};
	await say();
	equal(tabs.map((t) => t.log), [[], []]);
	server.up = true;
	server.wake();
	await settled();
	await say();
	server.happen();
	await settled();
	equal(tabs.map((t) => t.log), [['live', 'gap', 1], ['live', 'gap', 1]]);
});

test('an event without a document is none', async () => {
	const {tabs, browser} = await world(2);
	const stranger = new browser.Channel(browser.Channel.names()[0]);
	for (const event of [5, 'x', {}, {document: null}, {document: 0}])
		stranger.postMessage({id: '3', from: '0', event});
	await settled();
	equal(heard(tabs), [[], []]);
});

/* ---- asleep -------------------------------------------------------------- */


test('asleep: neither lock, channel nor stream; awake: it is back', async () => {
	const {server, browser, tabs: [tab]} = await world();
	server.happen();
	await settled();
	tab.sleep();
	await settled();
	equal([...browser.locks.held.values()].flat(), []);
	equal(browser.Channel.names(), []);
	equal([server.streams.size, tab.timers.size], [0, 0]);
	equal([tab.stream.live, tab.stream.leading, tab.log.at(-1)],
		[false, false, 'lost']);
	server.happen();
	tab.wake();
	await settled();
	equal(tab.told, [1, 2]);
	equal(tab.log, ['live', 'gap', 1, 'lost', 'live', 2]);
});

for (const early of [false, true])
	test(`frozen: what was said meanwhile is heard ${
		early ? 'behind' : 'before'} resume`, async () => {
		const {server, browser, tabs} = await world(2);
		server.happen();
		await settled();
		tabs[0].freeze();
		await settled();
		equal([...browser.locks.held.values()].flat().length, 1);
		equal([leaders(tabs), server.streams.size, server.most,
			tabs[0].timers.size, tabs[0].stream.live],
		[[tabs[1]], 1, 1, 0, false]);
		server.happen();
		await settled();
		equal(heard(tabs), [[1], [1, 2]]);
		tabs[0].thaw(early);
		server.happen();
		await settled();
		equal([tabs[0].stream.live, tabs[0].told.at(-1),
			tabs[0].timers.size], [true, 3, 1]);
		check(tabs[0]);
		/* and leads, when it is its turn */
		tabs[1].freeze();
		await settled();
		tabs[1].thaw(early);
		await settled();
		equal(leaders(tabs), [tabs[0]]);
		/* signed out while it sleeps again */
		tabs[0].freeze();
		await settled();
		tabs[1].stream.close();
		await settled();
		ok(tabs[0].client.stream);
		tabs[0].thaw(early);
		await settled();
		equal([tabs[0].log.at(-1), tabs[0].client.stream],
			['close', null]);
		equal([server.streams.size, browser.Channel.names(),
			[...browser.locks.held.values()].flat()], [0, [], []]);
	});

test('a tab that waited for the lock leaves the queue, too', async () => {
	const {browser, tabs} = await world(3);
	tabs[1].sleep();
	await settled();
	equal([...browser.locks.held.values()].flat().length, 2);
	tabs[0].sleep();
	await settled();
	equal(leaders(tabs), [tabs[2]]);
	equal([...browser.locks.held.values()].flat().length, 1);
	equal(tabs[1].log, ['live', 'gap', 'lost']);
});

test('asleep while others heard: it is told of the gap when it is back',
	async () => {
		const {server, tabs} = await world(2);
		server.happen();
		await settled();
		tabs[0].sleep();
		server.happen();
		await settled();
		tabs[0].wake();
		await settled();
		equal(tabs[0].log, ['live', 'gap', 1, 'lost', 'live', 'gap']);
		equal(tabs[1].told, [1, 2]);
		server.happen();
		await settled();
		equal(heard(tabs), [[1, 3], [1, 2, 3]]);
	});

test('asleep while the store was replaced: it hears again', async () => {
	const {server, tabs} = await world(2);
	for (let i = 0; i < 5; i++)
		server.happen();
	await settled();
	tabs[1].sleep();
	server.replace();
	await settled();
	tabs[1].wake();
	await settled();
	server.happen();
	await settled();
	equal(tabs[1].log.slice(7), ['lost', 'live', 'gap', 1]);
});

test('pageshow of a page that was never asleep changes nothing', async () => {
	const {server, tabs: [tab]} = await world();
	tab.wake();
	await settled();
	equal([server.asked.length, tab.log, tab.timers.size],
		[1, ['live', 'gap'], 1]);
});

test('asleep as the lock is given: it leads nothing', async () => {
	const server = newServer();
	const tab = newBrowser().open(server, ann);
	tab.sleep();
	await settled();
	equal([tab.stream.leading, server.asked, tab.log], [false, [], []]);
	tab.wake();
	await settled();
	equal([tab.stream.leading, tab.stream.live], [true, true]);
});

test('a stream that does not end when it is told to holds up nobody',
	async () => {
		const server = newServer();
		const browser = newBrowser();
		let say;
		const tab = browser.open(server, {...ann, async *events({told}) {
			told('1');
			say = told;
			for (let id = 2;; id++) {
				await new Promise((go) => {
					say = (n) => (told(n), go());
				});
				yield {event: 'job', id: String(id),
					document: {jobId: 'job_1'}};
			}
		}});
		await settled();
		const second = browser.open(server, ann);
		await settled();
		tab.sleep();
		say('2');
		await settled();
		equal(leaders([tab, second]), [second]);
		equal([tab.stream.live, tab.told, second.told],
			[false, [], []]);
	});

/* ---- jobs ---------------------------------------------------------------- */


test('follow: one look, then each new document and its version', async () => {
	const {server, tabs} = await world(2);
	const all = tabs.map((t) => t.follow('job_2'));
	equal(all, [[], []], 'nothing before it has returned');
	await settled();
	equal(all, [[undefined], [undefined]]);
	server.happen('job_1');
	server.happen('job_2');
	server.happen('job_2');
	await settled();
	equal(all, [[undefined, 2, 3], [undefined, 2, 3]]);
	all[0].stop();
	server.happen('job_2');
	await settled();
	equal(all, [[undefined, 2, 3], [undefined, 2, 3, 4]]);
});

test('followed before it is live: one look as soon as it is', async () => {
	const server = newServer();
	server.up = false;
	const tab = newBrowser().open(server, ann);
	const job = tab.follow('job_1');
	await settled();
	equal(job, []);
	server.up = true;
	server.happen('job_1');
	await settled();
	server.happen('job_1');
	await settled();
	equal(job, [undefined, 2]);
});

test('stopped at once: nothing is heard', async () => {
	const {server, tabs: [tab]} = await world();
	const job = tab.follow('job_1');
	job.stop();
	server.happen('job_1');
	await settled();
	equal(job, []);
});

test('what was told already is known to who follows later: no look',
	async () => {
		const {server, tabs} = await world(2);
		server.happen('job_1');
		server.happen('job_2');
		server.happen('job_1', 'completed');
		await settled();
		const all = tabs.flatMap((t) => [t.follow('job_1'),
			t.follow('job_2'), t.follow('job_3')]);
		await settled();
		equal(all, [[3], [2], [undefined], [3], [2], [undefined]]);
		/* a cut takes nothing of it away */
		server.all('cut');
		await settled();
		server.happen('job_2');
		await settled();
		const later = tabs[1].follow('job_2');
		await settled();
		equal([later, all[1]], [[4], [2, 4]]);
		/* a gap does */
		server.replace();
		server.happen('job_3');
		await settled();
		const last = tabs.map((t) => t.follow('job_1'));
		await settled();
		equal(last, [[undefined], [undefined]]);
	});

test('it is known of the last fifty', async () => {
	const {server, tabs: [tab]} = await world();
	server.happen('job_a');
	server.happen('job_b');
	for (let i = 0; i < 49; i++)
		server.happen(`job_${i}`);
	server.happen('job_b');
	await settled();
	const jobs = ['job_a', 'job_b', 'job_0'].map(tab.follow);
	await settled();
	equal(jobs, [[undefined], [52], [3]]);
	server.happen('job_c');
	await settled();
	const again = ['job_b', 'job_0', 'job_1'].map(tab.follow);
	await settled();
	equal(again, [[52], [undefined], [4]]);
});

test('after a gap one look; after a mere cut none', async () => {
	const {server, tabs} = await world(2);
	const job = tabs[0].follow('job_1');
	await settled();
	server.all('cut');
	await settled();
	equal(job, [undefined]);
	tabs[0].sleep();
	server.happen('job_1');
	await settled();
	tabs[0].wake();
	await settled();
	equal(job, [undefined, undefined]);
});

test('while nothing is told, a look every 10 s', async () => {
	const {server, tabs} = await world(2);
	const jobs = tabs.map((t) => t.follow('job_1'));
	await settled();
	for (const tab of tabs)
		tab.pass(20000);
	equal(jobs, [[undefined], [undefined]], 'it is live');
	server.up = false;
	server.all('cut');
	await settled();
	for (const tab of tabs)
		tab.pass(20000);
	const three = [undefined, undefined, undefined];
	equal(jobs, [three, three]);
	for (const {log} of tabs)
		equal(log, ['live', 'gap', 'lost', 'gap', 'gap']);
	server.up = true;
	server.wake();
	await settled();
	for (const tab of tabs)
		tab.pass(20000);
	equal(jobs, [three, three]);
});

test('where nothing ever comes jobs are watched otherwise, until it does',
	async () => {
		const server = newServer();
		server.up = false;
		const browser = newBrowser();
		const tabs = [1, 2].map(() => browser.open(server, ann));
		const jobs = tabs.map((t) => t.follow('job_1'));
		await settled();
		for (const tab of tabs)
			tab.pass(9000);
		equal(jobs, [[], []]);
		for (const tab of tabs)
			tab.pass(1000);
		equal(jobs, [[null], [null]]);
		equal(tabs.map((t) => t.log), [['gap'], ['gap']]);
		const later = tabs.map((t) => t.follow('job_2'));
		await settled();
		equal(later, [[null], [null]]);
		server.up = true;
		server.happen();
		await settled();
		const last = tabs.map((t) => t.follow('job_1'));
		await settled();
		server.happen();
		await settled();
		equal(last, [[undefined, 2], [undefined, 2]]);
		equal(jobs, [[null], [null]]);
	});

test('no sign of life for 45 s: whoever leads is stuck', async () => {
	const {server, tabs} = await world(2);
	const {stream} = tabs[1];
	tabs[1].pass(40000);
	equal(stream.live, true);
	server.all('beat');
	await settled();
	tabs[1].pass(40000);
	equal(stream.live, true);
	tabs[1].pass(10000);
	equal([stream.live, tabs[1].log], [false, ['live', 'gap', 'lost',
		'gap']]);
	server.all('beat');
	await settled();
	equal(tabs[1].log.slice(4), ['live']);
});

/* ---- refused ------------------------------------------------------------- */


const refusal = Object.assign(new Error('no'), {type: 'not-acceptable'});

test('refused: each tries once, and jobs are watched otherwise', async () => {
	const server = newServer();
	server.refuses = () => refusal;
	const browser = newBrowser();
	const tabs = [1, 2, 3].map(() => browser.open(server, ann));
	const jobs = tabs.map((t) => t.follow('job_1'));
	await settled();
	equal(server.asked.length, 3);
	equal(jobs, [[null], [null], [null]]);
	for (const {log, why, stream} of tabs)
		equal([log, why, stream.live, stream.leading],
			[['lost'], refusal, false, false]);
	const later = tabs[0].follow('job_2');
	equal(later, []);
	await settled();
	equal(later, [null]);
	equal([...browser.locks.held.values()].flat(), []);
});

test('refused in mid-stream: another tab goes on, and is heard', async () => {
	const {server, tabs} = await world(2);
	const [job, other] = tabs.map((t) => t.follow('job_1'));
	await settled();
	server.happen('job_1');
	await settled();
	server.refuses = (tab) => tab.client === tabs[0].client && refusal;
	server.all('cut');
	await settled();
	equal(tabs[0].why, refusal);
	equal(job, [undefined, 1, null]);
	equal(leaders(tabs), [tabs[1]]);
	server.happen('job_1');
	await settled();
	equal([heard(tabs), other], [[[1, 2], [1, 2]], [undefined, 1, 2]]);
	equal(tabs[0].stream.live, true);
	/* it can be followed here again, told by the other one */
	const again = tabs[0].follow('job_1');
	await settled();
	server.happen('job_1');
	await settled();
	equal(again, [2, 3]);
	/* also while that one is cut off */
	server.up = false;
	server.all('cut');
	await settled();
	const patient = tabs[0].follow('job_1');
	await settled();
	equal(patient, []);
	server.up = true;
	server.wake();
	await settled();
	equal([patient, again], [[3], [2, 3]]);
	equal(job, [undefined, 1, null]);
	/* which is refused itself: nobody is left */
	server.refuses = () => refusal;
	server.all('cut');
	await settled();
	equal(leaders(tabs), []);
	equal(tabs.map((t) => t.stream.live), [false, false]);
	equal(tabs[1].why, refusal);
});

test('refused before it heard anything: it is told of the gap all the same',
	async () => {
		const {server, tabs: [first, third], open} = await world(2);
		server.happen();
		await settled();
		/* one that knows where the stream was comes behind one that
		 * does not, and will be refused */
		third.sleep();
		server.up = false;
		server.all('cut');
		await settled();
		const second = await open();
		third.wake();
		await settled();
		server.refuses = (tab) => tab === second && refusal;
		first.sleep();
		await settled();
		server.up = true;
		server.wake();
		await settled();
		equal([second.why, leaders([first, second, third])],
			[refusal, [third]]);
		equal(second.log, ['lost', 'live', 'gap']);
		server.happen();
		await settled();
		equal([second.told, third.told], [[2], [1, 2]]);
	});

test('a stream that ends is over, too', async () => {
	const tab = newBrowser().open(newServer(), {...ann,
		async *events({told}) {
			told('1');
		}});
	const job = tab.follow('job_1');
	await settled();
	equal(tab.log, ['live', 'gap', 'lost', 'lost']);
	equal([tab.why, job.at(-1)], [null, null]);
});

test('refused, asleep and back: it is tried again', async () => {
	const server = newServer();
	server.refuses = () => refusal;
	const tab = newBrowser().open(server, ann);
	await settled();
	tab.sleep();
	server.refuses = null;
	server.up = false;
	tab.wake();
	const job = tab.follow('job_1');
	await settled();
	equal(job, []);
	server.up = true;
	server.wake();
	await settled();
	equal([tab.stream.live, tab.log], [true, ['lost', 'live', 'gap']]);
	equal(job, [undefined]);
});

/* ---- closed -------------------------------------------------------------- */


test('closed in one tab: closed in all, and the lock is free', async () => {
	for (const who of [0, 1]) {
		const {server, browser, tabs} = await world(3);
		const jobs = tabs.map((t) => t.follow('job_1'));
		await settled();
		tabs[who].stream.close();
		await settled();
		for (const {log, client, stream, timers} of tabs) {
			/* the next one may have led for a moment */
			match(log.join(' '),
				/^live gap( lost live)* lost close$/);
			equal([client.stream, stream.live, stream.leading,
				timers.size], [null, false, false, 0]);
		}
		equal(jobs, jobs.map(() => [undefined, null]));
		equal(browser.Channel.posted.filter((m) => m.close).length, 1);
		equal([server.streams.size, browser.Channel.names(),
			[...browser.locks.held.values()].flat()], [0, [], []]);
	}
});

test('closed is closed: a second time, awake again, followed', async () => {
	const {server, tabs: [tab]} = await world();
	tab.stream.close();
	tab.stream.close();
	tab.sleep();
	tab.wake();
	const job = tab.follow('job_1');
	await settled();
	equal(tab.log, ['live', 'gap', 'lost', 'close']);
	equal([server.streams.size, job], [0, [null]]);
});

test('signed out while a page is kept for going back: it closes when shown',
	async () => {
		const {server, browser, tabs, open} = await world(2);
		const others = [await open({owner: 'bob'}), await open({...ann,
			base: 'https://other.example/api/'})];
		for (const tab of [tabs[0], ...others])
			tab.sleep();
		await settled();
		tabs[1].stream.close();
		/* and in again, as the same one */
		const again = await open();
		for (const tab of [tabs[0], ...others])
			tab.wake();
		await settled();
		equal(tabs[0].log, ['live', 'gap', 'lost', 'close']);
		equal(tabs[0].client.stream, null);
		equal([again, ...others].map((t) => t.stream.live),
			[true, true, true]);
		/* it began when all that was over, and is not closed once more */
		again.sleep();
		tabs[1].stream.close();
		again.wake();
		await settled();
		equal(again.stream.live, true);
		again.stream.close();
		again.stream.close();
		/* of whom, nobody learns */
		for (const [key, value] of browser.storage.marks) {
			match(key, /^lowtide-closed:-?\d+$/);
			match(value, /^0\.\d+(e-\d+)?$/);
		}
		equal(browser.storage.marks.size, 1);
		equal(server.streams.size, 2);
	});

test('where marks may not be left, whoever is awake is told', async () => {
	const {tabs} = await world(3, {lacks: ['storage']});
	tabs[2].sleep();
	tabs[0].stream.close();
	await settled();
	tabs[2].wake();
	await settled();
	equal(tabs.map((t) => t.log.at(-1)), ['close', 'close', 'live']);
});

test('the stream of who signs in afterwards is left alone', async () => {
	const {tabs: [tab]} = await world();
	const another = tab.client.stream = {};
	tab.stream.close();
	ok(tab.client.stream === another);
});

test('closed by somebody else: it is not', async () => {
	const {server, tabs: [tab], open} = await world();
	const bob = await open({owner: 'bob'});
	const elsewhere = await open({...ann,
		base: 'https://other.example/api/'});
	equal(server.streams.size, 3);
	tab.stream.close();
	await settled();
	equal([bob.stream.live, elsewhere.stream.live], [true, true]);
});

test('another owner’s tab hears nothing, whatever both are called',
	async () => {
		const names = ['ann', 'ann"]', 'Ann', '', '-', 'a\ud800', 'é/?#'];
		const server = newServer();
		const browser = newBrowser();
		const tabs = names.map((owner) => browser.open(server, {owner}));
		await settled();
		equal(leaders(tabs).length, names.length);
		equal(browser.Channel.names().length, names.length);
		/* it is the tab's name that is told apart, not the stream's */
		for (const name of browser.Channel.names())
			match(name, /^lowtide-stream-1:\["/);
	});

/* ---- what a browser lacks ------------------------------------------------ */


for (const lacks of [['locks'], ['channels'], ['locks', 'channels']])
	test(`without ${lacks.join(' and ')}: a stream for each tab`, async () => {
		const {server, browser, tabs} = await world(2, {lacks});
		equal(server.streams.size, 2);
		server.happen('job_1');
		await settled();
		equal(heard(tabs), [[1], [1]]);
		/* to have come, cut off, at, at 1: and no answers */
		equal(browser.Channel.posted.length,
			lacks.includes('channels') ? 0 : 2 * 4 + 1);
		tabs[0].stream.close();
		await settled();
		const alone = lacks.includes('channels');
		equal(server.streams.size, alone ? 1 : 0);
		tabs[1].sleep();
		await settled();
		equal(server.streams.size, 0);
		/* that the other one has closed is found then, if not before */
		tabs[1].wake();
		await settled();
		equal([server.streams.size, tabs[1].log.at(-1)], [0, 'close']);
	});

test('locks that may not be used: a stream of its own', async () => {
	const server = newServer();
	const browser = newBrowser();
	browser.locks.request = () => Promise.reject(new Error('denied'));
	const tab = browser.open(server, ann);
	await settled();
	equal([tab.stream.live, tab.stream.leading], [true, true]);
	tab.sleep();
	await settled();
	equal(server.streams.size, 0);
});

test('in node, which has no window, as it is published', async () => {
	const {shareStream} = await import(
		'../../templates/client/shared-stream.mjs');
	const told = [];
	const client = {base: 'http://127.0.0.1/', stream: null,
		async *events({signal, told: tell}) {
			tell('4');
			yield {event: 'job', id: '5', document: {jobId: 'j'}};
			await new Promise((go) =>
				signal.addEventListener('abort', go));
		}};
	const stream = shareStream(client, ann);
	cleanup(() => stream.close());
	stream.addEventListener('job', (e) => told.push(e.detail.id));
	await settled();
	equal([told, stream.live, client.stream === stream],
		[['5'], true, true]);
	stream.close();
	equal(client.stream, null);
});

/* ---- anything ------------------------------------------------------------ */


/* Numbers that look like chance, the same for the same seed. */
function chance(seed) {
	let state = seed;
	return (n) => {
		state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9;
		return ((state ^ state >>> 13) >>> 0) % n;
	};
}

/* What a tab heard, in runs without a gap: each goes up by one. */
function check({log}) {
	let at;
	for (const what of log) {
		if (what === 'gap')
			at = undefined;
		if (typeof what !== 'number')
			continue;
		ok(at === undefined || what === at + 1,
			`${what} after ${at}: ${log.join(' ')}`);
		at = what;
	}
}

async function anything(seed) {
	const pick = chance(seed);
	const {server, browser, tabs} = await world(2);
	const few = async () => {
		for (let i = pick(4); i > 0; i--)
			await new Promise((go) => setImmediate(go));
	};
	const [asleep, frozen] = [new Set(), new Set()];
	const steps = [
		() => server.happen(), () => server.happen(),
		() => server.happen(),
		() => server.all('cut'), () => server.all('beat'),
		() => tabs.length < 6 && tabs.push(browser.open(server, ann)),
		(tab) => frozen.has(tab) || asleep.add(tab) && tab.sleep(),
		(tab) => asleep.delete(tab) && tab.wake(),
		(tab) => asleep.has(tab) || frozen.add(tab) && tab.freeze(),
		(tab) => frozen.delete(tab) && tab.thaw(pick(2)),
	];
	for (let i = 0; i < 60; i++) {
		steps[pick(steps.length)](tabs[pick(tabs.length)]);
		await few();
	}
	for (const tab of asleep)
		tab.wake();
	for (const tab of frozen)
		tab.thaw();
	await settled();
	const last = server.happen();
	await settled();
	equal([server.streams.size, server.most], [1, 1]);
	equal(leaders(tabs).length, 1);
	for (const tab of tabs) {
		check(tab);
		equal(tab.told.at(-1), last);
	}
}
const seeds = process.env.SEED ? [Number(process.env.SEED)] :
	Array.from({length: 60}, (_, i) => i + 1);
test(`${seeds.length} seeds: one stream, in order, no hole, nothing twice`,
	async () => {
		for (const seed of seeds)
			await anything(seed).catch((e) => {
				throw new Error(`SEED=${seed}: ${e.message}`);
			});
	});

await done();
