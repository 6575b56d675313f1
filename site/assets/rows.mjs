/* Lists that are painted anew, and who is in them by keyboard. */
import {$} from './page.mjs';

/*
 * These elements are the list now. What looks the same as before is not
 * touched, so it keeps the focus; who was on what is gone goes on from what is
 * there instead, or from the heading above.
 */
export function put(list, made) {
	const rest = [...list.children];
	const at = rest.findIndex((old) => old.contains(document.activeElement));
	const all = made.map((one) => {
		const i = rest.findIndex((old) => old.isEqualNode(one));
		return i < 0 ? one : rest.splice(i, 1)[0];
	});
	for (const old of rest)
		old.remove();
	for (const [i, one] of all.entries())
		if (list.children[i] !== one)
			list.insertBefore(one, list.children[i]);
	if (at < 0 || list.contains(document.activeElement))
		return;
	const title = $('h2', list.closest('section'));
	title.tabIndex = -1;
	($('a, button:not([hidden])', all[at] ?? all.at(-1) ?? title) ??
		title).focus();
}
