/*
 * An owner's requests, as they go: a list, twenty at a time, and each changed
 * in its place as events come. The stream is shared by all windows of this
 * person, so where another one has it already this page costs no connection.
 * Where nothing is told for a while, the list is looked at every ten seconds:
 * the stream says when ('gap').
 */
import {RequestError} from '/requests.mjs';
import {api, openStream} from './api.mjs';
import {$, AS_IT_WAS, fill, needSignIn, trouble} from './page.mjs';
import {count, isOpen, nameOf, newList, stateOf} from './requests-list.mjs';

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

/* ---- the list ------------------------------------------------------------- */

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
	follow(await openStream());
}
