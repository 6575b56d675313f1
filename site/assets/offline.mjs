/*
 * /receipts.html without a network: what keeps it (sw.js), and what lets it go
 * again when somebody signs out. What it shows is cache.mjs's, by person.
 */
const PAGE = 'lowtide-page:receipts';

/* A comfort: where there is none of it, the page wants a network. */
export const keepPage = () => navigator.serviceWorker
	?.register('/sw.js', {scope: '/receipts.html'}).catch(() => {});

export async function forgetPage() {
	const all = await navigator.serviceWorker?.getRegistrations() ?? [];
	await Promise.all(all.map((worker) => worker.unregister()));
	await globalThis.caches?.delete(PAGE);
}
