/** Types of requests.mjs: requests that get a ticket. */

/** The ticket, or the status document of the job. */
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
	api?: string;
	requestId?: string;
	/** in seconds, while the job is open */
	estimatedDuration?: number;
	cancelUrl?: string;
	result?: unknown;
	/** instead of result, where that cannot stand in the document */
	resultUrl?: string;
	/** of what was made */
	location?: string;
	/** why it failed: the last part of the problem's type */
	error?: string;
	problem?: Problem;
	/** times: RFC 3339 in UTC */
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

export interface Outcome<Result = unknown> {
	/** what the job gave; JSON is parsed, nothing is null */
	result: Result;
	/** of what was made, if it has one */
	location: string | null;
	/** null when the answer came at once */
	document: Status | null;
}

export interface Watch {
	/** sent with every request, looks included */
	headers?: HeadersInit;
	/** stops watching; the job goes on */
	signal?: AbortSignal;
	/** called after every look; null: it was the last one */
	onStatus?(status: Status, nextLookMs: number | null): void;
}

export interface Submission extends Watch {
	/** an object is sent as JSON */
	body?: BodyInit | object | null;
	/** how many ms the answer may be kept back; 0: a ticket at once */
	wait?: number;
	/** to send an earlier request again, after a reload for example */
	name?: string;
}

/** The request was refused, its job failed, or there was no way there. */
export class RequestError extends Error {
	constructor(problem: Problem,
		more?: {status?: number, body?: unknown, cause?: unknown});
	name: string;
	/**
	 * the problem's short name ('upstream-refused', 'outcome-unknown',
	 * 'job-cancelled' …) or 'network'
	 */
	type: string;
	title: string | undefined;
	/** of the answer; 0: there was none */
	status: number;
	jobId: string | undefined;
	requestId: string | undefined;
	problem: Problem;
	/** what the upstream itself said, where it said something */
	body: unknown;
}

/** Sends a request and sees it through. Rejects with RequestError. */
export function submit<Result = unknown>(method: string, url: string | URL,
	options?: Submission): Promise<Outcome<Result>>;

/** Watches a job that was accepted before, until it ends. */
export function follow<Result = unknown>(statusUrl: string | URL,
	watch?: Watch, pause?: number): Promise<Outcome<Result>>;

/**
 * Asks for a job to be cancelled. What has left already is waited for, so it
 * may still be completed.
 */
export function cancel(statusUrl: string | URL, watch?: Watch):
	Promise<Status>;
