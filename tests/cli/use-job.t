#!/usr/bin/env node
/*
 * templates/client/use-job.mjs under a stand-in for react: one component that
 * keeps react's rules for useMemo and useSyncExternalStore (a snapshot stays
 * the same until it is told of, a subscription ends with its component). The
 * client does what a test says. tests/npm/react.t has the real ones.
 */
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '../..');
const tmp = fs.mkdtempSync(path.join(os.tmpdir(), 'lowtide-hook.'));
const settled = () => new Promise((go) => setImmediate(go));

/* What the module imports as 'react': it asks the component being rendered. */
const REACT = `
let rendering;
export const render = (component, run) => {
	const before = rendering;
	rendering = component;
	component.hook = 0;
	try {
		return run();
	} finally {
		rendering = before;
	}
};
const slot = () => rendering.slots[rendering.hook++] ??= {};
export function useMemo(make, deps) {
	const kept = slot();
	if (!kept.deps || deps.some((d, i) => !Object.is(d, kept.deps[i])))
		Object.assign(kept, {deps, value: make()});
	return kept.value;
}
export function useSyncExternalStore(subscribe, get, getOnServer) {
	const kept = slot();
	Object.assign(kept, {subscribe, get});
	if (rendering.server)
		return getOnServer();
	if (get() !== get())
		throw new Error('the snapshot changes by itself');
	return get();
}
`;

