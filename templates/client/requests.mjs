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
const LONGEST_PAUSE = 8000;
const RETRY_AFTER_MOST = 60000; /* ms that a server may have us wait */
const RENEWALS = 2; /* with other credentials, before it is given up */

const PLACES = 3; /* of six connections of an origin, over all tabs */
const FIRST_SIGN = 10000; /* ms until a stream has said something */
const SILENCE = 45000; /* ms: three signs of life that did not come */
const RECONNECT = 2000; /* ms, where the stream does not say */
const LONG_POLL = 20; /* s */
const FOREVER = 1e9; /* ms: as long as there is to wait for something */
const AWAY = 30000; /* ms between looks while hidden, or offline */

const PASSING = [0, 429, 502, 503, 504]; /* 0: there was no answer */
const OPEN = ['accepted', 'pending', 'processing'];

/* ms before the n-th poll, at least: ten quick ones, then 2 to 5 s */
const pollPause = (n) => n < 10 ? 1000 : Math.min(5000, 500 * n - 3000);

/* What ends a held connection, and what cuts a wait short. */
const LEAVING = ['pagehide', 'offline'];
const LEAVING_A_JOB = ['pagehide', 'offline', 'visibilitychange'];
const COMING = ['pageshow', 'online', 'visibilitychange'];

/** @see requests.d.mts, for this and all that is exported */
export class RequestError extends Error {
	name = 'RequestError';

