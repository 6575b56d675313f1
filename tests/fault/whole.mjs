/*
 * A site with everything that an endpoint can be asked for, switched on at
 * once: two owners by token and one by the web server's word, streams, quotas,
 * a short queue, resources, results that are read once, credentials that are
 * renewed, pages of two origins. Its upstream is here, and so are the people
 * who use it: for startWorld({site: wholeSite}).
 *
 *	kind      API      what is particular
 *	return    return   on_lost = fail; an owner may have OPEN of them open
 *	bundle    bundle   may be repeated; in turns
 *	once      once     its result is read once; QUEUE may wait
 *	slot      slot     body.slot is a resource of its owner's
 *	renewed   renewed  its upstream wants another credential first
 *	desk      desk     as return, of the web server's owner
 *	open      open     as return, of nobody
 */
import {mkdirSync, renameSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {join} from 'node:path';
import {cleanup} from '../tap.mjs';
import {jwks, newKey, sign} from '../tokens.mjs';
import {ONCE_MARK, TERMINAL, follow, pause} from './client.mjs';

export const OPEN = 6, QUEUE = 12, ONCE_MS = 30000;
export const ORIGINS = ['https://page.example', 'https://vat.example'];
const EVIL = 'https://evil.example';
const draw = list => list[Math.floor(Math.random() * list.length)];

/* ---- the upstream ------------------------------------------------------ */

async function startUpstream(pace) {
	const calls = [];
	const server = createServer(async (req, res) => {
		const parts = [];
		for await (const p of req)
			parts.push(p);
		const body = Buffer.concat(parts).toString();
		const answer = (status, what) => res.writeHead(status,
			{'content-type': 'application/json'})
			.end(JSON.stringify(what));
		if (req.headers['up-token'] === 'bad')
			return answer(401, {code: 'UNAUTHORISED'});
		/* before the pause, as one who does it at once */
		calls.push({method: req.method, path: req.url, body,
			authorization: req.headers.authorization});
		await pause(pace);
		const said = JSON.parse(body);
		return answer(201, req.url.startsWith('/once/') ?
			{token: `${ONCE_MARK}-${said.periodKey}`} :
			{bundleId: said.bundleId, by: said.periodKey});
	});
	await new Promise(r => server.listen(0, '127.0.0.1', r));
	cleanup(() => {
		server.closeAllConnections?.();
		server.close();
	});
	return {calls, base: `http://127.0.0.1:${server.address().port}`};
}

/* ---- the site ---------------------------------------------------------- */

const api = (given, i) => ({tag: (0xb00000 + i).toString(16), method: 'POST',
	path: `/api/${given.name}`, pattern: 'async-polling',
	allow: ['fire-and-forget', 'async-polling', 'synchronous'], waitMs: 0,
	waitMaxMs: 25000, onLost: 'fail', deadlineMs: 120000, ttlMs: 3600000,
	estimateMs: 1000, concurrency: 4, attempts: 5, bodyMax: 65536,
	bodyType: 'application/json', resultMax: 100000, upstream: 'up',
	requestMethod: 'POST', requestPath: `/${given.name}/{job.id}`,
	...given});
const REPEATED = {onLost: 'retry', idempotent: true, requestMethod: 'PUT',
	requestPath: '/bundles/{job.id}'};
const EVENTS = {accepted: 'vat.accepted', completed: 'vat.done',
	failed: 'vat.refused', cancelled: 'vat.withdrawn'};
const APIS = [
	{name: 'return', auth: 'house', ownerOpen: OPEN, events: EVENTS,
		bodyRequired: {periodKey: 'string'}},
	{name: 'bundle', auth: 'house', scopes: ['write'], ...REPEATED,
		ownerRateCount: 40, ownerRatePerMs: 1000},
	{name: 'once', auth: 'pool:test', once: true, queueMax: QUEUE,
		concurrency: 1},
	{name: 'slot', auth: 'house', resourceId: 'body.slot', ...REPEATED},
	{name: 'renewed', auth: 'house',
		requestHeaders: {'Up-Token': '{header.up-token}'}},
	{name: 'desk', auth: 'web-server'},
	{name: 'open', auth: 'none', ownerOpen: 50},
].map(api);

export const keys = {house: newKey('ES256', 'h1'),
	'pool-test': newKey('RS256', 'p1')};
const ISSUER = {house: 'https://house.example', pool: 'https://pool.example'};
const PROVIDERS = [
	{name: 'house', kind: 'oidc', issuer: ISSUER.house, audiences: ['api'],
		algorithms: ['ES256'], leewayMs: 0},
	{name: 'pool:test', kind: 'cognito', issuer: ISSUER.pool,
		clientIds: ['web'], algorithms: ['RS256'], leewayMs: 0},
];
const HOUR = 3600;
export const now = () => Math.floor(Date.now() / 1000);

/* Good for a campaign, however the clock is set. */
export const token = (sub, provider = 'house', more = {}, key) => 'Bearer ' +
	sign(key ?? keys[provider === 'house' ? 'house' : 'pool-test'],
		provider === 'house' ?
			{iss: ISSUER.house, aud: 'api', sub, scope: 'read write',
				exp: now() + 6 * HOUR, ...more} :
			{iss: ISSUER.pool, client_id: 'web', sub,
				token_use: 'access', exp: now() + 6 * HOUR,
				...more});

/* ---- its people -------------------------------------------------------- */

const page = () => Math.random() < 0.1 ? EVIL : draw(ORIGINS);

/* Everybody at an address of his own; lines: what each of his requests has. */
function person(owner, signed, kinds) {
	return {owner, kinds, lines: () => {
		const {params, headers} = signed();
		return {params: {REMOTE_ADDR: `192.0.2.${1 +
			Math.floor(Math.random() * 250)}`, ...params},
		headers: {origin: page(), ...headers}};
	}};
}
const at = (owner, provider, kinds) => {
	const authorization = token(owner, provider);
	return person(owner, () => ({headers: {authorization}}), kinds);
};
const HOUSE = ['return', 'bundle', 'slot', 'renewed'];
const PEOPLE = [at('alice', 'house', HOUSE), at('bob', 'house', HOUSE),
	at('carol', 'pool', ['once']), at('dave', 'pool', ['once']),
	person('erin', () => ({params: {LOWTIDE_OWNER: 'erin'}}), ['desk']),
	person(undefined, () => ({}), ['open'])];
/* An anonymous one's id is the key to it: that is nobody's secret from them. */
for (const who of PEOPLE.filter(p => p.owner))
	Object.defineProperty(who, 'foreign',
		{get: () => draw(PEOPLE.filter(p => p !== who))});
export const people = Object.fromEntries(PEOPLE.map(p => [p.owner, p]));

const numbers = new Map();
const STARTED = Date.now().toString(36);

/* The n-th of one owner has the name that every other's n-th has. */
export function make(who, kind = draw(who.kinds)) {
	const n = (numbers.get(who.owner) ?? 0) + 1;
	numbers.set(who.owner, n);
	const wire = `the-${n}-th-of-everybody-${STARTED}`;
	const name = `${who.owner}/${wire}`;
	const job = {name, wire, kind, key: name, target: `/api/${kind}`};
	const body = {periodKey: name, bundleId: name};
	if (kind === 'slot')
		job.slot = body.slot = `s${Math.floor(Math.random() * 4)}`;
	if (kind === 'renewed' && Math.random() < 0.5) {
		job.headers = {'up-token': 'bad'};
		job.renew = () => { job.headers['up-token'] = 'good'; };
	}
	job.body = JSON.stringify(body);
	return job;
}

/*
 * Follows all of one owner's jobs, wherever the endpoint is, from where it was
 * told last, until stop().
 */
async function followOwner(world, who, stop) {
	for (let last = '0'; !stop(); await pause(20)) {
		const {params, headers} = who.lines();
		let watch;
		const r = await follow(world.socket, world.journal,
			{over: 'owner', owner: who.owner},
			{target: '/api/jobs/events', params,
				headers: {...headers, 'last-event-id': last},
				opened: close => {
					watch = setInterval(
						() => stop() && close(), 50);
				}}).catch(() => undefined);
		clearInterval(watch);
		last = r?.last ?? last;
	}
}

/* One job's, to its end or until `ms` are over. */
async function followJob(world, who, job, ms) {
	await follow(world.socket, world.journal, {over: 'job',
		owner: who.owner, jobAsked: job.jobId},
	{target: `/api/jobs/${job.jobId}/events`, ...who.lines(),
		opened: close => setTimeout(close, ms)}).catch(() => {});
}

/* ---- all together ------------------------------------------------------ */

/* As the operator does it: by rename. */
export function putKeys(world, name, text = jwks(keys[name])) {
	const file = join(world.state, 'jwks', `${name}.json`);
	writeFileSync(`${file}.new`, text);
	renameSync(`${file}.new`, file);
}

export async function wholeSite(world, pace) {
	const {calls, base} = await startUpstream(pace);
	const config = world.at('lowtide.json');
	/* a busy machine is not an upstream that has gone: that is the end of
	   a job which may be sent once, and right of the worker */
	world.written = {format: 1, name: 'whole',
		baseUrl: 'http://127.0.0.1', prefix: '/api', origins: ORIGINS,
		webChallenge: 'Basic realm="whole"', providers: PROVIDERS,
		upstreams: [{name: 'up', base, local: true, timeoutMs: 20000,
			connectTimeoutMs: 20000, stallTimeoutMs: 20000,
			responseMax: 200000}],
		apis: APIS};
	writeFileSync(config, JSON.stringify(world.written));
	mkdirSync(join(world.state, 'jwks'));
	for (const name of Object.keys(keys))
		putKeys(world, name);
	return {config, calls: async () => calls,
		person: i => ({make, who: PEOPLE[i % PEOPLE.length]}),
		promises: {origins: ORIGINS, limits: {onceMs: ONCE_MS,
			open: {return: OPEN}}}};
}

/* Whether who follows was told of each end that its clients heard of. */
function allHeard(log) {
	const last = new Map(), follow = new Set();
	for (const l of log.filter(a => a.what === 'told' && a.over === 'owner')) {
		follow.add(l.owner);
		last.set(`${l.owner} ${l.jobId}`, l.state);
	}
	return log.every(a => a.what !== 'answer' || !a.jobId ||
		!follow.has(a.owner) || !TERMINAL.includes(a.state) ||
		['foreign', 'list'].includes(a.ask) ||
		last.get(`${a.owner} ${a.jobId}`) === a.state);
}

/*
 * The crowd as world.load, while each who signs in follows what is his; some
 * of the crowd's jobs are followed as well. It ends with the crowd.
 */
export function eachOfThem(world) {
	let over = false;
	const all = PEOPLE.filter(p => p.owner)
		.map(p => followOwner(world, p, () => over));
	const some = (async () => {
		while (!over) {
			const sender = draw(world.senders);
			const open = sender.jobs.filter(j => j.jobId && !j.ended);
			if (open.length)
				await followJob(world, sender.who, draw(open),
					1000);
			await pause(30);
		}
	})();
	/* once nothing more happens, they have heard of all of it */
	return async () => {
		for (const end = Date.now() + 60000; Date.now() < end &&
			!allHeard(world.journal.read());)
			await pause(500);
		await pause(1500);
		over = true;
		await Promise.all([...all, some]);
	};
}
