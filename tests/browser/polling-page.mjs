/*
 * The page of polling.mjs. begin() is given JSON: `headers`, and `fresh` after
 * a refresh; `paused`: each pause lasts until next[name] is called; `hasten`:
 * or is so many times shorter. What was sent is taken up again after a reload.
 */
import {poll} from '/assets/polling-client.mjs';

globalThis.answers = {};
globalThis.next = {};
/* What each sends just now: a test may take a good token away. */
globalThis.current = {};

globalThis.begin = (name, url, {headers, fresh, paused, hasten, ...options}) => {
	const id = sessionStorage.getItem(name);
	current[name] = headers;
	poll(url, {
		...options,
		...id && {id, first: false},
		sent: its => sessionStorage.setItem(name, its),
		async headers(refresh) {
			if (refresh)
				current[name] = fresh;
			return current[name];
		},
		...(paused || hasten) && {
			pause: ms => new Promise(go => paused ?
				next[name] = go : setTimeout(go, ms / hasten)),
		},
	}).catch(error => ({failed: String(error)})).then(answer => {
		answers[name] = answer;
	});
};
globalThis.ready = true;
