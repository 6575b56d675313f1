/*
 * Who is signed in, as far as this window knows, and what opens our APIs to it;
 * and the top of each page, which shows that.
 *
 * Each of our pages is a document of its own, and what a module holds ends with
 * it; so the access token stands in sessionStorage: in this window, and no
 * longer than it. Any script of ours could read it there. So could it in a
 * variable, in effect: a script that got into a page can send requests of its
 * own from it, and that none gets in is what the policy is for (script-src
 * 'self', and no other). What would make a theft worth while is what outlives
 * the window, the refresh token: that one is thrown away unread. When the
 * access token is over, one signs in again, which is one button where the
 * provider still knows who it was.
 *
 * The id token is for who keeps the bundles, and HMRC's own token, where there
 * is a permission, for HMRC. All three go to our own APIs and nowhere else, and
 * api.toml says which of them is passed on where; the first never is.
 *
 * A permission is one person's: it is taken only while somebody is signed in,
 * counts for nobody else, and goes when another one comes. Before whoever signs
 * in here first, nothing was anybody's, and so nothing is left to him either.
 */
const ACCOUNT = 'signed-in';
const PERMISSION = 'permission';

/*
 * With storage switched off nothing is kept, and there is nobody; signing in
 * says why.
 */
export function storage(use) {
	try {
		return use(sessionStorage);
	} catch {
		return undefined;
	}
}

/* What is not over yet. */
function read(key) {
	const kept = storage((all) => JSON.parse(all.getItem(key)));
	return kept?.until > Date.now() ? kept : undefined;
}

const write = (key, value) => storage((all) =>
	all.setItem(key, JSON.stringify(value)));

const ends = ({expires_in: seconds = 3600}) => Date.now() + seconds * 1000;

/* What this window knows of whoever it was is nobody else's. */
const last = () => storage((all) => JSON.parse(all.getItem(ACCOUNT)))?.sub;

/* `got` is what exchange() gave: tokens, and claims that it has checked. */
export function keep(got) {
	const {sub, name, email} = got.claims;
	if (last() !== sub)
		forget();
	write(ACCOUNT, {sub, name: name ?? email ?? sub, email,
		until: ends(got), access: got.access_token, id: got.id_token});
}

/* The same of HMRC's, and of its sandbox's; false: there is nobody to have it. */
export function permit(got, provider) {
	const {sub} = read(ACCOUNT) ?? {};
	if (sub)
		write(PERMISSION, {provider, sub, until: ends(got),
			access: got.access_token});
	return !!sub;
}

/* What HMRC gave to who is signed in. */
function given() {
	const kept = read(PERMISSION);
	return kept && kept.sub === read(ACCOUNT)?.sub ? kept : undefined;
}

/* HMRC does not take it any more: there is none until it is given again. */
export const revoke = () => storage((all) => all.removeItem(PERMISSION));

/* {sub, name, email, until}, or undefined */
export function person() {
	const {sub, name, email, until} = read(ACCOUNT) ?? {};
	return sub && {sub, name, email, until};
}

/* {provider, until}, or undefined */
export function permission() {
	const {provider, until} = given() ?? {};
	return provider && {provider, until};
}

/* Headers of requests to our APIs. */
export function credentials() {
	const account = read(ACCOUNT);
	const hmrc = given();
	return {
		...account && {authorization: `Bearer ${account.access}`,
			'account-token': account.id},
		...hmrc && {'hmrc-access-token': hmrc.access},
	};
}

/* The tokens are not good any more, whatever their time says. */
export function expire() {
	write(ACCOUNT, {sub: last(), until: 0});
	show();
}

/* Also which requests were under way: see `key` of requests.mjs. */
export const forget = () => storage((all) => all.clear());

/* Whether there may be some: that module keeps them under names like these. */
export const hasSent = () => !!storage((all) => Object.keys(all)
	.some((name) => name.startsWith('lowtide:')));

/* To the other windows; each of them has storage of its own. */
const channel = () => globalThis.BroadcastChannel &&
	new BroadcastChannel('signed-out');

export function announceSignOut() {
	const to = channel();
	to?.postMessage(person()?.sub);
	to?.close();
}

/* ---- the top of the page -------------------------------------------------- */

/* It stands in the page as it is for nobody, with a network. */
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
	if (others || !person())
		return;
	others = channel();
	others?.addEventListener('message', ({data}) => {
		if (data !== person()?.sub)
			return;
		forget();
		location.reload();
	});
}
addEventListener('pageshow', listen);
addEventListener('pagehide', () => {
	others?.close();
	others = null;
});

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
