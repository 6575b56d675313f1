/*
 * requests.mjs: how a job is watched. A shared stream, its own, long polls,
 * polls: which one when, and how one gives way to the next; pages that are
 * hidden, left, offline; connections that are held; streams cut anywhere.
 */
import {ok, equal, match, done} from '../tap.mjs';
import {ACCEPTED, STATUS, accepted, against, at, block, caught, empty, hangUp,
	json, lockManager, page, plain, problem, silence, states, stream, tick,
	until} from './requests-kit.mjs';

const EVENTS = `GET ${STATUS}/events`;
const LOOK = `GET ${STATUS}`;
/* A document of a job that has a stream. */
const streamed = (version, status, more) =>
	at(version, status, {eventsUrl: ACCEPTED.eventsUrl, ...more});
const unchanged = (headers = {'preference-applied': 'wait=20'}) =>
	empty(304, headers);

/* ---- its own stream */

against('a stream that breaks is taken up again after its last event', [
	accepted, stream('retry: 1234\n\n', block(1, 'pending'), 'cut'),
	stream(block(2, 'processing', {progress: 9}), 'end'),
	stream(block(3, 'completed')),
], async ({api, seen, time}) => {
	equal(await states(api.submit('x')),
		['accepted', 'pending', 'processing 9', 'completed']);
	equal(seen.slice(1).map(({headers}) => headers['last-event-id']),
		[undefined, '1', '2']);
	equal(seen.slice(1).map(({headers}) => headers.accept),
		Array(3).fill('text/event-stream'));
	equal(time.slept, [1234, 1234]);
});

against('two breaks in a row without an event: long polls', [
	accepted, stream(block(1, 'pending'), 'end'), stream('id: 1\n\n', 'cut'),
	hangUp, unchanged(), at(2, 'completed'),
], async ({api, seen, time, lines}) => {
	await api.submit('x').result();
	equal(lines().slice(1), [EVENTS, EVENTS, LOOK, LOOK, LOOK]);
	equal(seen.slice(3).map(({headers}) => [headers.prefer,
		headers['if-none-match']]), Array(3).fill(['wait=20', '"1"']));
	equal(time.slept, [2000, 2000]);
});

against('a sign of life is as good as an event', [
	accepted, ...Array(4).fill(stream('id: 1\n\n', ':\n\nid: 1\n\n', 'end')),
	stream(block(2, 'completed')),
], async ({api, lines}) => {
	await api.submit('x').result();
	equal(lines().slice(1), Array(5).fill(EVENTS));
});

for (const [what, refusal] of Object.entries({
	'406': problem(406, 'not-acceptable'), '404': problem(404, 'not-found'),
	'204': empty(204), 'another type': json(200, {})}))
	against(`no stream (${what}): long polls`, [
		accepted, refusal, at(1, 'pending'), at(2, 'completed'),
	], async ({api, lines, seen}) => {
		await api.submit('x').result();
		equal(lines().slice(1), [EVENTS, LOOK, LOOK]);
		equal(seen.slice(2).map(({headers}) => [headers.prefer,
			headers['if-none-match']]),
		[[undefined, undefined], ['wait=20', '"1"']]);
	});

against('a server that is asked too often: once more', [
	accepted, problem(429, 'rate-limited'), stream(block(1, 'completed')),
], async ({api, lines}) => {
	await api.submit('x').result();
	equal(lines().slice(1), [EVENTS, EVENTS]);
});

against('a server that is full: once more, then long polls', [
	accepted, problem(503, 'queue-full'), empty(502), at(2, 'completed'),
], async ({api, lines}) => {
	await api.submit('x').result();
	equal(lines().slice(1), [EVENTS, EVENTS, LOOK]);
});

against('a 401 of a stream: a refresh; the second is the end', [
	accepted, problem(401, 'unauthorized'), stream(block(1, 'pending'), 'end'),
	problem(401, 'unauthorized'), problem(401, 'unauthorized'),
], async ({connect, url, lines}) => {
	const why = [];
	const api = connect({base: url, headers({refresh}) {
		why.push(refresh);
		return {};
	}});
	const e = await caught(api.submit('x').result());
	equal([e.type, e.status], ['unauthorized', 401]);
	equal(lines().slice(1), Array(4).fill(EVENTS));
	equal(why, [false, false, true, false, true]);
});

