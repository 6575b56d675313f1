/*
 * TAP for tests in node, plain enough for prove: no YAML, one line a test.
 *
 *	import {test, ok, equal, match, done} from '../tap.mjs';
 *	test('the answer is 202', async () => equal(res.status, 202));
 *	await done();
 *
 * Tests run in order, one after the other; one that throws has failed and the
 * rest go on. cleanup(fn) runs at the end, last registered first, whatever
 * happened, also on a signal.
 */
import assert from 'node:assert/strict';

/*
 * One that waits for what never comes fails, and says which it was; far more
 * than any of them takes. 0: no end, for campaigns.
 */
const LIMIT_S = Number(process.env.TAP_LIMIT_S ?? 900);

/*
 * The first fetch() of a process waits for ever when the other side closes its
 * connection as it is made: one that says nothing of its end has this one.
 */
const FETCH_MS = 120000;
const fetched = globalThis.fetch;
globalThis.fetch = (what, options) => fetched(what,
	{signal: AbortSignal.timeout(FETCH_MS), ...options});

const planned = [];
const cleanups = [];

export function test(name, run) {
	planned.push({name, run});
}

export const ok = assert.ok;
export const equal = assert.deepEqual;
export const match = assert.match;
export const rejects = assert.rejects;

export function cleanup(run) {
	cleanups.push(run);
}

/* For programs that are no tests; done() does it for those that are. */
export async function clean() {
	while (cleanups.length)
		try {
			await cleanups.pop()();
		} catch (e) {
			console.log(`# cleaning up: ${e.message}`);
		}
}

for (const signal of ['SIGINT', 'SIGTERM'])
	process.on(signal, async () => {
		await clean();
		process.exit(130);
	});

/* What is thrown outside of a test ends the program: nothing stays behind. */
process.on('uncaughtException', async (e) => {
	console.error(e);
	await clean();
	process.exit(1);
});

async function bounded(run) {
	let timer;
	const late = new Promise((resolve, reject) => {
		if (LIMIT_S)
			timer = setTimeout(reject, LIMIT_S * 1000, new Error(
				`not over within ${LIMIT_S} s: it waits`));
	});
	try {
		await Promise.race([run(), late]);
	} finally {
		clearTimeout(timer);
	}
}

/* What was expected and what was there, and where: a dozen lines at most. */
function said(e) {
	const lines = String(e?.stack ?? e).split('\n');
	const frames = lines.filter(l => /^ {4}at .*file:/.test(l));
	return [...lines.filter(l => !/^ {4}at /.test(l)).slice(0, 10),
		...frames.filter(l => !/\/tap\.mjs:/.test(l)).slice(0, 2)];
}

export async function done() {
	let failed = 0;
	for (const [i, {name, run}] of planned.entries()) {
		const line = `${i + 1} - ${name}`;
		try {
			await bounded(run);
			console.log(`ok ${line}`);
		} catch (e) {
			failed++;
			console.log(`not ok ${line}`);
			for (const l of said(e))
				console.error(`#   ${l.slice(0, 400)}`);
		}
	}
	await clean();
	console.log(`1..${planned.length}`);
	process.exit(failed || planned.length === 0 ? 1 : 0);
}
