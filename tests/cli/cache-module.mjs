/*
 * templates/client/cache.mjs in node: a stand-in for `caches`, a server that
 * does as it is told, and a clock that passes when it is told. In a browser,
 * and before the real lowtide-read: tests/browser/cache.mjs.
 */
import {readFileSync} from 'node:fs';
import {done, equal, ok, rejects, test} from '../tap.mjs';
import {openCache, ReadError} from '../../templates/client/cache.mjs';
import {ownClock, startServer, Stores, until} from './cache-kit.mjs';

const clock = ownClock();
const server = await startServer();
const stores = globalThis.caches = new Stores();
const unhandled = [];
process.on('unhandledRejection', (e) => unhandled.push(e));

/* Each test has URLs and a Cache of its own: {cache, url, path, name, …} */
let made = 0;
function fresh(say, options) {
	const path = `/read/${++made}`;
	const name = `owner-${made}`;
	if (say)
		server.says(path, say);
	return {path, name, url: server.url + path,
		says: (more) => server.says(path, more),
		asked: () => server.asked(path).length,
		kept: () => stores.paths(`lowtide:${name}`),
		cache: openCache({name, ...options})};
}
const private10 = {'cache-control': 'private, max-age=10', etag: '"1"'};
const n = (number, headers = private10) => ({body: {n: number}, headers});
const told = ({value, from, stale, expected}) =>
	[value.n ?? value, from, ...stale ? ['stale'] : [],
		...expected ? ['expected'] : []];

/* Whatever is done without the network has been done. */
const settled = () => new Promise((go) => setTimeout(go, 20));

/* ---- fresh, old, asked about -------------------------------------------- */

test('the first time it is asked for, then it is there', async () => {
	const {cache, url, asked, kept, path} = fresh(n(1));
	equal(await cache.get(url), {value: {n: 1}, age: 0, stale: false,
		expected: false, from: 'network', fresh: null});
	equal(await cache.get(url), {value: {n: 1}, age: 0, stale: false,
		expected: false, from: 'cache', fresh: null});
	equal([asked(), kept()], [1, [`${path}&lowtide`]]);
});
test('it is asked for without a cache in between, as GET', async () => {
	let init;
	const {cache, url} = fresh(n(1), {fetch: (at, how) => {
		init = how;
		return fetch(at, how);
	}});
	await cache.get(url);
	equal([init.cache, init.method, init.signal.aborted, init.headers],
		['no-store', undefined, true, {}]);
});
test('max-age less Age is how long; Age is how old it came', async () => {
	const {cache, url, asked} = fresh(n(1, {...private10, age: '4'}));
	equal((await cache.get(url)).age, 4);
	clock.pass(5.9);
	const {age, from} = await cache.get(url);
	equal([Math.round(age * 10), from], [99, 'cache']);
	clock.pass(0.1);
	equal(told(await cache.get(url)), [1, 'revalidated']);
	equal(asked(), 2);
});
test('an Age that is none is none', async () => {
	const {cache, url} = fresh(n(1, {...private10, age: 'soon'}));
	equal((await cache.get(url)).age, 0);
	equal((await cache.get(url)).from, 'cache');
});
test('304 renews what is kept, by its own headers', async () => {
	const {cache, url, path, says, asked} = fresh(n(1));
	await cache.get(url);
	says({...n(1), headers: {...private10, age: '7'}});
	clock.pass(10);
	equal((await cache.get(url)).from, 'revalidated');
	equal(server.asked(path)[1].headers['if-none-match'], '"1"');
	clock.pass(2.9);
	equal(told(await cache.get(url)), [1, 'cache']);
	clock.pass(0.1);
	equal(told(await cache.get(url)), [1, 'revalidated']);
	equal(asked(), 3);
});
test('another ETag is another answer', async () => {
	const {cache, url, path, says} = fresh(n(1));
	await cache.get(url);
	says(n(2, {...private10, etag: '"2"'}));
	clock.pass(10);
	equal(told(await cache.get(url)), [2, 'network']);
	clock.pass(10);
	equal(told(await cache.get(url)), [2, 'revalidated']);
	equal(server.asked(path)[2].headers['if-none-match'], '"2"');
});
test('without an ETag it is asked for whole', async () => {
	const {cache, url, path} = fresh(n(1, {'cache-control': 'max-age=1'}));
	await cache.get(url);
	clock.pass(1);
	equal(told(await cache.get(url)), [1, 'network']);
	equal('if-none-match' in server.asked(path)[1].headers, false);
});
test('a 304 that nobody asked for is none', async () => {
	const {cache, url} = fresh({status: 304, headers: {}});
	await rejects(cache.get(url), {name: 'ReadError', status: 304});
});
test('what says nothing, or no-cache, is asked about each time', async () => {
	for (const said of [undefined, 'no-cache', 'max-age=0', 's-maxage=9',
		'private, no-cache, max-age=9']) {
		const {cache, url} = fresh(n(1, {etag: '"1"',
			...said && {'cache-control': said}}));
		await cache.get(url);
		equal((await cache.get(url)).from, 'revalidated', said);
	}
});
test('ttl counts instead of what it says', async () => {
	const {cache, url, asked} = fresh(n(1));
	await cache.get(url);
	clock.pass(8);
	equal((await cache.get(url, {ttl: 8})).from, 'revalidated');
	equal((await cache.get(url, {ttl: 0})).from, 'revalidated');
	clock.pass(20);
	equal((await cache.get(url, {ttl: 20.1})).from, 'cache');
	equal(asked(), 3);
	const silent = fresh(n(1, {}));
	await silent.cache.get(silent.url);
	equal((await silent.cache.get(silent.url, {ttl: 1})).from, 'cache');
});
test('a server that takes its time makes it no younger', async () => {
	const {cache, url, path} = fresh({...n(1), hold: true});
	const reading = cache.get(url);
	await server.arrived(path);
	clock.pass(9);
	server.release(path);
	equal((await reading).age, 9);
	clock.pass(1);
	server.says(path, n(1));
	equal((await cache.get(url)).from, 'revalidated');
});
test('a clock that was put back makes it old, never young', async () => {
	const {cache, url, asked} = fresh(n(1));
	await cache.get(url);
	clock.pass(-5);
	equal((await cache.get(url)).from, 'revalidated');
	clock.pass(-3600);
	server.says(new URL(url).pathname, {status: 503});
	await rejects(cache.get(url, {staleIfError: 86400 * 365}),
		{status: 503});
	const {stale, age} = await cache.get(url, {staleIfError: Infinity});
	equal([stale, age > 1e9], [true, true]);
	clock.pass(3605);
	equal([(await cache.get(url)).from, asked()], ['cache', 4]);
});
test('the clock of the server is not looked at', async () => {
	const {cache, url, asked} = fresh(n(1, {...private10,
		date: 'Thu, 01 Jan 1970 00:00:00 GMT',
		expires: 'Thu, 01 Jan 1970 00:00:00 GMT'}));
	equal((await cache.get(url)).age, 0);
	clock.pass(9);
	equal([(await cache.get(url)).age, asked()], [9, 1]);
});

