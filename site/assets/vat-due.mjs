/*
 * What is due: read through the cache, so that it is there at once where it was
 * seen before, and still there where the network is not.
 */
import {$, AS_IT_WAS, day, fill, kind, month, trouble} from './dom.mjs';
import {asOf, reading, signedOut} from './reading.mjs';
import {revoke} from './session.mjs';
import {askPermission, form, offer} from './vat-form.mjs';

const KEPT = {stale: 600, staleIfError: 30 * 86400};
const list = $('#obligation-list');
const said = $('#obligations-said');

function address(vrn) {
	const year = new Date().getUTCFullYear();
	return `/api/v1/hmrc/vat/obligations?${new URLSearchParams({vrn,
		from: `${year - 1}-01-01`, to: `${year}-12-31`})}`;
}

const named = ({start, end}) => `${month(start)} to ${month(end)}`;

function row(o) {
	const open = o.status === 'O';
	const late = open && Date.parse(o.due) + 864e5 < Date.now();
	const item = fill('obligation', {
		'.period': named(o),
		'.due': open ? `due ${day(o.due)}` : `received ${day(o.received)}`,
		'.badge': late ? 'overdue' : open ? 'open' : 'filed',
	});
	item.dataset.state = late ? 'late' : open ? 'open' : 'filed';
	return item;
}

function show(read) {
	const found = read.value.obligations;
	const open = found.filter(({status}) => status === 'O');
	list.replaceChildren(...found.map(row));
	offer(open.map((o) => [o.periodKey, named(o)]),
		'Everything is filed');
	said.textContent = `${!found.length ? 'HMRC expects no return of yours.' :
		!open.length ? 'Nothing is open. Well done.' :
			open.length === 1 ? 'One period is open.' :
				`${open.length} periods are open.`} ${
		asOf(read)}`.trim();
}

function failed(error) {
	if (signedOut(error) && $('.badge', list)) {
		said.textContent = AS_IT_WAS;
		return;
	}
	if (kind(error) === 'needs-credentials') {
		revoke();
		askPermission();
	}
	const [title, text] = trouble(error);
	list.replaceChildren();
	offer(null, 'Not known at the moment');
	said.textContent = `${title}. ${text}`;
	$('#obligations-again').hidden = false;
}

let asking = null;

/* anew: what is kept is known to be wrong, a return has been filed */
export async function due({anew = false} = {}) {
	asking?.abort();
	if (!form.vrn.value || !form.vrn.checkValidity())
		return;
	const {signal} = asking = new AbortController();
	const url = address(form.vrn.value);
	$('#obligations').setAttribute('aria-busy', 'true');
	$('#obligations-again').hidden = true;
	try {
		await reading(url, {...KEPT, ...anew && {ttl: 0, stale: 0}, signal},
			show);
	} catch (error) {
		if (!signal.aborted)
			failed(error);
	}
	if (!signal.aborted)
		$('#obligations').removeAttribute('aria-busy');
}

form.vrn.addEventListener('change', () => due());
$('#obligations-again').addEventListener('click', () => due());
addEventListener('online', () => due());