against('silence is a break: at first, and later', [
	accepted, silence, stream(block(1, 'pending')), silence,
	at(2, 'completed'),
], async ({api, seen, time}) => {
	const job = api.submit('x');
	await until(() => seen.length === 2);
	await time.pass(10000);
	await until(() => job.state?.status === 'pending');
	await until(() => time.held().includes(45000));
	await time.pass(45000);
	await until(() => seen.length === 4);
	await time.pass(10000);
	await job.result();
});

against('never backwards, and an end is the end', [
	accepted, stream(block(5, 'processing', {progress: 50}),
		block(4, 'pending'), block(10, 'processing', {progress: 60}),
		block(9, 'processing', {progress: 55}),
		block(11, 'completed', {result: 1}), block(12, 'failed')),
], async ({api}) => {
	const job = api.submit('x');
	equal(await states(job), ['accepted', 'processing 50', 'processing 60',
		'completed']);
	equal([await job.result(), job.state.status], [1, 'completed']);
});

against('any number may iterate, whenever they like', [
	accepted, stream(),
], async ({api, seen}) => {
	const job = api.submit('x');
	const first = states(job);
	await until(() => seen.length === 2);
	const second = states(job);
	await tick();
	seen[1].res.write(block(1, 'pending') + block(2, 'processing') +
		block(3, 'completed'));
	equal(await first, ['accepted', 'pending', 'processing', 'completed']);
	equal(await second, await first);
	equal(await states(job), ['completed']);
	await until(() => seen[1].gone);
});

/* ---- what a stream looks like */

const said = [
	'retry: 1\n\n', ': hello\n\n', 'data:\n\n', 'id: 1\ndata: ',
	JSON.stringify({...ACCEPTED, status: 'pending',
		message: 'é € 😀 \u2028id: 7'}), '\n\n',
	'event: job\ndata: {"status":\ndata:  "processing",\ndata:"eventsUrl":"/e"}\n',
	'id:2\n\n', 'unknown: x\nid\n\n', 'id: 3\ndata: ',
	JSON.stringify({status: 'processing', eventsUrl: '/e',
		message: 'x'.repeat(300)}),
	'\n\n', 'id: 9\ndata: {"status":"failed"}',
].join('');
for (const [what, end] of [['LF', '\n'], ['CRLF', '\r\n'], ['CR', '\r']])
	against(`pieces may be cut anywhere (${what})`, [], async ({connect}) => {
		const bytes = new TextEncoder().encode(said.replace(/\n/g, end));
		const last = new TextEncoder().encode(
			'id: 4\n\ndata: {"status":"completed"}\n\n'.replace(/\n/g, end));
		const real = globalThis.fetch;
		const run = async (size) => {
			const ids = [];
			let n = 0;
			globalThis.fetch = async (url, {headers}) => {
				if (n++ === 0)
					return new Response(JSON.stringify({...ACCEPTED,
						eventsUrl: '/e', statusUrl: '/s'}), {status: 202,
						headers: {'content-type': 'application/json'}});
				ids.push(headers.get('last-event-id'));
				const all = n === 2 ? bytes : last;
				return new Response(new ReadableStream({start(to) {
					for (let i = 0; i < all.length; i += size)
						to.enqueue(all.slice(i, i + size));
					to.close();
				}}), {headers: {'content-type': 'text/event-stream'}});
			};
			const seen = [];
			for await (const {status, message} of
				connect({base: 'http://a.example/'}).submit('x'))
				seen.push([status, message?.length]);
			equal(seen, [['accepted', undefined], ['pending', 13],
				['processing', undefined], ['processing', 300],
				['completed', undefined]]);
			equal(ids, [null, '3']);
		};
		try {
			for (const size of [1, 2, 3, 5, 7, 64, 1e6])
				await run(size);
		} finally {
			globalThis.fetch = real;
		}
	});

