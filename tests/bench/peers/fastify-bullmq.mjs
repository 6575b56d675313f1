/*
 * fastify in front of BullMQ: SOCKET REDIS QUEUE. A ticket for each job added,
 * a look-up by its id, and a call that is answered when its job is done.
 */
import {Queue, QueueEvents} from 'bullmq';
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
const events = new QueueEvents(name, {connection: {path: redis}});
app.post('/done', async request => {
	const job = await queue.add('job', request.body);
	return job.waitUntilFinished(events);
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
await events.waitUntilReady();
await app.listen({path: socket});
