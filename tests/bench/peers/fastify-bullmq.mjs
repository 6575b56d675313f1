/*
 * fastify in front of BullMQ: SOCKET REDIS QUEUE. A ticket for each job added,
 * and a look-up by its id.
 */
import {Queue} from 'bullmq';
import Fastify from 'fastify';
import {accepted, document} from './document.mjs';

const [socket, redis, name] = process.argv.slice(2);
const queue = new Queue(name, {connection: {path: redis}});
const app = Fastify();

app.post('/job', async (request, reply) => {
	const {id} = await queue.add('job', request.body);
	reply.code(202).header('location', `/jobs/${id}`);
	return accepted(id);
});
app.get('/jobs/:id', async (request, reply) => {
	const job = await queue.getJob(request.params.id);
	if (!job) {
		reply.code(404);
		return {error: 'job-not-found'};
	}
	reply.header('cache-control', 'no-store');
	return document({id: job.id, status: await job.getState(),
		result: job.returnvalue, created: job.timestamp,
		started: job.processedOn, completed: job.finishedOn,
		attempt: job.attemptsMade});
});
app.get('/open', async () => {
	const n = await queue.getJobCounts('waiting', 'active', 'prioritized');
	return {open: Object.values(n).reduce((a, b) => a + b, 0)};
});
await queue.waitUntilReady();
await app.listen({path: socket});
