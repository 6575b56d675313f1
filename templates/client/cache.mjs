/*
 * Cache-aside reads over the Cache API: what was asked for is kept, shown again
 * while it is fresh, and asked about by its ETag when it is not.
 *
 *	const cache = openCache({name: person.sub, fetch: api.fetch});
 *	const {value, fresh} = await cache.get('/api/v1/bundle', {stale: 9});
 *	show(value);
 *	fresh?.then(({value}) => show(value));
 *
 * What is kept is in the Cache `lowtide:NAME`, a JSON document for each URL,
 * under that URL (without its fragment) and `&lowtide`, so that no service
 * worker that looks for the URL in all caches takes it for the answer:
 *
 *	value	what was read, or what is expected instead
 *	id	a number by chance, another with each writing
 *	at	when it was asked for, ms by our clock
 *	age	what its Age said then, seconds
 *	life	how long it is fresh by its Cache-Control, seconds, or null
 *	etag	its ETag, or null
 *	ask	true: to be asked about at the next read, fresh or not
 *
 * and where something is expected
 *
 *	until	ms by our clock: the value is shown till then, and not asked for
 *	open	true: not all of it is confirmed; after `until` the value is
 *	base	what was read
 *
 * The server's clock is never looked at: an answer was made `age` seconds
 * before we asked. Where our own clock is before `at` it was put back, and what
 * is kept is taken for as old as can be.
 *
 * Only 200 is kept, and neither no-store (an aggregate that lacks a part says
 * so) nor Vary: *. The rest of Vary is nothing to us: a cache has one owner,
 * who asks in one way. What is under way when it is forgotten is not put back:
 * not by us, who know it no more in `flights`, and not by another window, which
 * finds another `id` there, or has the Cache in its hands that was deleted.
 */
const MINE = '&lowtide';

/** The answer was none that can be shown. */
export class ReadError extends Error {
	name = 'ReadError';
}

/* As fetch() resolves it. */
const keyOf = (url) => new Request(url).url.split('#')[0] + MINE;

const ageOf = ({at, age}) => age + (Date.now() - at) / 1000;

/*
 * Each has a value of its own: some write into what they are given. An
 * aggregate may be made of old parts, and says so.
 */
const reading = (entry, stale = !!entry.stale, fresh = null) => ({
	value: structuredClone(entry.value), age: ageOf(entry), stale,
	expected: !!entry.open, from: entry.from, fresh});

/* Where there is no Cache, or it is broken, nothing is kept, nothing fails. */
const quietly = (use) => (async () => use())().catch(() => {});

const look = (cache, key) => quietly(async () => {
	const entry = await (await cache.match(key)).json();
	if (ageOf(entry) < entry.age)
		entry.at = entry.until = 0;
	if (Date.now() >= entry.until) {
		if (entry.open)
			entry.value = entry.base;
		entry.open = entry.until = 0;
	}
	if (entry.value !== undefined)
		return entry;
});

/*
 * Where it is full, what was written first makes room, once. Where what is
 * expected, or is not any more, has none all the same, the network is asked:
 * what is in its place is not to be shown.
 */
const put = (cache, key, entry) => quietly(() => {
	entry.id = Math.random();
	const write = () => cache.put(key,
		new Response(JSON.stringify({...entry, from: 'cache'})));
	return write().catch(async () => {
		await cache.delete((await cache.keys())[0]);
		await write();
	}).catch(() => entry.open === undefined || cache.delete(key));
});

