/*
 * fastify over better-sqlite3: SOCKET FILE. Durable: a commit and an fsync for
 * each accept, as its synchronous calls make it.
 */
import {randomUUID} from 'node:crypto';
import Database from 'better-sqlite3';
import Fastify from 'fastify';
import {accepted, document, result} from './document.mjs';

const [socket, file] = process.argv.slice(2);
const db = new Database(file);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec(`CREATE TABLE job(id TEXT PRIMARY KEY, status TEXT NOT NULL,
	body TEXT NOT NULL, result TEXT, created INTEGER NOT NULL,
	started INTEGER, completed INTEGER, attempt INTEGER NOT NULL)`);
const insert = db.prepare(`INSERT INTO job(id, status, body, created, attempt)
	VALUES(?, 'pending', ?, ?, 0)`);
const select = db.prepare('SELECT * FROM job WHERE id = ?');
const complete = db.prepare(`UPDATE job SET status = 'completed', attempt = 1,
	result = ?, started = created + 1, completed = created + 2
	WHERE status = 'pending'`);

const app = Fastify();
app.post('/job', (request, reply) => {
	const id = randomUUID();
	insert.run(id, JSON.stringify(request.body), Date.now());
	reply.code(202).header('location', `/jobs/${id}`).send(accepted(id));
});
app.get('/jobs/:id', (request, reply) => {
	const row = select.get(request.params.id);
	if (!row) {
		reply.code(404).send({error: 'job-not-found'});
		return;
	}
	row.result = row.result && JSON.parse(row.result);
	reply.header('cache-control', 'no-store').send(document(row));
});
app.post('/complete', (request, reply) => {
	complete.run(JSON.stringify(result));
	reply.code(204).send();
});
await app.listen({path: socket});
