/*
 * A site of every kind of call there is, for startWorld({site: workSite}): what
 * becomes of a call without an answer, an upstream that is asked again, one with
 * a rate, one call at a time, and programs. The upstream is work-upstream.mjs;
 * programs keep a record of their own, a line before and after each deed:
 *
 *	start JOB ATTEMPT PID INSTANCE, again JOB, done JOB, fails JOB
 */
import {spawn} from 'node:child_process';
import {chmodSync, existsSync, mkdirSync, readFileSync,
	writeFileSync} from 'node:fs';
import {randomUUID} from 'node:crypto';
import {cleanup} from '../tap.mjs';
import {drawer} from './work-draw.mjs';
import {fetched, until} from './world.mjs';

export const RATE = {count: 12, perMs: 1000, burst: 2};
/* once: what may have been done is not done again */
export const APIS = {
	fail: {once: true, concurrency: 2},
	hold: {once: true, concurrency: 2, onLost: 'hold'},
	alone: {once: true, concurrency: 1},
	rated: {once: true, concurrency: 3, upstream: 'rated'},
	polled: {once: true, concurrency: 12},
	retry: {concurrency: 2, onLost: 'retry'},
	idem: {concurrency: 2, idempotent: true, requestMethod: 'PUT'},
	program: {once: true, concurrency: 2, exec: true},
	'program-again': {concurrency: 2, exec: true, onLost: 'retry'},
};

const PROGRAM = `#!/bin/sh
# what it is asked for is in its input
read -r body
say() {
	echo "$1 $LOWTIDE_JOB_ID $LOWTIDE_ATTEMPT $$ $WORK_INSTANCE" >>"$record"
}
record=$1
case $body in
*again*) [ "$LOWTIDE_ATTEMPT" -gt 1 ] || { say again; exit 75; } ;;
esac
say start
touch left-behind
case $body in
*slow*) sleep 0.2 ;;
*dies*) kill -9 $$ ;;
*fails*) say fails; exit 3 ;;
esac
say done
echo "{\\"did\\":\\"$LOWTIDE_JOB_ID\\"}"
`;
const PROGRAM_MOODS = [[70, 'ok'], [12, 'slow'], [6, 'again'], [6, 'fails'],
	[6, 'dies']];

const api = ([name, {once, exec, ...given}], i) => ({name,
	tag: (0xe00000 + i).toString(16), method: 'POST', path: `/api/${name}`,
	auth: 'none', pattern: 'async-polling',
	allow: ['fire-and-forget', 'async-polling', 'synchronous'], waitMs: 0,
	waitMaxMs: 25000, onLost: 'fail', deadlineMs: 600000, ttlMs: 36000000,
	estimateMs: 1000, attempts: 3, bodyMax: 65536, resultMax: 100000,
	bodyType: 'application/json',
	...exec ? {exec: ['record', ''], execEnv: ['WORK_INSTANCE'],
		execStopMs: 5000, resultType: 'application/json'} :
		{upstream: 'up', requestMethod: 'POST',
			requestPath: `/${name}/{job.id}`,
			requestHeaders: {'X-Instance': '{secret.instance}'}},
	...given});
/*
 * Far longer than the slowest answer: one that leaves as its caller gives up is
 * written down as heard.
 */
const upstream = (name, base, more = {}) => ({name, base, local: true,
	timeoutMs: 3000, connectTimeoutMs: 5000, stallTimeoutMs: 5000,
	responseMax: 200000, ...more});

const lines = (path, read) => existsSync(path) ?
	readFileSync(path, 'utf8').split('\n').filter(Boolean).map(read) : [];

/* Its rate is met only if there is enough to do. */
const KINDS = [...Object.keys(APIS), 'rated'];

export const workSite = seed => async world => {
	const {at} = world, draw = drawer(seed ^ 0x5eed);
	const child = spawn('node', ['tests/fault/work-upstream.mjs',
		at('record'), String(seed)], {stdio: ['ignore', 'pipe', 'inherit']});
	const ended = new Promise(r => child.on('close', r));
	cleanup(() => {
		child.kill('SIGKILL');
		return ended;
	});
	let base = '';
	child.stdout.on('data', d => { base += d; });
	await until('the upstream', () => base.endsWith('\n'));
	base = base.trim();
	mkdirSync(at('handlers'));
	writeFileSync(at('handlers/record'), PROGRAM);
	chmodSync(at('handlers/record'), 0o755);
	const apis = Object.entries(APIS).map(api);
	for (const a of apis.filter(a => a.exec))
		a.exec[1] = at('programs');
	writeFileSync(at('lowtide.json'), JSON.stringify({format: 1,
		name: 'work', baseUrl: 'http://127.0.0.1', prefix: '/api',
		secrets: [{name: 'instance', env: 'WORK_INSTANCE'}],
		upstreams: [upstream('up', base), upstream('rated', base, {
			rateCount: RATE.count, ratePerMs: RATE.perMs,
			burst: RATE.burst})],
		apis}));
	world.record = () => lines(at('record'), JSON.parse);
	world.programs = () => lines(at('programs'), l => {
		const [what, id, attempt, pid, instance] = l.split(' ');
		return {what, id, attempt: Number(attempt), pid, instance};
	});
	/* it shuts some connections, and does not know what they are for */
	for (const mode of ['calm', 'moods'])
		world[mode] = () => fetched(`${base}/${mode}`, {method: 'PUT'});
	const make = () => {
		const name = randomUUID(), kind = draw.of(KINDS);
		return {name, kind, key: name, target: `/api/${kind}`,
			body: JSON.stringify({mood: APIS[kind].exec ?
				draw.one(PROGRAM_MOODS) : name})};
	};
	return {config: at('lowtide.json'), calls: async () => [], decides: true,
		person: () => ({make}),
		promises: {limits: {open: {}, onceMs: Infinity,
			failed: [422, 429, 500]}}};
};
