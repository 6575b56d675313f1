/*
 * The way to our APIs, in the name of who is signed in: for pages that send
 * something. What is only read comes by reads.mjs.
 */
import {connect} from '/requests.mjs';
import {credentials, person} from './session.mjs';

/*
 * After a 401 there is nothing to refresh the token with, see session.mjs: the
 * second one is told to the page, which says needSignIn(error).
 */
export const api = connect({base: '/api/', headers: () => credentials()});

let stream = null;

/* One for all tabs of who is signed in; what is sent here is told by it, too. */
export async function openStream() {
	const {shareStream} = await import('/shared-stream.mjs');
	return stream ??= shareStream(api, {owner: person().sub});
}
