/*
 * templates/client/catalogue.mjs in node: a stand-in for `caches` and for the
 * page, a server that does as it is told, timers that go off when they are
 * told. In a browser, with a site that is built again: tests/browser/catalogue.
 */
import {createHash} from 'node:crypto';
import {cleanup, done, equal, match, ok, rejects, test} from '../tap.mjs';
import {openCatalogue} from '../../templates/client/catalogue.mjs';
import {startServer, Stores} from './cache-kit.mjs';

const server = await startServer();
const elsewhere = await startServer();
const stores = globalThis.caches = new Stores();
const unhandled = [];
process.on('unhandledRejection', (e) => unhandled.push(e));

const timers = new Map();
const {setInterval: realSet, clearInterval: realClear} = globalThis;
globalThis.setInterval = (run, ms) => {
	timers.set(run, ms);
	return run;
};
globalThis.clearInterval = (run) => timers.delete(run);
cleanup(() => Object.assign(globalThis,
	{setInterval: realSet, clearInterval: realClear}));

const integrity = (text) =>
	`sha512-${createHash('sha512').update(text).digest('base64')}`;

/* Each test has a catalogue of its own, and nobody else's store. */
let made = 0;
function site() {
	const name = `plans${++made}`;
	const url = `${server.url}/${name}.json`;
	const file = (version) => `/${name}-v${version}.json`;
	const pointer = (version, more) => ({name, version,
		url: file(version), integrity: integrity(`{"is":"${version}"}`),
		...more});
	return {name, url, file, pointer,
		points: (version, more) => server.says(`/${name}.json`,
			{body: pointer(version, more)}),
		serves: (version, say) => server.says(file(version),
			{body: `{"is":"${version}"}`, ...say}),
		publish(version) {
			this.serves(version);
			this.points(version);
		},
		down: () => server.says(`/${name}.json`, {close: true}),
		asked: () => server.asked(`/${name}.json`).length,
		files: (version) => server.asked(file(version)).length,
		open: (options) => openCatalogue(url, options)};
}
const seen = ({name, version, url, value, stale}) =>
	({name: name.replace(/\d+$/, ''), version, path: new URL(url).pathname
		.replace(/\d+(?=-v)/, ''), value: value.is, stale});
const at = (version, stale = false) => ({name: 'plans', version,
	path: `/plans-v${version}.json`, value: version, stale});
const heard = (it) => {
	const all = [];
	it.addEventListener('version', ({detail}) => all.push(detail));
	return all;
};

/* ---- following ---------------------------------------------------------- */

test('the pointer, the file, and what is kept', async () => {
	const its = site();
	its.publish('1.2.0');
	const it = await its.open();
	ok(it instanceof EventTarget);
	equal(seen(it), at('1.2.0'));
	equal(it.url, new URL(its.file('1.2.0'), server.url).href);
	equal([its.asked(), its.files('1.2.0')], [1, 1]);
	equal(stores.paths('lowtide:catalogue'), [`/${its.name}.json&lowtide`]);
});
test('the pointer is always asked for, the file once', async () => {
	const its = site();
	its.publish('1.2.0');
	await its.open();
	equal(seen(await its.open()), at('1.2.0'));
	equal([its.asked(), its.files('1.2.0')], [2, 1]);
});
test('how they are fetched', async () => {
	const its = site();
	its.publish('1.0.0');
	const real = globalThis.fetch;
	const inits = [];
	globalThis.fetch = (url, init) => {
		const {signal, ...more} = init;
		ok(signal instanceof AbortSignal);
		inits.push(more);
		return real(url, init);
	};
	await its.open().finally(() => globalThis.fetch = real);
	equal(inits, [{cache: 'no-cache'},
		{integrity: its.pointer('1.0.0').integrity}]);
});
test('what the page knows needs no pointer, and then no file', async () => {
	const its = site();
	its.publish('1.2.0');
	const known = its.pointer('1.2.0');
	equal(seen(await its.open({known})), at('1.2.0'));
	equal(seen(await its.open({known})), at('1.2.0'));
	equal([its.asked(), its.files('1.2.0')], [0, 1]);
});
test('a page that was left behind has what is kept and newer', async () => {
	const its = site();
	its.publish('1.10.0');
	await its.open();
	const known = its.pointer('1.9.0');
	equal(seen(await its.open({known})), at('1.10.0'));
	equal(its.files('1.9.0'), 0);
});
test('the same version in other bytes is another file', async () => {
	const its = site();
	its.publish('1.0.0');
	await its.open();
	const body = '{"is":"mended"}';
	its.points('1.0.0', {integrity: integrity(body)});
	its.serves('1.0.0', {body});
	equal((await its.open()).value, {is: 'mended'});
});
test('the file may lie elsewhere: its bytes are what counts', async () => {
	const its = site();
	elsewhere.says('/there.json', {body: '{"is":"1.0.0"}'});
	its.points('1.0.0', {url: `${elsewhere.url}/there.json`});
	const it = await its.open();
	equal([it.url, it.value], [`${elsewhere.url}/there.json`,
		{is: '1.0.0'}]);
});
test('a relative one lies beside the pointer', async () => {
	const its = site();
	its.serves('1.0.0');
	its.points('1.0.0', {url: its.file('1.0.0').slice(1)});
	equal(seen(await its.open()), at('1.0.0'));
});

