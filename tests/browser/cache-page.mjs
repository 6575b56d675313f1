/*
 * What the page of cache.mjs has at hand: a cache by its owner's name, a clock
 * that can be put forth and back (for all tabs that are loaded then, or for
 * this one alone), and what is asked through both.
 */
import {openCache} from '/cache.mjs';
import {connect} from '/requests.mjs';

const real = Date.now;
let shift = Number(localStorage.shift ?? 0);
Date.now = () => real() + shift;
function pass(seconds, alone) {
	shift += seconds * 1000;
	if (!alone)
		localStorage.shift = shift;
}

const caches = {};
const cacheOf = (name) => caches[name] ??= openCache({name});
const api = connect({base: '/api/'});
const unhandled = [];
addEventListener('unhandledrejection', ({reason}) =>
	unhandled.push(String(reason)));

/* As JSON: what was read, or the error. */
async function read(name, url, options) {
	try {
		const {fresh, ...it} = await cacheOf(name).get(url, options);
		return {...it, age: Math.floor(it.age), fresh: !!fresh,
			then: fresh && (await fresh).value};
	} catch ({name: error, status}) {
		return {error, status};
	}
}
/* Adds a bundle, shown at once; how it turned out is in `ends`. */
const ends = {};
const addBundle = (bundleId) => api.fireAndForget('bundle', {bundleId}, {
	key: bundleId,
	optimistic: () => cacheOf('me').expect('/api/bundles',
		({data, ...all}) => ({...all, data: {bundles: [
			...new Set([...data.bundles, bundleId])]}})),
}).result().then(() => ends[bundleId] = 'completed',
	({type}) => ends[bundleId] = type);

Object.assign(globalThis, {pass, cacheOf, read, addBundle, ends, api,
	unhandled, ready: true});
