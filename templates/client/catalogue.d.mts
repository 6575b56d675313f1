/**
 * Types of catalogue.mjs: a versioned catalogue, by its pointer.
 *
 *	const plans = await openCatalogue('/plans.json');
 *	show(plans.value);
 *	plans.addEventListener('version', () => plans.update().then(show));
 *
 * The pointer names a file that never changes, and what its bytes are. What was
 * good last is kept (Cache API), and is there when the network is not. A version
 * never goes back: one that is older than what is here is not taken, nor told.
 */

/** /NAME.json, as the build writes it; or from the page: {{catalogue…}} */
export interface Pointer {
	name: string;
	version: string;
	/** of the versioned file */
	url: string;
	/** 'sha512-…', as in Subresource Integrity */
	integrity: string;
}

export interface Following {
	/**
	 * what the page was built with: no pointer is asked for then, nor the
	 * file, where that is kept
	 */
	known?: Pointer;
	/** ms between looks for a new version, while the page is seen; 0: none */
	every?: number;
	/** ends those looks */
	signal?: AbortSignal;
}

export interface Catalogue<Value = unknown> extends EventTarget {
	readonly name: string;
	readonly version: string;
	/** absolute, of the versioned file */
	readonly url: string;
	readonly value: Value;
	/**
	 * the network failed, or what it gave was not what it should be; it has
	 * failed, too, if the pointer is not here in 10 s, or what it names in
	 * two minutes
	 */
	readonly stale: boolean;
	/**
	 * Looks whether there is a newer version; which, or null. Never rejects:
	 * where it cannot be told, this one is `stale`.
	 */
	check(): Promise<string | null>;
	/**
	 * Goes over to the newest one; its value. Where that cannot be had, or is
	 * not what it should be, this one stays, and is `stale`.
	 */
	update(): Promise<Value>;
	/**
	 * a newer version is out; its detail is that. Told once for each; and
	 * again, with a later look, where update() could not have it (a file that
	 * is not yet everywhere), so that who follows it by update() gets there
	 */
	addEventListener(type: 'version',
		listener: (event: Event & {readonly detail: string}) => void,
		options?: AddEventListenerOptions | boolean): void;
	addEventListener(type: string,
		listener: EventListenerOrEventListenerObject | null,
		options?: AddEventListenerOptions | boolean): void;
}

/** Rejects where there is no good one, neither there nor here. */
export function openCatalogue<Value = unknown>(pointer: string | URL,
	options?: Following): Promise<Catalogue<Value>>;
