/**
 * Types of requests.mjs: requests that get a ticket, seen through.
 *
 *	const api = connect({base: '/api/', headers: async () => ({…})});
 *	const job = api.submit('POST v1/hmrc/vat/return', form, {key: 'return'});
 *	for await (const {status, progress} of job)
 *		…
 *	const receipt = await job.result();
 */

/**
 * The ticket, or the status document of the job; of a request that was answered
 * at once, what that would say: its jobId and statusUrl are '' where they are
 * not known.
 */
export interface Status {
	status: 'accepted' | 'pending' | 'processing' | 'completed' | 'failed' |
		'cancelled';
	jobId: string;
	/** absolute */
	statusUrl: string;
	/** 0 to 100 */
	progress?: number;
	message?: string;
	/** it may have been done, nobody knows, and somebody is to decide */
	held?: true;
	/** what it forwards was not accepted; see submit() */
	needsCredentials?: true;
	/**
	 * our patience is over, the job is not; look again whenever you like.
	 * Only as it is told, not in `state`.
	 */
	stillRunning?: true;
	api?: string;
	requestId?: string;
	/** in seconds, while the job is open */
	estimatedDuration?: number;
	eventsUrl?: string;
	cancelUrl?: string;
	result?: unknown;
	/** instead of result, where that cannot stand in the document */
	resultUrl?: string;
	/** it could be read once, and was */
	resultConsumed?: true;
	/** of what was made */
	location?: string;
	/** why it failed: the last part of the problem's type */
	error?: string;
	problem?: Problem;
	/** times: RFC 3339 in UTC, by the server's clock */
	createdAt?: string;
	startedAt?: string | null;
	completedAt?: string | null;
	cancelRequestedAt?: string;
	expiresAt?: string;
	deadlineAt?: string;
	attempt?: number;
}

/** RFC 9457; of an upstream's own problem nothing else is known. */
export interface Problem {
	type?: string;
	title?: string;
	status?: number;
	detail?: string;
	instance?: string;
	requestId?: string;
	jobId?: string;
	upstreamStatus?: number;
	[member: string]: unknown;
}

/** The request was refused, its job failed, or there was no way there. */
export class RequestError extends Error {
	constructor(problem: Problem,
		more?: {status?: number, body?: unknown, cause?: unknown});
	name: string;
	/**
	 * the problem's short name ('upstream-refused', 'outcome-unknown',
	 * 'job-cancelled' …), or 'network', 'still-running',
	 * 'needs-credentials'; 'foreign-url': the message is the URL, which was
	 * not asked; 'foreign-answer': what answered is no endpoint (a wrong
	 * base, a page of who stands in between), and the message says to what.
	 * Of a 401 'unauthorized' is about who asks; one that the upstream gave
	 * us as the end of it is 'upstream-refused'.
	 */
	type: string;
	title: string | undefined;
	/** of the answer; 0: there was none */
	status: number;
	jobId: string | undefined;
	requestId: string | undefined;
	problem: Problem;
	/** what the upstream itself, or no endpoint, said: as result() has it */
	body: unknown;
}

export interface Connection {
	/**
	 * the prefix of the APIs, '/api/' for example; whatever is named later
	 * is resolved against it (the jobs are at 'jobs'), and nothing at
	 * another origin is ever asked
	 */
	base: string | URL;
	/**
	 * what goes with every request: called anew for each, and for each time
	 * that a stream is connected. After a 401 it is called once more with
	 * refresh true, for all requests that are waiting for it together, and
	 * they are sent again, once, under the same name. What it throws is
	 * what they end with; but events() asks it again, later and later.
	 */
	headers?(why: {refresh: boolean}): HeadersInit | Promise<HeadersInit>;
	/** as fetch() has it; 'same-origin' */
	credentials?: RequestCredentials;
	/** how many ms a job is polled for before it is 'still-running'; 60,000 */
	patience?: number;
}

/** An object is sent as JSON; the rest as fetch() does. */
export type Body = BodyInit | object | null;

export interface Submission {
	/**
	 * names what the person does ('return-24A1'). Its x-request-id is then
	 * kept in sessionStorage until the server has said how it ended and has
	 * given its result, so that neither a reload nor a second press makes a
	 * second job of it; what is no endpoint (foreign-answer) says nothing of
	 * it. Where something else was sent under it before, and arrived, the
	 * server refuses this one (id-conflict), and resume() finds that one.
	 */
	key?: string;
	/** how many ms the first answer may be kept back for a result; 1000 */
	wait?: number;
	/** stops watching; the job goes on */
	signal?: AbortSignal;
	/** sent with it, not with looks; laid over those of the connection */
	headers?: HeadersInit;
}

/** How an optimistic change turned out; called once. */
export type Settle = (how: {confirmed: true, result: unknown} |
	{confirmed: false, error: RequestError}) => void;

export interface Fired extends Submission {
	/** shows what is going to be, at once */
	optimistic?(): Settle | void | Promise<Settle | void>;
	/**
	 * how many ms it may be shown unconfirmed, be polled for, and be sent
	 * again and again where nobody answers: at longer and longer intervals,
	 * at once when there is a network again, and after it no more; 300,000
	 */
	ttl?: number;
}

