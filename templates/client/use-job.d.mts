/**
 * Types of use-job.mjs: a job in a React component (18 or later).
 *
 *	const {state, result, error, submit, cancel} = useJob(api, 'export');
 *	return state?.status === 'processing' ?
 *		<progress max="100" value={state.progress}/> :
 *		<button onClick={() => submit('export', {year})}>Export</button>;
 */
import type {Body, Client, Job, RequestError, Status, Submission}
	from './requests.mjs';

export interface UseJob<Result> {
	job: Job<Result> | null;
	/** null: nothing was sent yet, or there is no answer yet */
	state: Status | null;
	/** undefined until it is there */
	result: Result | undefined;
	error: RequestError | null;
	/** sent, and neither a result nor an error is there */
	busy: boolean;
	/** Sends another one, which is the one that is shown from then on. */
	submit(api: string, body?: Body,
		options?: Omit<Submission, 'key' | 'signal'>): void;
	cancel(): void;
	/** Watches on, after an error of type 'still-running'. */
	watch(): void;
	/** Shows none. */
	reset(): void;
}

/**
 * @param client stays the same from one rendering to the next
 * @param key as submit() has it: what was sent before a reload is found again
 */
export function useJob<Result = unknown>(client: Client, key?: string):
	UseJob<Result>;
