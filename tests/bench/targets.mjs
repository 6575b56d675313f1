/*
 * What a figure should be, from the design: `hold` must stay true, `aim` is
 * where the work goes. measure/row → [{key of a column, hold, aim, least}];
 * least: at least so much, else at most.
 */
const least = (key, hold, aim) => ({key, hold, aim, least: true});
const most = (key, hold, aim) => ({key, hold, aim, least: false});

const lookup = [least('ratio', 0.65, 0.9), most('app', 15, 8)];
const idleWorker = [most('private', 6000, 2500), most('wakes', 10, 0)];
export const targets = {
	'lookup/look-up, completed': lookup,
	'lookup/look-up, pending': lookup,
	'lookup/fastify + BullMQ': [least('behind', 3, 5)],
	'lookup/fastify + better-sqlite3': [least('behind', 1.3, 1.8)],
	'lookup/Flask + Celery': [least('behind', 15, 30)],
	'accept/fastify + BullMQ, fsync always': [least('behind', 1, 2)],
	'jobs/lowtide-worker, one at a time': [most('workerSyncs', 1.1, 1.05)],
	'jobs/BullMQ worker, fsync always': [least('behind', 1, 2),
		most('sooner', 1, 0.5)],
	'jobs/Celery worker, fsync always': [least('behind', 1, 2),
		most('sooner', 1, 0.5)],
	'claims/100,000 queued': [most('ratio', 1.5, 1.1)],
	'claims/behind 50,000 put off': [most('ratio', 1.5, 1.1)],
	'waiting/5,000 waiting': [most('last', 400, 150),
		least('ratio', 0.85, 0.97), most('each', 0.5, 0.2)],
	'idle/lowtide-cgi': [most('dirty', 6000, 2500), most('wakes', 10, 0)],
	'idle/lowtide-worker': [most('wakes', 10, 0)],
	'idle-worker/plain': idleWorker,
	'idle-worker/provider': idleWorker,
	'idle-worker/metrics': idleWorker,
	'idle-worker/provider, metrics': idleWorker,
	'start/lowtide-cgi': [most('cold', 30, 8)],
	/* hold: what the best of the others took; aim: the design's goal */
	'generator-2k/lowtide, cold': [most('wall', 270, 200),
		most('cpu', 380, 300), most('peak', 141, 30)],
	'generator-2k/lowtide, nothing changed': [most('wall', 230, 20)],
	'generator-2k/lowtide, one page changed': [most('wall', 230, 30)],
	'generator-20k/lowtide, cold': [most('wall', 2060, 1400),
		most('cpu', 3100, 2600), most('peak', 1300, 80)],
	'generator-20k/lowtide, nothing changed': [most('wall', 2100, 150)],
	'generator-20k/lowtide, one page changed': [most('wall', 2100, 160)],
	'generator-compress/lowtide, cold': [most('wall', 46000, 12000),
		most('work', 1.2, 1.05)],
	'generator-compress/lowtide, nothing changed': [most('wall', 43000, 20)],
	'read-cold/lowtide-read': [most('over', 1.1, 1.05),
		most('crowdOver', 1.2, 1.05)],
	'read-crowd/lowtide-read, 10,000 callers': [most('calls', 1, 1),
		least('answered', 10000, 10000)],
	'read-overload/lowtide-read, queue = 32': [least('served', 0.9, 0.97),
		most('over', 2.2, 2.05)],
	'rows/10,000,000 rows': [least('growth', 0.8, 0.95)],
};