export function openCache({name = 'public', fetch: ask = fetch} = {}) {
	const store = `lowtide:${name}`;
	let flights = {}; /* {askers, stop, done} by key */
	let hopes = {}; /* [{change, until, sure}] by key, or null: none open */
	let last;

	const opened = () => quietly(() => caches.open(store));

	/* Who writes does so alone; who reads, after those who came first. */
	const inTurn = (write) =>
		last = quietly(() => last).then(write);

	/*
	 * Lays what this window expects over what was read, and keeps it. When
	 * all is confirmed it stays for as long as the read itself may be kept
	 * somewhere: until then, it may not know of it.
	 */
	async function show(key, list, entry, cache) {
		const now = Date.now();
		cache ??= await opened();
		entry ??= await look(cache, key) ?? {at: now, age: 0};
		list = list.filter(({until}) => now < until);
		const open = list.some(({sure}) => !sure);
		const base = entry.open && hopes[key] ?
			entry.base : entry.value;
		entry = {...entry, open, base, etag: null, ask: true,
			value: list.reduce((value, {change}) => change(value),
				structuredClone(base)),
			until: list.length && Math.min(
				open ? Infinity : now + entry.life * 1000,
				...list.map(({until}) => until))};
		hopes[key] = open ? list : null;
		await put(cache, key, entry);
		return entry;
	}

	/* One request, for all who wait for it; `had` is what is kept of it. */
	async function fly(flight, cache, key, had) {
		const at = Date.now();
		const answer = await ask(key.slice(0, -MINE.length), {
			cache: 'no-store', signal: flight.stop.signal,
			headers: had?.etag ? {'if-none-match': had.etag} : {}});
		const {status, headers} = answer;
		const same = status === 304 && had;
		if (!same && status !== 200)
			throw Object.assign(new ReadError(`HTTP ${status}`), {
				status,
				body: await quietly(() => answer.json())});
		const said = headers.get('cache-control');
		const keep = !/no-store|\*/i.test(said + headers.get('vary'));
		const how = /[/+]json\b/i.test(headers.get('content-type')) ?
			'json' : 'text';
		const entry = {value: same ? had.value : await answer[how](),
			from: same ? 'revalidated' : 'network',
			at, age: +headers.get('age') || 0,
			life: +/max-age=(\d+)/i.exec(said)?.[1],
			etag: headers.get('etag'),
			ask: /no-cache/i.test(said),
			stale: !!headers.get('x-aggregate-stale')};
		return inTurn(async () => {
			if (flights[key] !== flight)
				return entry;
			const list = hopes[key];
			if (list)
				return show(key, list, entry, keep && cache);
			if (keep && (await look(cache, key))?.id === had?.id)
				await put(cache, key, entry);
			return entry;
		});
	}

	/* The last one to leave a flight ends it. */
	function join(signal, cache, key, had) {
		let flight = flights[key];
		const end = () => {
			if (flights[key] === flight)
				delete flights[key];
			flight.stop.abort();
		};
		if (!flight) {
			flight = flights[key] = {askers: 0,
				stop: new AbortController()};
			flight.done = fly(flight, cache, key, had).finally(end);
		}
		flight.askers++;
		return new Promise((resolve, reject) => {
			flight.done.then(resolve, reject);
			signal?.addEventListener('abort', () => {
				reject(signal.reason);
				if (!--flight.askers)
					end();
			}, {signal: flight.stop.signal});
		});
	}

	const get = async (url, {ttl, stale, staleIfError, signal} = {}) => {
		const key = keyOf(url);
		const cache = await inTurn(opened);
		const had = await look(cache, key);
		signal?.throwIfAborted();
		/* for how long it has been old */
		const over = had &&
			ageOf(had) - (had.ask ? 0 : ttl ?? had.life);
		if (over < 0 || had?.until)
			return reading(had);
		const failed = async (error) => {
			const {status} = error;
			if (/404|410/.test(status))
				await quietly(() => cache.delete(key));
			/* no answer, or one from the way there */
			const lost = !status || /50[234]/.test(status);
			if (lost && !signal?.aborted &&
				(over < stale || over < staleIfError))
				return reading(had, true);
			throw error;
		};
		const fresh = join(signal, cache, key, had)
			.then(reading, failed);
		if (!(over < stale))
			return fresh;
		fresh.catch(() => {}); /* nobody has to look at it */
		return reading(had, true, fresh);
	};

	const expect = (url, change, {ttl = 300} = {}) => inTurn(async () => {
		const key = keyOf(url);
		const one = {change, until: Date.now() + ttl * 1000};
		await show(key, [...hopes[key] ?? [], one]);
		return ({confirmed}) => inTurn(async () => {
			const list = hopes[key];
			if (confirmed)
				one.sure = true;
			else
				one.until = 0;
			/* gone: another window may have signed out */
			const had = await look(await opened(), key);
			if (list && had)
				await show(key, list, had);
		});
	});

	const invalidate = async (prefix) => {
		const {url: from} = new Request(prefix);
		for (const key in flights)
			if (key.startsWith(from))
				delete flights[key];
		return inTurn(async () => {
			let count = 0;
			await quietly(async () => {
				const cache = await opened();
				for (const {url} of await cache.keys())
					if (url.startsWith(from))
						count += await cache.delete(url);
			});
			return count;
		});
	};

	const clear = async () => {
		flights = {};
		hopes = {};
		await inTurn(() => quietly(() => caches.delete(store)));
	};

	return {get, expect, invalidate, clear};
}
