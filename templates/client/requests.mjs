/*
 * Requests that get a ticket, sent once and seen through.
 *
 *	const api = connect({base: '/api/', headers: async () => ({…})});
 *	const job = api.submit('POST v1/hmrc/vat/return', form, {key: 'return'});
 *	for await (const {status, progress} of job)
 *		…
 *	const receipt = await job.result();
 *
 * Every request has a name of its own (x-request-id) from before it is first
 * sent. Whatever is lost on the way is met by sending it again under that name,
 * so the server never makes a second job of it; with a key the name is kept for
 * the tab until it is known how the request ended, so that neither a reload nor
 * another press does.
 *
 * A job that has its ticket is watched from the best rung that holds (see
 * RUNGS). What is told of it only moves forward: by version, and an end is
 * the last of its states. Nothing outside of the base's origin is ever asked,
 * and our clock is not believed: there are only waits.
 */
const RESENDS = 7;
const FIRST_PAUSE = 250; /* ms before it is sent again, full jitter, doubling */
const RETRY_AFTER_MOST = 60000; /* ms that a server may have us wait */
const RENEWALS = 2; /* with other credentials, before it is given up */

const PLACES = 3; /* of six connections of an origin, over all tabs */
const FIRST_SIGN = 10000; /* ms until a stream has said something */
const SILENCE = 45000; /* ms: three signs of life that did not come */
const LONG_POLL = 20; /* s */
const FOREVER = 1e9; /* ms: as long as there is to wait for something */
const AWAY = 30000; /* ms between looks while hidden, or offline */
const LIMIT = 35000; /* ms until an answer begins, beyond what it may wait */
const SLOWEST = 16; /* bytes in a ms: what is sent has more time by that */

/*
 * By whom an answer is: a problem of ours; what the upstream said, or a
 * document; or true, a page of whoever else is at that address.
 */
const US = 1, UPSTREAM = 2;

/* ms before the n-th poll, at least: ten quick ones, then 2 to 5 s */
const pollPause = (n) => n < 10 ? 1000 : Math.min(500 * n - 3000, 5000);

/* What ends a held connection, and what cuts a wait short. */
const LEAVING = ['pagehide', 'offline'];
const LEAVING_A_JOB = ['pagehide', 'offline', 'visibilitychange'];
const COMING = ['pageshow', 'online', 'visibilitychange'];

/** @see requests.d.mts, for this and all that is exported */
export class RequestError extends Error {
	name = 'RequestError';

