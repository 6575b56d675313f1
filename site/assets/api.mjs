/*
 * The way to our APIs for all pages: requests in the name of who is signed in,
 * what was read for him, and what is said where nobody is.
 *
 *	if (!needSignIn())
 *		start();
 *	…
 *	catch (error) {
 *		if (!needSignIn(error))
 *			show(trouble(error));
 *	}
 */
import {connect} from '/requests.mjs';
import {openCache} from '/cache.mjs';
import {announceSignOut, credentials, expire, forget, person}
	from './session.mjs';
import {$} from './dom.mjs';

/*
 * After a 401 there is nothing to refresh the token with, see session.mjs: the
 * second one is told to the page, which says needSignIn(error).
 */
export const api = connect({base: '/api/', headers: () => credentials()});

const cacheOf = (sub) => openCache({name: sub, fetch: api.fetch});
export const cache = cacheOf(person()?.sub ?? 'nobody');

let stream = null;

/* One for all tabs of who is signed in; what is sent here is told by it, too. */
export async function openStream() {
	const {shareStream} = await import('/shared-stream.mjs');
	return stream ??= shareStream(api, {owner: person().sub});
}

/* Here, in all other tabs, and at the provider: nothing of it is left. */
export async function signOut() {
	const {sub} = person() ?? {};
	const {logoutUrl} = await import('/oauth.mjs');
	try {
		if (sub) {
			(await openStream()).close();
			await cache.clear();
		}
		const {forgetPage} = await import('./offline.mjs');
		await forgetPage();
	} finally { /* whatever of it there was no way to */
		announceSignOut();
		forget();
		location.assign(logoutUrl('cognito'));
	}
}

const here = () => location.pathname + location.search + location.hash;

/* At the provider, and back to this very place; 'hmrc': its permission. */
export async function signIn(provider = 'cognito') {
	try {
		const {go} = await import('/oauth.mjs');
		await go(provider, {returnTo: here()});
	} catch {
		/* that page says why it does not work, and what to do */
		location.assign(`/sign-in.html?${
			new URLSearchParams({to: here()})}`);
	}
}

/*
 * Whether somebody has to sign in first; if so, #signed-out says it instead of
 * #signed-in. With the error of a request whose token was not taken, it stays
 * beside what is there.
 */
export function needSignIn(error) {
	const over = error?.type === 'unauthorized';
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
