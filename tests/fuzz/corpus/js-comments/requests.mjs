/*
 * Requests that get a ticket: sent once, looked up until they are done.
 *
 *	const {result} = await submit('POST', '/api/v1/hmrc/vat/return', {
 *		body: {vrn, periodKey, …},
 *		onStatus: ({status, progress}, nextLookMs) => …,
 *	});
 *
 * Every request carries a name of its own (x-request-id). A lost connection is
 * met by sending it again under that name, so the server never makes a second
 * job of it. What ends otherwise than well is a RequestError.
 */

const ATTEMPTS = 7; /* re-sends after a lost connection or a passing 5xx */
const LONGEST_PAUSE = 8000; /* ms between them */
const PASSING = [429, 502, 503, 504];
const OPEN = ['accepted', 'pending', 'processing'];

/**
 * @typedef {object} Status the ticket, or the status document of the job
 * @property {'accepted'|'pending'|'processing'|'completed'|'failed'
 *	|'cancelled'} status
 * @property {string} jobId
 * @property {string} statusUrl absolute
 * @property {number} [progress] 0 to 100
 * @property {string} [message]
 * @property {true} [held] it may have been done, nobody knows, and somebody is
 *	to decide: that may take a day
 *
 * @typedef {object} Outcome
 * @property {*} result what the job gave; JSON is parsed
 * @property {string|null} location of what was made, if it has one
 * @property {Status|null} document null when the answer came at once
 *
 * @typedef {object} Watch
 * @property {HeadersInit} [headers] sent with every request, looks included
 * @property {AbortSignal} [signal] stops watching; the job goes on
 * @property {(status: Status, nextLookMs: number|null) => void} [onStatus]
 *	called after every look; null: it was the last one
 */

/**
 * The request was refused, its job failed or was cancelled, or the server was
 * not to be reached. `type` is the problem's short name ('upstream-refused',
 * 'outcome-unknown', 'job-cancelled', …) or 'network'.
 */
export class RequestError extends Error {
	name = 'RequestError';