against('a document of a megabyte, in pieces', [
	accepted, stream(block(2, 'completed', {result: 'é'.repeat(5e5)})),
], async ({api}) =>
	equal((await api.submit('x').result()).length, 5e5));

/* ---- long polls and polls */

against('long polls go on as long as they are answered late', [
	plain, at(1, 'pending'), ...Array(30).fill(unchanged()),
	at(2, 'processing', {progress: 1}), at(3, 'completed'),
], async ({connect, url, lines, time}) => {
	await connect({base: url, patience: 5000}).submit('x').result();
	equal([lines().length, time.slept], [34, []]);
});

against('a long poll that is answered at once is none: polls', [
	plain, at(1, 'pending'), unchanged({'retry-after': '3'}),
	at(2, 'processing', {}, {'retry-after': '2'}), unchanged({}),
	at(3, 'completed'),
], async ({api, seen, time}) => {
	await api.submit('x').result();
	equal(time.slept, [3000, 2000, 1000]);
	equal(seen.slice(2).map(({headers}) => [headers.prefer,
		headers['if-none-match']]), [['wait=20', '"1"'], [undefined, '"1"'],
		[undefined, '"2"'], [undefined, '"2"']]);
});

against('a process a request waits for no seconds, and says so: polls', [
	plain, at(1, 'pending'), unchanged({'preference-applied': 'wait=0'}),
	unchanged({}), at(2, 'completed'),
], async ({api, seen, time}) => {
	await api.submit('x').result();
	equal(time.slept, [1000, 1000]);
	equal(seen.slice(2).map(({headers}) => headers.prefer),
		['wait=20', undefined, undefined]);
});

against('a long poll that is answered between two breaks goes on', [
	plain, at(1, 'pending'), hangUp, unchanged(), hangUp, unchanged(),
	at(2, 'completed'),
], async ({api, seen}) => {
	await api.submit('x').result();
	ok(seen.slice(2).every(({headers}) => headers.prefer));
});

against('its stream says that it wants other credentials', [
	accepted, stream(block(2, 'pending', {needsCredentials: true})),
	json(200, 'filed'),
], async ({api}) => equal(await api.submit('x').result(), 'filed'));

against('a long poll that breaks twice, or is never answered: polls', [
	plain, at(1, 'pending', {}, {etag: 'W/"1"'}), hangUp, silence,
	at(2, 'completed'),
], async ({api, seen, time}) => {
	const job = api.submit('x');
	await until(() => seen.length === 4);
	await time.pass(30000);
	await job.result();
	equal(time.slept, [2000, 1000]);
	equal(seen[3].headers['if-none-match'], '"1"');
});

against('a long poll that is never answered is not tried again', [
	plain, at(1, 'pending'), silence, at(2, 'completed'),
], async ({api, seen, time}) => {
	const job = api.submit('x');
	await until(() => seen.length === 3);
	await time.pass(30000);
	await job.result();
	equal(seen[3].headers.prefer, undefined);
});

against('a server without versions is polled, and every look counts', [
	plain, at(null, 'pending'), at(null, 'processing', {progress: 3}),
	at(null, 'completed'),
], async ({api, seen}) => {
	equal(await states(api.submit('x')), ['accepted', 'pending',
		'processing 3', 'completed']);
	ok(seen.every(({headers}) => !headers.prefer));
});

against('ten quick polls, then slower ones, then it is still running', [
	plain, at(1, 'pending'), unchanged({}), ...Array(22).fill(unchanged({})),
	at(1, 'pending'), unchanged({}), at(2, 'completed', {result: 3}),
], async ({api, time}) => {
	const job = api.submit('x', {}, {key: 'k'});
	const told = [];
	for await (const state of job)
		told.push([state.status, state.stillRunning]);
	equal(told, [['accepted', undefined], ['pending', undefined],
		['pending', true]]);
	equal(time.slept, [...Array(10).fill(1000), 2000, 2500, 3000, 3500,
		4000, 4500, ...Array(6).fill(5000), 500]);
	equal(time.slept.reduce((a, b) => a + b), 60000);
	equal([job.state.stillRunning, api.kept().length], [undefined, 1]);
	equal(await job.result(), 3);
	equal(api.kept(), []);
});

