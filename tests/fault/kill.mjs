/*
 * Under `lowtide serve`: sends returns and bundles, kills the worker and the
 * endpoint in between (KILLS times, default 6), remembers every answer it got,
 * and in the end compares them with what the other side of the line saw.
 */
import {readFileSync, readdirSync} from 'node:fs';
import {randomUUID} from 'node:crypto';
import {test, ok, equal, done} from '../tap.mjs';

const base = process.env.LOWTIDE_URL;
const simulator = process.env.LOWTIDE_RUN_SIMULATOR_URL;
const KILLS = Number(process.env.KILLS ?? 6);
const RETURNS = KILLS * 4;
const pause = ms => new Promise(r => setTimeout(r, ms));

/* The process of that name that serve, our parent, started. */
function childOfServe(name) {
	for (const pid of readdirSync('/proc').filter(p => /^\d+$/.test(p)))
		try {
			const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
			const [, comm, ppid] =
				stat.match(/^\d+ \((.*)\) \S (\d+)/);
			if (name.startsWith(comm) &&
				Number(ppid) === process.ppid)
				return Number(pid);
		} catch {
			/* it ended while we looked */
		}
	return undefined;
}

async function fetchJson(url, options) {
	const r = await fetch(url, {...options,
		signal: AbortSignal.timeout(30000)});
	const text = await r.text();
	return {status: r.status, json: text ? JSON.parse(text) : undefined};
}

/* As a careful client: the same name until somebody says 202 (or more). */
async function send(path, body) {
	const name = randomUUID();
	for (let i = 0; i < 100; i++) {
		try {
			const r = await fetchJson(base + path, {method: 'POST',
				body: JSON.stringify(body),
				headers: {'content-type': 'application/json',
					'x-request-id': name,
					'x-wait-time-ms': '0'}});
			if (r.status === 202)
				return {...r.json, body};
			ok(r.status === 503, `accept said ${r.status}`);
		} catch (e) {
			if (e.code === 'ERR_ASSERTION')
				throw e;
		}
		await pause(100);
	}
	throw new Error('never accepted');
}

const accepted = [];
const answers = new Map(); /* jobId → the terminal documents seen */
const terminal = ['completed', 'failed', 'cancelled'];

async function look(job) {
	const r = await fetchJson(new URL(job.statusUrl, base)).catch(() => ({}));
	if (r.status === 200 && terminal.includes(r.json.status)) {
		const seen = answers.get(job.jobId) ?? [];
		seen.push(r.json);
		answers.set(job.jobId, seen);
		return true;
	}
	ok(r.status === undefined || r.status === 200 || r.status === 503,
		`look-up of an accepted job said ${r.status}`);
	return false;
}

test(`${RETURNS} returns and bundles accepted while ${KILLS} are killed`,
	async () => {
		let killed = 0;
		const killing = (async () => {
			for (let i = 0; i < KILLS; i++) {
				await pause(300 + Math.random() * 700);
				const pid = childOfServe(
					i % 2 ? 'lowtide-cgi' : 'lowtide-worker');
				if (pid) {
					process.kill(pid, 'SIGKILL');
					killed++;
				}
			}
		})();
		for (let i = 0; i < RETURNS; i++) {
			accepted.push(await send('/api/v1/hmrc/vat/return', {
				vrn: '123456789', periodKey: `k${i}`,
				finalised: true}));
			accepted.push(await send('/api/v1/bundle',
				{bundleId: `k${i}`}));
			await pause(50);
		}
		await killing;
		ok(killed >= KILLS / 2, `only ${killed} killed`);
		equal(accepted.length, RETURNS * 2);
	});

test('every one of them ends, and stays as it ended', async () => {
	let open = accepted;
	for (let i = 0; open.length && i < 600; i++) {
		const still = [];
		for (const job of open)
			if (!await look(job))
				still.push(job);
		open = still;
		await pause(100);
	}
	equal(open.map(j => j.jobId), []);
	for (const job of accepted)
		ok(await look(job));
	for (const [id, seen] of answers)
		equal(new Set(seen.map(d => `${d.status} ${d.completedAt}`)).size,
			1, id);
});

test('the tax service saw each return at most once', async () => {
	const {json} = await fetchJson(`${simulator}/__calls`);
	for (const job of accepted.filter(j => j.body.periodKey)) {
		const key = `"${job.body.periodKey}"`;
		const n = json.filter(c => c.method === 'POST' &&
			JSON.stringify(c).replaceAll('\\"', '"').includes(key))
			.length;
		ok(n <= 1, `${key} arrived ${n} times`);
		const [{status, error}] = answers.get(job.jobId);
		if (status === 'completed')
			equal(n, 1, `${key} is said to be completed`);
		else
			ok(status === 'failed', `${key}: ${status} ${error}`);
	}
});

test('every bundle arrived, however often it was tried', async () => {
	const {json} = await fetchJson(`${simulator}/__calls`);
	for (const job of accepted.filter(j => j.body.bundleId)) {
		equal(answers.get(job.jobId)[0].status, 'completed');
		ok(json.some(c => c.method === 'PUT' &&
			JSON.stringify(c).includes(job.jobId)), job.jobId);
	}
});

await done();
