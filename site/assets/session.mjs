/*
 * Who is signed in, as far as this window knows.
 *
 * The tokens are not kept, neither here nor in any storage, where whatever
 * script got into a page could take them away. This site has nothing to spend
 * them on yet. When it has, they belong in a variable of a module, for as long
 * as the page lives, and somebody who loads it again signs in again, which is
 * one redirect. What outlives the page is a name to greet with and until when
 * that is true: in sessionStorage, so in this window and no longer than it.
 */
const KEY = 'signed-in';

/* With storage switched off there is nobody; signing in says why. */
function storage(use) {
	try {
		return use(sessionStorage);
	} catch {
		return undefined;
	}
}

/* `claims`: of an id token that exchange() has checked */
export function keep({sub, name, email, exp}) {
	storage((kept) => kept.setItem(KEY, JSON.stringify({
		name: name ?? email ?? sub, email, until: exp * 1000})));
}

export const forget = () => storage((kept) => kept.removeItem(KEY));

/* {name, email, until}, or undefined */
export function person() {
	const known = storage((kept) => JSON.parse(kept.getItem(KEY)));
	return known?.until > Date.now() ? known : undefined;
}