against('what is fired is polled for as long as it may be shown', [
	plain, at(1, 'pending'), unchanged({'retry-after': '9'}),
	unchanged({'retry-after': '9'}), unchanged({}),
	at(2, 'completed', {result: 3}),
], async ({connect, url}) => {
	const told = [];
	const job = connect({base: url, patience: 1}).fireAndForget('x', {}, {
		ttl: 30000, optimistic: () => (how) => told.push(how)});
	equal(await job.result(), 3);
	await tick();
	equal(told, [{confirmed: true, result: 3}]);
});

against('patience is the connection\'s, and result() tells of its end', [
	plain, at(1, 'pending'), unchanged({'retry-after': '9'}), unchanged({}),
	at(2, 'pending'), unchanged({'retry-after': '9'}), at(3, 'completed'),
], async ({connect, url, time}) => {
	const job = connect({base: url, patience: 4000}).submit('x');
	const e = await caught(job.result());
	equal([e.type, e.status], ['still-running', 0]);
	await job.result();
	equal(time.slept, [4000, 4000]);
});

against('a server that is away while it is polled', [
	plain, at(1, 'pending'), unchanged({}), hangUp, empty(502),
	problem(429, 'rate-limited', {jobStatus: 'pending'}), at(2, 'completed'),
], async ({api}) => {
	await api.submit('x').result();
});

against('what is no document is not taken for one', [
	plain, ...Array(3).fill((req, res) => res.end('<h1>Welcome</h1>')),
	at(2, 'completed'),
], async ({api}) => {
	const job = api.submit('x', {}, {key: 'k'});
	ok(await caught(job.result()));
	equal([job.state.status, api.kept().length], ['accepted', 1]);
	await job.result();
});

/* ---- a stream that is shared */

function source() {
	const it = {following: [], follow(jobId, take) {
		const one = {jobId, take, over: false};
		it.following.push(one);
		return () => {
			one.over = true;
		};
	}};
	return it;
}
const doc = (status, more) => ({...ACCEPTED, status, ...more});

against('the shared stream is asked first, and looks are made as it says', [
	accepted, at(4, 'processing', {progress: 4}),
], async ({api, lines}) => {
	const shared = api.stream = source();
	const job = api.submit('x');
	await until(() => shared.following.length);
	const [one] = shared.following;
	equal(one.jobId, 'job_1');
	one.take();
	await until(() => job.state.progress === 4);
	one.take(doc('pending'), '3');
	equal(job.state.status, 'processing');
	one.take(doc('completed', {result: 7}), '5');
	equal(await job.result(), 7);
	await until(() => one.over);
	equal(lines(), ['POST /api/x', LOOK]);
});

against('but not about a job that has no name; a look may find what is wanted', [
	empty(202, {location: STATUS}), at(1, 'completed'),
	accepted, at(2, 'pending', {needsCredentials: true}), json(200, 'filed'),
], async ({api}) => {
	const shared = api.stream = source();
	await api.submit('x').result();
	equal(shared.following.length, 0);
	const job = api.submit('x');
	await until(() => shared.following.length);
	shared.following[0].take();
	equal(await job.result(), 'filed');
	ok(shared.following[0].over);
});

against('and left for its own when it can tell no more', [
	accepted, stream(block(6, 'completed')),
], async ({api, seen}) => {
	const shared = api.stream = source();
	const job = api.submit('x');
	await until(() => shared.following.length);
	shared.following[0].take(doc('processing'), '5');
	shared.following[0].take(null);
	await job.result();
	ok(shared.following[0].over);
	equal([seen[1].url, seen[1].headers['last-event-id']],
		[`${STATUS}/events`, '5']);
});

