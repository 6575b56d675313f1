/*
 * The form of a return: sums, and what is kept of it in this window, so that
 * neither a reload nor a sign-in in between costs anybody their typing. The
 * declaration is not kept: it is made for the figures in front of one, each
 * time.
 */
import {$, money, shut} from './page.mjs';
import {permission, storage} from './session.mjs';

const DRAFT = 'draft:return';

export const form = $('#return-form');
const fields = $('#return-fields');
export const boxes = [...form.querySelectorAll('[type=number]')];
export const number = (name) => Number(form.elements[name].value || 0);
const cents = (amount) => Math.round(amount * 100) / 100;

/* Boxes 3 and 5 follow from the others. */
export function sums() {
	const due = cents(number('vatDueSales') + number('vatDueAcquisitions'));
	const net = cents(due - number('vatReclaimedCurrPeriod'));
	$('#box3').textContent = money(due);
	$('#box5').textContent = money(Math.abs(net));
	$('#net-label').firstChild.data = net < 0 ? 'To get back ' : 'To pay ';
	return {totalVatDue: due, netVatDue: Math.abs(net)};
}

export function remember() {
	storage((kept) => kept.setItem(DRAFT, JSON.stringify({
		vrn: form.vrn.value, periodKey: form.periodKey.value,
		boxes: Object.fromEntries(boxes.map((b) => [b.name, b.value]))})));
}
export const forgetDraft = () => storage((kept) => kept.removeItem(DRAFT));

let wanted = '';

/*
 * The periods that may be chosen: [[key, name]]; null: nobody can say. The one
 * that was chosen stays.
 */
export function offer(periods, otherwise) {
	const kept = wanted || form.periodKey.value;
	const known = [...form.periodKey.options].find((o) => o.value === kept);
	form.periodKey.replaceChildren(...(periods ?? []).map(([key, name]) =>
		new Option(name, key)));
	if ((fields.disabled || !periods) && kept &&
		!periods?.some(([key]) => key === kept))
		form.periodKey.append(known ?? new Option(kept, kept));
	if (!form.periodKey.length)
		form.periodKey.append(new Option(otherwise, ''));
	if ([...form.periodKey.options].some(({value}) => value === kept))
		form.periodKey.value = kept;
	wanted = '';
}

/* Whether HMRC knows that we may file; where not, here is where to say it. */
export function askPermission() {
	$('#no-permission').hidden = !!permission();
}

/* What is said meanwhile. */
export const sending = () => navigator.onLine ? 'Sending…' : 'You are offline: ' +
	'it is sent when you are back, as long as this page is open.';

/* Nothing in it can be changed while what it says is on its way. */
export const isLocked = () => fields.disabled;
export function lock(locked) {
	shut(fields, locked);
	form.finalised.checked = false;
}

/* What was typed before, if there was something. */
export function restore() {
	const draft = storage((kept) => JSON.parse(kept.getItem(DRAFT)));
	if (draft) {
		form.vrn.value = draft.vrn;
		wanted = draft.periodKey;
		for (const box of boxes)
			box.value = draft.boxes?.[box.name] ?? box.value;
	}
	sums();
	return draft;
}

form.addEventListener('input', sums);
form.addEventListener('input', remember);
