/*
 * Requests: what they are called and what is said of them; and a list, newest
 * first, one for each job. Each is changed in its place as it is told of anew,
 * and keeps the focus, where it has it.
 *
 * What was told later must not be undone by a list that was asked for before:
 * `turn` counts what is asked and told, and each request knows its own. An end
 * is never undone.
 */
import {$, fill, moment, trouble} from './page.mjs';

/* By the API: its name for a person, and where what it made can be seen. */
const apis = {
	'vat-return-post': ['VAT return', '/receipts.html', 'The receipt'],
	'vat-return-get': ['A return, looked up'],
	'vat-obligation-get': ['What is due, looked up', '/vat.html',
		'What is due'],
	'bundle-post': ['A bundle, added', '/bundles.html', 'Your bundles'],
	'bundle-delete': ['A bundle, given back', '/bundles.html',
		'Your bundles'],
	'bundle-delete-by-query': ['A bundle, given back', '/bundles.html',
		'Your bundles'],
	export: ['A year, as a table', '/export.html', 'Exports'],
};
const states = {
	accepted: 'waiting', pending: 'waiting', processing: 'under way',
	completed: 'done', failed: 'failed', cancelled: 'cancelled',
};

export const isOpen = ({status}) =>
	['accepted', 'pending', 'processing'].includes(status);

export const nameOf = ({api}) => apis[api]?.[0] ??
	`Request: ${api ?? 'unknown'}`;

/* {url, text} of where a person finds what it made */
function placeOf({api, status}) {
	const [, url, text] = apis[api] ?? [];
	return status === 'completed' && url ? {url, text} : null;
}

export const stateOf = ({status, held, cancelRequestedAt}) =>
	held ? 'somebody decides' :
		status === 'processing' && cancelRequestedAt ?
			'being cancelled' : states[status] ?? status;

/* What there is to say of it beyond that; '' for nothing. */
function messageOf(request) {
	const {api, status, problem, error, held, needsCredentials, message} =
		request;
	if (held)
		return trouble({type: 'held'}).join('. ');
	if (needsCredentials)
		return 'HMRC wants your permission anew before it goes on.';
	if (status !== 'failed')
		return isOpen(request) && message ? message : '';
	const said = trouble({type: error, title: problem?.title,
		message: problem?.detail ?? message},
	/^bundle-/.test(api) ? 'The bundle service' : undefined);
	return said.filter(Boolean).join('. ').replace(/\.\.( |$)/g, '.$1');
}

/* "12 requests, 2 of them open."; more: of older ones */
export function count(all, more) {
	if (!all.length)
		return 'None.';
	const open = all.filter(isOpen).length;
	const many = `${all.length}${more ? ' newest' : ''} ${
		all.length === 1 ? 'request' : 'requests'}`;
	return `${many}${open ? `, ${open} of them open` : ''}.`;
}

/* ---- the list ------------------------------------------------------------- */

/* cancel(request): what its button does */
function newRow(request, cancel) {
	const when = moment(request.createdAt);
	const row = fill('request', {h3: nameOf(request), time: when,
		'.ticket': request.jobId,
		'button span': `: ${nameOf(request)}, ${when}`});
	$('time', row).dateTime = request.createdAt;
	$('progress', row).setAttribute('aria-label',
		`How far it is: ${nameOf(request)}`);
	$('button', row).addEventListener('click', () => cancel(request));
	return row;
}

/* Whoever is on it goes on from the name of the request. */
function show(element, shown) {
	if (!shown && element === document.activeElement)
		$('h3', element.closest('li')).focus();
	element.hidden = !shown;
}

function paint(row, request) {
	const {status, progress} = request;
	const place = placeOf(request);
	const message = messageOf(request);
	row.dataset.state = status;
	$('.badge', row).textContent = stateOf(request);
	$('.request-message', row).textContent = message;
	show($('.request-message', row), message);
	show($('progress', row), status === 'processing' && progress);
	$('progress', row).value = progress ?? 0;
	show($('button', row), isOpen(request) && !request.held &&
		!request.cancelRequestedAt);
	$('a', row).textContent = place?.text ?? '';
	$('a', row).href = place?.url ?? '';
	show($('a', row), place);
}

export function newList(element, {cancel}) {
	const known = new Map(); /* job id → {request, row, turn} */
	let turn = 0;
	let wanted = ''; /* the only state that is shown */

	/* Whoever is in it goes on from the next one. */
	function remove(row) {
		const next = row.nextElementSibling ??
			row.previousElementSibling;
		if (row.contains(document.activeElement) && next)
			$('h3', next)?.focus();
		row.remove();
	}
	function place({request, row}) {
		if (wanted && request.status !== wanted)
			return remove(row);
		if (row.isConnected)
			return;
		const next = [...element.querySelectorAll('.request')].find(
			(other) => $('time', other).dateTime < request.createdAt);
		element.insertBefore(row, next ?? null);
	}
	const shown = () => [...known.values()].filter(({row}) =>
		row.isConnected).map(({request}) => request);
	return {
		shown,
		/* what is told from here on is younger than what is asked now */
		turn: () => ++turn,
		/* True: it is new here, or in another state than before. */
		take(request, at = ++turn) {
			const one = known.get(request.jobId) ??
				{row: newRow(request, cancel), turn: 0};
			const over = one.request && !isOpen(one.request);
			if (one.turn > at || over && isOpen(request))
				return false;
			const before = one.request?.status;
			Object.assign(one, {request, turn: at});
			known.set(request.jobId, one);
			paint(one.row, request);
			place(one);
			return before !== request.status;
		},
		/* What was asked for at `at` and is not among these is gone. */
		keep(found, at, oldest) {
			const ids = new Set(found.map(({jobId}) => jobId));
			for (const [id, one] of known)
				if (one.turn < at && !ids.has(id) &&
					one.request.createdAt >= oldest) {
					known.delete(id);
					remove(one.row);
				}
		},
		row: (jobId) => known.get(jobId)?.row,
		clear(state = '') {
			wanted = state;
			known.clear();
			element.replaceChildren();
		},
	};
}
