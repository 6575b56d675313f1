/*
 * What our APIs know of who is signed in, through a cache of his own. A read is
 * shown twice where it is worth it: what was known at once, and what is new when
 * it is there. And how old it is, in words.
 */
import {openCache} from '/cache.mjs';
import {credentials, person} from './session.mjs';

/* No answer, or: not now. 502 and 504 are what was asked behind it. */
const PASSING = [undefined, 429, 503];

/*
 * Asked once. How to ask again, and when, is loaded where it comes to that. All of
 * ours is JSON; what else comes is somebody else's, and must not be kept.
 */
async function ask(url, init) {
	let answer = await fetch(url, {...init, redirect: 'error',
		headers: {...init.headers, ...credentials()}}).catch(() => {});
	init.signal.throwIfAborted();
	if (PASSING.includes(answer?.status)) {
		const {api} = await import('./api.mjs').catch((cause) => {
			throw Object.assign(cause, {type: 'network'});
		});
		answer = await api.fetch(url, init);
	}
	if (answer.ok && !/json/.test(answer.headers.get('content-type')))
		throw Object.assign(new Error(url), {type: 'foreign-answer'});
	return answer;
}

export const cache = openCache({name: person()?.sub ?? 'nobody', fetch: ask});

const ago = new Intl.RelativeTimeFormat('en-GB', {numeric: 'auto'});
const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];

function since(age) {
	const [unit, size] = units.find(([, s]) => age >= s) ?? ['second', 1];
	return age < 1 ? 'a moment ago' :
		ago.format(-Math.floor(age / size), unit);
}

/* Nothing, where it is as good as new. */
export function asOf({stale, age, fresh}) {
	const away = navigator.onLine === false;
	if (fresh || !stale && !away)
		return '';
	return `As of ${since(age)}, ${away ? 'you are offline' :
		'we cannot be reached'}.`;
}

/*
 * show(read): once or twice. Rejects where there is nothing to show, or what is
 * shown has been refused since: where nobody answers, the cache gives what it
 * has by itself.
 */
export async function reading(url, {signal, ...options}, show) {
	const read = await cache.get(url, {...options, signal});
	const tell = (what) => signal?.aborted || show(what);
	tell(read);
	if (read.fresh)
		tell(await read.fresh);
}
