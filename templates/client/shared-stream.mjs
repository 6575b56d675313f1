/*
 * One stream of events for all tabs of an owner.
 *
 *	const stream = shareStream(api, {owner: person.sub});
 *	stream.addEventListener('job', ({detail}) => show(detail.document));
 *	…
 *	stream.close(); // signed out: in all tabs
 *
 * Tabs queue for a lock (navigator.locks), and who has it leads: it reads
 * client.events() and tells the others over a BroadcastChannel. When it is
 * closed, or put to sleep, the next one goes on after the last event that it
 * heard. Where a browser has no locks or no channels, each tab has a stream of
 * its own. A tab that is refused (its token is over, there are no streams)
 * leaves the lock to the others, and hears them if they fare better; so tabs
 * of one owner must be allowed to see the same.
 *
 * What tabs tell each other:
 *
 *	{id, from, event}	the stream was at `from` and is at `id` now, by an
 *				event or without one; no `from`: it begins
 *				anew, and what was before is not known
 *	{id: null}		it is cut off
 *	{ask: true}		a tab is new: the leader says where it is
 *	{close: true}		somebody has signed out
 *
 * Anything else is of a module to come, and nothing to this one. A page that is
 * kept for going back has no channel: it finds, when it is shown again, that
 * the mark of this owner in localStorage is another one, and closes, too.
 *
 * The chain of `from` and `id` shows each tab by itself whether it has missed
 * something, and what it was told already. As long as it has missed nothing, it
 * knows of the last jobs how they are, and who follows one later need not look.
 */

const SILENCE = 45000; /* ms: three signs of life that did not come */
const LOOK = 10000; /* ms between looks while nothing is told */
const KEPT = 50; /* jobs whose newest event is known to who follows later */

/*
 * The mark that the last one to sign out has left, or a new one: a number by
 * chance, under one made of the name, which says nobody who that was.
 */
function markOf(name, more) {
	let key = 0;
	for (const c of name)
		key = Math.imul(key, 31) + c.codePointAt() | 0;
	try {
		const marks = globalThis.localStorage;
		if (more)
			marks.setItem(`lowtide-closed:${key}`, more);
		return marks.getItem(`lowtide-closed:${key}`);
	} catch {
		/* it is not allowed, or full: who sleeps does not learn of it */
	}
}

class SharedStream extends EventTarget {
	live = false;
	leading = false;
	#client;
	#name;
	#mark; /* as it was when this began */
	#last; /* the id that this tab is at */
	#fresh; /* it has not heard yet where the stream is */
	#heard; /* when it was last told something */
	#refused = false;
	#following = new Set();
	#newest = new Map(); /* job id → its event; nothing since was missed */
	#joined = null; /* ends what this tab has of it while it is awake */
	#channel = null;
	#open = new AbortController();

