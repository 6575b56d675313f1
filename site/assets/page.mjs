/*
 * What our pages share: templates filled in, figures and times in words, what
 * went wrong; who has to sign in first; and what only a press needs.
 */
import {expire, person} from './session.mjs';

export const $ = (selector, within = document) =>
	within.querySelector(selector);

/* A copy of <template id=t-…> with texts put in: {'.due': '7 May'} */
export function fill(id, texts = {}) {
	const {content} = document.getElementById(`t-${id}`);
	const made = content.cloneNode(true).firstElementChild;
	for (const [selector, text] of Object.entries(texts))
		made.querySelector(selector).textContent = text;
	return made;
}

let left = null; /* what had the focus when its form was locked */

/*
 * Locks what is in a <fieldset>, or gives it back; and to whoever pressed its
 * button the focus, which a locked one loses, if he has not gone elsewhere.
 */
export function shut(fields, locked) {
	const {activeElement, body} = document;
	if (locked && fields.contains(activeElement))
		left = activeElement;
	fields.disabled = locked;
	if (locked)
		return;
	if (activeElement === body)
		left?.focus({preventScroll: true});
	left = null;
}

const pounds = new Intl.NumberFormat('en-GB',
	{style: 'currency', currency: 'GBP'});
const days = new Intl.DateTimeFormat('en-GB',
	{day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC'});
const months = new Intl.DateTimeFormat('en-GB',
	{month: 'short', year: 'numeric', timeZone: 'UTC'});
const moments = new Intl.DateTimeFormat('en-GB',
	{dateStyle: 'long', timeStyle: 'short'});

export const money = (amount) => pounds.format(amount);
/* Whoever left a time out has done the rest all the same. */
const told = (how) => (text) => isNaN(new Date(text)) ? 'not told' :
	how.format(new Date(text));
export const day = told(days);
export const month = told(months);
export const moment = told(moments);

/* What went wrong, for a person: [title, text] by the problem's name. */
const troubles = {
	__proto__: null, /* a service behind us may name anything */
	'outcome-unknown': ['We do not know whether it arrived',
		'HMRC hung up before it answered. We have not sent it again, ' +
		'so nothing is filed twice. Look under “What is due” before ' +
		'you do.'],
	held: ['We do not know whether it arrived',
		'HMRC hung up before it answered. We have not sent it again, ' +
		'so nothing is filed twice. Somebody here now looks into ' +
		'HMRC’s books; you need not wait.'],
	'upstream-error': ['HMRC has a problem',
		'Its service failed. Try again in a few minutes.'],
	'upstream-refused': ['HMRC did not accept it', 'Nothing came of this.'],
	'upstream-timeout': ['HMRC took too long',
		'No answer came in time. Try again in a few minutes.'],
	'deadline-exceeded': ['It took too long',
		'We gave up after waiting for HMRC. Try again later.'],
	'job-cancelled': ['Cancelled', 'It was not sent.'],
	network: ['We cannot be reached',
		'Check your connection. What was accepted goes on without you.'],
	'still-running': ['It is under way still',
		'It goes on without you. Try again in a few minutes.'],
	unauthorized: ['You are not signed in any more',
		'Sign in again; you come back to this page.'],
	'needs-credentials': ['HMRC wants your permission',
		'There is none, or it has run out. Give it under your name, ' +
		'at the top.'],
	'rate-limited': ['That was very often', 'Try again in a minute.'],
};
for (const name of ['foreign-answer', 'foreign-url'])
	troubles[name] = ['Something else answered',
		'What came is not from us. A network that wants you to sign ' +
		'in to it does that: look there, then try again.'];
for (const name of ['circuit-open', 'overloaded', 'queue-full', 'store-full',
	'store-unavailable', 'keys-unavailable'])
	troubles[name] = ['We are very busy',
		'You did nothing wrong. Try again in a few minutes.'];

/* Beside what is shown still, where the sign-in is over. */
export const AS_IT_WAS = 'This is how it was. Sign in to see what is new.';

/*
 * The short name of what went wrong with a request, with its job, or a read. Of a
 * read nobody said it who has no body, or is none of ours: what stands before the
 * endpoint, or a page that somebody else put there, of which nothing was found
 * that should be in it.
 */
export function kind({type, status, body}) {
	if (type)
		return type;
	if (!body)
		return status > 499 ? 'network' : 'foreign-answer';
	if (body.upstreamFailures?.some((f) => f.httpResponseStatus === 401))
		return 'needs-credentials';
	return String(body.type ?? '').replace(/^.*\/problems\//, '');
}

/* `who` is asked behind it */
export function trouble(error, who = 'HMRC') {
	const said = error.body?.message;
	const type = kind(error);
	if (type === 'upstream-refused' && said && !error.body.error)
		return [`${who} did not accept it`, `${said}.`];
	const known = troubles[type] ?? [error.title ?? error.body?.title ??
		'That did not work', error.body?.detail ??
		(error.message === type ? 'Try again later.' : error.message)];
	return known.map((text = '') => `${text}`.replaceAll('HMRC', who));
}

/* ---- who has to sign in first ---------------------------------------------- */

/*
 * At the provider, and back to this very place; 'hmrc': its permission, which is
 * for who is signed in.
 */
export async function signIn(provider = 'cognito') {
	if (provider !== 'cognito' && needSignIn())
		return;
	const {pathname, search, hash} = location;
	try {
		const {go} = await import('/oauth.mjs');
		await go(provider, {returnTo: pathname + search + hash});
	} catch {
		/*
		 * That page says why it does not work, and what to do. What
		 * stands behind a # no server has to know (a job, a receipt),
		 * so there it stays.
		 */
		location.assign(`/sign-in.html?${new URLSearchParams(
			{to: pathname + search})}${hash}`);
	}
}

/*
 * Whether somebody has to sign in first; if so, #signed-out says it instead of
 * #signed-in. With the error of a request whose token was not taken, it stays
 * beside what is there, and what is shown already may go on being shown.
 *
 *	if (!needSignIn())
 *		start();
 *	…
 *	catch (error) {
 *		if (!needSignIn(error))
 *			show(trouble(error));
 *	}
 */
export function needSignIn(error) {
	const over = error && kind(error) === 'unauthorized';
	if (over)
		expire();
	if (person())
		return false;
	const panel = $('#signed-out');
	const title = $('h2', panel);
	const told = !panel.hidden;
	if (over)
		title.textContent = 'You have been signed out';
	else
		$('#signed-in').hidden = true;
	/* nothing is going to come */
	for (const box of document.querySelectorAll('#signed-in [aria-busy]'))
		box.removeAttribute('aria-busy');
	$('button', panel).onclick = () => signIn();
	panel.hidden = false;
	if (over && !told)
		title.focus();
	return true;
}

/* ---- what only a press needs ------------------------------------------------ */

/*
 * A function that loads it once, by `load`: as soon as somebody comes near the
 * box, by mouse, finger or key, so that it is there when the button is pressed.
 * Without a network it comes when there is one again.
 */
export function onDemand(box, load) {
	let coming;
	/* the first try after one is back often fails, too */
	async function come(tries = 3) {
		try {
			return await load();
		} catch (cause) {
			if (navigator.onLine && !--tries)
				throw Object.assign(cause, {type: 'network'});
			await new Promise((go) => navigator.onLine ?
				setTimeout(go, 500) :
				addEventListener('online', go, {once: true}));
			return come(tries);
		}
	}
	const get = () => coming ??= come().catch((error) => {
		coming = null;
		throw error;
	});
	for (const type of ['pointerover', 'focusin'])
		box.addEventListener(type, () => get().catch(() => {}),
			{once: true});
	return get;
}