/* ---- what is kept ------------------------------------------------------- */

test('no-store and Vary: * are not kept, whatever ttl says', async () => {
	for (const headers of [{'cache-control': 'no-store'},
		{'cache-control': 'private, No-Store, max-age=9'},
		{...private10, vary: '*'}, {...private10, vary: 'Origin, *'}]) {
		const {cache, url, asked, kept} = fresh(n(1, headers));
		await cache.get(url, {ttl: 60});
		equal(told(await cache.get(url, {ttl: 60})), [1, 'network']);
		equal([asked(), kept()], [2, []]);
	}
	const {cache, url, kept} = fresh(n(1,
		{...private10, vary: 'Origin, Authorization'}));
	await cache.get(url);
	equal(kept().length, 1);
});
test('a part that is missing does not push out what was whole', async () => {
	const {cache, url, says} = fresh(n(1));
	await cache.get(url);
	says(n(2, {'cache-control': 'no-store',
		'x-aggregate-complete': 'false'}));
	clock.pass(10);
	equal(told(await cache.get(url)), [2, 'network']);
	says({close: true});
	equal(told(await cache.get(url, {staleIfError: 60})),
		[1, 'cache', 'stale']);
});
test('an aggregate of old parts is said to be old', async () => {
	const {cache, url} = fresh(n(1, {'cache-control': 'no-store',
		age: '70', 'x-aggregate-stale': 'true'}));
	const {stale, age, from} = await cache.get(url);
	equal([stale, age, from], [true, 70, 'network']);
});
test('only 200 is kept; all else is a ReadError', async () => {
	for (const status of [201, 202, 204, 206, 301, 400, 401, 403, 404, 410,
		429, 500, 502, 503, 504]) {
		const {cache, url, kept} = fresh({status, ...n(1),
			headers: {'cache-control': 'max-age=60'}},
		{fetch: (at, init) =>
			fetch(at, {...init, redirect: 'manual'})});
		const error = await cache.get(url).catch((e) => e);
		ok(error instanceof ReadError && error instanceof Error);
		equal([error.name, error.status, error.message, kept()],
			['ReadError', status, `HTTP ${status}`, []]);
		equal(error.body, status === 204 ? undefined : {n: 1});
	}
});
test('the body of an error: JSON, or nothing', async () => {
	const problem = {title: 'No', detail: 'Not now.', status: 403};
	const one = fresh({status: 403, body: problem,
		headers: {'content-type': 'application/problem+json'}});
	equal((await one.cache.get(one.url).catch((e) => e)).body, problem);
	const other = fresh({status: 502, body: '<h1>Bad Gateway</h1>',
		headers: {'content-type': 'text/html'}});
	equal((await other.cache.get(other.url).catch((e) => e)).body,
		undefined);
});
test('gone is forgotten: 404, 410; refused is not', async () => {
	for (const [status, left] of [[404, 0], [410, 0], [401, 1], [403, 1],
		[400, 1], [500, 1]]) {
		const {cache, url, says, kept} = fresh(n(1));
		await cache.get(url);
		says({status, body: {status}});
		clock.pass(10);
		await rejects(cache.get(url, {staleIfError: 60}), {status});
		equal(kept().length, left, String(status));
	}
});
test('text is text; JSON that is none is an error, and not kept', async () => {
	const csv = fresh({body: '1', headers: {
		'content-type': 'text/csv', 'cache-control': 'max-age=9'}});
	equal((await csv.cache.get(csv.url)).value, '1');
	equal((await csv.cache.get(csv.url)).value, '1');
	const problem = fresh({body: {n: 1}, headers: {
		'content-type': 'application/vnd.x+json; charset=utf-8'}});
	equal((await problem.cache.get(problem.url)).value, {n: 1});
	const {cache, url, kept} = fresh({body: '{"n":',
		headers: {...private10, 'content-type': 'application/json'}});
	await rejects(cache.get(url), SyntaxError);
	equal(kept(), []);
	const nil = fresh({body: null, headers: private10});
	await nil.cache.get(nil.url);
	equal([(await nil.cache.get(nil.url)).value, nil.asked()], [null, 1]);
});
test('what one writes into its value nobody else has', async () => {
	const {cache, url, path, says} = fresh({...n(1), hold: true});
	const two = [cache.get(url), cache.get(url)];
	await server.arrived(path);
	server.release(path);
	const [one, other] = await Promise.all(two);
	one.value.n = 'spoilt';
	equal(other.value, {n: 1});
	const third = await cache.get(url);
	third.value.n = 'spoilt';
	equal((await cache.get(url)).value, {n: 1});
	says(n(2));
});
test('one owner does not see what another one has', async () => {
	const {cache, url, name} = fresh(n(1));
	await cache.get(url);
	equal((await openCache({name: `${name}x`}).get(url)).from, 'network');
	equal((await openCache({name}).get(url)).from, 'cache');
	equal((await openCache().get(url)).from, 'network');
	equal(stores.paths('lowtide:public').length, 1);
});
test('a URL is a URL, whatever follows #', async () => {
	const {cache, url, asked} = fresh(n(1));
	await cache.get(new URL(`${url}#one`));
	equal([(await cache.get(`${url}#two`)).from, asked()], ['cache', 1]);
	await rejects(cache.get('nowhere'), TypeError);
});

