/**
 * Types of cache.mjs: cache-aside reads over the Cache API.
 *
 *	const cache = openCache({name: person.sub, fetch: api.fetch});
 *	const {value, fresh} = await cache.get('/api/v1/bundle', {stale: 300});
 *	show(value);
 *	fresh?.then(({value}) => show(value));
 *
 * Everything is in one Cache named `lowtide:NAME`, and there is nothing beside
 * it: where a browser has none, or it is full, every read asks the network.
 * Times are seconds, as in Cache-Control.
 */
import type {Settle} from './requests.mjs';

export interface Opening {
	/** one for each owner, so that nobody is shown another's; 'public' */
	name?: string;
	/** asks the network; fetch() */
	fetch?(url: string, init: RequestInit): Promise<Response>;
}

export interface Reading {
	/** how long an answer is fresh; what it says itself (max-age less Age) */
	ttl?: number;
	/**
	 * how much older it may be and be shown while it is asked for anew, or
	 * could not be had; 0: it is waited for
	 */
	stale?: number;
	/**
	 * how much older it may be where the network fails: no answer, or 502,
	 * 503, 504; 0
	 */
	staleIfError?: number;
	signal?: AbortSignal;
}

export interface Read<Value = unknown> {
	/** JSON is parsed, all else is text; nobody else's: it may be changed */
	value: Value;
	/**
	 * seconds since its server made it, not rounded; decades where our clock
	 * was put back since
	 */
	age: number;
	/** older than it should be; or made of parts that are, by its server */
	stale: boolean;
	/** not confirmed yet: see expect() */
	expected: boolean;
	/** 'revalidated': the network was asked, and had nothing new */
	from: 'cache' | 'network' | 'revalidated';
	/**
	 * What is asked for meanwhile; null where nothing is. Where the network
	 * fails it is what was shown already.
	 */
	fresh: Promise<Read<Value>> | null;
}

/** The answer was not 200. Its message has the number; body.detail says why. */
export class ReadError extends Error {
	status: number;
	/** RFC 9457, or what JSON came; else undefined */
	body: unknown;
}

export interface ReadCache {
	/**
	 * Those who ask the same at the same time share one request. Rejects
	 * with ReadError; with what `fetch` rejects with; with a SyntaxError,
	 * where the answer is not the JSON that it says it is.
	 */
	get<Value = unknown>(url: string | URL, options?: Reading):
		Promise<Read<Value>>;
	/**
	 * What a read is going to say, put in its place for `ttl` seconds (300)
	 * at most, also over a reload and in other windows; it is not asked for
	 * until then. The function that comes back settles it: confirmed, it
	 * stays for as long as the read itself may be cached, then it is asked
	 * for again; else it is gone, and asked for at the next read. For
	 * `optimistic` of requests.mjs; a get() behind it, and another one when
	 * the promise of settling resolves, is what to draw.
	 *
	 *	const settle = await cache.expect(url, (all) =>
	 *		all?.filter(({id}) => id !== one.id).concat(one));
	 *	draw();
	 *	return (how) => settle(how).then(draw);
	 *
	 * Several for one URL are laid over each other, and each goes by itself.
	 * So `change` may be called again, over what was read without it or by
	 * then with it: what it adds may be there already. Undefined where
	 * nothing was read yet: what it makes of that is shown, or if that is
	 * undefined, too, what it makes of the first answer. After a reload the
	 * changes are not known any more, only what came of them: who follows
	 * the request then says invalidate() when it has ended.
	 */
	expect<Value = unknown>(url: string | URL,
		change: (value: Value | undefined) => Value | undefined,
		options?: {ttl?: number}):
		Promise<(...how: Parameters<Settle>) => Promise<void>>;
	/**
	 * Forgets all URLs that begin so; how many they were. What this window
	 * expects it lays over the next answer.
	 */
	invalidate(prefix: string | URL): Promise<number>;
	/** Forgets everything: somebody signs out. */
	clear(): Promise<void>;
}

export function openCache(options?: Opening): ReadCache;
