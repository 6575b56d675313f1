/* Run by held.t, against SOCKET; the last test ends lowtide-cgi. */
import {spawn} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {closeSync, openSync, readFileSync, writeSync} from 'node:fs';
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

/*
 * The gate is shut for readers, again and again, as by one who starts the log
 * over and never gets done: its first number is until when, in boot time.
 */
function shut() {
	const fd = openSync(`${process.env.STATE}/gate.page`, 'r+');
	const until = Buffer.alloc(8);
	const write = ms => {
		const up = Number(readFileSync('/proc/uptime', 'latin1')
			.split(' ')[0]);
		until.writeBigInt64LE(ms ? BigInt(Math.round(up * 1000) + ms) : 0n);
		writeSync(fd, until, 0, 8, 0);
	};
	write(450);
	const again = setInterval(() => write(450), 50);
	const reopen = () => {
		clearInterval(again);
		write(0);
	};
	cleanup(() => closeSync(fd));
	cleanup(reopen);
	return reopen;
}

/* On a machine that is too busy to keep it shut it may open for a moment. */
async function untilIs(wanted, ask) {
	let got;
	for (let i = 0; i < 20 && got !== wanted; i++)
		got = await ask();
	equal(got, wanted);
}

const clients = [];
async function dial() {
	const c = await Client.dial(process.env.SOCKET);
	clients.push(c);
	cleanup(() => c.close());
	return c;
}

/* One address may send so much, and each of these is somebody else. */
let number = 0;
const bundle = name => ({params: {REMOTE_ADDR: `192.0.2.${++number & 255}`},
	method: 'POST', uri: '/api/v1/bundle',
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

const health = async () => {
	const h = await c.ask({method: 'GET', uri: '/api/jobs/health'});
	return [h.status, JSON.parse(h.body).store];
};

async function stillAnswers(want = [200, 'ok']) {
	equal((await c.ask({method: 'GET', uri: statusUrl})).status, 200);
	equal(await health(), want);
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
	await stillAnswers([503, 'failing']);
	await release();
	for (const name of wanted) {
		const a = await c.ask(bundle(name));
		equal(a.status, 202);
		equal(JSON.parse(a.body).status, 'accepted');
	}
	/* what is written a while later says that it works again */
	for (let i = 0; i < 600 && (await health())[0] !== 200; i++) {
		await pause(100);
		await c.ask(bundle(randomUUID()));
	}
	equal(await health(), [200, 'ok']);
});

test('the gate is shut: who asks is answered when it opens', async () => {
	const reopen = shut();
	const [look, resend, result] = [await dial(), await dial(), await dial()];
	const answers = [look.ask({method: 'GET', uri: statusUrl}),
		resend.ask({...bundle(known), headers: {'x-request-id': known}}),
		result.ask({method: 'GET', uri: `${statusUrl}/result`})];
	await untilIs('busy', async () => {
		const h = await c.ask({method: 'GET', uri: '/api/jobs/health'});
		equal(h.status, 200);
		return JSON.parse(h.body).store;
	});
	/* who only wants to hand something over does not notice */
	equal((await c.ask(bundle(randomUUID()))).status, 202);
	reopen();
	equal((await Promise.all(answers)).map(a => a.status), [200, 202, 202]);
	for (const a of await Promise.all(answers))
		equal(a.headers['x-request-id'], known);
});

test('the gate stays shut: 503 in the end', async () => {
	const reopen = shut();
	await untilIs(503, async () => {
		const a = await c.ask({method: 'GET', uri: statusUrl});
		equal('retry-after' in a.headers, true);
		return a.status;
	});
	reopen();
	await stillAnswers();
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