/* ---- together ----------------------------------------------------------- */

test('who asks at the same time shares one request', async () => {
	const {cache, url, path, asked} = fresh({...n(1), hold: true});
	const all = [1, 2, 3].map(() => cache.get(url));
	await server.arrived(path);
	const late = cache.get(url);
	await settled();
	server.release(path);
	all.push(late);
	equal((await Promise.all(all)).map(({value, from}) => [value.n, from]),
		Array(4).fill([1, 'network']));
	equal(asked(), 1);
});
test('one that leaves fails nobody else', async () => {
	const {cache, url, path, asked} = fresh({...n(1), hold: true});
	const stop = new AbortController();
	const gone = cache.get(url, {signal: stop.signal});
	const stays = cache.get(url, {signal: new AbortController().signal});
	await server.arrived(path);
	stop.abort(new Error('bored'));
	await rejects(gone, {message: 'bored'});
	server.release(path);
	equal(told(await stays), [1, 'network']);
	equal([asked(), server.gone(path)], [1, 0]);
	equal((await cache.get(url)).from, 'cache');
});
test('the last one to leave takes the request along', async () => {
	const {cache, url, path, asked, kept} = fresh({...n(1), hold: true});
	const stops = [1, 2].map(() => new AbortController());
	const all = stops.map(({signal}) => cache.get(url, {signal})
		.catch((e) => e.name));
	await server.arrived(path);
	stops[0].abort();
	equal(await all[0], 'AbortError');
	equal(server.gone(path), 0);
	stops[1].abort();
	equal(await all[1], 'AbortError');
	await until(() => server.gone(path));
	equal(kept(), []);
	server.says(path, n(2));
	equal(told(await cache.get(url)), [2, 'network']);
	equal(asked(), 2);
});
test('who comes when all have left begins anew, at once', async () => {
	const {cache, url, path} = fresh({...n(1), hold: true});
	const stop = new AbortController();
	const left = cache.get(url, {signal: stop.signal}).catch(() => 'left');
	await server.arrived(path);
	server.says(path, n(2));
	stop.abort();
	equal(told(await cache.get(url)), [2, 'network']);
	equal(await left, 'left');
	equal(told(await cache.get(url)), [2, 'cache']);
});
test('aborted before, nothing is asked, and nothing shown', async () => {
	const {cache, url, asked} = fresh(n(1));
	const signal = AbortSignal.abort();
	await rejects(cache.get(url, {signal}), {name: 'AbortError'});
	equal(asked(), 0);
	await cache.get(url);
	await rejects(cache.get(url, {signal}), {name: 'AbortError'});
});
test('a signal keeps no listener of a read that is over', async () => {
	const {cache, url} = fresh(n(1));
	const {signal} = new AbortController();
	const counts = {add: 0, live: 0};
	const add = signal.addEventListener.bind(signal);
	signal.addEventListener = (type, listener, options) => {
		counts.add++;
		counts.live++;
		options.signal.addEventListener('abort', () => counts.live--);
		add(type, listener, options);
	};
	await cache.get(url, {signal});
	equal(counts, {add: 1, live: 0});
});
test('what fails fails for all who asked, and for nobody after', async () => {
	const {cache, url, path, says} = fresh({status: 500, hold: true});
	const all = [1, 2].map(() => cache.get(url).catch((e) => e.status));
	await server.arrived(path);
	server.release(path);
	equal(await Promise.all(all), [500, 500]);
	says(n(1));
	equal(told(await cache.get(url)), [1, 'network']);
});

/* ---- old ones, meanwhile or for want of better -------------------------- */

test('stale: shown at once, and what is asked for meanwhile', async () => {
	const {cache, url, path, says, asked} = fresh(n(1));
	await cache.get(url);
	clock.pass(14);
	says({...n(2, {...private10, etag: '"2"'}), hold: true});
	const first = await cache.get(url, {stale: 5});
	equal([told(first), first.age], [[1, 'cache', 'stale'], 14]);
	const second = await cache.get(url, {stale: 5});
	await server.arrived(path, 2);
	server.release(path);
	equal((await Promise.all([first.fresh, second.fresh])).map(told),
		[[2, 'network'], [2, 'network']]);
	equal([asked(), (await first.fresh).fresh], [2, null]);
	equal((await cache.get(url)).value, {n: 2});
});
test('too old for it is waited for; fresh is just fresh', async () => {
	const {cache, url, asked} = fresh(n(1));
	await cache.get(url);
	equal((await cache.get(url, {stale: 5})).fresh, null);
	clock.pass(15);
	const {from, stale, fresh: more} = await cache.get(url, {stale: 5});
	equal([from, stale, more, asked()], ['revalidated', false, null, 2]);
});
test('stale, and the network fails: the same again, and no rejection',
	async () => {
		const {cache, url, says} = fresh(n(1));
		await cache.get(url);
		clock.pass(12);
		says({close: true});
		const {fresh: more} = await cache.get(url, {stale: 5});
		equal(told(await more), [1, 'cache', 'stale']);
	});