against('it may want other credentials; and a look may fail', [
	accepted, json(202, ACCEPTED), at(3, 'processing'),
	problem(410, 'job-expired'), stream(), problem(410, 'job-expired'),
], async ({api, seen}) => {
	const shared = api.stream = source();
	const stop = new AbortController();
	const job = api.submit('x', {}, {signal: stop.signal});
	await until(() => shared.following.length);
	shared.following[0].take(doc('pending', {needsCredentials: true}), '2');
	await until(() => shared.following.length === 2);
	equal(job.state.status, 'processing');
	shared.following[1].take();
	await until(() => seen.length === 5);
	stop.abort();
	equal((await caught(job.result())).name, 'AbortError');
	seen.length = 0;
	equal((await caught(api.follow(STATUS).result())).type, 'job-expired');
});

/* ---- connections that are held */

/* Whoever looks is told something new. */
const door = Object.assign((req, res) => (req.method === 'POST' ? accepted :
	/events/.test(req.url) ? stream() :
		streamed(++door.version, 'processing'))(req, res),
{always: true, version: 0});

for (const [what, locks] of [['over all tabs', lockManager], ['a page', null]])
	against(`three are held, ${what}; who has none polls until one is free`, [
		door], async ({connect, url, base, seen}) => {
		const tab = page({locks: locks?.()});
		const jobs = Array.from({length: 4}, (_, i) =>
			connect({base: url, patience: 1e9}).submit(`x${i}`));
		const all = () => seen.filter(({url}) => /events/.test(url));
		const held = () => all().filter(({gone}) => !gone);
		await until(() => held().length === 3);
		await until(() => seen.length > 12);
		equal(all().length, 3);
		if (locks)
			equal([...tab.navigator.locks.taken].sort(), [0, 1, 2].map((n) =>
				`lowtide-held:${base}:${n}`));
		held()[1].res.write(block(99999, 'completed'));
		await until(() => all().length === 4);
		for (const {res} of held())
			res.write(block(99999, 'completed'));
		await Promise.all(jobs.map((job) => job.result()));
		await until(() => !tab.navigator.locks?.taken.size);
	});

against('aborted while a place is waited for: it is given back', [
	accepted,
], async ({api, seen}) => {
	const locks = lockManager();
	let go;
	page({locks: {...locks, request: async (...all) => {
		await new Promise((resolve) => {
			go = resolve;
		});
		return locks.request(...all);
	}}});
	const stop = new AbortController();
	const job = api.submit('x', {}, {signal: stop.signal});
	await until(() => go);
	stop.abort();
	go();
	equal((await caught(job.result())).name, 'AbortError');
	await until(() => !locks.taken.size);
	equal(seen.length, 1);
});

against('locks that are refused: polls', [
	json(202, ACCEPTED, {'retry-after': '7'}), at(1, 'pending'),
	at(2, 'completed'),
], async ({api, lines, time}) => {
	page({locks: {request: async () => {
		throw new Error('SecurityError');
	}}});
	await api.submit('x').result();
	equal(lines(), ['POST /api/x', LOOK, LOOK]);
	equal(time.slept[0], 7000);
});

/* ---- pages */

against('hidden: nothing is held, a look every half minute; shown: at once', [
	accepted, stream(block(1, 'pending')), streamed(2, 'processing'),
	streamed(3, 'processing', {progress: 3}), stream(block(4, 'completed')),
], async ({connect, url, tab, seen, time}) => {
	const job = connect({base: url, patience: 1}).submit('x');
	await until(() => job.state?.status === 'pending');
	tab.hide(true);
	await until(() => seen[1].gone);
	await time.pass(30000);
	await until(() => job.state.status === 'processing');
	await until(() => time.held().includes(30000));
	equal(seen.length, 3);
	tab.hide(false);
	await job.result();
	equal([seen.length, time.slept], [5, []]);
	equal(seen[4].headers['last-event-id'], '3');
});

against('a page that begins hidden, and is polled', [
	plain, at(1, 'pending'), at(2, 'processing'), at(3, 'processing'),
	at(4, 'completed'),
], async ({connect, url, tab, time, seen}) => {
	tab.document.hidden = true;
	const job = connect({base: url, patience: 1}).submit('x');
	for (let n = 3; n <= 5; n++) {
		await time.pass(30000);
		await until(() => seen.length === n);
	}
	await job.result();
});

