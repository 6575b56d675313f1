/* What requests are called, and what is said of them. */
import {trouble} from './dom.mjs';

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
export function placeOf({api, status}) {
	const [, url, text] = apis[api] ?? [];
	return status === 'completed' && url ? {url, text} : null;
}

export const stateOf = ({status, held, cancelRequestedAt}) =>
	held ? 'somebody decides' :
		status === 'processing' && cancelRequestedAt ?
			'being cancelled' : states[status] ?? status;

/* What there is to say of it beyond that; '' for nothing. */
export function messageOf(request) {
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