/* ---- another version ----------------------------------------------------- */

test('a new version is told once, and gone over to', async () => {
	const its = site();
	its.publish('1.9.0');
	const it = await its.open();
	const all = heard(it);
	equal([await it.check(), all], [null, []]);
	its.publish('1.10.0');
	equal(await it.check(), '1.10.0');
	equal(await it.check(), '1.10.0');
	equal([all, seen(it)], [['1.10.0'], at('1.9.0')]);
	const asked = its.asked();
	equal(await it.update(), {is: '1.10.0'});
	equal([seen(it), its.asked()], [at('1.10.0'), asked + 1]);
	equal([await it.check(), all], [null, ['1.10.0']]);
	its.publish('2.0.0');
	await it.check();
	equal(all, ['1.10.0', '2.0.0']);
});
test('a file that is not there yet: told again, until it can be had',
	async () => {
		const its = site();
		its.publish('1.0.0');
		const it = await its.open();
		const all = heard(it);
		/* as a page follows it */
		let updates = [];
		it.addEventListener('version', () => updates.push(it.update()));
		its.points('1.1.0');
		equal(await it.check(), '1.1.0');
		equal(await Promise.all(updates), [{is: '1.0.0'}]);
		equal([all, it.stale], [['1.1.0'], true]);
		updates = [];
		its.serves('1.1.0');
		await it.check();
		equal(await Promise.all(updates), [{is: '1.1.0'}]);
		equal([all, seen(it)], [['1.1.0', '1.1.0'], at('1.1.0')]);
		equal([await it.check(), all.length], [null, 2]);
	});
test('update() looks by itself, and tells', async () => {
	const its = site();
	its.publish('1.0.0');
	const it = await its.open();
	const all = heard(it);
	equal(await it.update(), {is: '1.0.0'});
	its.publish('1.0.1');
	equal([await it.update(), all, it.version],
		[{is: '1.0.1'}, ['1.0.1'], '1.0.1']);
	equal(seen(await its.open()), at('1.0.1'));
});
test('a version that goes back is neither told nor taken', async () => {
	const its = site();
	its.publish('1.1.0');
	its.publish('1.2.0');
	const it = await its.open();
	const all = heard(it);
	for (const old of ['1.1.0', '1.1.9', '0.9.0', '1.2.0-rc.1']) {
		its.points(old);
		equal([await it.check(), all], [null, []], old);
		equal([await it.update(), seen(it)],
			[{is: '1.2.0'}, at('1.2.0')]);
		equal(seen(await its.open()), at('1.2.0'));
	}
	equal(its.files('1.1.0'), 0);
});
test('nodes of a CDN that disagree: each is told once, the newest stays',
	async () => {
		const its = site();
		its.publish('1.0.0');
		const it = await its.open();
		const all = heard(it);
		for (const version of ['1.2.0', '1.0.0', '1.1.0', '1.2.0'])
			its.publish(version), await it.check();
		its.points('1.1.0');
		equal([await it.check(), all], ['1.2.0', ['1.2.0']]);
		equal([await it.update(), seen(it)],
			[{is: '1.2.0'}, at('1.2.0')]);
	});
