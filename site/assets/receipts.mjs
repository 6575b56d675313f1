/*
 * Receipts: read through the cache, and readable without a network for as long
 * as somebody is signed in. #123456789012 in the address is the one shown.
 */
import {$, AS_IT_WAS, fill, moment, money, needSignIn, trouble}
	from './page.mjs';
import {asOf, cache, reading} from './reads.mjs';
import {put} from './rows.mjs';

const RECEIPTS = '/api/v1/hmrc/receipt';
const LONG = 366 * 86400;
const AHEAD = 5; /* so many are fetched before anybody asks for them */

const list = $('#receipt-list');
const said = $('#receipts-said');
const shown = $('#receipt-shown');
const one = (number) => `${RECEIPTS}/${encodeURIComponent(number)}`;

/* Whether it is the one that the address names. */
function mark(link) {
	if (link.hash === location.hash)
		link.setAttribute('aria-current', 'true');
	else
		link.removeAttribute('aria-current');
}

function row({formBundleNumber, processingDate, vrn, periodKey, netVatDue}) {
	const made = fill('receipt-row', {
		'.period': `Period ${periodKey ?? 'unknown'}`,
		'.due': `${vrn ? `VAT ${vrn}, ` : ''}${moment(processingDate)}`,
		'.amount': netVatDue === undefined ? '' : money(netVatDue),
	});
	$('a', made).href = `#${formBundleNumber}`;
	mark($('a', made));
	return made;
}

const how = {DD: 'direct debit', BANK: 'bank transfer'};

function receipt(got) {
	const made = fill('receipt', {
		'.vrn': got.vrn ?? 'not told',
		'.for': got.periodKey ?? 'not told',
		'.bundle-number': got.formBundleNumber,
		'.processed': moment(got.processingDate),
		'.charge': got.chargeRefNumber ?? 'none',
		'.payment': `${got.netVatDue === undefined ? '' :
			`${money(got.netVatDue)} `}by ${
			how[got.paymentIndicator] ?? 'bank transfer'}`,
	});
	$('button', made).addEventListener('click', () => print());
	return made;
}


let asking = null;

/* The receipt that the address names. */
async function open() {
	const number = decodeURIComponent(location.hash.slice(1));
	asking?.abort();
	const {signal} = asking = new AbortController();
	list.querySelectorAll('a').forEach(mark);
	$('#receipt-none').hidden = !!number;
	if (!/^\d+$/.test(number))
		return shown.replaceChildren();
	shown.setAttribute('aria-busy', 'true');
	let kept = false; /* it is shown already, as it was */
	try {
		await reading(one(number), {ttl: 3600, stale: LONG,
			staleIfError: LONG, signal}, (read) => {
			kept = true;
			shown.replaceChildren(receipt(read.value));
			$('.as-of', shown).textContent = asOf(read);
		});
	} catch (error) {
		if (signal.aborted)
			return;
		if (!needSignIn(error) || !kept) {
			const [title, text] = error.status === 404 ?
				['There is no such receipt', 'It may be ' +
					'another business’s. Choose one ' +
					'from the list.'] :
				trouble(error);
			shown.replaceChildren(fill('trouble',
				{h3: title, p: text}));
		}
	}
	shown.removeAttribute('aria-busy');
}

/*
 * So that they are here when the network is not: one after the other, because
 * HMRC lets us ask so much and no more, and whoever clicks is not to wait.
 */
async function ahead(all) {
	try {
		for (const {formBundleNumber} of all.slice(0, AHEAD))
			await cache.get(one(formBundleNumber), {ttl: LONG});
	} catch {
		/* then not */
	}
}

function show(read) {
	const all = [...read.value.receipts].sort((a, b) =>
		`${b.processingDate}`.localeCompare(a.processingDate));
	put(list, all.map(row));
	list.removeAttribute('aria-busy');
	said.textContent = all.length ? asOf(read) :
		`No receipt yet: the first return you file brings one. ${
			asOf(read)}`.trim();
	if (!read.stale)
		ahead(all);
}

async function look() {
	$('#receipts-trouble').replaceChildren();
	try {
		await reading(RECEIPTS, {stale: 3600, staleIfError: LONG}, show);
	} catch (error) {
		if (needSignIn(error) && $('a', list)) {
			said.textContent = AS_IT_WAS;
			return;
		}
		const [title, text] = trouble(error);
		list.replaceChildren();
		list.removeAttribute('aria-busy');
		said.textContent = '';
		$('#receipts-trouble').replaceChildren(
			fill('trouble', {h3: title, p: text}));
	}
}

if (!needSignIn()) {
	/* A comfort: where there is none of it, the page wants a network. */
	navigator.serviceWorker?.register('/sw.js', {scope: '/receipts.html'})
		.catch(() => {});
	addEventListener('hashchange', () => open().then(() =>
		shown.scrollIntoView({block: 'nearest'})));
	addEventListener('online', () => look().then(open));
	await Promise.all([look(), open()]);
}
