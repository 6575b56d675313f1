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

async function clean() {
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

export async function done() {
	let failed = 0;
	for (const [i, {name, run}] of planned.entries()) {
		const line = `${i + 1} - ${name}`;
		try {
			await run();
			console.log(`ok ${line}`);
		} catch (e) {
			failed++;
			console.log(`not ok ${line}`);
			const text = String(e?.stack ?? e);
			for (const l of text.split('\n').slice(0, 12))
				console.error(`#   ${l}`);
		}
	}
	await clean();
	console.log(`1..${planned.length}`);
	process.exit(failed || planned.length === 0 ? 1 : 0);
}