async function main() {
	const {test, ok, equal, done, cleanup} =
		await import(path.join(root, 'tests/tap.mjs'));
	cleanup(() => fs.rmSync(tmp, {recursive: true}));
	const at = path.join(tmp, 'node_modules/react');
	fs.mkdirSync(at, {recursive: true});
	fs.writeFileSync(path.join(at, 'package.json'),
		'{"type": "module", "exports": "./index.mjs"}');
	fs.writeFileSync(path.join(at, 'index.mjs'), REACT);
	fs.copyFileSync(path.join(root, 'templates/client/use-job.mjs'),
		path.join(tmp, 'use-job.mjs'));
	const {useJob} = await import(path.join(tmp, 'use-job.mjs'));
	const react = await import(path.join(at, 'index.mjs'));

	/* A component: .seen is what it shows, .times how often it was drawn. */
	function component(client, key, {server = false} = {}) {
		const it = {slots: [], server, times: 0, props: [client, key]};
		const draw = () => {
			it.times++;
			it.given = react.render(it, () => useJob(...it.props));
			it.seen = {...it.given};
			if (it.store !== it.slots[1].subscribe && it.store) {
				it.end();
				it.begin();
			}
		};
		it.begin = () => {
			const {subscribe, get} = it.slots[1];
			it.store = subscribe;
			/* the same snapshot: nothing to draw */
			const told = () => get() !== it.given && draw();
			it.unsubscribe = subscribe(told);
			told();
		};
		it.end = () => it.unsubscribe();
		it.gone = () => {
			it.store = null;
			it.end();
		};
		it.draw = (...props) => {
			it.props = props;
			draw();
		};
		draw();
		if (!server)
			it.begin();
		return it;
	}

	/* A job of a script: say(), end(), fail(); it ends for who aborts. */
	function fake(signal, more = {}) {
		let go;
		let over = false;
		const job = {statusUrl: null, state: null, aborted: false,
			results: 0, looks: 0, cancels: 0, signal, ...more};
		const settle = {};
		const final = new Promise((resolve, reject) =>
			Object.assign(settle, {resolve, reject}));
		final.catch(() => {});
		const wake = () => go?.();
		signal?.addEventListener('abort', () => {
			over = job.aborted = true;
			settle.reject(signal.reason);
			wake();
		});
		return Object.assign(job, {
			say(state) {
				job.statusUrl = 'https://x.example/job_1';
				job.state = state;
				wake();
			},
			end(result) {
				over = job.over = true;
				settle.resolve(result);
				wake();
			},
			fail(type) {
				over = job.over = true;
				job.why = Object.assign(new Error(type), {type});
				settle.reject(job.why);
				wake();
			},
			async *[Symbol.asyncIterator]() {
				job.looks++;
				for (let told = null;;)
					if (job.state !== told)
						yield told = job.state;
					else if (over && job.why && !told)
						throw job.why;
					else if (over)
						return;
					else
						await new Promise((f) => go = f);
			},
			result() {
				job.results++;
				return final.then((it) => it);
			},
			cancel() {
				job.cancels++;
				return job.cannot ? Promise.reject(new Error()) :
					Promise.resolve({});
			},
		});
	}
	/* What was asked of it stands in .asked, its jobs in .jobs. */
	function fakeClient(kept = {}) {
		const client = {asked: [], jobs: [], kept};
		const give = (what, {signal}, more) => {
			client.asked.push(what);
			const job = fake(signal, more);
			client.jobs.push(job);
			return job;
		};
		const known = {statusUrl: 'https://x.example/job_1'};
		return Object.assign(client, {
			submit: (api, body, {signal, ...options}) =>
				give(['submit', api, body, options], {signal}),
			follow: (url, options) =>
				give(['follow', url], options, known),
			resume: (key, options) => client.kept[key] ?
				give(['resume', key], options, known) : null,
		});
	}
	const what = ({job, state, result, error, busy}) =>
		[job !== null, state, result, error?.type ?? error, busy];
	const IDLE = [false, null, undefined, null, false];

	test('nothing was sent: nothing is asked, nothing is shown', () => {
		const client = fakeClient({undefined: true});
		const it = component(client);
		equal(what(it.seen), IDLE);
		equal(it.times, 1);
		equal(client.asked, []);
		it.gone();
	});

	test('sent, on its way, done', async () => {
		const client = fakeClient();
		const it = component(client, 'export');
		const {submit} = it.seen;
		equal(submit('export', {year: 2025}, {wait: 0, key: 'none'}),
			undefined);
		equal(client.asked, [['submit', 'export', {year: 2025},
			{wait: 0, key: 'export'}]]);
		equal(what(it.seen), [true, null, undefined, null, true]);
		const [job] = client.jobs;
		equal(it.seen.job, job);
		/* before it can have ended: later it would be watched anew */
		equal(job.results, 1);
		job.say({status: 'processing', progress: 4});
		await settled();
		equal(what(it.seen), [true, {status: 'processing', progress: 4},
			undefined, null, true]);
		job.say({status: 'completed'});
		await settled();
		equal(it.seen.busy, true);
		job.end({rows: 1});
		await settled();
		equal(what(it.seen), [true, {status: 'completed'}, {rows: 1},
			null, false]);
		equal([job.results, job.looks], [1, 1]);
		/* they are what they were: they may stand in dependencies */
		equal(it.seen.submit === submit, true);
		it.gone();
	});

	test('refused: an error, and no longer busy', async () => {
		const client = fakeClient();
		const it = component(client);
		it.seen.submit('x');
		client.jobs[0].fail('validation-failed');
		await settled();
		equal(what(it.seen), [true, null, undefined,
			'validation-failed', false]);
		it.seen.submit('x');
		equal(what(it.seen), [true, null, undefined, null, true]);
		it.gone();
	});

	test('a second one takes the place of the first', async () => {
		const client = fakeClient();
		const it = component(client);
		it.seen.submit('a');
		const [a] = client.jobs;
		a.say({status: 'pending'});
		await settled();
		it.seen.submit('b');
		const [, b] = client.jobs;
		ok(a.aborted);
		equal(what(it.seen), [true, null, undefined, null, true]);
		b.say({status: 'processing'});
		await settled();
		a.say({status: 'completed'});
		a.end('old');
		await settled();
		equal(it.seen.state, {status: 'processing'});
		b.end('new');
		await settled();
		equal(it.seen.result, 'new');
		it.gone();
	});

	for (const [how, leave] of [['replaced', (it) => it.seen.submit('b')],
		['reset', (it) => it.seen.reset()], ['gone', (it) => it.gone()]])
		test(`what has no ticket yet gets it first: ${how}`, async () => {
			const client = fakeClient();
			const it = component(client);
			it.seen.submit('a');
			leave(it);
			const [a] = client.jobs;
			ok(!a.aborted);
			await settled();
			const shown = it.seen;
			a.say({status: 'pending'});
			await settled();
			ok(a.aborted);
			equal(it.seen, shown);
		});
	for (const [how, leave] of [['replaced', (it) => it.seen.submit('b')],
		['reset', (it) => it.seen.reset()]])
		test(`what needed no ticket is not shown later: ${how}`,
			async () => {
				const client = fakeClient();
				const it = component(client);
				for (const end of ['end', 'fail']) {
					it.seen.submit('a');
					leave(it);
					const shown = it.seen;
					client.jobs.find((j) => !j.over)[end]('x');
					await settled();
					equal(it.seen, shown);
					it.seen.reset();
				}
				it.gone();
			});

	test('what ends without a ticket tells nobody who is gone', async () => {
		const client = fakeClient();
		const it = component(client);
		it.seen.submit('a');
		it.gone();
		const {times} = it;
		client.jobs[0].end(1);
		await settled();
		equal(it.times, times);
		/* and it is there for who comes back */
		it.begin();
		equal(what(it.seen), [true, null, 1, null, false]);
		equal(client.asked.length, 1);
		it.gone();
	});

	test('reset shows none', async () => {
		const client = fakeClient();
		const it = component(client);
		it.seen.reset();
		equal(what(it.seen), IDLE);
		it.seen.submit('a');
		const [job] = client.jobs;
		job.say({status: 'pending'});
		await settled();
		it.seen.reset();
		equal(what(it.seen), IDLE);
		ok(job.aborted);
		await settled();
		equal(what(it.seen), IDLE);
		it.gone();
	});

	test('cancel asks the job; that it cannot is nobody\'s end', async () => {
		const client = fakeClient();
		const it = component(client);
		equal(it.seen.cancel(), undefined);
		it.seen.submit('a');
		const [job] = client.jobs;
		job.say({status: 'processing'});
		await settled();
		equal(it.seen.cancel(), undefined);
		job.cannot = true;
		equal(it.seen.cancel(), undefined);
		await settled();
		equal(job.cancels, 2);
		equal(it.seen.busy, true);
		job.fail('job-cancelled');
		await settled();
		equal(what(it.seen).slice(2), [undefined, 'job-cancelled', false]);
		it.gone();
	});

	test('a key finds after a reload what was sent before', async () => {
		const client = fakeClient({export: true});
		const it = component(client, 'export');
		equal(client.asked, [['resume', 'export']]);
		equal(what(it.seen), [true, null, undefined, null, true]);
		client.jobs[0].say({status: 'completed'});
		client.jobs[0].end(7);
		await settled();
		equal(it.seen.result, 7);
		it.gone();
		/* it has been told: nothing is asked again */
		it.begin();
		equal(client.asked.length, 1);
		equal(it.seen.result, 7);
		it.gone();
	});

	test('StrictMode: gone and back at once', async () => {
		const client = fakeClient({export: true});
		const it = component(client, 'export');
		it.gone();
		it.begin();
		equal(client.asked, [['resume', 'export'], ['resume', 'export']]);
		equal(client.jobs.map((j) => j.aborted), [true, false]);
		await settled();
		equal(what(it.seen), [true, null, undefined, null, true]);
		client.jobs[1].say({status: 'completed'});
		client.jobs[1].end('once');
		await settled();
		equal(what(it.seen), [true, {status: 'completed'}, 'once', null,
			false]);
		it.gone();
	});

	test('hidden and shown: the job is followed again', async () => {
		const client = fakeClient();
		const it = component(client);
		it.seen.submit('a');
		client.jobs[0].say({status: 'processing'});
		await settled();
		it.gone();
		ok(client.jobs[0].aborted);
		await settled();
		equal(it.seen.error, null);
		it.begin();
		equal(client.asked[1], ['follow', 'https://x.example/job_1']);
		it.gone();
		ok(client.jobs[1].aborted);
		it.begin();
		client.jobs[2].end(3);
		await settled();
		equal(it.seen.result, 3);
		it.gone();
	});

	test('hidden before its ticket, shown before it: one request', async () => {
		const client = fakeClient();
		const it = component(client);
		it.seen.submit('a');
		it.gone();
		it.begin();
		it.gone();
		const [job] = client.jobs;
		job.say({status: 'pending'});
		it.begin(); /* just then */
		await settled();
		ok(!job.aborted);
		equal([it.seen.state, client.asked.length, job.looks],
			[{status: 'pending'}, 1, 1]);
		job.end(1);
		await settled();
		equal(it.seen.result, 1);
		it.gone();
	});

	for (const [key, asked] of [
		[undefined, ['follow', 'https://x.example/job_1']],
		['export', ['resume', 'export']],
	])
		test(`still running: watch() watches on (${asked[0]})`, async () => {
			const client = fakeClient();
			const it = component(client, key);
			it.seen.submit('a');
			const [job] = client.jobs;
			job.say({status: 'processing', stillRunning: true});
			job.fail('still-running');
			await settled();
			equal(what(it.seen).slice(3), ['still-running', false]);
			client.kept.export = true;
			it.seen.watch();
			equal(client.asked[1], asked);
			equal(what(it.seen).slice(2), [undefined, null, true]);
			client.jobs[1].end(4);
			await settled();
			equal(it.seen.result, 4);
			it.gone();
		});

	test('nothing to watch: watch() does nothing', () => {
		const client = fakeClient();
		const it = component(client);
		it.seen.watch();
		equal(what(it.seen), IDLE);
		equal(client.asked, []);
		it.gone();
	});

	test('what is known of it is shown at once', () => {
		const client = fakeClient();
		const it = component(client);
		client.submit = (...all) => Object.assign(
			fake(all[2].signal), {state: {status: 'processing'}});
		it.seen.submit('a');
		equal(it.seen.state, {status: 'processing'});
		it.gone();
	});

	test('another client is another job', () => {
		const client = fakeClient({a: true});
		const it = component(client, 'a');
		const other = fakeClient({a: true});
		it.draw(other, 'a');
		equal([client.jobs[0].aborted, other.asked],
			[true, [['resume', 'a']]]);
		it.gone();
	});

	test('another key is another job', async () => {
		const client = fakeClient({b: true});
		const it = component(client, 'a');
		it.seen.submit('x');
		client.jobs[0].say({status: 'processing'});
		await settled();
		it.draw(client, 'b');
		ok(client.jobs[0].aborted);
		equal(client.asked[1], ['resume', 'b']);
		client.jobs[1].end('of b');
		await settled();
		equal(it.seen.result, 'of b');
		it.gone();
	});

	test('on a server it is idle, and asks nobody', () => {
		const client = fakeClient({export: true});
		const it = component(client, 'export', {server: true});
		equal(what(it.seen), IDLE);
		equal(client.asked, []);
	});

	await done();
}

main();
