/* Run by held.t, against SOCKET; the last test ends lowtide-cgi. */
import {spawn} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {test, ok, equal, cleanup, done} from '../tap.mjs';
import {Client} from '../fcgi-client.mjs';

const pid = Number(process.env.CGI_PID);
const pause = ms => new Promise(r => setTimeout(r, ms));

/* The turn, held by another process until its input ends. Once at a time. */
let release = async () => {};
async function hold() {
	await release();
	const p = spawn('flock', [`${process.env.STATE}/write.lock`,
		'sh', '-c', 'echo held; exec cat'],
	{stdio: ['pipe', 'pipe', 'inherit']});
	const gone = new Promise(r => p.once('close', r));
	cleanup(() => p.stdin.end());
	await new Promise((resolve, reject) => {
		p.stdout.once('data', resolve);
		p.once('error', reject);
		p.once('close', () => reject(new Error('flock has ended')));
	});
	release = async () => {
		p.stdin.end();
		await gone;
	};
}

const clients = [];
async function dial() {
	const c = await Client.dial(process.env.SOCKET);
	clients.push(c);
	cleanup(() => c.close());
	return c;
}

const bundle = name => ({method: 'POST', uri: '/api/v1/bundle',
	type: 'application/json', body: '{"bundleId":"basic"}',
	headers: {'x-request-id': name, 'x-initial-request': 'true'}});

/* Requests on connections of their own; .count says how many are answered. */
async function sendMany(names) {
	const sent = {count: 0, answers: []};
	for (const name of names) {
		const c = await dial();
		sent.answers.push(c.ask(bundle(name)).then(a => {
			sent.count++;
			return a;
		}));
	}
	return sent;
}
const names = n => Array.from({length: n}, () => randomUUID());

const c = await dial();
const known = randomUUID();
let statusUrl;

async function stillAnswers() {
	equal((await c.ask({method: 'GET', uri: statusUrl})).status, 200);
	const h = await c.ask({method: 'GET', uri: '/api/jobs/health'});
	equal([h.status, JSON.parse(h.body).store], [200, 'ok']);
	equal((await c.ask(bundle(known))).status, 202);
}

test('accepted while the turn is free', async () => {
	const a = await c.ask(bundle(known));
	equal(a.status, 202);
	({statusUrl} = JSON.parse(a.body));
});

test('held: whoever asks is answered, whoever writes waits', async () => {
	await hold();
	const sent = await sendMany(names(40));
	await stillAnswers();
	await stillAnswers();
	equal(sent.count, 0);
	await release();
	for (const a of await Promise.all(sent.answers))
		equal(a.status, 202);
});

test('held for too long: 503, and nothing has been accepted', async () => {
	await hold();
	const wanted = names(3);
	const sent = await sendMany(wanted);
	await stillAnswers();
	const answers = await Promise.all(sent.answers);
	for (const [i, a] of answers.entries()) {
		equal(a.status, 503);
		ok(Number(a.headers['retry-after']) >= 1);
		equal(a.headers['x-request-id'], wanted[i]);
	}
	await stillAnswers();
	await release();
	for (const name of wanted) {
		const a = await c.ask(bundle(name));
		equal(a.status, 202);
		equal(JSON.parse(a.body).status, 'accepted');
	}
});

test('SIGTERM ends the endpoint even so', async () => {
	await hold();
	await sendMany(names(3)).then(sent =>
		sent.answers.forEach(a => a.catch(() => {})));
	await stillAnswers();
	process.kill(pid, 'SIGTERM');
	const end = Date.now() + 60000;
	while (!clients.every(each => each.socket.destroyed)) {
		ok(Date.now() < end, 'a connection is still open');
		await pause(20);
	}
	await release();
});

await done();
