/* How cache.mjs, catalogue.mjs and lowtide-job.mjs are used from TypeScript. */
import {openCache, ReadError, type Read, type ReadCache} from './cache.mjs';
import {openCatalogue, type Catalogue, type Pointer} from './catalogue.mjs';
import {LowtideJob, type Word} from './lowtide-job.mjs';
import {connect} from './requests.mjs';

interface Bundle {
	id: string;
}
interface Plan {
	name: string;
}
const api = connect({base: '/api/v1/'});
export const cache: ReadCache = openCache({name: 'me',
	fetch: (url, init) => api.fetch(url, init)});
openCache();
openCache({fetch: api.fetch});

export async function bundles(signal: AbortSignal): Promise<Bundle[]> {
	try {
		const read: Read<Bundle[]> = await cache.get<Bundle[]>(
			'/api/v1/bundle', {ttl: 60, stale: 300,
				staleIfError: 86400, signal});
		const newer = await read.fresh;
		// @ts-expect-error: nothing else may be under way
		read.fresh.then();
		// @ts-expect-error: no such place
		if (read.from === 'disk')
			return [];
		return newer?.value ?? read.value;
	} catch (error) {
		if (error instanceof ReadError && error.status === 404)
			return [];
		throw error;
	}
}

export function add(id: string): void {
	api.fireAndForget('POST bundle', {id}, {
		/* what it gives back is what cache.mjs makes of it */
		optimistic: () => cache.expect<Bundle[]>('/api/v1/bundle',
			(were) => [...were ?? [], {id}], {ttl: 60}),
	});
	/* as the README has it: nothing of nothing, and drawn when it is settled */
	api.fireAndForget('POST bundle', {id}, {optimistic: async () => {
		const settle = await cache.expect<Bundle[]>('/api/v1/bundle',
			(were) => were?.concat({id}));
		return (how) => settle(how).then(() => plans);
	}});
	cache.expect<Bundle[]>('/api/v1/bundle',
		// @ts-expect-error: there may be none
		(were) => [...were, {id}]);
}

export async function plans(known: Pointer): Promise<Plan[]> {
	await cache.invalidate('/api/v1/');
	await cache.clear();
	const all: Catalogue<Plan[]> = await openCatalogue<Plan[]>(
		'/plans.json', {known, every: 60_000,
			signal: AbortSignal.timeout(1000)});
	all.addEventListener('version', ({detail}) => console.log(
		detail.toUpperCase()), {once: true});
	const next: string | null = await all.check();
	// @ts-expect-error: there may be none
	next.length;
	// @ts-expect-error: it is read
	all.version = '2.0.0';
	return all.stale ? all.value : all.update();
}

export function show(place: HTMLElement): void {
	const it: LowtideJob = document.createElement('lowtide-job');
	const words: Word[] = ['sign-in-again', 'look-again'];
	for (const word of words)
		it.setAttribute(word, word);
	LowtideJob.words = {cancel: 'Stopp', 'still-running': 'Dauert noch'};
	// @ts-expect-error: no such word
	LowtideJob.words = {stop: 'Stopp'};
	it.addEventListener('failed', ({detail}) => {
		if (detail.type === 'job-cancelled')
			it.job = null;
	});
	it.addEventListener('done', ({detail}) => {
		// @ts-expect-error: nobody knows what it is
		detail.rows;
		console.log(detail);
	});
	it.addEventListener('click', (event) => event.preventDefault());
	// @ts-expect-error: it is read
	it.state = 'idle';
	it.job = api.submit<Bundle[]>('export', {year: 2026});
	place.append(it);
	document.querySelector('lowtide-job')?.job?.cancel();
}
