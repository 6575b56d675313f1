/*
 * The client of contract 8, in a real browser against the real programs: what
 * it sent before there were tickets still does.
 */
import {readFileSync} from 'node:fs';
import {done, equal, ok, test} from '../tap.mjs';
import {startWorld, token} from './client-kit.mjs';

const world = await startWorld({page: 'polling-page.mjs', files: {
	'assets/polling-client.mjs': readFileSync(
		new URL('polling-client.mjs', import.meta.url), 'utf8')}});
const {up} = world;
const page = await world.page();
const sku = {sku: 'tea'};
const say = what => ({say: JSON.stringify(what)});

/* What left the page for that job, in order. */
const sent = (hold, of = page) => of.requests.filter(({headers}) =>
	JSON.parse(headers.say ?? '{}').hold === hold);
const initial = ({headers}) => headers['x-initial-request'];
const begin = (name, options, of = page) => of.run((...all) =>
	begin(...all), name, options.path ?? '/api/order', {body: sku, ...options});
const answer = (name, of = page) => of.until(which =>
	globalThis.answers[which], name);
/* It pauses; with `go`, it goes on. */
const pauses = (name, go = false, of = page) => of.until((which, on) => {
	const resume = next[which];
	if (resume && on) {
		delete next[which];
		resume();
	}
	return Boolean(resume);
}, name, go);

/* Without further pauses, to its end. */
const finish = (name, of = page) => of.until(which => {
	next[which]?.();
	delete next[which];
	return answers[which];
}, name);

/* One name, one method, one address and one body, from the first to the last. */
function same(requests) {
	for (const what of ['method', 'url', 'postData'])
		equal(new Set(requests.map(one => one[what])).size, 1, what);
	equal(new Set(requests.map(one => one.headers['x-request-id'])).size, 1);
	equal(requests.map(initial), requests.map((one, i) =>
		i ? undefined : 'true'));
}

test('quick: the first answer is the result', async () => {
	const hold = world.hold();
	up.release(hold);
	await begin('quick', {wait: 20000, headers: say({hold})});
	const {status, text, looks} = await answer('quick');
	equal([status, JSON.parse(text), looks], [200, {id: 7}, 0], text);
	equal([sent(hold).length, world.arrivals(hold)], [1, 1]);
});

/* Ten looks of its forefather's are held for a second each: all at once. */
const LOOKS = {steady: 3, growing: 5, forefather: 11};

test('slow: it asks until it is done, in either rhythm', async () => {
	const holds = Object.fromEntries(Object.keys(LOOKS).map(rhythm =>
		[rhythm, world.hold()]));
	for (const [rhythm, hold] of Object.entries(holds))
		await begin(rhythm, {rhythm, headers: say({hold}),
			...rhythm === 'growing' && {hasten: 100}});
	await Promise.all(Object.entries(holds).map(async ([rhythm, hold]) => {
		await up.arrived(hold);
		while (sent(hold).length <= LOOKS[rhythm])
			await page.run(() => new Promise(go =>
				setTimeout(go, 50)));
		up.release(hold);
		const got = await answer(rhythm);
		equal([got.status, JSON.parse(got.text)], [200, {id: 7}],
			`${rhythm}: ${got.text}`);
		ok(got.looks >= LOOKS[rhythm], rhythm);
		same(sent(hold));
		equal(world.arrivals(hold), 1, rhythm);
	}));
});

test('failed: the upstream’s own refusal, and 502', async () => {
	const refused = {status: 409, type: 'application/vnd.acme+json',
		body: '{"code":"NO"}'};
	const broken = {status: 500, body: {secret: 'of the service'}};
	for (const [name, says] of Object.entries({refused, broken})) {
		const hold = world.hold();
		await begin(name, {headers: say({...says, hold})});
		await up.arrived(hold);
		up.release(hold);
		const got = await answer(name);
		same(sent(hold));
		equal(world.arrivals(hold), 1);
		if (name === 'refused') {
			equal([got.status, got.type, got.text],
				[409, refused.type, refused.body]);
			continue;
		}
		equal([got.status, got.type],
			[502, 'application/problem+json'], got.text);
		equal(JSON.parse(got.text).error, 'upstream-error');
		ok(!got.text.includes('secret'));
	}
});