	constructor(client, owner) {
		super();
		this.#client = client;
		this.#name = `lowtide-stream-1:${
			JSON.stringify([client.base, owner])}`;
		this.#mark = markOf(this.#name);
		const awake = {
			pageshow: () => this.#join(),
			resume: () => this.#join(),
			pagehide: () => this.#leave(),
			freeze: () => this.#leave(true),
		};
		for (const [type, listener] of Object.entries(awake))
			globalThis.addEventListener?.(type, listener,
				{capture: true, signal: this.#open.signal});
		this.#join();
	}

	follow(jobId, take) {
		const one = {jobId, take, due: true};
		this.#following.add(one);
		queueMicrotask(() => {
			if (this.live)
				this.#look();
			else if (this.#refused)
				this.#drop();
		});
		return () => this.#following.delete(one);
	}

	close() {
		if (!this.#open.signal.aborted)
			markOf(this.#name, Math.random());
		this.#channel?.postMessage({close: true});
		this.#close();
	}

	/* ---- coming and going -------------------------------------------- */

	#join() {
		if (this.#joined)
			return;
		if (markOf(this.#name) !== this.#mark)
			return this.#close();
		const {signal} = this.#joined = new AbortController();
		const locks = globalThis.navigator?.locks;
		const lead = () => this.#lead(signal);
		this.#fresh = true;
		this.#refused = false;
		const timer = setInterval(() => this.#watch(), LOOK);
		signal.addEventListener('abort', () => clearInterval(timer));
		if (globalThis.BroadcastChannel) {
			this.#channel ??= new BroadcastChannel(this.#name);
			this.#channel.onmessage = ({data}) => this.#take(data);
			this.#channel.postMessage({ask: true});
		}
		if (locks && this.#channel)
			locks.request(this.#name, {signal}, lead)
				.catch(lead);
		else
			lead();
	}

	/*
	 * The page may be kept, or frozen: another tab is to go on. What is
	 * said to a frozen one comes when it wakes up, and may be close.
	 */
	#leave(frozen) {
		this.#joined?.abort();
		this.#joined = null;
		if (!frozen) {
			this.#channel?.close();
			this.#channel = null;
		}
		this.leading = false;
		this.#become(false);
	}

	#close() {
		if (this.#open.signal.aborted)
			return;
		this.#leave();
		this.#open.abort();
		if (this.#client.stream === this)
			this.#client.stream = null;
		this.#refused = true;
		this.#drop();
		this.#fire('close');
	}

	/* ---- leading ------------------------------------------------------ */

	/* Resolves when the lock is another's; never rejects. */
	async #lead(signal) {
		if (signal.aborted)
			return;
		const away = new Promise((resolve) =>
			signal.addEventListener('abort', resolve));
		this.leading = true;
		this.#fresh = false;
		const why = await Promise.race([away, this.#read(signal)]);
		if (signal.aborted)
			return;
		this.leading = false;
		this.#refused = true;
		this.#tell(null);
		this.#drop();
		this.#fire('lost', why);
	}

	/* Resolves with why there is no more of it. */
	async #read(signal) {
		const tell = (id, event) =>
			signal.aborted || this.#tell(id, event);
		tell(null);
		try {
			const events = this.#client.events({signal,
				since: this.#last, told: (id) => tell(id)});
			for await (const event of events)
				tell(event.id, event);
			return null;
		} catch (why) {
			return why;
		}
	}

	#tell(id, event) {
		/* backwards: the server's store is another one */
		const from = Number(id) < Number(this.#last) ? undefined :
			this.#last;
		this.#channel?.postMessage({id, from, event});
		this.#hear({id, from, event});
	}

	/* ---- hearing ------------------------------------------------------ */

	#take(message) {
		const {id, close, ask} = message ?? {};
		if (close)
			this.#close();
		else if (!this.leading)
			(id === null || typeof id === 'string') &&
				this.#hear(message);
		else if (ask && this.live)
			this.#channel.postMessage(
				{id: this.#last, from: this.#last});
	}

	#hear({id, from, event}) {
		this.#heard = performance.now();
		this.#become(id !== null);
		if (!this.live)
			return;
		this.#refused = false;
		/* neither may be known */
		const gap = this.#fresh || !(Number(from) <= Number(this.#last));
		if (gap)
			this.#gap();
		else
			this.#look();
		if (!gap && Number(id) <= Number(this.#last))
			return;
		this.#fresh = false;
		this.#last = id;
		if (event?.document)
			this.#pass(event);
	}

	#pass(event) {
		const {id, document} = event;
		const newest = this.#newest;
		newest.delete(document.jobId);
		newest.set(document.jobId, event);
		if (newest.size > KEPT)
			newest.delete(newest.keys().next().value);
		for (const {jobId, take} of this.#following)
			if (jobId === document.jobId)
				take(document, id);
		this.#fire('job', event);
	}

	/*
	 * While nothing is told, those who wait look for themselves. Where nothing
	 * ever was there may be no way for streams: jobs are watched otherwise.
	 */
	#watch() {
		if (performance.now() - this.#heard > SILENCE)
			this.#become(false);
		if (this.live)
			return;
		if (this.#last === undefined) {
			this.#refused = true;
			this.#drop();
		}
		this.#gap();
	}

	#gap() {
		this.#newest.clear();
		for (const one of this.#following)
			one.due = true;
		this.#look();
		this.#fire('gap');
	}

	/* What is known to those who have just come; else they are to look. */
	#look() {
		for (const one of this.#following)
			if (one.due) {
				const {document, id} =
					this.#newest.get(one.jobId) ?? {};
				one.due = false;
				one.take(document, id);
			}
	}

	#drop() {
		for (const one of this.#following) {
			this.#following.delete(one);
			one.take(null);
		}
	}

	#become(live) {
		if (live === this.live)
			return;
		this.live = live;
		this.#fire(live ? 'live' : 'lost', null);
	}

	/* Not CustomEvent, which node has from 19 on. */
	#fire(type, detail) {
		this.dispatchEvent(Object.assign(new Event(type), {detail}));
	}
}

export function shareStream(client, {owner}) {
	return client.stream = new SharedStream(client, owner);
}