test('stale, and it is refused: that is told to who looks', async () => {
	const {cache, url, says} = fresh(n(1));
	await cache.get(url);
	clock.pass(12);
	says({status: 401});
	const ignored = await cache.get(url, {stale: 5});
	const {fresh: more} = await cache.get(url, {stale: 5});
	await rejects(more, {status: 401});
	equal(told(ignored), [1, 'cache', 'stale']);
});
test('who leaves what is asked for meanwhile stops it', async () => {
	const {cache, url, path, says} = fresh(n(1));
	await cache.get(url);
	clock.pass(12);
	says({...n(2), hold: true});
	const stop = new AbortController();
	const {fresh: more} = await cache.get(url,
		{stale: 5, signal: stop.signal});
	await server.arrived(path, 2);
	stop.abort();
	await rejects(more, {name: 'AbortError'});
	await until(() => server.gone(path));
});
test('an answer that nobody may read is none', async () => {
	const {cache, url} = fresh(n(1), {fetch: (at, init) =>
		answer?.() ?? fetch(at, init)});
	let answer = null;
	await cache.get(url);
	clock.pass(20);
	answer = () => Response.error();
	equal(told(await cache.get(url, {staleIfError: 60})),
		[1, 'cache', 'stale']);
	await rejects(cache.get(url), {name: 'ReadError', status: 0});
	answer = () => {
		throw new TypeError('not even sent');
	};
	await rejects(cache.get(url), TypeError);
	answer = null;
	equal((await cache.get(url)).from, 'revalidated');
});
test('staleIfError: no answer, 502, 503, 504; nothing else', async () => {
	const {cache, url, says} = fresh(n(1));
	await cache.get(url);
	clock.pass(20);
	for (const say of [{close: true}, {status: 502}, {status: 503},
		{status: 504}, {body: '{', headers: {}}]) {
		says(say);
		const {age, fresh: more, ...read} =
			await cache.get(url, {staleIfError: 11});
		equal([told(read), age, more],
			[[1, 'cache', 'stale'], 20, null]);
		await rejects(cache.get(url, {staleIfError: 10}));
		await rejects(cache.get(url));
	}
	for (const status of [400, 401, 403, 429, 500, 501, 505]) {
		says({status});
		await rejects(cache.get(url, {staleIfError: 11}), {status});
	}
});
test('errors with a status, as of a client, are looked at', async () => {
	let error;
	const {cache, url} = fresh(n(1), {fetch: async (at, init) => {
		if (error)
			throw error;
		return fetch(at, init);
	}});
	await cache.get(url);
	clock.pass(20);
	error = Object.assign(new Error('network'), {status: 0});
	equal(told(await cache.get(url, {staleIfError: 60})),
		[1, 'cache', 'stale']);
	error = Object.assign(new Error('unauthorized'), {status: 401});
	await rejects(cache.get(url, {staleIfError: 60}), {status: 401});
});
test('where nothing is kept, an error is one, and an abort stays one',
	async () => {
		const {cache, url, says, path} = fresh({close: true});
		await rejects(cache.get(url, {staleIfError: Infinity,
			stale: Infinity}), TypeError);
		says(n(1));
		await cache.get(url);
		clock.pass(12);
		says({...n(1), hold: true});
		const stop = new AbortController();
		const read = cache.get(url,
			{staleIfError: 60, signal: stop.signal});
		await server.arrived(path, 3);
		stop.abort();
		await rejects(read, {name: 'AbortError'});
	});

/* ---- forgetting --------------------------------------------------------- */