test('401 in the middle: the old name with a new token', async () => {
	const hold = world.hold();
	const now = Math.floor(Date.now() / 1000);
	const over = token('alice', {claims: {iat: now - 7200, exp: now - 3600}});
	await begin('expired', {path: '/api/sealed', paused: true,
		headers: {...say({hold}), authorization: token('alice')},
		fresh: {...say({hold}), authorization: token('alice')}});
	await up.arrived(hold);
	await pauses('expired');
	await page.run(gone => {
		current.expired.authorization = gone;
	}, over);
	await pauses('expired', true);
	/* 401, and 202 with the new one */
	await pauses('expired');
	same(sent(hold));
	equal(sent(hold).map(one => one.headers.authorization === over),
		[false, true, false]);
	up.release(hold);
	const got = await finish('expired');
	equal([got.status, JSON.parse(got.text)], [200, {id: 7}], got.text);
	equal(world.arrivals(hold), 1);
});

test('401 of the upstream: the old name with other credentials', async () => {
	const [first, then] = [world.hold(), world.hold()];
	await begin('renewed', {path: '/api/refresh', paused: true,
		headers: {...say({hold: first, status: 401}), 'shop-token': 'a'},
		fresh: {...say({hold: then}), 'shop-token': 'b'}});
	await up.arrived(first);
	await pauses('renewed');
	up.release(first);
	await pauses('renewed', true);
	/* the service is called anew with what came after 401 */
	await up.arrived(then);
	const calls = up.calls.slice(-2).map(call => call.headers);
	equal(calls.map(h => h['shop-token'] ?? h.authorization), ['a', 'b']);
	up.release(then);
	const got = await finish('renewed');
	equal([got.status, JSON.parse(got.text)], [200, {id: 7}], got.text);
	const all = [...sent(first), ...sent(then)];
	same(all);
	equal([world.arrivals(first), world.arrivals(then)], [1, 1]);
});

test('reloaded in the midst of it: the same name, and no second job', async () => {
	const hold = world.hold();
	const other = await world.page();
	const how = {headers: say({hold}), paused: true};
	await begin('reloaded', how, other);
	await up.arrived(hold);
	await pauses('reloaded', false, other);
	await other.go(world.url);
	await other.until(() => globalThis.ready);
	await begin('reloaded', how, other);
	await pauses('reloaded', false, other);
	/* and once more, while an answer is waited for */
	await other.leave(() => {
		next.reloaded();
		location.reload();
	});
	await other.until(() => globalThis.ready && !next.reloaded);
	await begin('reloaded', how, other);
	up.release(hold);
	const got = await finish('reloaded', other);
	equal([got.status, JSON.parse(got.text)], [200, {id: 7}], got.text);
	same(sent(hold, other));
	equal(world.arrivals(hold), 1);
	await other.close();
});

test('endpoint and server restarted: while one waits, between two looks',
	async () => {
		const hold = world.hold();
		await begin('restarted', {wait: 20000, paused: true,
			headers: say({hold})});
		await up.arrived(hold);
		/* one that is told to leave tells who waits: 202 */
		await world.restartEndpoint('SIGTERM');
		await pauses('restarted');
		equal(sent(hold).length, 1);
		await world.restartEndpoint('SIGKILL');
		await world.restartServer();
		up.release(hold);
		const got = await finish('restarted');
		equal([got.status, JSON.parse(got.text)], [200, {id: 7}],
			got.text);
		same(sent(hold));
		equal(world.arrivals(hold), 1);
	});

test('nobody there: that is final, and pressing again is the same request',
	async () => {
		const hold = world.hold();
		const how = {headers: say({hold}), paused: true};
		await begin('away', how);
		await up.arrived(hold);
		await pauses('away');
		await world.stack.endpoint.stop('SIGKILL');
		await pauses('away', true);
		equal((await answer('away')).status, 503);
		await world.stack.startEndpoint();
		up.release(hold);
		await page.run(() => delete answers.away);
		await begin('away', how);
		const got = await finish('away');
		equal([got.status, JSON.parse(got.text)], [200, {id: 7}],
			got.text);
		same(sent(hold));
		equal(world.arrivals(hold), 1);
	});

test('the page had nothing to complain of but the refusals', () => {
	/* what is not 2xx is a line of the browser's own */
	equal(page.complaints.filter(one => !/^network: Failed to load/
		.test(one)), []);
});

await done();
