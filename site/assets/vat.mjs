/*
 * What is due, and the form of a return. That is read through the cache, so it
 * is there at once where it was seen before, and still there where the network
 * is not. What becomes of a return is vat-return.mjs's, which comes when
 * somebody is at the form, or has sent one.
 */
import {$, AS_IT_WAS, day, fill, kind, month, needSignIn, onDemand, signIn,
	trouble} from './page.mjs';
import {asOf, reading} from './reads.mjs';
import {hasSent, revoke} from './session.mjs';
import {askPermission, form, isLocked, lock, offer, restore, sending}
	from './vat-form.mjs';

const KEPT = {stale: 600, staleIfError: 30 * 86400};
const list = $('#obligation-list');
const found = $('#obligations-said');
const said = $('#return-said');

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
	const all = read.value.obligations;
	const open = all.filter(({status}) => status === 'O');
	list.replaceChildren(...all.map(row));
	offer(open.map((o) => [o.periodKey, named(o)]),
		'Everything is filed');
	found.textContent = `${!all.length ? 'HMRC expects no return of yours.' :
		!open.length ? 'Nothing is open. Well done.' :
			open.length === 1 ? 'One period is open.' :
				`${open.length} periods are open.`} ${
		asOf(read)}`.trim();
}

function failed(error) {
	if (needSignIn(error) && $('.badge', list)) {
		found.textContent = AS_IT_WAS;
		return;
	}
	if (kind(error) === 'needs-credentials') {
		revoke();
		askPermission();
	}
	const [title, text] = trouble(error);
	list.replaceChildren();
	offer(null, 'Not known at the moment');
	found.textContent = `${title}. ${text}`;
	$('#obligations-again').hidden = false;
}

let asking = null;

/* anew: what is kept is known to be wrong, a return has been filed */
async function due({anew = false} = {}) {
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

/* ---- a return ------------------------------------------------------------- */

const returns = onDemand(form, async () => (await Promise.all([
	import('./vat-return.mjs'), /* and at once what that needs */
	import('./vat-words.mjs'), import('./api.mjs'), import('/requests.mjs'),
]))[0]);

/* Pressed once is pressed, and is said, whatever is still on its way. */
form.addEventListener('submit', async (event) => {
	event.preventDefault();
	if (isLocked())
		return;
	lock(true);
	said.textContent = sending();
	try {
		(await returns()).send();
	} catch {
		lock(false);
		said.textContent = trouble({type: 'network'}).join('. ');
	}
});

/* What this window has sent, and may still be under way. */
async function resume(draft) {
	lock(true);
	const found = await returns().catch(() => {});
	lock(false);
	found?.resume(draft);
}

form.addEventListener('ended', () => due({anew: true}));
form.vrn.addEventListener('change', () => due());
$('#obligations-again').addEventListener('click', () => due());
addEventListener('online', () => due());

const draft = restore();
if (!needSignIn()) {
	askPermission();
	if (location.hash === '#refused')
		returns().then((its) => its.refused(), () => {});
	$('#give-permission').addEventListener('click', () => signIn('hmrc'));
	if (hasSent())
		await resume(draft);
	await due();
}
