/*
 * From the first POST to the last completed job, through the worker: of an API
 * that does nothing (noop = true) and of one whose upstream is an nginx that
 * answers at once. So many jobs as take about SECONDS_EACH, 32 posted and at
 * most 32 running at a time. Each is beside the peer whose job does the same.
 *
 * How long one takes is another run, of 32 clients who each wait for the job
 * they posted, in the same call, and then post the next: with lowtide by
 * x-wait-time-ms, with the others by what they have for that.
 *
 * How many commits a job needs shows where only one may run at a time: else
 * many share one.
 */
import {jobPath, NOOP, startLine} from '../line.mjs';
import {keep, measured, post, turns} from '../web.mjs';

export const help = 'accept to completed through the worker';
const cpu = r => r.app + r.worker;
const TRIAL = 500;
const SINGLE = '/api/v1/single';

const columns = [
	{key: 'reqs', title: 'jobs/s', digits: 0},
	{key: 'behind', title: 'lowtide is x', digits: 2},
	{key: 'app', title: 'endpoint µs', digits: 1},
	{key: 'worker', title: 'worker µs', digits: 1},
	{key: 'syncs', title: 'fsyncs, endpoint', digits: 2},
	{key: 'workerSyncs', title: 'worker', digits: 2},
	{key: 'cpu', title: 'its CPU x', digits: 2},
	{key: 'p50', title: 'done p50 ms', digits: 2},
	{key: 'p99', title: 'p99 ms', digits: 2},
	{key: 'sooner', title: 'p99 lowtide / it', digits: 2},
];
const WAIT = 'x-wait-time-ms: 20000';

/* {count, seconds} of `most` jobs, from nothing to nothing. */
export async function through(most, url, settled) {
	const started = performance.now();
	await post(url, {most});
	await settled();
	return {count: most, seconds: (performance.now() - started) / 1e3};
}

/* {p50, p99} in ms, from the POST to the answer that tells its end. */
async function waited(c, seconds) {
	if (!c.done)
		return {};
	const {p50, p99, later} = await post(c.done.url,
		{seconds, header: c.done.header});
	if (later)
		throw new Error(`${c.name}: ${later} were not waited for`);
	return {p50, p99};
}

/* What a peer refuses under load is its own affair: that round is left out. */
async function unlessRefused(bench, c, once) {
	try {
		return await once();
	} catch (e) {
		if (!c.peer)
			throw e;
		bench.warn(`a round of ${c.name} is left out: ${e.message}`);
		await c.settled();
		return {};
	}
}

export async function measure(bench) {
	const peers = await bench.peers('jobs');
	const line = await startLine({...peers.conf, syncs: true});
	await line.startWorker();
	const mine = (name, path) => ({name, settled: line.settled,
		url: line.url + path,
		done: {url: line.url + path, header: WAIT},
		watch: {app: [line.cgi.pid], worker: [line.worker.pid]},
		counters: {syncs: line.cgi.syncs,
			workerSyncs: line.worker.syncs}});
	const cases = [mine('lowtide-worker, noop', NOOP),
		mine('lowtide-worker, upstream call', jobPath),
		{...mine('lowtide-worker, one at a time', SINGLE),
			done: undefined},
		...await peers.cases(line)];
	for (const c of cases) {
		bench.progress(`trial: ${c.name}`);
		const rates = [];
		for (let i = 0; i < 3; i++) {
			const r = await unlessRefused(bench, c, () =>
				through(TRIAL, c.url, c.settled));
			rates.push(r.count / r.seconds || 0);
		}
		c.most = Math.max(TRIAL, Math.round(
			Math.max(...rates) * bench.seconds));
	}
	const rows = cases.map(c => ({name: c.name,
		note: `${c.most} jobs a round`, figures: {}}));
	for (let round = 1; round <= bench.rounds; round++) {
		const got = [];
		for (const i of turns(cases.length, round)) {
			const c = cases[i];
			bench.progress(`round ${round} of ${bench.rounds}: ` +
				c.name);
			got[i] = await unlessRefused(bench, c, () => measured(
				() => through(c.most, c.url, c.settled),
				c.watch, c.counters));
			Object.assign(got[i], await unlessRefused(bench, c,
				() => waited(c, bench.seconds)));
			await c.settled();
		}
		rows.forEach((row, i) => {
			for (const {key} of columns)
				keep(row, key, got[i][key]);
			const like = cases[i].calls ? 1 : 0;
			if (!cases[i].peer)
				return;
			keep(row, 'behind', got[like].reqs / got[i].reqs);
			keep(row, 'cpu', cpu(got[i]) / cpu(got[like]));
			keep(row, 'sooner', got[like].p99 / got[i].p99);
		});
	}
	await line.stop();
	await peers.stop();
	return {columns, rows};
}
