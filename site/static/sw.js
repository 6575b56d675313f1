/*
 * The receipts' page without a network: /receipts.html, its scope, and no other.
 *
 * It keeps the page and what the page names: style sheet, modules, icon. None
 * of that is anybody's own; answers of APIs never come by here (they are
 * cache.mjs's, by owner), so nobody is shown another's. The network goes first,
 * so whoever has one gets what is there now; and with each new page, what the
 * last one named is let go. Signing out takes all of it away
 * (assets/offline.mjs).
 */
const PAGE = '/receipts.html';
const KEPT = 'lowtide-page:receipts';
const NAMED = /\b(?:href|src)="(\/[^"]+\.(?:css|mjs|svg))"/g;

/* Keeps a page and what it names, all of it or nothing. */
async function keep(page) {
	const cache = await caches.open(KEPT);
	const html = await page.clone().text();
	const named = [...html.matchAll(NAMED)].map(([, path]) => path);
	const known = new Set((await cache.keys())
		.map(({url}) => new URL(url).pathname));
	await cache.addAll([...new Set(named)].filter((path) =>
		!known.has(path)));
	await cache.put(PAGE, page);
	for (const request of await cache.keys())
		if (![PAGE, ...named].includes(new URL(request.url).pathname))
			await cache.delete(request);
}

const isPage = (answer) => answer.ok && !answer.redirected &&
	/^text\/html/.test(answer.headers.get('content-type') ?? '');

async function kept(path) {
	const cache = await caches.open(KEPT);
	return await cache.match(path) ?? Response.error();
}

async function page(event) {
	try {
		const answer = await fetch(event.request);
		if (isPage(answer))
			event.waitUntil(keep(answer.clone()).catch(() => {}));
		return answer;
	} catch {
		return kept(PAGE);
	}
}

const asset = (request, path) => fetch(request).catch(() => kept(path));

self.addEventListener('install', (event) => {
	self.skipWaiting();
	event.waitUntil(fetch(PAGE).then((answer) => {
		if (!isPage(answer))
			throw new TypeError(`${PAGE}: ${answer.status}`);
		return keep(answer);
	}));
});

/* Caches of this worker under names that it had before. */
self.addEventListener('activate', (event) => event.waitUntil(
	caches.keys().then((names) => Promise.all(names
		.filter((n) => n.startsWith('lowtide-page:') && n !== KEPT)
		.map((n) => caches.delete(n))))
		.then(() => self.clients.claim())));

self.addEventListener('fetch', (event) => {
	const {request} = event;
	const {origin, pathname} = new URL(request.url);
	if (request.method !== 'GET' || origin !== self.location.origin)
		return;
	if (request.mode === 'navigate' && pathname === PAGE)
		event.respondWith(page(event));
	else if (/\.(?:css|mjs|svg)$/.test(pathname))
		event.respondWith(asset(request, pathname));
});
