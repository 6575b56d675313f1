/*
 * An owner's requests, as they go: a list, twenty at a time, and each changed
 * in its place as events come. The stream is shared by all windows of this
 * person, so where another one has it already this page costs no connection.
 * Where nothing is told for a while, the list is looked at every ten seconds:
 * the stream says when ('gap').
 */
import {RequestError, connect} from '/requests.mjs';
import {shareStream} from '/shared-stream.mjs';
import {$, AS_IT_WAS, fill, moment, needSignIn, trouble} from './page.mjs';
import {credentials, person} from './session.mjs';

/* As in api.mjs, which would be one more file to wait for. */
const api = connect({base: '/api/', headers: () => credentials()});

/* ---- what they are called, and what is said of them ------------------------ */

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

const isOpen = ({status}) =>
	['accepted', 'pending', 'processing'].includes(status);

const nameOf = ({api}) => apis[api]?.[0] ??
	`Request: ${api ?? 'unknown'}`;

/* {url, text} of where a person finds what it made */
function placeOf({api, status}) {
	const [, url, text] = apis[api] ?? [];
	return status === 'completed' && url ? {url, text} : null;
}

const stateOf = ({status, held, cancelRequestedAt}) =>
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
function count(all, more) {
	if (!all.length)
		return 'None.';
	const open = all.filter(isOpen).length;
	const many = `${all.length}${more ? ' newest' : ''} ${
		all.length === 1 ? 'request' : 'requests'}`;
	return `${many}${open ? `, ${open} of them open` : ''}.`;
}

/* ---- the list -------------------------------------------------------------- */

/*
 * Newest first, one for each job. Each is changed in its place as it is told of
 * anew, and keeps the focus, where it has it. What was told later must not be
 * undone by a list that was asked for before: `turn` counts what is asked and
 * told, and each request knows its own. An end is never undone.
 */

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