test('invalidate() forgets all that begins so, and no other', async () => {
	const {cache, url, path, kept} = fresh(n(1));
	for (const end of ['', '/a', '?b', 'c']) {
		server.says(path + end, n(1));
		await cache.get(url + end);
	}
	equal(await cache.invalidate(`${url}/`), 1);
	equal(kept().length, 3);
	equal(await cache.invalidate(new URL(url)), 3);
	equal([kept(), await cache.invalidate(server.url)], [[], 0]);
	server.says(`/?of=${url}`, n(1));
	await cache.get(`${server.url}/?of=${url}`);
	equal(await cache.invalidate(url), 0);
	equal((await cache.get(url)).from, 'network');
});
test('what is under way when it is forgotten is not put back', async () => {
	const second = n(2, {...private10, etag: '"2"'});
	for (const forget of ['invalidate', 'clear'])
		for (const before of [false, true]) {
			const {cache, url, path, says, kept} = fresh(n(1));
			if (before)
				await cache.get(url);
			clock.pass(10);
			says({...second, hold: true});
			const old = cache.get(url);
			await server.arrived(path, before ? 2 : 1);
			const forgotten = cache[forget](url);
			says(n(3, {...private10, etag: '"3"'}));
			/* and nobody joins it any more */
			equal(told(await cache.get(url)), [3, 'network']);
			server.release(path);
			equal(told(await old), [2, 'network']);
			await forgotten;
			equal(told(await cache.get(url)), [3, 'cache']);
			equal(kept().length, 1);
		}
});
test('what is under way and was not forgotten is kept, and shared', async () => {
	const {cache, url, path, asked, kept} = fresh({...n(1), hold: true});
	const one = cache.get(url);
	await server.arrived(path);
	equal(await cache.invalidate(`${url}/below`), 0);
	const other = cache.get(url);
	await settled();
	server.release(path);
	equal((await Promise.all([one, other])).map(told),
		[[1, 'network'], [1, 'network']]);
	equal([asked(), kept().length], [1, 1]);
});
test('nor is it kept where nobody asks again', async () => {
	const {cache, url, path, kept} = fresh({...n(1), hold: true});
	const old = cache.get(url);
	await server.arrived(path);
	equal(await cache.invalidate(url), 0);
	server.release(path);
	equal([told(await old), kept()], [[1, 'network'], []]);
});
test('what ends late does not push out what came after it', async () => {
	const answers = [];
	const {cache, url, kept} = fresh(null, {fetch: () =>
		new Promise((go) => answers.push((number) => go(new Response(
			`{"n":${number}}`, {headers: {...private10,
				'content-type': 'application/json'}}))))});
	const first = cache.get(url);
	await until(() => answers.length === 1);
	await cache.invalidate(url);
	const second = cache.get(url);
	await until(() => answers.length === 2);
	answers[0](1);
	equal(told(await first), [1, 'network']);
	const third = cache.get(url);
	await settled();
	answers[1](2);
	equal([told(await second), told(await third), kept().length],
		[[2, 'network'], [2, 'network'], 1]);
});
test('an answer being put away as it is forgotten does not stay', async () => {
	const {cache, url, kept} = fresh(n(1));
	let forgotten;
	stores.asked = (what) => {
		if (what === 'put')
			forgotten ??= cache.invalidate(url);
	};
	await cache.get(url);
	stores.asked = () => {};
	equal([await forgotten, kept()], [1, []]);
});
test('another window forgets it meanwhile: not put back either', async () => {
	const {cache, url, path, says, kept, name} = fresh(n(1));
	await cache.get(url);
	clock.pass(10);
	says({...n(2), headers: private10, hold: true});
	says({...n(2, {...private10, etag: '"2"'}), hold: true});
	const old = cache.get(url);
	await server.arrived(path, 2);
	await openCache({name}).invalidate(url);
	server.release(path);
	equal([told(await old), kept()], [[2, 'network'], []]);
});
test('another window signs out meanwhile: nothing of it is left', async () => {
	const {cache, url, path, kept, name} = fresh({...n(1), hold: true});
	const old = cache.get(url);
	await server.arrived(path);
	await openCache({name}).clear();
	server.release(path);
	equal([told(await old), kept()], [[1, 'network'], []]);
});
test('an older answer never lies over a newer one', async () => {
	const {cache, url, path, says, name} = fresh(n(1));
	const other = openCache({name});
	await cache.get(url);
	clock.pass(10);
	says({...n(2, {...private10, etag: '"2"'}), hold: true});
	const slow = cache.get(url);
	await server.arrived(path, 2);
	says(n(3, {...private10, etag: '"3"'}));
	equal(told(await other.get(url)), [3, 'network']);
	server.release(path);
	await slow;
	equal(told(await other.get(url)), [3, 'cache']);
});
test('who asks after a change need not wait for it', async () => {
	const {cache, url, says} = fresh(n(1));
	await cache.get(url);
	cache.expect(url, () => ({n: 2}));
	equal(told(await cache.get(url)), [2, 'cache', 'expected']);
	cache.invalidate(url);
	equal(told(await cache.get(url, {ttl: 60})),
		[2, 'network', 'expected']);
	cache.clear();
	says(n(3));
	equal(told(await cache.get(url)), [3, 'network']);
	equal(told(await cache.get(url)), [3, 'cache']);
});
test('clear() is gone altogether, twice as well', async () => {
	const {cache, url, name} = fresh(n(1));
	await cache.get(url);
	await cache.clear();
	equal(stores.named.has(`lowtide:${name}`), false);
	equal(await cache.clear(), undefined);
	equal((await cache.get(url)).from, 'network');
});

/* ---- no room, no store -------------------------------------------------- */

test('full: the oldest makes room, once', async () => {
	const {cache, url, path, kept} = fresh(n(1));
	for (const end of ['/1', '/2', '/3'])
		server.says(path + end, n(1));
	await cache.get(`${url}/1`);
	await cache.get(`${url}/2`);
	stores.room = stores.count();
	equal(told(await cache.get(`${url}/3`)), [1, 'network']);
	equal(kept(), [`${path}/2&lowtide`, `${path}/3&lowtide`]);
	stores.room = Infinity;
});
test('full for good: served all the same', async () => {
	const {cache, url, kept, asked} = fresh(n(1));
	stores.room = 0;
	equal(told(await cache.get(url)), [1, 'network']);
	equal(told(await cache.get(url)), [1, 'network']);
	equal([kept(), asked()], [[], 2]);
	stores.room = Infinity;
	await cache.get(url);
	equal((await cache.get(url)).from, 'cache');
});
test('full for good: what was read stays, what is expected is shown',
	async () => {
		for (const confirmed of [true, false]) {
			const {cache, url, says, kept} = fresh(n(1));
			await cache.get(url);
			/* one more that may be put, so that nothing was made room for */
			stores.asked = (what) => {
				if (what === 'put')
					throw new DOMException('full', 'QuotaExceededError');
			};
			stores.named.get(`lowtide:owner-${made}`).entries =
				new Map([[`${server.url}/first`, new Response('')],
					...stores.named.get(`lowtide:owner-${made}`).entries]);
			clock.pass(10);
			says(n(2, {...private10, etag: '"2"'}));
			equal(told(await cache.get(url)), [2, 'network']);
			says({close: true});
			equal(told(await cache.get(url, {staleIfError: 60})),
				[1, 'cache', 'stale']);
			equal(kept().length, 1);
			says(n(2));
			const settle = await cache.expect(url, () => ({n: 3}));
			equal(told(await cache.get(url, {ttl: 60})),
				[3, 'network', 'expected']);
			await settle({confirmed});
			equal(told(await cache.get(url, {ttl: 60})),
				[confirmed ? 3 : 2, 'network']);
			stores.asked = () => {};
		}
	});