test('versions are compared as such', async () => {
	const rising = ['0.9.9', '0.10.0', '1.0.0-1', '1.0.0-alpha',
		'1.0.0-alpha.1', '1.0.0-alpha.2', '1.0.0-alpha.10',
		'1.0.0-beta', '1.0.0-rc.9', '1.0.0-rc.10', '1.0.0', '1.0.1-x',
		'1.0.1', '1.1.0', '2.0.0', '10.0.0'];
	const its = site();
	its.publish(rising[0]);
	const it = await its.open();
	const all = heard(it);
	for (const version of rising.slice(1)) {
		its.publish(version);
		equal(await it.check(), version);
		await it.update();
	}
	equal([all, it.version], [rising.slice(1), '10.0.0']);
});
test('what another window has fetched is not fetched again', async () => {
	const its = site();
	its.publish('1.0.0');
	const [one, other] = [await its.open(), await its.open()];
	its.publish('1.1.0');
	await one.update();
	await other.update();
	equal([seen(other), its.files('1.1.0')], [at('1.1.0'), 1]);
	/* and that one is not told what it has already */
	const all = heard(other);
	its.publish('1.2.0');
	await one.update();
	its.points('1.1.5');
	await other.check();
	await other.update();
	its.points('1.2.0');
	equal([seen(other), await other.check(), all],
		[at('1.2.0'), null, ['1.1.5']]);
});
test('two at once do not lead back', async () => {
	const its = site();
	its.publish('1.0.0');
	const it = await its.open();
	its.serves('1.1.0', {hold: true});
	its.points('1.1.0');
	const first = it.update();
	await server.arrived(its.file('1.1.0'));
	its.publish('1.2.0');
	await it.check();
	await it.update();
	server.release(its.file('1.1.0'));
	await first;
	equal([seen(it), seen(await its.open())], [at('1.2.0'), at('1.2.0')]);
});

/* ---- what is not good ---------------------------------------------------- */

/* name: [what is done to the site, where the pointer says 1.1.0] */
const good = 'sha512-' + 'A'.repeat(86) + '==';
const broken = {
	'nobody there': (its) => its.down(),
	'no pointer': (its) => server.says(`/${its.name}.json`, {status: 404}),
	'a pointer that is no JSON': (its) => server.says(`/${its.name}.json`,
		{body: '<!doctype html>'}),
	'null': (its) => server.says(`/${its.name}.json`, {body: null}),
	'another catalogue\'s': (its) => its.points('1.1.0', {name: 'other'}),
	'no version': (its) => its.points('1.1.0', {version: undefined}),
	'no such version': (its) => its.points('1.1.0', {version: 'latest'}),
	'no integrity': (its) => its.points('1.1.0', {integrity: undefined}),
	'an empty integrity': (its) => its.points('1.1.0', {integrity: ''}),
	'an integrity that is ignored': (its) => its.points('1.1.0',
		{integrity: 'sha1-AAAA'}),
	'an integrity of nothing': (its) => its.points('1.1.0',
		{integrity: 'sha512-'}),
	'more than one': (its) => its.points('1.1.0', {integrity:
		`${its.pointer('1.1.0').integrity} ${good}`}),
	'an address that is none': (its) => its.points('1.1.0',
		{url: 'http://'}),
	'no file': (its) => its.serves('1.1.0', {status: 404}),
	'a file that is cut off': (its) => its.serves('1.1.0', {close: true}),
	'other bytes': (its) => its.serves('1.1.0', {body: '{"is":"evil"}'}),
	'bytes that are no JSON': (its) => {
		its.points('1.1.0', {integrity: integrity('{"is"')});
		its.serves('1.1.0', {body: '{"is"'});
	},
};
for (const [name, spoil] of Object.entries(broken)) {
	test(`${name}: what was good last, and stale`, async () => {
		const its = site();
		its.publish('1.0.0');
		const it = await its.open();
		its.publish('1.1.0');
		spoil(its);
		equal([await it.update(), seen(it)],
			[{is: '1.0.0'}, at('1.0.0', true)]);
		equal(seen(await its.open()), at('1.0.0', true));
		/* and good again, when it is */
		its.publish('1.1.0');
		await it.update();
		equal(seen(it), at('1.1.0'));
		equal(seen(await its.open()), at('1.1.0'));
	});
	test(`${name}, and nothing here: an error`, async () => {
		const its = site();
		its.publish('1.1.0');
		const known = name === 'another catalogue\'s' ?
			its.pointer('1.1.0', {integrity: ''}) : undefined;
		spoil(its);
		await rejects(its.open({known}));
		its.publish('1.1.0');
		equal(seen(await its.open()), at('1.1.0'));
	});
}
test('the error says what is wrong', async () => {
	const its = site();
	const said = async () => (await its.open().catch((e) => e)).message;
	equal(await said(), `${its.url}: 404`);
	its.points('1.0.0', {integrity: ''});
	match(await said(), /is no pointer to plans\d+$/);
	its.points('1.0.0');
	equal(await said(), 'fetch failed'); /* nor is it what it should be */
});
test('what the page knows is looked at, too', async () => {
	const its = site();
	its.publish('1.0.0');
	await rejects(its.open({known: its.pointer('1.0.0',
		{integrity: 'none'})}), /no pointer/);
	await its.open();
	const it = await its.open({known: its.pointer('1.1.0')});
	equal([seen(it), its.asked()], [at('1.0.0', true), 1]);
});
test('what is kept and is none of ours is nothing', async () => {
	for (const text of ['{}', '[]', '7', 'null', 'x', '{"version":"9.0.0"}',
		'{"name":"n","version":"9.0.0","integrity":"sha512-","url":"/"}']) {
		const its = site();
		its.publish('1.0.0');
		const store = await stores.open('lowtide:catalogue');
		await store.put(`${its.url}&lowtide`, new Response(text));
		equal(seen(await its.open()), at('1.0.0'), text);
	}
});
test('a look that fails makes it stale, one that does not mends it',
	async () => {
		const its = site();
		its.publish('1.0.0');
		const it = await its.open();
		its.down();
		equal([await it.check(), it.stale], [null, true]);
		its.points('1.0.0');
		equal([await it.check(), it.stale], [null, false]);
		/* not while there is a better one, which could not be had */
		its.points('1.1.0');
		await it.update();
		equal([await it.check(), it.stale], ['1.1.0', true]);
	});