	constructor(problem, more) {
		const {jobId, requestId, type, title, detail} = problem;
		super(detail ?? title ?? type, more);
		Object.assign(this, {status: 0, body: null, ...more,
			jobId, requestId, title, problem,
			type: `${type}`.replace(/.*\//, '')});
	}
}

const trouble = (type) => new RequestError({type});

/*
 * What an answer that is no success means. What no endpoint said is told with
 * where it came from: the base is wrong, or somebody stands in between.
 */
const failure = (a) => new RequestError(a.by === US ? a.said :
	!a.status || a.status >= 500 ? {type: 'network'} :
	a.by === UPSTREAM && a.status >= 400 ? {type: 'upstream-refused'} :
	a.status === 401 ? {type: 'unauthorized'} :
	{type: 'foreign-answer', detail: `${a.asked}: ${a.status}`},
	{status: a.status, body: a.by === US ? null : a.said, cause: a.cause});

const isOpen = (status) => !/^(completed|failed|cancelled)$/.test(status);

/*
 * It was said of the request itself that it is not, or has failed, so that its
 * name is good for nothing more. After an id-conflict it is another one's.
 */
const isFinal = ({type, status, problem}) => !isOpen(problem?.jobStatus) ||
	status >= 400 && status < 500 &&
	!/unauthorized|rate-|foreign-|id-c/.test(type);

/* What keeps a connection from being held, and passes; else the next way. */
const isMet = ({type, status}) => status ? status > 428 : type !== 'next';

/* ---- waiting -------------------------------------------------------------- */

/* In node the global object lacks most of what is asked of it here. */
const isHidden = () => globalThis.document?.hidden;

/*
 * act(over) whenever one of these happens to the page, or to `signal`, to which
 * it may have; `over` is what comes back, and listens until it is aborted. By
 * itself that ends as `signal` does.
 */
const listen = (signal, types = [],
	act = (over) => over.abort(signal.reason)) => {
	const over = new AbortController();
	const heard = () => act(over);
	types.map((type) => globalThis.addEventListener?.(type, heard,
		{signal: over.signal}));
	signal?.addEventListener('abort', heard, {signal: over.signal});
	if (signal?.aborted)
		heard();
	return over;
};

/*
 * Until the promise, or until one of these happens; what has not come after so
 * many ms is trouble of that type, or none.
 */
const until = async (signal, promise, ms = FOREVER, type = 'network',
	types) => {
	let timer, over;
	try {
		return await Promise.race([promise, new Promise((go, reject) => {
			/* what is longer would be over at once */
			timer = setTimeout(() => type ? reject(trouble(type)) :
				go(), Math.min(ms, FOREVER));
			over = listen(signal, types, () => signal?.aborted ?
				reject(signal.reason) : isHidden() || go());
		})]);
	} finally {
		clearTimeout(timer);
		over.abort();
	}
};

/* So long, or until the page is seen again, or the network is back. */
const sleep = (ms, signal) =>
	until(signal, Promise.race([]), ms, '', COMING);

/* ---- connections that are held -------------------------------------------- */

let pause = 2000; /* ms before a stream is connected again: as the last said */
let held = 0; /* where there are no locks over all tabs: by this page */

/* The i-th place, or one after it: what gives it back; else none is free. */
const place = (origin, i = 0) => i < PLACES && new Promise((given) =>
	globalThis.navigator.locks.request(`lowtide-held:${origin}:${i}`,
		{ifAvailable: true}, (lock) => lock ? new Promise(given) :
			given(place(origin, i + 1))).catch(() => given()));

/*
 * A connection is going to be held, in a place of its own, until this is
 * aborted: by who holds it, by `signal`, or when one of these happens to the
 * page.
 */
const hold = async (root, signal, leaving) => {
	if (leaving === LEAVING_A_JOB && isHidden())
		throw trouble('away');
	const free = globalThis.navigator?.locks ? await place(root.origin) :
		held < PLACES && ++held && (() => held--);
	if (!free)
		throw trouble('held');
	/* who has aborted `signal` knows why, and looks at that first */
	const life = listen(signal, leaving, (over) =>
		over.abort(trouble('away')));
	listen(life.signal, [], free);
	return life;
};

/* ---- what is kept over a reload ------------------------------------------- */

const memory = {}; /* what the storage of the tab did not take */

/* Of a base: {key: {key, api, requestId, statusUrl}} */
const recall = (base) => {
	try {
		return JSON.parse(memory[base] ??
			sessionStorage[`lowtide:${base}`]) ?? {};
	} catch {
		return {};
	}
};

const keep = (base, key, record) => {
	const all = JSON.stringify({...recall(base), [key]: record});
	try {
		sessionStorage[`lowtide:${base}`] = all;
		delete memory[base];
	} catch {
		memory[base] = all;
	}
};

/* ---- the way there -------------------------------------------------------- */

/* What is not what it says it is is left as text. */
const parse = (text) => {
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
};

/* A wait in ms that an answer asks for; a date counts from its own Date. */
const retryAfter = ({headers}) => {
	const said = headers.get('retry-after');
	const ms = said * 1000 ||
		Date.parse(said) - Date.parse(headers.get('date'));
	return Math.min(ms > 0 ? ms : 0, RETRY_AFTER_MOST);
};

/*
 * What it says, in `said`: JSON is parsed, text is text, nothing is null, and
 * the rest are bytes with their type. And by whom: the endpoint names the request
 * in all that it passes on, and a problem of ours has two names that agree.
 */
const read = async (answer) => {
	const {headers} = answer;
	const type = headers.get('content-type') ?? 'text';
	answer.said = await answer[/json|^text/.test(type) ?
		'text' : 'blob']() || null;
	if (/json/.test(type))
		answer.said = parse(answer.said);
	answer.by = answer.said?.type?.endsWith?.(answer.said.error) ? US :
		headers.has('x-request-id') ? UPSTREAM :
		/html/.test(type);
	return answer;
};

/* Nothing was said about the job, or about what a read asked upstream. */
const isPassing = (answer) => (!answer.status || answer.status > 500 ||
	answer.status === 429 && answer.by !== UPSTREAM) &&
	!/problems\/(upstream|circuit)-/.test(answer.said?.type) &&
	isOpen(answer.said?.jobStatus);

/* ---- connecting ----------------------------------------------------------- */

export function connect({base, headers, credentials, patience = 60000}) {
	const root = new URL(`${base}`.replace(/\/?$/, '/'),
		globalThis.location);
	let age = 0; /* how often the headers were refreshed */
	let refreshing; /* for all that wait for it */

	/* Headers; others than those of that age, which were not accepted. */
	const current = async (stale) => stale !== age ?
		headers?.({refresh: false}) :
		refreshing ??= Promise.resolve(headers?.({refresh: true}))
			.finally(() => {
				refreshing = null;
				age++;
			});

	/* Absolute, and nobody else's. */
	const at = (path) => {
		const {origin, href} = new URL(path, root);
		if (origin !== root.origin)
			throw new RequestError({type: 'foreign-url', detail: href});
		return href;
	};

	/*
	 * One exchange, repeated while it is the way there that fails, as it does
	 * when no answer begins within `limit` ms; resolves with the answer, and
	 * throws what is no success. One with a jobStatus that is an end is the
	 * job's own, whatever its number; a 401 with one, or the upstream's, is
	 * not about who asks. `finish`: what reads it; null: nobody, and then any
	 * answer is one.
	 */
	async function send(url, {signal, resends = RESENDS, finish = read,
		limit = LIMIT, refresh, ...init}) {
		let stale = refresh ? age : -1;
		let pause = FIRST_PAUSE;
		for (;;) {
			if (resends > 2 && globalThis.navigator?.onLine === false)
				await sleep(AWAY, signal);
			const now = age;
			const all = new Headers(await until(signal, current(stale)));
			new Headers(init.headers).forEach((value, name) =>
				all.set(name, value));
			const life = listen(signal);
			const answer = await until(null, fetch(url, {...init,
				headers: all, signal: life.signal,
				credentials, redirect: 'error', cache: 'no-store',
			}), limit).then(finish).catch((cause) =>
				({status: 0, cause, headers: all}));
			if (!answer.status || finish)
				life.abort();
			signal?.throwIfAborted();
			answer.asked = `${init.method ?? 'GET'} ${url}`;
			if (answer.status === 401 && stale < 0 && headers &&
				answer.by !== UPSTREAM && !answer.said?.jobStatus) {
				stale = now;
			} else if (resends-- && isPassing(answer)) {
				await sleep(Math.max(Math.random() * pause,
					retryAfter(answer)), signal);
				pause = Math.min(AWAY, 2 * pause);
			} else if (!answer.status || answer.by === true ||
				finish && answer.status > 304) {
				throw failure(answer);
			} else {
				return answer;
			}
		}
	}

	/*
	 * The blocks of a text/event-stream, as long as it holds: {event, id,
	 * document}, of each what was said; one that is cut off in the middle
	 * was not. Pieces may be cut anywhere. Lines end in LF, CRLF or CR.
	 */
	async function* blocks(url, id, wanted, leaving) {
		const life = await hold(root, wanted, leaving);
		const {signal} = life;
		let rest = '', got;
		try {
			const answer = await send(at(url), {
				finish: null, limit: FIRST_SIGN, resends: 0, signal,
				headers: {accept: 'text/event-stream',
					...id && {'last-event-id': id}}});
			if (!/event-stream/.test(answer.headers.get('content-type')))
				throw failure(await read(answer));
			const reader = answer.body.pipeThrough(
				new TextDecoderStream()).getReader();
			while ((got = await until(signal, reader.read(),
				SILENCE)).value) {
				rest += got.value;
				const blocks = rest.split(/\r\r|\n\r?\n/);
				rest = blocks.pop();
				for (const text of blocks) {
					const block = {};
					for (const [, name, said] of
						text.matchAll(/([^:\r\n]*):? ?([^\r\n]*)/g))
						block[name] = name === 'data' && block.data ?
							`${block.data}\n${said}` : said;
					block.document = parse(block.data);
					pause = Math.min(RETRY_AFTER_MOST,
						Math.max(block.retry, 1000) || pause);
					yield block;
				}
			}
		} finally {
			life.abort();
		}
	}

	const link = [root, at, send, blocks];
	const begin = (job) => watched(client, link, {patience, ...job});
	const client = {
		base: root.href,
		stream: null,

		submit(api, body,
			{key, signal, headers, wait = 1000, ttl} = {}) {
			const [path, method = 'POST'] = api.split(' ').reverse();
			const isPlain = body &&
				[undefined, Object, Array].includes(body.constructor);
			const request = new Request(at(path), {method, headers,
				body: isPlain ? JSON.stringify(body) : body});
			const kept = recall(root)[key];
			/* randomUUID() is only there on https and localhost */
			const requestId = kept?.api === api ? kept.requestId :
				crypto.getRandomValues(new Uint32Array(4)).join('-');
			if (isPlain)
				request.headers.set('content-type', 'application/json');
			request.headers.set('x-request-id', requestId);
			request.headers.set('x-initial-request', true);
			request.headers.set('x-wait-time-ms', wait);
			if (key && kept?.requestId !== requestId &&
				!signal?.aborted)
				keep(root, key,
					{key, api, requestId, statusUrl: null});
			return begin({signal, key, requestId,
				/* bytes, the same each time that they are sent */
				url: request.url,
				request: request.arrayBuffer().then((bytes) => ({
					method, headers: request.headers,
					body: body && bytes, limit: LIMIT + wait +
						bytes.byteLength / SLOWEST})), ttl});
		},

		fireAndForget(api, body, {optimistic, ttl = 300000, ...more} = {}) {
			const job = client.submit(api, body,
				{wait: 0, ttl, ...more});
			/* how it turned out, or that it took too long: told once */
			(async () => (await optimistic?.())?.(await until(null,
				job.result(), ttl, 'still-running').then(
				(result) => ({confirmed: true, result}),
				(error) => ({confirmed: false, error}))))();
			return job;
		},

		follow: (statusUrl, options) => begin({statusUrl, ...options}),

		resume(key, options) {
			const kept = recall(root)[key];
			return kept?.statusUrl ? begin({...kept, ...options}) : null;
		},

		kept: () => Object.values(recall(root)),

		fetch: (path, init) => send(at(path), {...init, finish: null,
			limit: FOREVER, resends: init?.method ? 0 : 2}),

		async *jobs({signal, ...query} = {}) {
			while (query) {
				/* undefined is what nobody asked for */
				const {said: {jobs, next}} = await send(at(`jobs?${
					new URLSearchParams(parse(
						JSON.stringify(query)))}`), {signal});
				yield* jobs;
				query = next && {...query, cursor: next};
			}
		},

		async *events({view = 'all', since: id, signal, told} = {}) {
			/* as long as nothing is said */
			for (let slower = 1;; slower *= 2) {
				try {
					for await (const {event, id: at, document} of
						blocks(`jobs/events?view=${view}`,
							id, signal, LEAVING)) {
						slower = 1;
						id = at ?? id;
						if (document?.status)
							yield {event, id, document};
						else if (at)
							told?.(id);
					}
				} catch (e) {
					signal?.throwIfAborted();
					if (!isMet(e))
						throw e;
				}
				told?.(null);
				await sleep(Math.min(AWAY, pause * slower), signal);
			}
		},
	};
	return client;
}

/* ---- a job ---------------------------------------------------------------- */

/*
 * A job under way. `url`, `request`: what is sent, where that is known. Its
 * parts come in the order in which they lean on each other, and each says what
 * it changes; nothing else does.
 */
function watched(client, [root, at, send, blocks],
	{key = null, requestId = null, statusUrl = null, url, request, signal,
		patience, ttl}) {
	/* ---- what is known of it: job, version, told, next */

	let version; /* of the state, as in ETags and events */
	let told; /* resolves this: [state, next] after what is known */
	const upcoming = () => new Promise((go) => {
		told = go;
	});
	let next = upcoming();

	const isOver = () => !isOpen(job.state?.status);

	/* What is kept under the key: this, too; or nothing more. */
	function record(statusUrl) {
		const kept = recall(root)[key];
		if (kept?.requestId === requestId)
			keep(root, key, statusUrl && {...kept, statusUrl});
	};

	const tell = (state) => {
		job.state = state;
		job.location = state.location ?? null;
		told([state, next = upcoming()]);
		Promise.resolve(state).then(job.onprogress);
	};

	/* A document; whether it said something new. An end stays the last. */
	const take = (document, at) => {
		if (isOver() || at <= version)
			return false;
		version = +at || version;
		tell({...document, statusUrl: job.statusUrl ?? ''});
		if (isOver()) {
			if (!document.resultUrl)
				record();
			stop.abort();
		}
		return true;
	};

	/* ---- asking for it: job, wait */

	let wait; /* ms, as the last answer had it in Retry-After */

	/* What is fired is sent again for its ttl. */
	const submit = async (refresh) => until(stop.signal, send(url, {
		...await request, refresh, signal: stop.signal,
		resends: ttl && Infinity}), ttl).then(accepted, refused);

	/* There is a result, or a ticket. */
	function accepted(answer) {
		const {status, said} = answer;
		const location = answer.headers.get('location');
		const {jobId = '', statusUrl = location} = said ?? {};
		wait = retryAfter(answer);
		if (answer.ok && status !== 202)
			return take({jobId: '', ...job.state, status: 'completed',
				progress: 100, needsCredentials: undefined,
				result: said, location});
		if (!statusUrl)
			throw failure(answer);
		job.statusUrl ??= at(statusUrl);
		record(job.statusUrl);
		return job.state ? look() :
			take({status: 'accepted', jobId, ...jobId && said});
	}

	/*
	 * There is a job all the same: this one, if it wants other credentials;
	 * or another one that has its name, and then the key.
	 */
	function refused(e) {
		const {jobStatus, instance} = e.problem ?? {};
		if (jobStatus && instance)
			record(at(instance));
		if (!jobStatus || e.status !== 401)
			throw e;
		job.statusUrl ??= at(instance);
		return look();
	}

	/* Whether something new was seen, or waited for. */
	const look = async (init) => {
		const answer = await send(job.statusUrl, {signal: stop.signal,
			...init, headers: {...init?.headers,
				...version && {'if-none-match': `"${version}"`}}});
		const {said} = answer;
		const at = answer.headers.get('etag')?.split('"')[1];
		wait = retryAfter(answer);
		if (said && !said.status)
			throw trouble('network');
		/* plain CGI says that it waited for 0 seconds */
		return said && take(said, at) ||
			/=[1-9]/.test(answer.headers.get('preference-applied'));
	};

	const ended = async () => {
		let {status, jobId, requestId, resultUrl, resultConsumed,
			result = null, error, problem} = job.state;
		const url = at(resultUrl ?? `${job.statusUrl}/result`);
		if (status !== 'completed') {
			const body = error === 'upstream-refused' &&
				await send(url, {signal}).catch((e) => e.body);
			throw new RequestError({type: `job-${status}`, jobId, requestId,
				...problem}, {body: body || null,
				status: problem?.status ?? 0});
		}
		if (resultUrl || resultConsumed) {
			result = (await send(url, {signal})).said;
			record();
		}
		return result;
	};

	/* ---- ways to watch it: breaks, polls, left */

	let breaks; /* of connections, one after the other */
	let polls, left; /* how many, and ms of patience */

	/* The stream that is shared, where the page has one. */
	async function shared() {
		const {jobId} = job.state;
		let end;
		if (!client.stream || !jobId)
			throw trouble('next');
		await until(stop.signal, new Promise((go, fail) => {
			const check = () => job.state.needsCredentials && go();
			end = client.stream.follow(jobId, (document, at) => {
				if (document)
					check(take(document, at));
				else if (document === null)
					fail(trouble('next'));
				else
					look().then(check, fail);
			});
		})).finally(end);
	}

	/* Its own stream. A sign of life counts, but for that it begins with. */
	async function stream() {
		const {eventsUrl} = job.state;
		let signs = 0;
		if (!eventsUrl)
			throw trouble('next');
		for await (const {id, document} of blocks(eventsUrl, version,
			stop.signal, LEAVING_A_JOB)) {
			if (document?.status && take(document, id) || id && signs++)
				breaks = 0;
			if (job.state.needsCredentials)
				return;
		}
		throw trouble('network');
	}

	/* Looks that are answered when there is something to see. */
	async function longPoll() {
		if (!version) {
			await look();
			if (!version)
				throw trouble('next');
			return;
		}
		const life = await hold(root, stop.signal, LEAVING_A_JOB);
		const {signal} = life;
		try {
			const seen = await until(signal, look({resends: 0, signal,
				headers: {prefer: `wait=${LONG_POLL}`}}),
			LONG_POLL * 1000 + FIRST_SIGN, 'next');
			if (!seen)
				throw trouble('next');
			breaks = 0;
		} finally {
			life.abort();
		}
	}

	/* A look after a while: as long as we have patience, where we are seen. */
	const poll = async (away = isHidden()) => {
		const ms = away ? AWAY :
			Math.min(left, Math.max(wait, pollPause(polls++)));
		if (!ms)
			throw trouble('still-running');
		left -= away ? 0 : ms;
		await sleep(ms, stop.signal);
		await look();
	};

	/* ---- from beginning to end: run, stop, and where the ways begin */

	/* From the best to the last, which always holds. */
	const RUNGS = [shared, stream, longPoll, poll];
	let run; /* the watching; or that it is known how it ended */
	let stop; /* of the watching */

	/* Resolves when it has ended, however that was. */
	const watch = () => {
		run ??= go();
		run.catch(() => {});
		return run;
	};

	const go = async () => {
		stop = listen(signal);
		let rung = breaks = polls = 0;
		let renewals = 0;
		left = ttl ?? patience;
		try {
			await (job.statusUrl ? look() : submit());
			while (!isOver())
				if (!job.state.needsCredentials) {
					await RUNGS[rung]().catch(meet);
				} else if (request && renewals++ < RENEWALS) {
					await submit(true);
				} else {
					throw trouble('needs-credentials');
				}
		} catch (e) {
			const {state} = job;
			if (isOver())
				return;
			if (e.type === 'still-running') {
				tell({...state, stillRunning: true});
				job.state = state;
			}
			if (isFinal(e))
				record();
			else
				run = null;
			throw e;
		} finally {
			stop.abort();
		}

		/* A rung does not hold: for now, or it is the next one's turn. */
		async function meet(e) {
			stop.signal.throwIfAborted();
			if (rung === 3 || e.status === 401)
				throw e;
			if (e.type === 'away' || e.type === 'held') {
				await poll(e.type === 'away');
			} else if (isMet(e) && !breaks++) {
				await sleep(pause, stop.signal);
			} else {
				rung++;
				breaks = 0;
			}
		}
	};

	/* ---- what others have of it: end */

	let end; /* the result, on its way or here */

	const job = {
		key, requestId,
		statusUrl: statusUrl && at(statusUrl),
		state: null, location: null,
		onprogress: null,

		async *[Symbol.asyncIterator]() {
			const over = watch();
			let {state} = job, later = next;
			for (;; [state, later] = await Promise.race([later, over])) {
				if (state)
					yield state;
				if (state?.stillRunning || !isOpen(state?.status))
					return;
			}
		},

		async result() {
			await watch();
			return end ??= ended().catch((e) => {
				end = null;
				if (isFinal(e))
					record();
				throw e;
			});
		},

		async cancel() {
			if (!job.state)
				await Promise.race([next, watch()]);
			if (isOver())
				return job.state;
			const {said} = await send(job.statusUrl, {method: 'DELETE'});
			if (!isOpen(said.status))
				take(said);
			return {...said, statusUrl: job.statusUrl};
		},
	};

	watch();
	return job;
}