test('full just when it is refused: it is not shown any more', async () => {
	const {cache, url, name} = fresh(n(1));
	await cache.get(url);
	const {entries} = stores.named.get(`lowtide:${name}`);
	const settle = await cache.expect(url, () => ({n: 2}));
	const [mine] = entries;
	entries.clear();
	entries.set(`${server.url}/first`, new Response(''));
	entries.set(...mine);
	stores.asked = (what) => {
		if (what === 'put')
			throw new DOMException('full', 'QuotaExceededError');
	};
	await settle({confirmed: false});
	stores.asked = () => {};
	equal(told(await cache.get(url)), [1, 'network']);
});
test('a store that fails at whatever is none', async () => {
	for (const broken of ['open', 'match', 'put', 'delete', 'keys',
		'delete-all']) {
		const {cache, url} = fresh(n(1));
		stores.asked = (what) => {
			if (what === broken)
				throw new DOMException('broken');
		};
		equal(told(await cache.get(url)), [1, 'network'], broken);
		equal(told(await cache.get(url)),
			[1, ['delete', 'keys', 'delete-all'].includes(broken) ?
				'cache' : 'network'], broken);
		const settle = await cache.expect(url, () => ({n: 2}));
		const read = await cache.get(url);
		equal([read.value, read.expected], [{n: 2}, true], broken);
		await settle({confirmed: false});
		/* what is wrong with it is told, not with the store */
		server.says(new URL(url).pathname, {status: 404});
		await rejects(cache.get(url, {ttl: 0}), {status: 404}, broken);
		equal(await cache.invalidate(url), 0, broken);
		await cache.clear();
		stores.asked = () => {};
	}
});
test('what is in the store and is not ours is nothing', async () => {
	const {cache, url, name} = fresh(n(1));
	const store = await stores.open(`lowtide:${name}`);
	await store.put(`${url}&lowtide`, new Response('not JSON'));
	equal(told(await cache.get(url)), [1, 'network']);
	await store.put(url, new Response('{"value":"somebody else\'s"}'));
	equal(told(await cache.get(url)), [1, 'cache']);
	for (const text of ['null', '7', '{}', '[]', '{"at":0}', '']) {
		await store.put(`${url}&lowtide`, new Response(text));
		equal(told(await cache.get(url)), [1, 'network'], text);
	}
	/* a value without its times is old, nothing worse */
	await store.put(`${url}&lowtide`, new Response('{"value":{"n":2}}'));
	equal(told(await cache.get(url)), [1, 'network']);
});
test('without a Cache every read asks, and shares', async () => {
	delete globalThis.caches;
	const {cache, url, path, asked, says} = fresh(n(1));
	equal(told(await cache.get(url)), [1, 'network']);
	equal(told(await cache.get(url, {ttl: 60})), [1, 'network']);
	says({...n(1), hold: true});
	const two = [cache.get(url), cache.get(url)];
	await server.arrived(path, 3);
	server.release(path);
	await Promise.all(two);
	equal(asked(), 3);
	equal([await cache.invalidate(url), await cache.clear()],
		[0, undefined]);
	says({status: 404});
	await rejects(cache.get(url), {status: 404});
	globalThis.caches = stores;
});

/* ---- what is expected --------------------------------------------------- */

const list = (...names) => ({body: names, headers: private10});
const add = (name) => (all) => all.includes(name) ? all : [...all, name];
const shows = async (cache, url, options) => {
	const {value, expected, from, stale} = await cache.get(url, options);
	return [value.join(' '), from, ...expected ? ['expected'] : [],
		...stale ? ['stale'] : []];
};

test('expected: shown at once, without a request', async () => {
	const {cache, url, asked} = fresh(list('a'));
	await cache.get(url);
	await cache.expect(url, add('b'));
	equal(await shows(cache, url), ['a b', 'cache', 'expected']);
	clock.pass(200);
	equal(await shows(cache, url, {ttl: 0}), ['a b', 'cache', 'expected']);
	equal(asked(), 1);
});
test('it is bounded: after its ttl it is what was read, asked about',
	async () => {
		const {cache, url, asked, says} = fresh(list('a'));
		await cache.get(url);
		await cache.expect(url, add('b'), {ttl: 3});
		clock.pass(2.9);
		equal(await shows(cache, url), ['a b', 'cache', 'expected']);
		clock.pass(0.1);
		/* though what was read would be fresh still */
		equal(await shows(cache, url), ['a', 'network']);
		equal(asked(), 2);
		await cache.expect(url, add('b'));
		clock.pass(299.9);
		equal((await cache.get(url)).expected, true);
		clock.pass(0.1);
		says({close: true});
		equal(await shows(cache, url, {staleIfError: 1e6}),
			['a', 'cache', 'stale']);
	});
test('confirmed: it stays as long as the read may be kept, then is asked for',
	async () => {
		const {cache, url, says, asked} = fresh(list('a'));
		await cache.get(url);
		const settle = await cache.expect(url, add('b'));
		await settle({confirmed: true, result: null});
		says(list('a'));
		equal(await shows(cache, url), ['a b', 'cache']);
		clock.pass(9.9);
		equal(await shows(cache, url), ['a b', 'cache']);
		says({close: true});
		clock.pass(0.1);
		/* and what was confirmed is what there is without a network */
		equal(await shows(cache, url, {staleIfError: 60, ttl: 600}),
			['a b', 'cache', 'stale']);
		says(list('a', 'b', 'c'));
		equal(await shows(cache, url, {ttl: 600}),
			['a b c', 'network']);
		equal(asked(), 3);
	});
test('confirmed, it is not held longer than it was allowed to be', async () => {
	const {cache, url, asked} = fresh(list('a'));
	await cache.get(url);
	const settle = await cache.expect(url, add('b'), {ttl: 4});
	clock.pass(1);
	await settle({confirmed: true});
	clock.pass(2.9);
	equal(await shows(cache, url), ['a b', 'cache']);
	clock.pass(0.1);
	await cache.get(url);
	equal(asked(), 2);
});
test('not confirmed: gone at once, and asked about at the next read',
	async () => {
		const {cache, url, asked, says} = fresh(list('a'));
		await cache.get(url);
		const settle = await cache.expect(url, add('b'));
		await settle({confirmed: false, error: new Error('no')});
		says({close: true});
		equal(await shows(cache, url, {staleIfError: 60, ttl: 600}),
			['a', 'cache', 'stale']);
		says(list('a'));
		equal(await shows(cache, url, {ttl: 600}), ['a', 'network']);
		equal(asked(), 3);
	});
