/* A BullMQ worker whose jobs do nothing: REDIS CONCURRENCY. */
import {Worker} from 'bullmq';
import {result} from './document.mjs';

const [redis, concurrency] = process.argv.slice(2);
const worker = new Worker('job', async () => result,
	{connection: {path: redis}, concurrency: Number(concurrency)});
await worker.waitUntilReady();
console.log('worker-started');
process.on('SIGTERM', async () => {
	await worker.close();
	process.exit(0);
});
