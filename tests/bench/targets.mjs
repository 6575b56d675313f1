/*
 * What a figure should be, from the design: `hold` must stay true, `aim` is
 * where the work goes. measure/row → [{key of a column, hold, aim, least}];
 * least: at least so much, else at most.
 */
const least = (key, hold, aim) => ({key, hold, aim, least: true});
const most = (key, hold, aim) => ({key, hold, aim, least: false});

const lookup = [least('ratio', 0.65, 0.9), most('app', 15, 8)];
export const targets = {
	'lookup/look-up, completed': lookup,
	'lookup/look-up, pending': lookup,
	'lookup/fastify + BullMQ': [least('behind', 3, 5)],
	'lookup/fastify + better-sqlite3': [least('behind', 1.3, 1.8)],
	'lookup/Flask + Celery': [least('behind', 15, 30)],
	'accept/fastify + BullMQ, fsync always': [least('behind', 1, 2)],
	'jobs/BullMQ worker, fsync always': [least('behind', 1, 2)],
	'waiting/5,000 waiting': [most('last', 400, 150),
		least('ratio', 0.85, 0.97), most('each', 0.5, 0.2)],
	'idle/lowtide-cgi': [most('dirty', 6000, 2500), most('wakes', 10, 0)],
	'idle/lowtide-worker': [most('wakes', 10, 0)],
	'start/lowtide-cgi': [most('cold', 30, 8)],
	'rows/10,000,000 rows': [least('growth', 0.8, 0.95)],
};
