/*
 * <lowtide-job>: a job, to be seen; on top of requests.mjs.
 *
 *	<lowtide-job label="Your export" cancel="Stop it"></lowtide-job>
 *	document.querySelector('lowtide-job').job = api.submit('export', form);
 *
 * It watches while it is in the document. It says what the job says of itself;
 * what else there is to say is a word ('look-again'), for which stands an
 * attribute of that name, else what is in LowtideJob.words, else itself. Its
 * colours are the page's and the browser's: light, dark and forced ones.
 */

/* Where nothing is under way, and the slot that is shown then; else its name */
const SLOTS = {completed: 'result', failed: 'error', idle: 'idle',
	cancelled: 'cancelled'};
const STYLE = ':host{display:block}' +
	':host([hidden]),[hidden]{display:none!important}' +
	'progress{width:100%}button{font:inherit}';

/* Where pages are only rendered there is no such element to extend. */
export class LowtideJob extends (globalThis.HTMLElement ?? Object) {
	static words = {};
	static observedAttributes = ['cancel', 'label'];
	state = 'idle';
	#more; /* laid over what the job says: how it ended, here */
	#job = null;
	#turn; /* another one for each time that it is watched */
	#asked; /* the job that was asked to stop */
	#parts;

	constructor() {
		super();
		const root = this.attachShadow({mode: 'open'});
		const sheet = new CSSStyleSheet();
		sheet.replaceSync(STYLE);
		root.adoptedStyleSheets = [sheet];
		const add = (tag, more) => root.appendChild(
			Object.assign(document.createElement(tag), more));
		this.#parts = [
			add('progress', {part: 'progress', max: 100}),
			add('div', {part: 'message', role: 'status'}),
			add('button', {part: 'cancel', onclick: () => {
				this.#asked = this.#job;
				this.#draw();
				this.#job.cancel().catch(() => {
					this.#asked = 0;
					this.#draw();
				});
			}}),
			add('button', {part: 'again', onclick: () =>
				this.#watch({stillRunning: null})}),
			add('slot'),
		];
	}

	get job() {
		return this.#job;
	}

	set job(job) {
		const more = job === this.#job && this.#more;
		this.#job = job;
		this.#watch(more);
	}

	connectedCallback() {
		/* it may have been set before this class was there */
		const job = this.job;
		delete this.job;
		this.job = job;
	}

	disconnectedCallback() {
		this.#turn = 0;
	}

	attributeChangedCallback() {
		this.#draw();
	}

	#draw(more = this.#more) {
		this.#more = more;
		const job = this.#job;
		const seen = {status: job ? 'sending' : 'idle', ...job?.state,
			...more};
		const [progress, message, cancel, again, slot] = this.#parts;
		/* what every object has (constructor) is the name of no state */
		const state = this.state = seen.stillRunning ? 'still-running' :
			seen.status in {} ? 'processing' : seen.status;
		const word = (name) => this.getAttribute(name) ??
			LowtideJob.words[name] ??
			name.replace(/-/g, ' ').replace(/./, (c) => c.toUpperCase());
		this.setAttribute('state', state);
		slot.name = SLOTS[state] ?? state;
		const said =
			seen.held ? word('awaiting-a-decision') :
			seen.needsCredentials ? word('sign-in-again') :
			seen.message ?? (job ? word(state) : '');
		/* the same again would be read out again */
		if (said !== message.textContent)
			message.textContent = said;
		progress.hidden = state in SLOTS;
		if (seen.progress > 0)
			progress.setAttribute('value', seen.progress);
		else
			progress.removeAttribute('value');
		progress.ariaLabel = this.getAttribute('label') ?? said;
		cancel.hidden = state in SLOTS || !seen.jobId || seen.held;
		cancel.textContent = word((cancel.disabled =
			seen.cancelRequestedAt || this.#asked === job) ?
			'asked-to-stop' : 'cancel');
		again.textContent = word('look-again');
		again.hidden = !seen.stillRunning;
	}

	async #watch(more) {
		const job = this.#job;
		const turn = this.#turn = {};
		this.#draw(more);
		if (more?.status || !this.isConnected || !job)
			return;
		let detail, type = 'done';
		more = {status: 'completed'};
		try {
			/* asked for now: afterwards would be to watch anew */
			(detail = job.result()).catch(() => {});
			for await (const {} of job) {
				if (turn !== this.#turn)
					return;
				this.#draw(null);
			}
			detail = await detail;
		} catch (error) {
			detail = error;
			type = 'failed';
			/* we cannot see it: that is no end of it */
			more = job.statusUrl && !(this.state in SLOTS) &&
				!/^job-/.test(error.type) ?
				{stillRunning: true, message: null} :
				{status: /^job-c/.test(error.type) ?
					'cancelled' : type,
				message: error.type === error.message ? null :
					error.message};
		}
		if (turn !== this.#turn)
			return;
		this.#draw(more);
		if (more.status)
			this.dispatchEvent(new CustomEvent(type, {detail}));
	}
}

globalThis.customElements?.define('lowtide-job', LowtideJob);