/** A line of what is kept for this tab, over a reload. */
export interface Kept {
	key: string;
	api: string;
	requestId: string;
	/** null: it is not known whether the server has it */
	statusUrl: string | null;
}

/**
 * A request under way. It is watched by a stream where there is one, else by
 * long polls, else by polls; whatever happens on the way, what is told only
 * moves forward. Iterating gives each state that is new, up to the last one;
 * any number may iterate, or ask for the result, whenever they like.
 */
export interface Job<Result = unknown> extends AsyncIterable<Status> {
	readonly key: string | null;
	/** the x-request-id it was sent under; null for one that is followed */
	readonly requestId: string | null;
	/** null until it has a ticket, and for what needed none */
	readonly statusUrl: string | null;
	/** what is known; null before the first answer */
	readonly state: Status | null;
	/** of what was made, if it has one */
	readonly location: string | null;
	/** called with each state that is new */
	onprogress: ((state: Status) => void) | null;
	/**
	 * What it gave: JSON is parsed, text is a string, nothing is null, and
	 * anything else is a Blob of its type. Rejects with a RequestError; of
	 * type 'still-running' when our patience is over: the job is not, and to
	 * ask again is to watch again.
	 */
	result(): Promise<Result>;
	/**
	 * Asks for it to be cancelled. What has left already is waited for, so it
	 * may still be completed.
	 */
	cancel(): Promise<Status>;
}

/** What tells of the jobs of an owner, whichever they are. */
export interface JobStream {
	/**
	 * Calls `take` with each new document of that job and its version, as
	 * in its ETag; with undefined when all is told from here on and what
	 * was before is not known, so that one look is due; with null when it
	 * can tell no more, and the job is watched otherwise. Never before it
	 * has returned what ends it.
	 */
	follow(jobId: string, take: (document: Status | null | undefined,
		version?: string) => void): () => void;
}

/**
 * An event of a stream: what it is called, its version, its document, in which
 * URLs are as the server has them.
 */
export interface JobEvent {
	event: string;
	id: string;
	document: Status;
}

export interface Client {
	/**
	 * Sends a request, at once. `api`: a method and a path below the base,
	 * 'DELETE bundle/7'; POST where there is no method. Where the upstream
	 * does not accept what is forwarded (needsCredentials), it is sent again
	 * with other headers, as after a 401.
	 *
	 * An answer is to begin within 35 s and what it may `wait`, and a ms for
	 * each 16 bytes that are sent; a look at the job within 35 s; a stream
	 * within 10 s, and then there is to be a sign of life every 45. What has
	 * not is given up, and is as good as a lost connection: sent again under
	 * the same name, seven times, then 'network'.
	 */
	submit<Result = unknown>(api: string, body?: Body,
		options?: Submission): Job<Result>;
	/** The same, without waiting: a ticket at once. */
	fireAndForget<Result = unknown>(api: string, body?: Body,
		options?: Fired): Job<Result>;
	/** Watches a job that was accepted before. */
	follow<Result = unknown>(statusUrl: string | URL,
		options?: {signal?: AbortSignal}): Job<Result>;
	/** The same, of what was submitted under a key; null: nothing is known. */
	resume<Result = unknown>(key: string,
		options?: {signal?: AbortSignal}): Job<Result> | null;
	/** What resume() would find, and what may not have arrived. */
	kept(): Kept[];
	/**
	 * fetch() with the connection's headers and the refresh after a 401.
	 * Resolves with whatever answer came; never leaves the origin of the
	 * base. Where no method is said it is sent twice more, a little later,
	 * if the server is away; what may do something is not. As with fetch(),
	 * how long it may take is for `signal` to say.
	 */
	fetch(path: string | URL, init?: RequestInit): Promise<Response>;
	/**
	 * The owner's jobs, newest first, page after page as they are read; URLs
	 * as the server has them.
	 */
	jobs(query?: {api?: string, status?: string, signal?: AbortSignal}):
		AsyncIterable<Status>;
	/**
	 * What happens to all jobs of the owner, from now on or since an event;
	 * connects again by itself, page hidden or not, also when nothing has
	 * come for 45 s (a sign of life is due every 15): after 2 s, or what the
	 * stream says (1 s to a minute), and twice as long each time that nothing
	 * is said, up to half a minute. Throws a RequestError where there are no
	 * such streams.
	 *
	 * `told` is called, in order with the events, with how far the stream
	 * is whenever that comes without an event: as it begins, and with each
	 * sign of life; and with null when it is cut off.
	 */
	events(options?: {view?: 'all' | 'command' | 'alert', since?: string,
		signal?: AbortSignal, told?(id: string | null): void}):
		AsyncIterable<JobEvent>;
	/** absolute, as the connection has it */
	readonly base: string;
	/** asked before a job opens a stream of its own; see shared-stream.mjs */
	stream: JobStream | null;
}

export function connect(connection: Connection): Client;
