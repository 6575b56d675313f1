/*
 * The way to our APIs, in the name of who is signed in: for pages that send
 * something. What is only read comes by reads.mjs.
 */
import {connect} from '/requests.mjs';
import {credentials} from './session.mjs';

/*
 * After a 401 there is nothing to refresh the token with, see session.mjs: the
 * second one is told to the page, which says needSignIn(error).
 */
export const api = connect({base: '/api/', headers: () => credentials()});