against('to be hidden costs no patience', [
	plain, at(1, 'pending'), ...Array(5).fill(unchanged({})),
], async ({connect, url, tab, time, seen}) => {
	tab.document.hidden = true;
	const job = connect({base: url, patience: 2000}).submit('x');
	await time.pass(30000);
	await until(() => seen.length === 3);
	await until(() => time.held().length);
	tab.hide(false);
	equal((await caught(job.result())).type, 'still-running');
	equal(time.slept, [1000, 1000]);
});

against('a wait is not cut short by hiding, but by showing', [
	plain, at(1, 'pending'), unchanged({'retry-after': '20'}),
	at(2, 'completed'),
], async ({api, tab, time, seen}) => {
	const job = api.submit('x');
	await until(() => time.held().includes(20000));
	tab.hide(true);
	await tick(10);
	equal([time.held(), seen.length], [[20000], 3]);
	tab.hide(false);
	await job.result();
});

against('a long poll is given up, too', [
	plain, at(1, 'pending'), silence, at(2, 'completed'),
], async ({api, tab, seen, time}) => {
	const job = api.submit('x');
	await until(() => seen.length === 3);
	tab.hide(true);
	await until(() => seen[2].gone);
	await time.pass(30000);
	await job.result();
});

against('pagehide and pageshow; offline and online', [
	accepted, stream(block(1, 'pending')), streamed(1, 'pending'),
	stream(block(2, 'processing')), streamed(2, 'processing'),
	stream(block(3, 'completed')),
], async ({api, tab, seen}) => {
	const job = api.submit('x');
	await until(() => job.state?.status === 'pending');
	tab.fire('pagehide');
	await until(() => seen[1].gone);
	await tick(10);
	equal(seen.length, 2);
	tab.fire('pageshow');
	await until(() => job.state?.status === 'processing');
	equal(seen.length, 4);
	tab.line(false);
	await until(() => seen[3].gone);
	await tick(10);
	equal(seen.length, 4);
	tab.line(true);
	await job.result();
});

/* ---- all of an owner's */

async function gather(events, into = []) {
	for await (const {event, id, document} of events)
		into.push([event, id, document.status]);
	return into;
}

against('events(): what happens, how far it is, and again by itself', [
	stream('retry: 1500\n\n', 'id: 4\n\n', block(5, 'pending'), 'cut'),
	empty(502), stream('id: 5\n\n', block(6, 'completed')),
], async ({api, seen, time, tab}) => {
	const stop = new AbortController();
	const told = [], all = [];
	const over = gather(api.events({view: 'command', since: '3',
		signal: stop.signal, told: (id) => told.push(id)}), all);
	await until(() => all.length === 2);
	equal(all, [['job', '5', 'pending'], ['job', '6', 'completed']]);
	equal(told, ['4', null, null, '5']);
	equal(time.slept, [1500, 3000]);
	equal(seen.map(({url, headers}) => [url, headers['last-event-id']]),
		[['/api/jobs/events?view=command', '3'],
			['/api/jobs/events?view=command', '5'],
			['/api/jobs/events?view=command', '5']]);
	tab.hide(true);
	await tick(10);
	ok(!seen[2].gone);
	stop.abort();
	equal((await caught(over)).name, 'AbortError');
});

against('events(): no such streams', [
	problem(401, 'unauthorized'), problem(406, 'not-acceptable'), json(200, {}),
], async ({api, seen}) => {
	equal((await caught(gather(api.events()))).type, 'unauthorized');
	equal((await caught(gather(api.events()))).type, 'not-acceptable');
	ok(await caught(gather(api.events())));
	match(seen[0].url, /view=all$/);
});