function newList(element, {cancel}) {
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

/* ---- the page -------------------------------------------------------------- */

const PAGE = 20;
const box = $('#request-list');
const said = $('#requests-said');
const older = $('#older');
const wanted = $('#state');
const ghosts = [...box.children];
const list = newList(box, {cancel});
let pages; /* the list, as far as it was not read; null: all of it was */
let life = null; /* ends what was begun with this filter */
let looking = false;
let again = false; /* another look is due behind that */
let over = false; /* our token is none any more: nothing is asked with it */

/* ---- what is said --------------------------------------------------------- */

const words = {
	connecting: 'Connecting…',
	live: 'Live: what happens shows by itself.',
	lost: 'Connecting again. Meanwhile we look every ten seconds.',
	looks: 'Not live here. We look every ten seconds.',
	offline: 'Offline: this is how it was.',
	over: 'Not live: you are signed out.',
};
function state(name) {
	$('#live').dataset.state = name;
	$('#live').textContent = words[name];
}

/* Ends are read out, nothing else is, and those of a moment together. */
const ends = [];
function announce(request) {
	if (isOpen(request) || ends.push(request) > 1)
		return;
	setTimeout(() => {
		const all = ends.splice(0);
		said.textContent = all.length > 1 ?
			`${all.length} requests have ended.` :
			`${nameOf(all[0])}: ${stateOf(all[0])}.`;
	}, 300);
}

/* The sign-in is over: the page says so, and what it shows stays. */
function signedOut(error) {
	if (!over && needSignIn(error)) {
		over = true;
		said.textContent = list.shown().length ? AS_IT_WAS : '';
	}
	return over;
}

function wrong(error) {
	if (signedOut(error))
		return;
	const [title, text] = trouble(error);
	const made = fill('trouble', {h3: title, p: text});
	const button = document.createElement('button');
	button.textContent = 'Try again';
	button.addEventListener('click', () => {
		$('#requests-trouble').replaceChildren();
		look();
	});
	made.append(button);
	$('#requests-trouble').replaceChildren(made);
	said.textContent = `${title}.`;
}

/* Nothing there: why, and what to do about it. */
function empty() {
	const none = !list.shown().length && !pages;
	box.hidden = none;
	$('#requests-none').replaceChildren(...none ?
		[fill(wanted.value ? 'none-such' : 'nothing')] : []);
	$('#requests-none button')?.addEventListener('click', () => {
		wanted.value = '';
		wanted.focus();
		begin();
	});
}

/* ---- reading it ------------------------------------------------------------ */

/* Up to twenty of them; {found, over}: and there are no others. */
async function read(from, at) {
	const found = [];
	while (found.length < PAGE) {
		const {done, value} = await from.next();
		if (done)
			return {found, over: true};
		found.push(value);
		list.take(value, at);
	}
	return {found, over: false};
}

function ask() {
	return api.jobs({status: wanted.value || undefined,
		signal: life.signal})[Symbol.asyncIterator]();
}

/* The newest. What is older, and was read before, stays as it is. */
async function look() {
	if (over)
		return;
	if (looking) {
		again = true;
		return;
	}
	const mine = life;
	const at = list.turn();
	looking = true;
	try {
		const from = ask();
		const {found, over} = await read(from, at);
		mine.signal.throwIfAborted();
		list.keep(found, at, over ? '' : found.at(-1).createdAt);
		if (pages === undefined || over)
			pages = over ? null : from;
		looked();
	} catch (error) {
		if (!mine.signal.aborted)
			wrong(error);
	}
	if (mine.signal.aborted)
		return;
	looking = false;
	box.removeAttribute('aria-busy');
	for (const ghost of ghosts)
		ghost.remove();
	if (again)
		look();
	again = false;
}

function looked() {
	$('#requests-trouble').replaceChildren();
	older.hidden = !pages;
	empty();
	if (box.hasAttribute('aria-busy'))
		said.textContent = count(list.shown(), pages);
}

/* With another filter, or for the first time. */
function begin() {
	life?.abort();
	life = new AbortController();
	looking = again = false;
	pages = undefined;
	list.clear(wanted.value);
	box.append(...ghosts);
	box.hidden = false;
	box.setAttribute('aria-busy', 'true');
	older.hidden = true;
	said.textContent = 'Looking them up…';
	$('#requests-none').replaceChildren();
	look();
}

async function showOlder() {
	const mine = life;
	const from = pages;
	pages = null; /* a second press is none */
	try {
		const {found, over} = await read(from, list.turn());
		mine.signal.throwIfAborted();
		pages = over ? null : from;
		older.hidden = over;
		const first = found.find(({jobId}) => list.row(jobId));
		if (over && first)
			$('h3', list.row(first.jobId)).focus();
		said.textContent = found.length ?
			`${found.length} older ones. ${
				count(list.shown(), pages)}` :
			`That is all. ${count(list.shown(), pages)}`;
	} catch (error) {
		if (mine.signal.aborted)
			return;
		pages = from;
		wrong(error);
	}
}

const cancelling = new Set();
async function cancel({jobId, statusUrl}) {
	if (cancelling.has(jobId))
		return;
	cancelling.add(jobId); /* not disabled: the focus would be lost */
	try {
		const answer = await api.fetch(statusUrl,
			{method: 'DELETE'});
		const body = await answer.json();
		if (!answer.ok)
			throw new RequestError(body, {status: answer.status});
		if (list.take(body))
			announce(body);
	} catch (error) {
		wrong(error);
	}
	cancelling.delete(jobId);
}

/* ---- live ----------------------------------------------------------------- */

function follow(stream) {
	const on = (type, listener) => stream.addEventListener(type, listener);
	on('live', () => state('live'));
	on('lost', ({detail}) => {
		state(!navigator.onLine ? 'offline' :
			detail ? 'looks' : 'lost');
		if (detail && !signedOut(detail))
			said.textContent = words.looks;
		if (over)
			state('over');
	});
	/* of a page that nobody sees, or that has no network, later */
	on('gap', () => (stream.live || !document.hidden &&
		navigator.onLine) && look());
	on('job', ({detail: {document: request}}) => {
		if (list.take(request))
			announce(request);
		empty();
	});
	/* signed out, here or elsewhere */
	on('close', () => {
		life.abort();
		list.clear();
	});
	document.addEventListener('visibilitychange', () =>
		stream.live || document.hidden || look());
}

wanted.addEventListener('change', begin);
older.addEventListener('click', showOlder);
/* Back may bring this page as it was, and whoever it was for has left. */
addEventListener('pageshow', ({persisted}) => {
	if (!persisted || !needSignIn())
		return;
	life?.abort();
	list.clear();
});
if (needSignIn()) {
	box.removeAttribute('aria-busy');
} else {
	begin();
	follow(shareStream(api, {owner: person().sub}));
}