test('without a Cache, or with a full one, it only is not kept', async () => {
	const its = site();
	its.publish('1.0.0');
	stores.room = 0;
	equal(seen(await its.open()), at('1.0.0'));
	stores.room = Infinity;
	delete globalThis.caches;
	const it = await its.open();
	its.down();
	equal([await it.update(), it.stale], [{is: '1.0.0'}, true]);
	its.points('1.1.0');
	equal([await it.update(), seen(it)],
		[{is: '1.0.0'}, at('1.0.0', true)]);
	its.down();
	await rejects(its.open());
	globalThis.caches = stores;
	equal(its.files('1.0.0'), 2);
});

/* ---- looking by itself --------------------------------------------------- */

/* A page that can be hidden and shown; its listeners are counted. */
class Page extends EventTarget {
	hidden = false;
	shown(yes) {
		this.hidden = !yes;
		this.dispatchEvent(new Event('visibilitychange'));
	}
}
/* Once all that this began is over. */
async function looks(its, begin) {
	const before = its.asked();
	begin();
	await new Promise((go) => setTimeout(go, 50));
	return its.asked() - before;
}
test('it looks every so often, while the page is seen', async () => {
	const page = globalThis.document = new Page();
	cleanup(() => delete globalThis.document);
	const its = site();
	its.publish('1.0.0');
	const stop = new AbortController();
	const it = await its.open({every: 60000, signal: stop.signal});
	const all = heard(it);
	const tick = [...timers.keys()].at(-1);
	equal(timers.get(tick), 60000);
	equal(await looks(its, tick), 1);
	page.hidden = true;
	equal(await looks(its, tick), 0);
	its.publish('1.1.0');
	equal(await looks(its, () => page.shown(false)), 0);
	equal(await looks(its, () => page.shown(true)), 1);
	equal(all, ['1.1.0']);
	its.down();
	equal(await looks(its, tick), 1);
	stop.abort();
	equal([await looks(its, () => page.shown(true)), timers.has(tick)],
		[0, false]);
});
test('it does not look where nobody said so, or not any more', async () => {
	const page = globalThis.document = new Page();
	const its = site();
	its.publish('1.0.0');
	for (const options of [{}, {every: 0},
		{every: 9, signal: AbortSignal.abort()}])
		await its.open(options);
	equal([timers.size, await looks(its, () => page.shown(true))], [0, 0]);
	delete globalThis.document;
	await its.open({every: 9});
	equal(await looks(its, [...timers.keys()].at(-1)), 1);
});
/* ---- what comes broken --------------------------------------------------- */