	/** @param {object} problem RFC 9457 @param {object} [more] */
	constructor(problem, {status = 0, body = null, cause} = {}) {
		super(problem.detail ?? problem.title ?? `HTTP ${status}`,
			{cause});
		this.type = String(problem.type ?? 'about:blank')
			.replace(/^.*\/problems\//, '');
		this.title = problem.title;
		this.status = status;
		this.jobId = problem.jobId;
		this.requestId = problem.requestId;
		this.problem = problem;
		/** what the upstream itself said, where it said something */
		this.body = body;
	}
}

/**
 * Sends a request and sees it through.
 * @param {string} method
 * @param {string|URL} url
 * @param {Watch & {body?: *, wait?: number, name?: string}} [options]
 *	body: an object is sent as JSON. wait: how many milliseconds the server
 *	may keep the answer back for a result (0: a ticket at once). name: to
 *	send an earlier request again, after a reload for example.
 * @returns {Promise<Outcome>}
 */
export async function submit(method, url,
	{body, wait, name = newName(), ...watch} = {}) {
	const headers = new Headers(watch.headers);
	headers.set('x-request-id', name);
	headers.set('x-initial-request', 'true');
	if (wait !== undefined)
		headers.set('x-wait-time-ms', String(wait));
	if (isPlain(body)) {
		headers.set('content-type', 'application/json');
		body = JSON.stringify(body);
	}
	const answer = await send(url, {method, headers, body}, watch.signal);
	if (answer.status !== 202)
		return outcome(answer);
	const path = answer.body?.statusUrl ?? answer.headers.get('location');
	if (!path)
		throw new RequestError({title: '202 without a status address'},
			answer);
	const statusUrl = new URL(path, answer.url).href;
	const pause = retryAfter(answer) ?? 1000;
	watch.onStatus?.({...answer.body, statusUrl}, pause);
	return follow(statusUrl, watch, pause);
}

/**
 * Watches a job that was accepted before, until it ends.
 * @param {string|URL} statusUrl
 * @param {Watch} [watch]
 * @param {number} [pause] milliseconds until the first look
 * @returns {Promise<Outcome>}
 */
export async function follow(statusUrl, watch = {}, pause = 0) {
	const headers = new Headers(watch.headers);
	let document;
	for (;;) {
		await sleep(pause, watch.signal);
		const look = await send(statusUrl, {headers}, watch.signal);
		if (look.status === 200) {
			document = {...look.body,
				statusUrl: new URL(statusUrl, look.url).href};
			const etag = look.headers.get('etag');
			if (etag)
				headers.set('if-none-match', etag);
		} else if (look.status !== 304 || !document) {
			throw failure(look);
		}
		if (!OPEN.includes(document.status))
			break;
		pause = retryAfter(look) ?? 1000;
		watch.onStatus?.(document, pause);
	}
	watch.onStatus?.(document, null);
	return ended(document, watch);
}

/**
 * Asks for a job to be cancelled. What has left for the upstream already is
 * waited for, so the job may still be completed.
 * @param {string|URL} statusUrl
 * @param {Watch} [watch]
 * @returns {Promise<Status>}
 */
export async function cancel(statusUrl, {headers, signal} = {}) {
	const answer = await send(statusUrl, {method: 'DELETE', headers}, signal);
	if (answer.status >= 300)
		throw failure(answer);
	return answer.body;
}

/* The document says how it ended; the rest may have to be fetched. */
async function ended(document, {headers, signal}) {
	const {status, statusUrl, resultUrl, result, location} = document;
	if (status === 'completed' && !resultUrl)
		return {result: result ?? null, location: location ?? null,
			document};
	const url = new URL(resultUrl ?? `${statusUrl}/result`, statusUrl);
	const answer = await send(url, {headers}, signal);
	if (status === 'completed')
		return {...outcome(answer), document};
	throw failure(answer, document.problem);
}

function outcome(answer) {
	if (answer.status >= 300)
		throw failure(answer);
	return {result: answer.body, location: answer.headers.get('location'),
		document: null};
}

/* A problem of the endpoint's own, or the upstream's refusal as it came. */
function failure(answer, problem) {
	const type = answer.headers.get('content-type') ?? '';
	if (type.startsWith('application/problem+json') && answer.body)
		return new RequestError({...problem, ...answer.body},
			{status: answer.status});
	return new RequestError(problem ?? {
		type: 'upstream-refused', status: answer.status,
		title: 'The request was refused',
	}, answer);
}

/*
 * One exchange, repeated while it is the way there that fails. An answer with
 * a jobStatus is the job's own end, whatever its number.
 */
async function send(url, init, signal) {
	new Request(url, init); /* what is malformed throws here, at once */
	for (let attempt = 0;; attempt++) {
		let answer, lost;
		try {
			answer = await read(await fetch(url,
				{...init, signal, cache: 'no-store'}));
		} catch (cause) {
			signal?.throwIfAborted();
			lost = cause;
		}
		const passing = !answer || PASSING.includes(answer.status) &&
			!answer.body?.jobStatus;
		if (answer && (!passing || attempt === ATTEMPTS))
			return answer;
		if (attempt === ATTEMPTS)
			throw new RequestError({type: 'network',
				title: 'The server could not be reached',
			}, {cause: lost});
		const backoff = Math.min(LONGEST_PAUSE, 250 * 2 ** attempt);
		await sleep(answer && retryAfter(answer) ||
			backoff * (0.5 + Math.random() / 2), signal);
	}
}

async function read(response) {
	const {status, headers, url} = response;
	const text = await response.text();
	let body = text || null;
	if (body && /[/+]json\b/.test(headers.get('content-type') ?? ''))
		try {
			body = JSON.parse(text);
		} catch {
			/* not what it says it is: left as text */
		}
	return {status, headers, url, body};
}

/* Milliseconds; undefined when the answer does not say. */
function retryAfter({headers}) {
	const said = headers.get('retry-after');
	if (!said)
		return undefined;
	const ms = /^\d+$/.test(said) ? said * 1000 :
		Date.parse(said) - Date.now();
	return Number.isNaN(ms) ? undefined : Math.max(ms, 100);
}

function sleep(ms, signal) {
	return new Promise((resolve, reject) => {
		signal?.throwIfAborted();
		const timer = setTimeout(() => {
			signal?.removeEventListener('abort', stop);
			resolve();
		}, ms);
		function stop() {
			clearTimeout(timer);
			reject(signal.reason);
		}
		signal?.addEventListener('abort', stop, {once: true});
	});
}

/* randomUUID is only there on https and localhost. */
function newName() {
	return crypto.randomUUID?.() ?? Array.from(
		crypto.getRandomValues(new Uint8Array(16)),
		(byte) => byte.toString(16).padStart(2, '0')).join('');
}

function isPlain(body) {
	return Array.isArray(body) ||
		body !== null && typeof body === 'object' &&
		[Object.prototype, null].includes(Object.getPrototypeOf(body));
}
