/*
 * A BullMQ worker: REDIS QUEUE CONCURRENCY [URL]. Its jobs do nothing, or make
 * the call that lowtide's worker makes.
 */
import {Worker} from 'bullmq';
import {result} from './document.mjs';

const [redis, name, concurrency, url] = process.argv.slice(2);
const call = async job => {
	const r = await fetch(url, {method: 'POST',
		headers: {'content-type': 'application/json'},
		body: JSON.stringify(job.data)});
	return r.json();
};
const worker = new Worker(name, url ? call : async () => result,
	{connection: {path: redis}, concurrency: Number(concurrency)});
await worker.waitUntilReady();
console.log('worker-started');
process.on('SIGTERM', async () => {
	await worker.close();
	process.exit(0);
});