	constructor(problem, {status = 0, body = null, cause} = {}) {
		super(problem.detail ?? problem.title ?? problem.type, {cause});
		this.type = `${problem.type}`.replace(/.*problems\//, '');
		this.title = problem.title;
		this.status = status;
		this.jobId = problem.jobId;
		this.requestId = problem.requestId;
		this.problem = problem;
		this.body = body;
	}
}

const trouble = (type, more) => new RequestError({type}, more);

/*
 * What an answer that is no success means: a problem of ours, or what stands in
 * between, or what the upstream said.
 */
function failure({status, headers, said}) {
	const isOurs = /problems\//.test(said?.type);
	return new RequestError(isOurs ? said : {
		type: status >= 500 ? 'network' :
			status === 401 ? 'unauthorized' : 'upstream-refused',
	}, {status, body: isOurs ? null : said});
}

const isOpen = (status = OPEN[0]) => OPEN.includes(status);

/* It was said of the request itself that it is not, or has failed. */
const isFinal = ({status, problem}) => !isOpen(problem?.jobStatus) ||
	status >= 400 && status < 500 &&
	![401, 429].includes(status);

/* What keeps a connection from being held, and passes. */
const isMet = ({type, status}) => status ? status > 428 : type !== 'unfit';

/* ---- waiting -------------------------------------------------------------- */

const here = globalThis; /* in node it lacks most of this */
const isHidden = () => here.document?.hidden;
const isOffline = () => here.navigator?.onLine === false;

/*
 * act(over) whenever one of these happens to the page, or to `signal`, to which
 * it may have; `over` is what comes back, and listens until it is aborted.
 */
function listen(types, signal, act) {
	const over = new AbortController();
	const heard = () => act(over);
	for (const type of types)
		here.addEventListener?.(type, heard, {signal: over.signal});
	signal?.addEventListener('abort', heard, {signal: over.signal});
	if (signal?.aborted)
		heard();
	return over;
}

/* Until the promise, or so many ms, or until one of these happens. */
async function until(signal, promise, ms = FOREVER, types = []) {
	let timer, over;
	try {
		return await Promise.race([promise, new Promise((go, reject) => {
			timer = setTimeout(go, ms);
			over = listen(types, signal, () => signal?.aborted ?
				reject(signal.reason) : isHidden() || go());
		})]);
	} finally {
		clearTimeout(timer);
		over.abort();
	}
}

/* So long, or until the page is seen again, or the network is back. */
const sleep = (ms, signal) => until(signal, new Promise(() => {}), ms, COMING);

/* ---- the way there -------------------------------------------------------- */

/* A wait in ms that an answer asks for; a date counts from its own Date. */
function retryAfter({headers}) {
	const said = headers.get('retry-after');
	const ms = said * 1000 ||
		Date.parse(said) - Date.parse(headers.get('date'));
	return Math.min(ms > 0 ? ms : 0, RETRY_AFTER_MOST);
}

/* What it says, in `said`: JSON is parsed, nothing is null. */
async function read(answer) {
	answer.said = await answer.text() || null;
	if (/json/.test(answer.headers.get('content-type')))
		try {
			answer.said = JSON.parse(answer.said);
		} catch {
			/* not what it says it is: left as text */
		}
	return answer;
}

const asItIs = (answer) => answer;

/* Nothing was said about the job, or about what a read asked upstream. */
const isPassing = ({status, said}) => PASSING.includes(status) &&
	isOpen(said?.jobStatus) &&
	!/problems\/(upstream|circuit)-/.test(said?.type);

function linkTo({base, headers, credentials}) {
	const root = new URL(`${base}`.replace(/\/?$/, '/'),
		here.location);
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
	function at(path) {
		const url = new URL(path, root);
		if (url.origin !== root.origin)
			throw trouble('foreign-url');
		return url.href;
	}

	/*
	 * One exchange, repeated while it is the way there that fails; resolves
	 * with whatever answer there was in the end. One with a jobStatus that
	 * is an end is the job's own, whatever its number; a 401 with one is not
	 * about who asks.
	 */
	async function send(url, {signal, resends = RESENDS, finish = read,
		refresh, ...init}) {
		let stale = refresh ? age : -1;
		let pause = FIRST_PAUSE;
		for (;;) {
			if (resends > 2 && isOffline())
				await sleep(AWAY, signal);
			const now = age;
			const all = new Headers(await until(signal, current(stale)));
			new Headers(init.headers).forEach((value, name) =>
				all.set(name, value));
			const answer = await fetch(url, {...init, headers: all, signal,
				credentials, cache: 'no-store', redirect: 'error',
			}).then(finish).catch((cause) =>
				({status: 0, headers: all, cause}));
			signal?.throwIfAborted();
			if (answer.status === 401 && stale < 0 && headers &&
				!answer.said?.jobStatus) {
				stale = now;
			} else if (resends-- && isPassing(answer)) {
				await sleep(Math.max(retryAfter(answer),
					Math.random() * pause), signal);
				pause = Math.min(LONGEST_PAUSE, 2 * pause);
			} else if (answer.status) {
				return answer;
			} else {
				throw trouble('network', answer);
			}
		}
	}

	/* The same, where an answer that is no success is an error. */
	async function ask(url, init) {
		const answer = await send(url, init);
		if (answer.status > 304)
			throw failure(answer);
		return answer;
	}

	return {root, at, send, ask};
}

/* ---- what is kept over a reload ------------------------------------------- */

const memory = {}; /* what the storage of the tab did not take */
let storage;
try {
	storage = here.sessionStorage;
} catch {
	/* it is not allowed */
}

const recall = (name) => memory[name] ??
	JSON.parse(storage?.getItem(name) ?? null);

function keep(name, record) {
	delete memory[name];
	try {
		if (record)
			storage.setItem(name, JSON.stringify(record));
		else
			storage.removeItem(name);
	} catch {
		memory[name] = record;
	}
}

/* ---- connections that are held -------------------------------------------- */

let held = 0; /* where there are no locks over all tabs: by this page */

/* The i-th place, or one after it: what gives it back; else none is free. */
const place = (origin, i) => i < PLACES && new Promise((given) =>
	here.navigator.locks.request(`lowtide-held:${origin}:${i}`,
		{ifAvailable: true}, (lock) => lock ? new Promise(given) :
			given(place(origin, i + 1))).catch(() => given()));

/*
 * A connection is going to be held, in a place of its own, until this is
 * aborted: by who holds it, by `signal`, or when one of these happens to the
 * page.
 */
async function hold(root, signal, leaving) {
	if (leaving === LEAVING_A_JOB && isHidden())
		throw trouble('away');
	const free = here.navigator?.locks ? await place(root.origin, 0) :
		held < PLACES && ++held && (() => held--);
	if (!free)
		throw trouble('full');
	/* who has aborted `signal` knows why, and looks at that first */
	const life = listen(leaving, signal, (over) =>
		over.abort(trouble('away')));
	life.signal.addEventListener('abort', free);
	if (life.signal.aborted)
		free();
	return life;
}

/*
 * The blocks of a text/event-stream, as long as it holds: {event, id, retry,
 * data}, of each what was said; one that is cut off in the middle was not.
 * Pieces may be cut anywhere. Lines end in LF or CRLF.
 */
async function* blocks({root, send}, url, id, wanted, leaving) {
	const life = await hold(root, wanted, leaving);
	const {signal} = life;
	let rest = '', got;
	try {
		const answer = await until(signal, send(url, {
			resends: 0, signal, finish: asItIs,
			headers: {accept: 'text/event-stream',
				...id && {'last-event-id': id}}}), FIRST_SIGN);
		if (!/event-stream/.test(answer?.headers.get('content-type')))
			throw answer ? failure(await read(answer)) : trouble('network');
		const reader = answer.body.pipeThrough(
			new TextDecoderStream()).getReader();
		while ((got = await until(signal, reader.read(), SILENCE))?.value) {
			rest += got.value;
			const blocks = rest.split(/\r?\n\r?\n/);
			rest = blocks.pop();
			for (const text of blocks) {
				const block = {};
				for (const line of text.split(/\r?\n/)) {
					const [, name, said] =
						/([^:]*):? ?(.*)/s.exec(line);
					block[name] = name === 'data' && block.data ?
						`${block.data}\n${said}` : said;
				}
				yield block;
			}
		}
	} finally {
		life.abort();
	}
}

/* ---- a job ---------------------------------------------------------------- */

/*
 * A job under way. `name`: of the record under its key. `request`: what is
 * sent, where that is known.
 */
function watched(link, patience,
	{key = null, requestId = null, statusUrl = null, name, url, request,
		signal}) {
	const {client, at, send, ask} = link;
	let told; /* resolves this: [state, next] after what is known */
	let next = more();
	let run; /* the watching; or that it is known how it ended */
	let end; /* the result, on its way or here */
	let stop; /* of the watching */
	let version; /* of the state, as in ETags and events */
	let wait; /* ms, as the last answer had it in Retry-After */
	let pause = RECONNECT;
	let breaks; /* of connections, one after the other */
	let polls, left; /* how many, and ms of patience */

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
				throw e;
			});
		},

		async cancel() {
			if (!job.state)
				await Promise.race([next, watch()]);
			if (!isOpen(job.state.status))
				return job.state;
			const {said} = await ask(job.statusUrl, {method: 'DELETE'});
			if (!isOpen(said.status))
				take(said);
			return {...said, statusUrl: job.statusUrl};
		},
	};

	/* ---- from beginning to end */

	/* Resolves when it has ended, however that was. */
	function watch() {
		run ??= go();
		run.catch(() => {});
		return run;
	}

	async function go() {
		stop = listen([], signal, (over) => over.abort(signal.reason));
		let rung = breaks = polls = 0;
		let renewals = RENEWALS;
		left = patience;
		try {
			await (job.statusUrl ? look() : submit());
			while (isOpen(job.state.status))
				if (!job.state.needsCredentials) {
					await RUNGS[rung]().catch(meet);
				} else if (request && renewals--) {
					await submit(true);
					await look();
				} else {
					throw trouble('needs-credentials');
				}
		} catch (e) {
			const {state} = job;
			if (!isOpen(state?.status))
				return;
			if (e.type === 'still-running') {
				tell({...state, stillRunning: true});
				job.state = state;
			}
			if (!isFinal(e))
				run = null;
			else if (e.type !== 'id-conflict')
				record(null);
			throw e;
		} finally {
			stop.abort();
		}

		/* A rung does not hold: for now, or it is the next one's turn. */
		async function meet(e) {
			stop.signal.throwIfAborted();
			if (rung === 3 || e.status === 401)
				throw e;
			if (e.type === 'away' || e.type === 'full') {
				await poll(e.type === 'away');
			} else if (isMet(e) && !breaks++) {
				await rest(pause);
			} else {
				rung++;
				breaks = 0;
			}
		}
	}

	/* What is kept under the key: this, too; or nothing more. */
	function record(more) {
		const kept = recall(name);
		if (kept?.requestId === requestId)
			keep(name, more && {...kept, ...more});
	}

	function more() {
		return new Promise((resolve) => {
			told = resolve;
		});
	}

	function tell(state) {
		job.state = state;
		job.location = state.location ?? null;
		told([state, next = more()]);
		Promise.resolve(state).then(job.onprogress);
	}

	/* A document; whether it said something new. An end stays the last. */
	function take(document, at) {
		if (!isOpen(job.state?.status) || at <= version)
			return false;
		version = +at || version;
		tell({...document, statusUrl: job.statusUrl ?? ''});
		if (!isOpen(document.status)) {
			if (!document.resultUrl)
				record(null);
			stop.abort();
		}
		return true;
	}

	async function submit(refresh) {
		const answer = await send(url, {...await request, refresh,
			signal: stop.signal});
		const {status, headers, said} = answer;
		const {jobId = '', jobStatus, instance} = said ?? {};
		const location = headers.get('location');
		const ticket = status === 202 ?
			{status: OPEN[0], statusUrl: location, ...jobId && said} :
			status === 401 && jobStatus && {status: jobStatus,
				statusUrl: instance, needsCredentials: true};
		wait = retryAfter(answer);
		if (ticket) {
			job.statusUrl ??= at(ticket.statusUrl);
			record({statusUrl: job.statusUrl});
			if (!job.state)
				take({jobId, ...ticket});
		} else if (status < 300) {
			take({jobId, ...job.state, status: 'completed', progress: 100,
				needsCredentials: undefined, result: said, location});
		} else {
			/* another request may have the name, and then the key */
			if (jobStatus)
				record({statusUrl: instance});
			throw failure(answer);
		}
	}

	async function ended() {
		const {status, jobId, requestId, resultUrl, resultConsumed,
			result = null, error, problem} = job.state;
		const url = at(resultUrl ?? `${job.statusUrl}/result`);
		if (status !== 'completed') {
			const answer = error === 'upstream-refused' &&
				await send(url, {signal}).catch(() => null);
			throw new RequestError({type: `job-${status}`, jobId, requestId,
				...problem}, {body: answer?.said,
				status: problem?.status});
		}
		if (!resultUrl && !resultConsumed)
			return result;
		const {said} = await ask(url, {signal});
		record(null);
		return said;
	}

	/* ---- watching */

	/* From the best to the last, which always holds. */
	const RUNGS = [shared, stream, longPoll, poll];

	const rest = (ms) => sleep(ms, stop.signal);

	/* Whether something new was seen, or waited for. */
	async function look(init) {
		const answer = await ask(job.statusUrl, {signal: stop.signal,
			...init, headers: {...init?.headers,
				...version && {'if-none-match': `"${version}"`}}});
		const {status, headers, said} = answer;
		const at = headers.get('etag')?.replace(/\D/g, '');
		wait = retryAfter(answer);
		if (status !== 304 && !said?.status)
			throw trouble('network');
		/* plain CGI says that it waited for 0 seconds */
		return status !== 304 && take(said, at) ||
			/wait=[1-9]/.test(headers.get('preference-applied'));
	}

	/* The stream that is shared, where the page has one. */
	async function shared() {
		const {jobId} = job.state;
		let end;
		if (!client.stream || !jobId)
			throw trouble('unfit');
		await until(stop.signal, new Promise((go, fail) => {
			const check = () => job.state.needsCredentials && go();
			end = client.stream.follow(jobId, (document, at) => {
				if (document)
					check(take(document, at));
				else if (document === null)
					fail(trouble('unfit'));
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
			throw trouble('unfit');
		for await (const {id, retry, data} of blocks(link,
			at(eventsUrl), version, stop.signal,
			LEAVING_A_JOB)) {
			pause = +retry || pause;
			if (data && take(JSON.parse(data), id) || id && signs++)
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
				throw trouble('unfit');
			return;
		}
		const life = await hold(link.root, stop.signal, LEAVING_A_JOB);
		const {signal} = life;
		try {
			const seen = await until(signal, look({resends: 0, signal,
				headers: {prefer: `wait=${LONG_POLL}`}}),
			LONG_POLL * 1000 + FIRST_SIGN);
			if (!seen)
				throw trouble('unfit');
			breaks = 0;
		} finally {
			life.abort();
		}
	}

	/* A look after a while: as long as we have patience, where we are seen. */
	async function poll(away = isHidden()) {
		let ms = AWAY;
		if (!away) {
			ms = Math.min(left, Math.max(wait, pollPause(polls++)));
			if (!ms)
				throw trouble('still-running');
			left -= ms;
		}
		await rest(ms);
		await look();
	}

	watch();
	return job;
}

/* ---- connecting ----------------------------------------------------------- */

/* randomUUID() is only there on https and localhost. */
const newName = () => crypto.getRandomValues(new Uint32Array(4)).join('-');

/* How it turned out, or that it took too long: told once. */
const settle = async (job, shown, ttl) =>
	(await shown)?.(await until(null, job.result().then(
		(result) => ({confirmed: true, result}),
		(error) => ({confirmed: false, error})), ttl) ??
		{confirmed: false, error: trouble('still-running')});

export function connect({patience = 60000, ...connection}) {
	const link = linkTo(connection);
	const {root, at, send, ask} = link;
	const prefix = `lowtide:${root.pathname}`;
	const begin = (job, ms = patience) => watched(link, ms, job);
	const client = link.client = {
		base: root.href,
		stream: null,

		submit(api, body,
			{key, signal, headers, wait = 1000, ttl} = {}) {
			const [path, method = 'POST'] = api.split(' ').reverse();
			const isPlain = body &&
				[undefined, Object, Array].includes(body.constructor);
			const request = new Request(at(path), {method, headers,
				body: isPlain ? JSON.stringify(body) : body});
			const name = key && prefix + key;
			const kept = name && recall(name);
			const again = kept?.api === api;
			const requestId = again ? kept.requestId : newName();
			if (isPlain)
				request.headers.set('content-type', 'application/json');
			request.headers.set('x-request-id', requestId);
			request.headers.set('x-initial-request', 'true');
			request.headers.set('x-wait-time-ms', wait);
			if (name && !again && !signal?.aborted)
				keep(name, {api, requestId, statusUrl: null});
			return begin({key, name, requestId, signal,
				/* bytes, which are the same each time that they are sent */
				url: request.url,
				request: request.arrayBuffer().then((bytes) => ({
					method, headers: request.headers,
					body: body && bytes}))}, ttl);
		},

		fireAndForget(api, body, {optimistic, ttl = 300000, ...more} = {}) {
			const job = client.submit(api, body,
				{wait: 0, ttl, ...more});
			if (optimistic)
				settle(job, optimistic(), ttl);
			return job;
		},

		follow: (statusUrl, options) => begin({statusUrl, ...options}),

		resume(key, options) {
			const name = prefix + key;
			const kept = recall(name);
			return kept?.statusUrl ?
				begin({...kept, key, name, ...options}) : null;
		},

		kept: () => Object.keys({...storage, ...memory})
			.flatMap((name) => name.startsWith(prefix) && recall(name) ?
				{key: name.slice(prefix.length), ...recall(name)} : []),

		fetch: (path, init) => send(at(path), {...init, finish: asItIs,
			resends: init?.method ? 0 : 2}),

		async *jobs({signal, ...query} = {}) {
			while (query) {
				/* undefined is what nobody asked for */
				const {said: {jobs, next}} = await ask(at(`jobs?${
					new URLSearchParams(JSON.parse(
						JSON.stringify(query)))}`), {signal});
				yield* jobs;
				query = next && {...query, cursor: next};
			}
		},

		async *events({view = 'all', since: id, signal, told} = {}) {
			let pause = RECONNECT;
			for (;;) {
				try {
					for await (const {data, ...block} of blocks(link,
						at(`jobs/events?view=${view}`), id, signal,
						LEAVING)) {
						pause = +block.retry || pause;
						id = block.id ?? id;
						if (data)
							yield {event: block.event, id,
								document: JSON.parse(data)};
						else if (block.id)
							told?.(id);
					}
				} catch (e) {
					signal?.throwIfAborted();
					if (!isMet(e))
						throw e;
				}
				told?.(null);
				await sleep(pause, signal);
			}
		},
	};
	return client;
}
