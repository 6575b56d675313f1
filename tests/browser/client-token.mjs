/*
 * Tokens that are over in the midst of it: one refresh for all that wait, the
 * same names, no job lost; and credentials that the service behind refuses.
 */
import {done, equal, ok, test} from '../tap.mjs';
import {startWorld, token} from './client-kit.mjs';

const world = await startWorld();
const {up, wire} = world;
const page = await world.page();
const now = Math.floor(Date.now() / 1000);
const over = token('alice', {claims: {iat: now - 7200, exp: now - 3600}});
const good = () => token('alice', {claims: {jti: String(Math.random())}});

/* What requests say of who sends them, from now on; and after a refresh. */
const bearers = (bearer, fresh) => page.run((its, then) => {
	globalThis.bearer = its;
	globalThis.fresh = then;
	asked.length = 0;
}, bearer, fresh);
const refreshes = () => page.run(() => asked.filter(Boolean).length);
const refreshed = () => page.run(() => asked.includes(true));
/*
 * What is held is cut until somebody was told 401: a browser asks once more by
 * itself where it had used the connection before. Polls come by themselves.
 */
const cut = () => wire.waiting(/^GET [^ ]*\/events/) +
	wire.waiting(/^prefer: wait/im) && wire.cut();
const cutUntilRefreshed = () => world.until('a refresh', async () => {
	cut();
	return refreshed();
}, 200);
const sealed = (name, more) =>
	page.held(name, {api: 'sealed', body: {}, ...more});
async function one(name, hold) {
	const it = await page.over(name);
	equal(it.result, {id: 7}, JSON.stringify(it));
	equal(world.arrivals(hold), 1);
	return it;
}

test('over when it is sent: refreshed, and sent under its name', async () => {
	await bearers(over, good());
	page.mark();
	const hold = await sealed('sent');
	up.release(hold);
	await one('sent', hold);
	equal(await refreshes(), 1);
	const ids = page.requests_of('send').map(r => r.headers['x-request-id']);
	equal([ids.length, new Set(ids).size], [2, 1]);
});

for (const [how, off] of [['a stream', []], ['long polls', ['streams']],
	['polls', ['streams', 'waits']]])
	test(`over in the middle: ${how}`, async () => {
		await bearers(good(), good());
		off.forEach(world.no);
		const hold = await sealed('middle');
		await page.told('middle', 'processing');
		await bearers(over, good());
		page.mark();
		await cutUntilRefreshed();
		up.release(hold);
		await one('middle', hold);
		equal([await refreshes(), page.requests_of('send').length],
			[1, 0]);
		off.forEach(world.yes);
	});

test('five at once: one refresh for all of them', async () => {
	await bearers(good(), good());
	const names = ['a', 'b', 'c', 'd', 'e'];
	const holds = [];
	for (const name of names)
		holds.push(await sealed(name, {body: {name}}));
	for (const name of names)
		await page.told(name, 'processing');
	await bearers(over, good());
	await page.run(() => {
		globalThis.gate = new Promise(go => {
			globalThis.openGate = go;
		});
	});
	page.complaints.splice(0);
	await cutUntilRefreshed();
	/* a second one was told 401, and waits for the same */
	await world.until('two of them', () => page.complaints
		.filter(one => / 401 /.test(one)).length > 1);
	await page.run(() => openGate());
	holds.forEach(up.release);
	for (const [i, name] of names.entries())
		await one(name, holds[i]);
	equal(await refreshes(), 1);
});

test('refused twice: that is told, and the job is not lost', async () => {
	await bearers(good(), good());
	const hold = await sealed('twice', {key: 'kept'});
	await page.told('twice', 'processing');
	await bearers(over, over);
	page.mark();
	wire.cut();
	const {error} = await page.over('twice');
	/* and another way of watching would be told the same */
	equal([await refreshes(), page.asked()], [1, ['stream', 'stream']]);
	equal([error.type, error.status, error.ours], ['unauthorized', 401, true]);
	equal(await page.run(() => api.kept().map(({key}) => key)), ['kept']);
	await bearers(good(), good());
	await page.run(() => {
		watch('resumed', api.resume('kept'));
	});
	await page.told('resumed', 'processing');
	up.release(hold);
	await one('resumed', hold);
	equal(await page.run(() => api.kept()), []);
});

test('nobody signed in: 401 is the answer, and nothing was accepted',
	async () => {
		await bearers(null, null);
		const hold = world.hold();
		await page.begin('nobody', {api: 'sealed', body: {}, hold});
		const {error} = await page.over('nobody');
		equal([error.type, error.status], ['unauthorized', 401]);
		equal(world.arrivals(hold), 0);
	});

test('another one’s job: as if there were none', async () => {
	await bearers(good(), good());
	const hold = await sealed('hers');
	const {statusUrl} = await page.seen('hers');
	await bearers(token('bob'), token('bob'));
	await page.run(url => {
		watch('not his', api.follow(url));
	}, statusUrl);
	const {error} = await page.over('not his');
	equal([error.type, error.status], ['job-not-found', 404]);
	await bearers(good(), good());
	up.release(hold);
	await one('hers', hold);
});

/* Credentials for the service behind: with `say`, they tell what it answers. */
const credentials = (first, then) => page.run((its, others) => {
	let refreshed = 0;
	globalThis.handed = [];
	dial({async headers({refresh}) {
		refreshed += refresh;
		handed.push(refresh);
		return refreshed ? others : its;
	}});
}, first, then);
const shop = (hold, status, name) =>
	({say: JSON.stringify({hold, status}), 'shop-token': name});

test('the service refuses the credentials: sent again with others', async () => {
	const [first, then] = [world.hold(), world.hold()];
	await credentials(shop(first, 401, 'old'), shop(then, 200, 'new'));
	page.mark();
	await page.run(() => submit('renewed', 'refresh', {}, {wait: 0}));
	await up.arrived(first);
	up.release(first);
	await up.arrived(then);
	up.release(then);
	const it = await page.over('renewed');
	equal(it.result, {id: 7}, JSON.stringify(it));
	equal([world.arrivals(first), world.arrivals(then)], [1, 1]);
	equal(await page.run(() => handed.filter(Boolean).length), 1);
	const ids = page.requests_of('send').map(r => r.headers['x-request-id']);
	equal([ids.length, new Set(ids).size], [2, 1]);
});

test('reloaded, nobody knows any longer what was sent: needs-credentials',
	async () => {
		const hold = world.hold();
		await credentials(shop(hold, 401, 'old'), shop(hold, 401, 'old'));
		await page.run(() => submit('unknown', 'refresh', {}, {wait: 0}));
		await up.arrived(hold);
		await page.until(() => jobs.unknown.job.statusUrl);
		const {statusUrl} = await page.seen('unknown');
		await page.go(`${world.url}/`);
		await page.until(() => globalThis.ready);
		up.release(hold);
		await page.run(url => {
			watch('unknown', api.follow(url));
		}, statusUrl);
		const it = await page.over('unknown');
		equal([it.error?.type, it.error?.ours],
			['needs-credentials', true], JSON.stringify(it));
		ok(it.states.includes('needs-credentials'));
	});

await done();
