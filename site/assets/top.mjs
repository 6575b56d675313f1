/*
 * The top of each page: who is signed in, and whether there is a network. All
 * of it stands in the page as it is for somebody who is not and with one.
 */
import {forget, onSignOut, person} from './session.mjs';

const link = document.getElementById('who');
const line = document.getElementById('offline');

function show() {
	const who = person();
	if (who) {
		const [first, ...rest] = who.name.split(' ');
		const more = document.createElement('span');
		more.className = 'rest';
		more.textContent = rest.map((name) => ` ${name}`).join('');
		link.replaceChildren(first, more);
		link.setAttribute('aria-label', `Signed in as ${who.name}`);
	} else {
		link.textContent = 'Sign in';
		link.removeAttribute('aria-label');
	}
	if (who)
		setTimeout(show, Math.min(who.until - Date.now() + 1,
			2 ** 31 - 1));
}

function connection() {
	line.textContent = navigator.onLine ? '' :
		'You are offline. What was accepted goes on without you; ' +
		'what is shown may be old.';
}

/* Signed out in one window, signed out in all; none is kept from sleeping. */
let others = null;
function listen() {
	others ??= person() && onSignOut(() => {
		forget();
		location.reload();
	});
}
addEventListener('pageshow', listen);
addEventListener('pagehide', () => {
	others?.close();
	others = null;
});

addEventListener('expired', show);
addEventListener('online', connection);
addEventListener('offline', connection);
/* Back may bring a page as it was, and whoever it was for may have left. */
const shown = person()?.sub;
addEventListener('pageshow', ({persisted}) => {
	if (persisted && person()?.sub !== shown)
		location.reload();
	show();
});
connection();
show();