against('events(): left alone, asleep or silent; ended by who reads it', [
	stream(block(1, 'pending')), stream(block(2, 'pending')),
	stream(block(3, 'pending')),
], async ({api, tab, seen, time}) => {
	const all = [];
	tab.document.hidden = true;
	const run = (async () => {
		for await (const {id} of api.events()) {
			all.push(id);
			if (id === '3')
				return;
		}
	})();
	await until(() => all.length === 1);
	tab.fire('pagehide');
	await until(() => seen[0].gone);
	tab.hide(false);
	await until(() => all.length === 2);
	await until(() => time.held().includes(45000));
	await time.pass(45000);
	await run;
	await until(() => seen[2].gone);
});
/* ---- what is not to be waited for, or not so long */

for (const [said, ms] of Object.entries({1: 1000, '-5': 1000, 0: 1000,
	abc: 2000, '1e999': 60000, 99999999999: 60000, '': 1000, 3000: 3000}))
	against(`retry: ${said} is a wait of ${ms} ms`, [
		accepted, stream(`retry: ${said}\n\n`, block(1, 'pending'), 'cut'),
		stream(block(2, 'completed')),
	], async ({api, time, seen}) => {
		const job = api.submit('x');
		if (ms > 10000)
			await time.pass(ms);
		await job.result();
		equal(time.slept, ms > 10000 ? [] : [ms]);
		equal(seen.length, 3);
	});

against('events(): who cannot say who asks asks later and later', [
	stream(block(1, 'pending')),
], async ({connect, url, time, seen}) => {
	let asked = 0, signedIn = false;
	const stop = new AbortController();
	const api = connect({base: url, headers() {
		asked++;
		if (!signedIn)
			throw new RangeError('no network to refresh it');
		return {};
	}});
	const all = [];
	const over = gather(api.events({signal: stop.signal}), all);
	/* a minute and more of it: 2, 4, 8, 16, 30, 30 s */
	for (const ms of [16000, 30000, 30000])
		await time.pass(ms);
	equal([time.slept, seen.length], [[2000, 4000, 8000], 0]);
	await until(() => asked === 7);
	signedIn = true;
	await time.pass(30000);
	await until(() => all.length);
	/* and at once again when it has heard something */
	signedIn = false;
	seen[0].res.destroy();
	await until(() => time.held().includes(16000));
	equal(time.slept, [2000, 4000, 8000, 2000, 4000, 8000]);
	stop.abort();
	equal((await caught(over)).name, 'AbortError');
});

against('events(): what is no document is passed over', [
	stream('id: 1\ndata: null\n\n', 'id: 2\ndata: 5\n\n',
		'id: 3\ndata: {"status\n\n', 'id: 4\ndata: []\n\n',
		block(5, 'completed')),
], async ({api}) => {
	const told = [];
	for await (const {id, document} of api.events({told: (id) =>
		told.push(id)})) {
		equal([id, document.status], ['5', 'completed']);
		break;
	}
	equal(told, ['1', '2', '3', '4']);
});

against('a stream of what is no document says nothing of the job', [
	accepted, stream('id: 2\ndata: null\n\n', 'id: 3\ndata: 7\n\n',
		'id: 4\ndata: {"a": 1}\n\n', 'id: 5\ndata: {\n\n',
		block(6, 'completed', {result: 1})),
], async ({api}) => {
	equal(await states(api.submit('x')), ['accepted', 'completed']);
});

against('an ETag that is not ours is no version', [
	plain, at(null, 'pending', {}, {etag: '"5d8c72a5"'}),
	at(null, 'processing', {}, {etag: '"1a"'}),
	at(null, 'completed', {}, {etag: '"0"'}),
], async ({api, seen}) => {
	equal(await states(api.submit('x')), ['accepted', 'pending',
		'processing', 'completed']);
	ok(seen.every(({headers}) => !headers['if-none-match']));
});

against('a look that is never answered is made again', [
	plain, silence, at(1, 'pending'), silence, at(2, 'completed'),
], async ({api, seen, time}) => {
	const job = api.submit('x');
	await until(() => seen.length === 2);
	await time.pass(35000);
	await until(() => seen.length === 4);
	ok(seen[1].gone);
	await time.pass(30000);
	await job.result();
	ok(seen[3].gone);
});
await done();