/* Time limits that are over when they are told to be. */
const limits = [];
const {timeout} = AbortSignal;
AbortSignal.timeout = (ms) => {
	const one = new AbortController();
	limits.push({ms, end: () => one.abort(new DOMException('', 'TimeoutError'))});
	return one.signal;
};
cleanup(() => Object.assign(AbortSignal, {timeout}));
async function timesOut(opening, ms) {
	const none = [];
	opening.catch(() => {});
	while (!none.length)
		await new Promise((go) => setTimeout(go, 5)).then(() =>
			none.push(...limits.splice(0).filter((one) => one.ms === ms)));
	none.map(({end}) => end());
}

test('a server that never answers is one that is away', async () => {
	const its = site();
	its.publish('1.0.0');
	await its.open();
	limits.length = 0;
	server.says(`/${its.name}.json`, {hold: true});
	let opening = its.open();
	await timesOut(opening, 10000);
	equal(seen(await opening), at('1.0.0', true));
	its.points('1.1.0');
	server.says(its.file('1.1.0'), {hold: true});
	opening = its.open();
	await timesOut(opening, 120000);
	const it = await opening;
	equal(seen(it), at('1.0.0', true));
	server.says(`/${its.name}.json`, {hold: true});
	const checking = it.check();
	await timesOut(checking, 10000);
	equal([await checking, it.stale], [null, true]);
});
const BROKEN = {
	nothing: {body: ''}, 'a page': {body: '<h1>Hello</h1>'}, null: {body: 'null'},
	'a list': {body: '[]'}, 'a number': {body: '7'}, 'a text': {body: '"x"'},
	'no body': {status: 204}, 'what has moved': {status: 404},
	'a huge one': {body: `"${'x'.repeat(3e6)}"`},
	'no name': {version: '2.0.0'},
	'lists for texts': {lists: true}, 'an URL that is none': {url: 'http://['},
	'a number for a URL': {url: 5}, 'no URL': {url: undefined},
};
test('what is no pointer leaves what is kept, or rejects', async () => {
	for (const [what, {lists, url, version, ...say}] of Object.entries(BROKEN)) {
		const its = site();
		const bad = lists ? Object.fromEntries(Object.entries(
			its.pointer('2.0.0')).map(([k, v]) => [k, [v]])) :
			version ? {...its.pointer(version), name: undefined} :
			{...its.pointer('2.0.0'), url};
		const breaks = () => server.says(`/${its.name}.json`,
			'body' in say || say.status ? say : {body: bad});
		its.serves('2.0.0');
		breaks();
		await rejects(its.open(), /./);
		its.publish('1.0.0');
		const it = await its.open();
		breaks();
		equal([what, await it.check(), it.stale], [what, null, true]);
		equal(seen(await its.open()), at('1.0.0', true));
	}
});
test('what another wrote where this is kept is not shown', async () => {
	for (const change of [({value, ...more}) => more, () => null, () => 5,
		() => [], (all) => ({...all, name: 5}), (all) =>
			({...all, version: ['9.0.0']}), (all) => ({...all, url: {}})]) {
		const its = site();
		its.publish('1.0.0');
		await its.open();
		const [[key, was]] = [...stores.named.get('lowtide:catalogue').entries]
			.filter(([url]) => url.includes(`${its.name}.json`));
		const store = stores.named.get('lowtide:catalogue');
		await store.put(key, new Response(JSON.stringify(
			change(await was.clone().json()))));
		equal(seen(await its.open()), at('1.0.0'));
		equal(its.files('1.0.0'), 2);
	}
});
test('a wait that is too long for a timer is long', async () => {
	const its = site();
	its.publish('1.0.0');
	await its.open({every: 1e12});
	equal([...timers.values()].at(-1), 2 ** 31 - 1);
});
test('no promise was left to fail alone', async () => {
	await new Promise((go) => setTimeout(go, 20));
	equal(unhandled, []);
});
await done();