test('two on one URL: each goes by itself', async () => {
	for (const [b, c, left] of [[true, true, 'a b c'], [false, true, 'a c'],
		[true, false, 'a b'], [false, false, 'a']])
		for (const first of ['b', 'c']) {
			const {cache, url} = fresh(list('a'));
			await cache.get(url);
			const [one, two] = await Promise.all([
				cache.expect(url, add('b')),
				cache.expect(url, add('c'))]);
			equal(await shows(cache, url),
				['a b c', 'cache', 'expected']);
			const settle = {b: () => one({confirmed: b}),
				c: () => two({confirmed: c})};
			await settle[first]();
			const open = first === 'b' ? b ? 'a b c' : 'a c' :
				c ? 'a b c' : 'a b';
			equal(await shows(cache, url),
				[open, 'cache', 'expected']);
			await settle[first === 'b' ? 'c' : 'b']();
			const end = await cache.get(url,
				{ttl: 60, stale: 60});
			equal([end.value.join(' '), end.expected, end.stale],
				[left, false, !b && !c]);
			await end.fresh;
		}
});
test('each has its own ttl, whoever is longer', async () => {
	const {cache, url, says} = fresh(list('a'));
	await cache.get(url);
	await cache.expect(url, add('b'), {ttl: 3});
	await cache.expect(url, add('c'), {ttl: 30});
	clock.pass(2);
	equal(await shows(cache, url), ['a b c', 'cache', 'expected']);
	clock.pass(1);
	says(list('x'));
	/* the longer one is laid over the new answer */
	equal(await shows(cache, url), ['x c', 'network', 'expected']);
	equal(await shows(cache, url), ['x c', 'cache', 'expected']);
	clock.pass(27);
	equal(await shows(cache, url), ['x', 'network']);
});
test('it is settled once', async () => {
	const {cache, url} = fresh(list('a'));
	await cache.get(url);
	const b = await cache.expect(url, add('b'));
	await b({confirmed: true});
	const c = await cache.expect(url, add('c'));
	await b({confirmed: false});
	equal(await shows(cache, url), ['a b c', 'cache', 'expected']);
	await c({confirmed: false});
	equal((await cache.get(url, {stale: 60})).value, ['a', 'b']);
});
test('it survives a reload, and so does its end', async () => {
	const {cache, url, name, asked} = fresh(list('a'));
	await cache.get(url);
	await cache.expect(url, add('b'), {ttl: 20});
	const reloaded = openCache({name});
	equal(await shows(reloaded, url), ['a b', 'cache', 'expected']);
	/* another one over it, which is refused */
	const settle = await reloaded.expect(url, add('c'), {ttl: 20});
	equal(await shows(reloaded, url), ['a b c', 'cache', 'expected']);
	await settle({confirmed: false});
	equal(await shows(reloaded, url), ['a', 'network']);
	await cache.expect(url, add('b'), {ttl: 20});
	equal(await openCache({name}).invalidate(url), 1);
	equal(await shows(openCache({name}), url), ['a', 'network']);
	equal(asked(), 3);
});
test('what is read meanwhile has it laid over', async () => {
	const {cache, url, path, says, name} =
		fresh({...list('a'), hold: true});
	const reading = cache.get(url);
	await server.arrived(path);
	const settle = await cache.expect(url, (all) => all && add('b')(all));
	server.release(path);
	equal(await shows({get: () => reading}, url),
		['a b', 'network', 'expected']);
	/* kept with it, too, for the next page */
	equal(await shows(openCache({name}), url),
		['a b', 'cache', 'expected']);
	await settle({confirmed: false});
	says(list('a', 'x'));
	equal(await shows(cache, url), ['a x', 'network']);
});
test('nothing was read yet: what it makes of nothing is shown', async () => {
	const {cache, url, asked} = fresh({status: 404});
	const settle = await cache.expect(url, (all = []) => add('b')(all));
	equal(await shows(cache, url), ['b', 'cache', 'expected']);
	equal((await cache.get(url)).age, 0);
	await settle({confirmed: false});
	await rejects(cache.get(url), {status: 404});
	equal(asked(), 1);
});
test('nothing was read yet, it is confirmed: asked for at once', async () => {
	const {cache, url} = fresh(list('a', 'b'));
	const settle = await cache.expect(url, () => ['b']);
	equal(await shows(cache, url), ['b', 'cache', 'expected']);
	await settle({confirmed: true});
	equal(await shows(cache, url), ['a b', 'network']);
});
test('what is not kept has it laid over each time', async () => {
	const {cache, url, kept, says} = fresh({body: ['a'],
		headers: {'cache-control': 'no-store'}});
	const settle = await cache.expect(url, (all) => all && add('b')(all));
	equal(await shows(cache, url), ['a b', 'network', 'expected']);
	equal(await shows(cache, url), ['a b', 'network', 'expected']);
	says({body: ['a', 'b'], headers: {'cache-control': 'no-store'}});
	equal(await shows(cache, url), ['a b', 'network', 'expected']);
	await settle({confirmed: true});
	equal(await shows(cache, url), ['a b', 'network']);
	equal((await Promise.all(kept().map(async (path) => (await (await stores
		.named.get('lowtide:' + path)?.match(path))?.json())?.value)))
		.filter(Boolean), []);
});
test('a change that throws is no change', async () => {
	const {cache, url} = fresh(list('a'));
	await cache.get(url);
	await cache.expect(url, add('b'));
	await rejects(cache.expect(url, () => {
		throw new Error('mine');
	}), {message: 'mine'});
	equal(await shows(cache, url), ['a b', 'cache', 'expected']);
	await (await cache.expect(url, add('c')))({confirmed: false});
	equal(await shows(cache, url), ['a b', 'cache', 'expected']);
});
test('a change may write into what it is given', async () => {
	const {cache, url} = fresh(list('a'));
	await cache.get(url);
	const push = (name) => (all) => {
		all.push(name);
		return all;
	};
	const one = await cache.expect(url, push('b'));
	await cache.expect(url, push('c'));
	await one({confirmed: false});
	equal(await shows(cache, url), ['a c', 'cache', 'expected']);
});
test('an answer of before is not put over what is expected elsewhere',
	async () => {
		const {cache, url, path, says, name} = fresh(list('a'));
		await cache.get(url);
		clock.pass(10);
		says({...list('a'), headers: {...private10, etag: '"2"'},
			hold: true});
		const reading = cache.get(url);
		await server.arrived(path, 2);
		await openCache({name}).expect(url, add('b'));
		server.release(path);
		await reading;
		equal(await shows(cache, url), ['a b', 'cache', 'expected']);
	});
