/*
 * A return from the button to the receipt. Its request is kept under a key of
 * the VAT number and the period, so it is one return whatever happens to this
 * page: pressed twice, loaded again, sent again after signing in. When one has
 * ended the form is told ('ended'), and once more when it can be seen upstream.
 */
import {api} from './api.mjs';
import {$, fill, moment, money, needSignIn, signIn} from './page.mjs';
import {permission, revoke} from './session.mjs';
import {askPermission, boxes, form, forgetDraft, lock, number, remember, sending,
	sums} from './vat-form.mjs';
import {words} from './vat-words.mjs';

export {refused} from './vat-words.mjs';

const panel = $('#return-status');
const said = $('#return-said');
const withdraw = $('#cancel-return');
const KEY = /^return (\d{9}) (\S+)$/;
const keyOf = ({vrn, periodKey}) => `return ${vrn} ${periodKey}`;

/*
 * What is sent. returnId: of all open returns of one business there is one
 * for each period, whichever window it was sent from; the endpoint sees to it.
 */
function written() {
	const vrn = form.vrn.value;
	const periodKey = form.periodKey.value;
	const value = {returnId: `${vrn}-${periodKey}`, vrn, periodKey};
	for (const {name} of boxes)
		value[name] = number(name);
	return {...value, ...sums(), finalised: true};
}

/* A return of this number and period is under way: it is that one's form. */
function show(vrn, periodKey) {
	form.vrn.value = vrn;
	form.periodKey.replaceChildren(new Option(periodKey, periodKey));
}

/* Seconds since it was sent, or since this page has been looking. */
function clock() {
	const begun = performance.now();
	const tell = () => {
		$('#elapsed').textContent = `${Math.floor(
			(performance.now() - begun) / 1000)} s so far.`;
	};
	const timer = setInterval(tell, 200);
	tell();
	return () => clearInterval(timer);
}

const spoken = {
	accepted: 'Accepted. We are taking it to HMRC.',
	pending: 'Waiting its turn.',
	processing: 'HMRC is looking at it.',
};
/* It was there, whatever became of it. */
const HMRCS = ['upstream-refused', 'upstream-error', 'upstream-timeout',
	'outcome-unknown', 'held', 'still-running'];
const LEFT = 'It has left for HMRC already, so we wait for the answer. It ' +
	'may still be taken in.';

function say(text) {
	if (said.textContent !== text)
		said.textContent = text;
}

function progress({status, progress: percent, jobId, cancelRequestedAt}) {
	panel.dataset.state = status === 'pending' ? 'accepted' : status;
	if (spoken[status])
		panel.dataset.reached = panel.dataset.state;
	$('#ticket').textContent = jobId ?? '';
	if (percent > 0)
		$('#return-progress').value = percent;
	withdraw.hidden = !spoken[status];
	withdraw.disabled = !!cancelRequestedAt;
	if (spoken[status])
		say(cancelRequestedAt ? LEFT : spoken[status]);
}

const EARLIER = 'This is the return that was sent before, from here or ' +
	'another window, with its own figures. What the form says now was ' +
	'not sent.';

/* sent: undefined where it was not this, null where nobody knows any more */
function receipt(got, sent) {
	const how = got.paymentIndicator === 'DD' ? 'direct debit' :
		'bank transfer';
	return fill('receipt', {
		'.bundle-number': got.formBundleNumber,
		'.processed': moment(got.processingDate),
		'.charge': got.chargeRefNumber ?? 'none',
		'.payment': sent ? `${money(sent.netVatDue)} by ${how}` :
			`by ${how}`,
		'.whose': sent === undefined ? EARLIER : '',
	});
}

/* What there is to do about it, as a button or a link. */
const actions = {
	again: (run) => ['Try again', run],
	look: (run) => ['Look again', run],
	sign: () => ['Sign in', () => signIn()],
	permit: () => ['Give permission', () => signIn('hmrc')],
	receipts: () => ['See your receipts', '/receipts.html'],
};

function trouble(error, run) {
	const {title, text, code, todo} = words(error);
	const made = fill('return-trouble', {h3: title, '.why': text,
		'.code': code});
	$('.code', made).parentElement.hidden = !code;
	const place = $('.actions', made);
	place.hidden = !todo;
	if (todo) {
		const [name, what] = actions[todo](run);
		const link = typeof what === 'string';
		const it = document.createElement(link ? 'a' : 'button');
		it.textContent = name;
		it.id = 'return-action';
		if (link) {
			it.href = what;
			it.className = 'button';
		} else {
			it.type = 'button';
			it.addEventListener('click', () => what());
		}
		place.append(it);
	}
	return made;
}

