/*
 * Signing in and out. Where a button leads is worked out here: no server is
 * asked to begin a sign-in. Buttons and not links, because what is needed to
 * come back is kept for this window, and a link may be opened in another.
 */
import {go, url, logoutUrl} from '/oauth.mjs';
import {$, moment} from './page.mjs';
import {announceSignOut, forget, permission, person} from './session.mjs';

/* The URL but for what is fresh. */
const constant = (id) => new URL(url(id,
	{state: '-', nonce: '-', challenge: '-'}));
const returnsTo = (id) =>
	new URL(constant(id).searchParams.get('redirect_uri'));

/*
 * The same site under another name, localhost say: what is kept here would not
 * be found there, where the provider sends people.
 */
function elsewhere(said, {origin}) {
	const link = document.createElement('a');
	link.href = link.textContent = new URL('/sign-in.html', origin).href;
	said.replaceChildren('Signing in works at our own address only: ',
		link);
}

/*
 * Back to the page that wanted somebody signed in (?to=/vat.html), to this one
 * where none did, and home from what is no page of ours to come back to. Read as
 * a browser reads it, to which "\" is "/" and a tab is nothing. What stood behind
 * that page's # stands behind ours: in a query it would be in the server's log.
 */
const behind = location.hash;
function wanted() {
	const to = new URLSearchParams(location.search).get('to');
	if (!to)
		return location.pathname;
	try {
		const {origin, pathname, search, hash} =
			new URL(to, location.origin);
		return origin === location.origin && to.startsWith('/') &&
			!/^\/auth\/|\/\//.test(pathname) ?
			pathname + search + (hash || behind) : '/';
	} catch {
		return '/'; /* no URL at all: "//" */
	}
}

function press(button) {
	const id = button.dataset.signIn;
	const said = $('[role=status]', button.closest('.provider'));
	button.addEventListener('click', async () => {
		said.textContent = '';
		if (returnsTo(id).origin !== location.origin)
			return elsewhere(said, returnsTo(id));
		try {
			await go(id, {
				returnTo: wanted(),
				params: id === 'cognito' ? {lang: document
					.documentElement.lang.slice(0, 2)} : {},
			});
		} catch (error) {
			const words = await import('./signin-words.mjs')
				.catch(() => null);
			const [title, text, code] = words?.explain(error, id) ??
				['That did not work', error.message, error.code];
			said.textContent = `${title}. ${text} (${code})`;
		}
	});
}

/* What is constant about it; the rest is fresh at every press. */
function details(card) {
	const id = card.dataset.provider;
	const {host, searchParams} = constant(id);
	const rows = [
		['Takes you to', host],
		['Asks for', searchParams.get('scope')],
		['Back to', returnsTo(id).pathname],
		['Fresh each time', searchParams.has('nonce') ?
			'state, nonce, PKCE' : 'state, PKCE'],
	];
	$('dl', card).replaceChildren(...rows.map(([name, text]) => {
		const row = document.createElement('div');
		const dt = document.createElement('dt');
		const dd = document.createElement('dd');
		dt.textContent = name;
		dd.textContent = text;
		row.append(dt, dd);
		return row;
	}));
}

/* Who is signed in, which the top of each page says, too. */
function show() {
	const who = person();
	for (const part of document.querySelectorAll('.out'))
		part.hidden = !!who;
	for (const part of document.querySelectorAll('.in'))
		part.hidden = !who;
	$('h1').textContent = who ? 'Your account' : 'Sign in';
	const given = permission();
	$('#permission').textContent = given ? `${given.provider === 'hmrc' ?
		'You gave it' : 'You gave it, for the sandbox,'} until ${
		moment(given.until)}.` : '';
	$('#sign-in-said').textContent = who ? `Signed in as ${who.name}.` :
		'Worked out in your browser; no server is asked.';
	if (!who)
		return;
	$('#account .name').textContent = who.name;
	$('#account .email').textContent = who.email;
	$('#account time').dateTime = new Date(who.until).toISOString();
	$('#account time').textContent = moment(who.until);
	setTimeout(show, Math.min(who.until - Date.now() + 1, 2 ** 31 - 1));
}

/* What was read for him, and the page that receipts.mjs keeps. */
async function letGo({sub}) {
	const workers = await navigator.serviceWorker?.getRegistrations() ?? [];
	await Promise.all([...workers.map((worker) => worker.unregister()),
		...[`lowtide:${sub}`, 'lowtide-page:receipts'].map((name) =>
			globalThis.caches?.delete(name))]);
}

/* Here, in all other tabs, and at the provider, whatever there is no way to. */
async function signOut() {
	try {
		await letGo(person() ?? {});
		const [{api}, {shareStream}] = await Promise.all([
			import('./api.mjs'), import('/shared-stream.mjs')]);
		shareStream(api, {owner: person().sub}).close();
	} finally {
		announceSignOut();
		forget();
		location.assign(logoutUrl('cognito'));
	}
}

for (const button of document.querySelectorAll('[data-sign-in]'))
	press(button);
for (const card of document.querySelectorAll('.provider'))
	details(card);
$('#sign-out').href = logoutUrl('cognito');
$('#sign-out').addEventListener('click', (event) => {
	event.preventDefault();
	signOut();
});
addEventListener('pageshow', show); /* Back may bring an old page */
show();
