/**
 * Types of lowtide-job.mjs: a job, to be seen.
 *
 *	<lowtide-job label="Your export" cancel="Stop it">
 *	  <p slot="idle">Nothing is asked for yet.</p>
 *	  <a slot="result" download>The table</a>
 *	</lowtide-job>
 *
 *	document.querySelector('lowtide-job').job = api.submit('export', form);
 *
 * A progress bar, a message that is read out, a button to cancel; then what is
 * in its slot `result`, or `error`. Any other state has a slot of its name, too.
 * Styled by its parts (progress, message, cancel, again) and by [state]. It
 * needs no more than script-src 'self'.
 *
 * Trouble on the way to the server is no end of a job that has a ticket: it is
 * 'still-running' then, with a button to look again.
 */
import type {Job, RequestError, Status} from './requests.mjs';

/** What it says by itself; `label` names the bar, else the message does. */
export type Word = 'label' | 'sending' | 'accepted' | 'pending' | 'processing' |
	'completed' | 'failed' | 'cancelled' | 'still-running' |
	'awaiting-a-decision' | 'sign-in-again' | 'cancel' | 'asked-to-stop' |
	'look-again';

export class LowtideJob extends HTMLElement {
	/**
	 * what it says instead of them, in another language for example: for
	 * all elements here, for one in attributes of these names
	 */
	static words: Partial<Record<Exclude<Word, 'label'>, string>>;
	/** the one that is shown; null: none */
	job: Job | null;
	/** also as an attribute, for style sheets */
	readonly state: 'idle' | 'sending' | Status['status'] | 'still-running';
	addEventListener(type: 'done',
		listener: (event: CustomEvent<unknown>) => void,
		options?: AddEventListenerOptions | boolean): void;
	addEventListener(type: 'failed',
		listener: (event: CustomEvent<RequestError>) => void,
		options?: AddEventListenerOptions | boolean): void;
	addEventListener(type: string,
		listener: EventListenerOrEventListenerObject,
		options?: AddEventListenerOptions | boolean): void;
}

declare global {
	interface HTMLElementTagNameMap {
		'lowtide-job': LowtideJob;
	}
}