let current = null; /* the job that the panel is about */
const ours = new WeakSet(); /* those sent by this page, with what it has */

function begin(job) {
	current = job;
	lock(true);
	panel.dataset.state = 'sending';
	delete panel.dataset.reached;
	delete panel.dataset.why;
	said.textContent = sending();
	$('#ticket').textContent = '';
	$('.watch', panel).hidden = false;
	$('#return-progress').removeAttribute('value');
	withdraw.hidden = true;
	panel.scrollIntoView({block: 'nearest'});
	return clock();
}

/* ms until a look shows what was filed: what is due is kept for a second */
const SETTLES = 2000;

/* Until it has ended, or somebody has to decide, or our patience is over. */
async function seen(job) {
	for await (const state of job) {
		progress(state);
		/* tomorrow perhaps */
		if (state.held)
			throw Object.assign(new Error(state.message),
				{type: 'held'});
	}
	return job.result();
}

/* The declaration is made once more, for what the form says then. */
const again = () => form.requestSubmit();

/* retry(): what a button is there for, where it may be tried again */
async function watch(job, sent, retry) {
	const stop = begin(job);
	try {
		const got = await seen(job);
		panel.dataset.state = 'completed';
		said.replaceChildren(receipt(got ?? {}, sent));
		forgetDraft();
	} catch (error) {
		if (error.type === 'id-conflict' && error.jobId)
			return elsewhere(error.jobId);
		failed(error, job, sent, retry);
	} finally {
		stop();
		if (current === job)
			over();
	}
	const tell = () => form.dispatchEvent(new Event('ended'));
	tell();
	setTimeout(tell, SETTLES);
}

function over() {
	const waits = panel.dataset.state === 'still';
	current = null;
	$('.watch', panel).hidden = !waits;
	withdraw.hidden = true;
	lock(waits);
	panel.scrollIntoView({block: 'nearest'});
}

/*
 * HMRC wants permission. What was sent from here went with what there is, which
 * is no good; what waited from before does not know yet that there is another.
 */
function permitted(error, job) {
	if (error.type !== 'needs-credentials')
		return error;
	if (ours.has(job))
		revoke();
	askPermission();
	return permission() ? {...error, type: 'permitted'} : error;
}

function failed(problem, job, sent, retry) {
	const error = permitted(problem, job);
	const still = error.type === 'still-running';
	needSignIn(error);
	panel.dataset.state = still ? 'still' : 'failed';
	panel.dataset.why = problem.type;
	if (HMRCS.includes(error.type))
		panel.dataset.reached = 'processing';
	said.replaceChildren(trouble(error, still ?
		() => watch(job, sent, retry) : retry));
}

/* Another window has sent the return of that period: there is but one. */
function elsewhere(jobId) {
	const job = api.follow(`/api/jobs/${jobId}`);
	return watch(job, undefined, () => elsewhere(jobId));
}

export function send() {
	const body = written();
	remember();
	const scenario = $('#scenario')?.value;
	const job = api.submit('POST v1/hmrc/vat/return', body, {
		key: keyOf(body),
		headers: scenario ? {'gov-test-scenario': scenario} : {},
	});
	ours.add(job);
	return watch(job, body, again);
}

/* What it says once it has ended, watch() tells. */
async function cancel() {
	const job = current;
	withdraw.disabled = true;
	try {
		const state = await job.cancel();
		if (current === job && spoken[state.status])
			progress(state);
	} catch {
		withdraw.disabled = false; /* it may be asked for again */
	}
}

/*
 * What this window had sent before it was loaded anew: the return under way is
 * here again, but for one that waits for a decision while another is written.
 * Where nobody knows whether it arrived, the person is told so, and
 * submitting it again is the same return.
 */
export function resume(draft) {
	const all = api.kept().filter(({key}) => KEY.test(key));
	const kept = draft ? all.find(({key}) => key === keyOf(draft)) :
		all.pop();
	if (!kept)
		return;
	const [, vrn, periodKey] = KEY.exec(kept.key);
	show(vrn, periodKey);
	const job = api.resume(kept.key);
	if (job)
		return watch(job, draft ? written() : null, again);
	failed({type: 'not-sent'}, null, null, again);
}

withdraw.addEventListener('click', cancel);