test('forgotten, it is settled without a trace', async () => {
	const {cache, url, kept} = fresh(list('a'));
	await cache.get(url);
	const settle = await cache.expect(url, add('b'));
	await cache.clear();
	await settle({confirmed: true});
	equal(kept(), []);
	equal(await shows(cache, url), ['a', 'network']);
});
test('nor where another window has signed out meanwhile', async () => {
	for (const confirmed of [true, false]) {
		const {cache, url, kept, name} = fresh(list('a'));
		await cache.get(url);
		const settle = await cache.expect(url, add('b'));
		await openCache({name}).clear();
		await settle({confirmed});
		equal(kept(), []);
	}
});
test('put back, the clock ends what is expected', async () => {
	const {cache, url} = fresh(list('a'));
	await cache.get(url);
	await cache.expect(url, add('b'));
	clock.pass(-1);
	equal((await openCache({name: `owner-${made}`}).get(url)).value, ['a']);
	clock.pass(1);
});
/*
 * The README's example as it stands there, before a server that has what was
 * sent by the time it says so: nothing goes meanwhile, nothing is there twice.
 */
const [example] = /^import \{openCache\}[^]*?(?=^import )/m.exec(
	readFileSync(new URL('../../README.md', import.meta.url), 'utf8'));
const follow = new Function('openCache', 'person', 'api', 'show', 'one', 'url',
	example.replace(/^import.*/, '').replaceAll("'/api/bundle'", 'url'));
for (const [kept, headers] of [['kept', private10],
	['read and not kept', {'cache-control': 'no-store'}]])
	for (const confirmed of [true, false])
		test(`as the README has it: ${kept}, ${confirmed ? 'confirmed' :
			'refused'}`, async () => {
			const {cache, name, says, url} = fresh();
			const had = (ids) => says({headers,
				body: [...ids].map((id) => ({id}))});
			const seen = [];
			had('a');
			await cache.get(url);
			const settle = await new Promise((go) => follow(openCache,
				{sub: name}, {fetch, fireAndForget: (api, body,
					{optimistic}) => go(optimistic())},
				(all) => seen.push(all.map(({id}) => id).join('')),
				{id: 'b'}, url));
			await until(() => seen.length);
			const end = confirmed ? 'ab' : 'a';
			had(end);
			clock.pass(11);
			const before = seen.length;
			await settle({confirmed});
			await until(() => seen.length > before);
			await settled();
			equal([seen.at(-1), ...seen.filter((it) =>
				!['ab', end].includes(it))], [end]);
		});
/* ---- what comes broken --------------------------------------------------- */

for (const [what, text] of Object.entries({nothing: '', 'no JSON': '{',
	null: 'null', 'a number': '5', 'a list': '[]', 'no value': '{"at":1}',
	'a value alone': '{"value":{"n":9}}',
	'times that are none': '{"value":{"n":9},"at":"x","age":[],"life":"x"}',
	'lists': '{"value":[],"at":[1],"age":{},"life":[],"etag":null}'}))
	test(`what another wrote there (${what}) is not shown`, async () => {
		const {cache, url, name, asked} = fresh(n(1));
		const store = await stores.open(`lowtide:${name}`);
		await store.put(`${url}&lowtide`, new Response(text));
		equal(told(await cache.get(url)), [1, 'network']);
		equal(told(await cache.get(url)), [1, 'cache']);
		equal(asked(), 1);
	});
for (const [what, say] of Object.entries({'no content': {status: 204},
	'a 304 that nobody asked for': {status: 304}, nothing: {body: ''},
	'a page that says it is JSON': {body: '<h1>Hello</h1>'},
	'half of it': {body: '{"n":'}, 'a part': {status: 206, body: {n: 1}}}))
	test(`${what} is told, not kept, and asked for once each time`, async () => {
		const {cache, url, asked, kept} = fresh(say);
		for (const times of [1, 2]) {
			const e = await cache.get(url).catch((why) => why);
			ok(e instanceof ReadError || e instanceof SyntaxError, e);
			equal([asked(), kept()], [times, []]);
		}
	});
test('ages and lives that are none leave it to be asked for', async () => {
	for (const headers of [{'cache-control': 'max-age=x', age: 'x'},
		{'cache-control': 'max-age=', age: ''}, {age: '-'}]) {
		const {cache, url, asked} = fresh(n(1, headers));
		equal(told(await cache.get(url)), [1, 'network']);
		equal(told(await cache.get(url)), [1, 'network']);
		equal(asked(), 2);
	}
});
test('no promise was left to fail alone', async () => {
	await settled();
	equal(unhandled, []);
});
await done();
