/**
 * Types of shared-stream.mjs: one stream for all tabs of an owner.
 *
 *	const stream = shareStream(api, {owner: person.sub});
 *	stream.addEventListener('job', ({detail}) => show(detail.document));
 *	…
 *	stream.close(); // signed out: in all tabs
 *
 * One tab has the stream, and tells the others; when it is closed another one
 * goes on after the last event. Jobs of that client are told by it, too, so
 * that a page with ten of them has one connection.
 */
import type {Client, JobEvent, JobStream, RequestError}
	from './requests.mjs';

export interface SharedStream extends EventTarget, JobStream {
	/** what happens is told here; false: cut off, refused or closed */
	readonly live: boolean;
	/** this tab is the one that is connected */
	readonly leading: boolean;
	/**
	 * ends it in every tab of that owner: in those that are kept for going
	 * back, when they are shown again (by a mark in localStorage, which
	 * names nobody)
	 */
	close(): void;
	addEventListener(type: 'job',
		listener: (event: CustomEvent<JobEvent>) => void,
		options?: AddEventListenerOptions | boolean): void;
	/**
	 * Its detail is null where it is cut off for now, and else why this tab
	 * was refused: 'unauthorized' is what it is, too, where APIs are for
	 * anybody (auth = "none"), whose jobs have no owner to be told. It may
	 * hear another one that fares better.
	 */
	addEventListener(type: 'lost',
		listener: (event: CustomEvent<RequestError | null>) => void,
		options?: AddEventListenerOptions | boolean): void;
	/**
	 * 'live': it is connected. 'gap': something may have happened that was
	 * not told, so look once: at the beginning, after this page was asleep,
	 * and every 10 s while nothing is told. 'close': and it is over.
	 * Where nothing was ever told for 10 s, jobs are watched otherwise.
	 */
	addEventListener(type: 'live' | 'gap' | 'close',
		listener: (event: Event) => void,
		options?: AddEventListenerOptions | boolean): void;
	addEventListener(type: string,
		listener: EventListenerOrEventListenerObject | null,
		options?: AddEventListenerOptions | boolean): void;
}

/**
 * @param client becomes client.stream, until it is closed
 * @param options.owner tells one person's tabs from another's; never sent
 */
export function shareStream(client: Client, options: {owner: string}):
	SharedStream;
