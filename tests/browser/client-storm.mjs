/*
 * All of it at once: two tabs with jobs of somebody who is signed in, while
 * what can happen to a page, its network and its server does, in an order that
 * a seed decides (SEED=, STEPS=). Then all is well again, and each job has one
 * row, one arrival, and its result in its tab; nothing went backwards.
 */
import {done, equal, ok, test} from '../tap.mjs';
import {pause} from '../web/stack.mjs';
import {startWorld, token} from './client-kit.mjs';

const SEED = Number(process.env.SEED ?? 9);
const STEPS = Number(process.env.STEPS ?? 24);
const world = await startWorld();
const {up, wire} = world;
const tabs = [await world.page(), await world.page('/other')];
const now = Math.floor(Date.now() / 1000);
const over = token('alice', {claims: {iat: now - 7200, exp: now - 3600}});
const STATES = ['accepted', 'pending', 'processing', 'completed'];

/* mulberry32 */
let seed = SEED;
function below(n) {
	seed = seed + 0x6d2b79f5 | 0;
	let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
	t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
	return ((t ^ t >>> 14) >>> 0) % n;
}

/* A job of a tab: {tab, name, hold}; its key is its name. */
const jobs = [];
const send = ({tab, name, hold}) => tab.begin(name, {api: 'sealed',
	body: {name}, key: name, hold, wait: below(2) ? 0 : 1000});
const bearer = tab => tab.run((its, fresh) => {
	Object.assign(globalThis, {bearer: its, fresh});
}, over, token('alice'));

/* What happens, each with how it is made good again at the end. */
const events = {
	job(tab) {
		const job = {tab, name: `job ${jobs.length}`, hold: world.hold()};
		jobs.push(job);
		return send(job);
	},
	done() {
		const job = jobs[below(jobs.length)];
		job.over = true;
		up.release(job.hold);
	},
	cut: () => wire.cut(),
	away: async () => {
		await wire.away();
		await wire.back();
	},
	offline: tab => tab.offline(true),
	online: tab => tab.offline(false),
	hidden: tab => tab.hide(),
	shown: tab => tab.show(),
	over: bearer,
	'no streams': () => world.no('streams'),
	streams: () => world.yes('streams'),
	'no waits': () => world.no('waits'),
	waits: () => world.yes('waits'),
	killed: () => world.restartEndpoint(['SIGKILL', 'SIGTERM'][below(2)]),
	server: () => world.restartServer(),
	/* what is over would be another request */
	again() {
		const open = jobs.filter(job => !job.over);
		return open.length && send(open[below(open.length)]);
	},
};
const names = Object.keys(events);

test(`a storm of ${STEPS}, seed ${SEED}`, async () => {
	for (const tab of tabs)
		await tab.run(its => {
			globalThis.bearer = globalThis.fresh = its;
		}, token('alice'));
	const what = [];
	for (let i = 0; i < STEPS; i++) {
		/* every third is a job, at first of all */
		const name = i % 3 ? names[below(names.length)] : 'job';
		what.push(name);
		await events[name](tabs[below(2)]);
		await pause(below(4) * below(100)); /* what is begun goes on */
	}
	for (const of of ['streams', 'waits'])
		world.yes(of);
	for (const tab of tabs) {
		await tab.offline(false);
		await tab.show();
		await tab.run(its => {
			globalThis.fresh = its;
		}, token('alice'));
	}
	const said = what.join(', ');
	console.log(`# ${said}`);
	for (const {hold} of jobs)
		up.release(hold);
	for (const job of jobs) {
		const {tab, name, hold} = job;
		let it = await tab.over(name);
		/*
		 * The way there failed for too long, or a token was over twice
		 * in a row: pressed again it goes on.
		 */
		if (['network', 'unauthorized'].includes(it.error?.type)) {
			console.log(`# ${name} is sent again`);
			await send(job);
			it = await tab.over(name);
		}
		equal(it.result, {id: 7}, `${name}: ${JSON.stringify(it)}; ${said}`);
		equal(world.arrivals(hold), 1, `${name}; ${said}`);
		equal((await world.rows('--request-id', it.requestId)).length, 1);
		const at = it.states.map(state => STATES.indexOf(state));
		equal(at, [...at].sort(), `${name} went back; ${said}`);
	}
	for (const tab of tabs)
		equal(await tab.run(() => api.kept()), [], said);
	ok(jobs.length >= STEPS / 3);
});

await done();
