/*
 * A versioned catalogue, by its pointer: /plans.json says which version is
 * current, where it lies and what its bytes are; what it names never changes.
 *
 *	const plans = await openCatalogue('/plans.json');
 *	show(plans.value);
 *	plans.addEventListener('version', () => plans.update().then(show));
 *
 * What was good last is kept: in the Cache `lowtide:catalogue`, under the
 * pointer's URL and `&lowtide` (so that no service worker takes it for the
 * pointer), the pointer as JSON, its `url` made absolute, with the catalogue as
 * `value`. It is used when it is what the pointer names, so that no file is
 * fetched twice; when it is newer, since pages and nodes of a CDN may have been
 * left behind; and when nothing good can be had, which makes it `stale`.
 *
 * fetch() checks the bytes, in browsers as in node; but what it cannot read as
 * an integrity it takes for none, so that is looked at first. The pointer alone
 * is trusted: whoever writes it says what is good, and so may say where it
 * lies, be it at another origin (which then has to allow it by CORS).
 */
const STORE = 'lowtide:catalogue';
const POINTER = 10000; /* ms until the pointer is here, */
const FILE = 120000; /* and what it names; then the network counts as away */
const LONGEST = 2 ** 31 - 1; /* ms; more would be over at once */

/* Where there is no Cache, or it is full, nothing is kept, nothing fails. */
const quietly = (use) => use().catch(() => {});

/* By Semantic Versioning: numbers as such, 2.0.0-beta.1 before 2.0.0. */
const older = (one, other) => `${one.version}.`.localeCompare(
	`${other.version}.`, 'en', {numeric: true}) < 0;

async function json(url, ms, init) {
	const answer = await fetch(url,
		{...init, signal: AbortSignal.timeout(ms)});
	if (!answer.ok)
		throw new Error(`${url}: ${answer.status}`);
	return answer.json();
}

/* What names a version: it has its bytes said, in the one way there is here. */
function checked(found, place, name = found?.name) {
	const {version, url, integrity} = found ?? {};
	if ([name, version, url, integrity].some((text) =>
		typeof text !== 'string') || found.name !== name ||
		!/^\d+\.\d+\.\d/.test(version) ||
		!/^sha512-[A-Za-z\d+/]{86}==$/.test(integrity))
		throw new Error(`${place} is no pointer to ${name}`);
	return {...found, url: new URL(found.url, place).href};
}

export async function openCatalogue(pointer, {known, every, signal} = {}) {
	const {url: place} = new Request(pointer);
	const key = `${place}&lowtide`;
	const it = new EventTarget();
	let newest = it;

	const ask = async (name) =>
		checked(await json(place, POINTER, {cache: 'no-cache'}),
			place, name);

	/* What is none of ours there is nothing: it is not to be shown. */
	const kept = () => quietly(async () => {
		const cache = await caches.open(STORE);
		const found = await (await cache.match(key)).json();
		if (found.value !== undefined)
			return checked(found, place);
	});

	const keep = (all) => quietly(async () =>
		(await caches.open(STORE)).put(key,
			new Response(JSON.stringify(all))));

	/* To what a pointer names, never back; or it stays where it is. */
	async function go(named) {
		let now = await kept();
		let stale = false;
		try {
			const to = await named(now?.name);
			const {url, integrity} = to;
			if (now?.integrity !== integrity &&
				!(now && older(to, now))) {
				const value = await json(url, FILE, {integrity});
				await keep(now = {...to, value});
			}
		} catch (error) {
			if (!now && !it.version)
				throw error;
			stale = true;
		}
		if (now && !(it.version && older(now, it))) {
			const {name, version, url, value} = now;
			Object.assign(it, {name, version, url, value});
		}
		it.stale = stale;
	}

	async function check() {
		try {
			const found = await ask(it.name);
			const news = older(it, found) && older(newest, found);
			if (!older(found, newest))
				newest = found;
			if (!older(it, newest))
				it.stale = false;
			if (news)
				it.dispatchEvent(Object.assign(
					new Event('version'),
					{detail: found.version}));
		} catch {
			it.stale = true;
		}
		return older(it, newest) ? newest.version : null;
	}

	async function update() {
		await check();
		if (older(it, newest))
			await go(async () => newest);
		/* it could not be had: told again, when it is found again */
		if (older(it, newest))
			newest = it;
		return it.value;
	}

	await go(async (name) => known ?
		checked(known, place, name) : ask(name));
	if (every && !signal?.aborted) {
		const page = globalThis.document;
		const look = () => page?.hidden || check();
		const timer = setInterval(look, Math.min(every, LONGEST));
		page?.addEventListener('visibilitychange', look, {signal});
		signal?.addEventListener('abort', () => clearInterval(timer));
	}
	return Object.assign(it, {check, update});
}
