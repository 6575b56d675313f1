/*
 * What became of a return, for the person whose return it is: what happened,
 * and what to do. By the problem's name; HMRC's own refusals by HMRC's code.
 */
import {$, trouble} from './page.mjs';

/* [what to do, the action beside it] */
const refusals = {
	__proto__: null,
	DUPLICATE_SUBMISSION: ['It was filed before. There is nothing left ' +
		'to do for this period.', 'receipts'],
	VRN_INVALID: ['Check the nine digits of your VAT number, and send it ' +
		'again.'],
	PERIOD_KEY_INVALID: ['Choose the period anew, and send it again.'],
	VAT_TOTAL_VALUE: ['Check boxes 1 to 3, and send it again.'],
	VAT_NET_VALUE: ['Check boxes 3 to 5, and send it again.'],
	INVALID_MONETARY_AMOUNT: ['Check the figures, and send it again.'],
	NOT_FINALISED: ['Tick the declaration, and send it again.'],
	INVALID_SCOPE: ['You let us look, and not file. Give permission for ' +
		'both, and send it again.', 'permit'],
	CLIENT_OR_AGENT_NOT_AUTHORISED: ['What you gave is for another ' +
		'business, or was taken back. Check the VAT number, or give ' +
		'permission as who may file for it.', 'permit'],
};
const REFUSED = ['Nothing was filed. If you do not see why, write to us and ' +
	'name the code.'];

const known = {
	__proto__: null,
	'still-running': {title: 'Still with HMRC', todo: 'look',
		text: 'You may close this page: it goes on without you, and ' +
		'your receipt will be under Receipts.'},
	'needs-credentials': {title: 'HMRC wants your permission',
		todo: 'permit', text: 'There is none, or it has run out. ' +
		'Your return waits for it, and was not filed yet. Give ' +
		'permission, come back, and submit it again: your figures ' +
		'are kept, and it stays one return.'},
	permitted: {title: 'HMRC has your permission', todo: 'again',
		text: 'Your return waits here, and was not filed yet. Look ' +
		'at the figures, tick the declaration and submit it again: ' +
		'it stays one return.'},
	unauthorized: {title: 'You are not signed in any more', todo: 'sign',
		text: 'Your figures are kept in this window. Sign in, and ' +
		'submit the return again.'},
	'not-sent': {title: 'Your return may not have reached us',
		todo: 'again', text: 'This page was closed, or you were signed ' +
		'out, while it was being sent. Submitting it again is safe: ' +
		'if we have it, it stays that one return.'},
	'job-cancelled': {title: 'Withdrawn', text: 'It was not sent to HMRC. ' +
		'Your figures are still here.'},
	'rate-limited': {title: 'Too many returns at once', todo: 'again',
		text: 'So many of yours are waiting already. Try again in a ' +
		'minute.'},
};
/* Those after which it is worth pressing the button again. */
const PASSING = ['network', 'upstream-error', 'upstream-timeout',
	'deadline-exceeded', 'queue-full', 'store-unavailable'];

/* {title, text, code?, todo?} */
export function words(error) {
	const code = error.body?.code;
	if (error.type === 'upstream-refused' && code) {
		const [what, todo] = refusals[code] ?? REFUSED;
		return {title: 'HMRC did not accept it', code, todo,
			text: `${error.body.message}. ${what}`};
	}
	if (known[error.type])
		return known[error.type];
	const [title, text] = trouble(error);
	return {title, text,
		todo: PASSING.includes(error.type) ? 'again' : undefined};
}

/*
 * From a no at HMRC's own page one comes back to #refused, see callback.mjs. That
 * is told first, and once, and asked again whatever was given before.
 */
export function refused() {
	const note = $('#no-permission');
	history.replaceState(null, '', location.pathname);
	$('span', note).textContent = 'HMRC’s permission was not given: you ' +
		'pressed Cancel there, or it said no. Nothing has changed.';
	note.hidden = false;
	note.focus();
}
