/*
 * Who is signed in, as far as this window knows, and what opens our APIs to it.
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
 */
const ACCOUNT = 'signed-in';
const PERMISSION = 'permission';

/* With storage switched off there is nobody; signing in says why. */
function storage(use) {
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
	const before = last();
	const other = before !== undefined && before !== sub;
	const given = read(PERMISSION);
	if (other || given && (given.sub ?? sub) !== sub)
		forget();
	else if (given)
		write(PERMISSION, {...given, sub});
	write(ACCOUNT, {sub, name: name ?? email ?? sub, email,
		until: ends(got), access: got.access_token, id: got.id_token});
}

/* The same of HMRC's, and of its sandbox's: for who is signed in, or will be. */
export const permit = (got, provider) => write(PERMISSION, {provider,
	sub: read(ACCOUNT)?.sub, until: ends(got), access: got.access_token});

/* HMRC does not take it any more: there is none until it is given again. */
export const revoke = () => storage((all) => all.removeItem(PERMISSION));

/* {sub, name, email, until}, or undefined */
export function person() {
	const {sub, name, email, until} = read(ACCOUNT) ?? {};
	return sub && {sub, name, email, until};
}

/* {provider, until}, or undefined */
export function permission() {
	const {provider, until} = read(PERMISSION) ?? {};
	return provider && {provider, until};
}

/* Headers of requests to our APIs. */
export function credentials() {
	const account = read(ACCOUNT);
	const hmrc = read(PERMISSION);
	return {
		...account && {authorization: `Bearer ${account.access}`,
			'account-token': account.id},
		...hmrc && {'hmrc-access-token': hmrc.access},
	};
}

/* The tokens are not good any more, whatever their time says; top.mjs shows it. */
export function expire() {
	write(ACCOUNT, {sub: last(), until: 0});
	dispatchEvent(new Event('expired'));
}

/* Also which requests were under way: see `key` of requests.mjs. */
export const forget = () => storage((all) => all.clear());

/* To the other windows; each of them has storage of its own. */
const channel = () => globalThis.BroadcastChannel &&
	new BroadcastChannel('signed-out');

export function announceSignOut() {
	const to = channel();
	to?.postMessage(person()?.sub);
	to?.close();
}

/* Calls `left` when who is signed in here has left elsewhere; ends by close(). */
export function onSignOut(left) {
	const from = channel();
	from?.addEventListener('message', ({data}) => {
		if (data === person()?.sub)
			left();
	});
	return from;
}
