/*
 * The judge of work.mjs: a true story passes, and each lie is found by the check
 * that is there for it. Every check has at least one.
 */
import {test, ok, equal, done} from '../tap.mjs';
import {decide} from './work-operator.mjs';
import {checks, judge} from './work-judge.mjs';

const W = 'lowtide-worker-1', X = 'lowtide-worker-2';
const UNKNOWN = 5, REFUSED = 1, ERROR = 2;

/*
 * a: done; b: told to come again, then refused; c: its worker was killed when
 * it had arrived; d: held and released, for it had not arrived; e: polled; f: a
 * program that was killed with its worker; g: repeated.
 */
function story() {
	let n = 0;
	const record = [];
	const call = (id, api, t, status, more = {}) => {
		n++;
		record.push({what: 'arrival', n, t, id, api, conn: n, first: true,
			instance: X, mood: 'ok', done: status < 300, ...more});
		if (status)
			record.push({what: 'answer', n, t: t + 1, status},
				{what: 'sent', n, t: t + 2});
		else
			record.push({what: 'gone', n, t: t + 50});
	};
	call('a', 'fail', 100, 200);
	call('b', 'fail', 110, 429);
	call('b', 'fail', 120, 422);
	call('c', 'fail', 130, 0, {instance: W, done: true});
	call('d', 'hold', 9000, 200);
	call('e', 'polled', 210, 202);
	record.push({what: 'poll', n: ++n, t: 1210, id: 'e', mood: 'ok'});
	call('g', 'retry', 220, 0, {instance: W, done: true});
	call('g', 'retry', 900, 200);
	const row = (jobId, api, state, reason = 0) => ({jobId, api, state,
		reason, attempt: 1, held: false, accepted: 90, ended: 9900});
	return {
		apis: {fail: {once: true, concurrency: 2},
			hold: {once: true, concurrency: 2},
			polled: {once: true, concurrency: 2},
			rated: {once: true, concurrency: 1},
			program: {once: true, concurrency: 2, exec: true},
			retry: {concurrency: 2}},
		rows: [row('a', 'fail', 'completed'),
			row('b', 'fail', 'failed', REFUSED),
			row('c', 'fail', 'failed', UNKNOWN),
			row('d', 'hold', 'completed'),
			row('e', 'polled', 'completed'),
			row('f', 'program', 'failed', UNKNOWN),
			row('g', 'retry', 'completed')],
		record,
		programs: [{what: 'start', id: 'f', attempt: 1, instance: W}],
		signals: [{t: 150, instance: W, signal: 'SIGKILL'}],
		decisions: [{t: 8000, id: 'd', act: 'release'}],
		cancels: [],
		strayed: new Set(),
		rate: {count: 10, perMs: 1000, burst: 2, api: 'rated'},
	};
}
const rowOf = (s, id) => s.rows.find(r => r.jobId === id);
const arrivals = (s, id) =>
	s.record.filter(l => l.what === 'arrival' && l.id === id);
let more;
function again(s, id, given = {}) {
	const [first] = arrivals(s, id);
	const n = more = (more ?? 1000) + 1;
	const line = {...first, n, conn: n, t: 9500, ...given};
	s.record.push(line, {what: 'answer', n, t: line.t + 1, status: 200},
		{what: 'sent', n, t: line.t + 2});
}
const answered = (s, id, i = 0) => s.record.find(l => l.what === 'answer' &&
	l.n === arrivals(s, id)[i].n);

/* Nothing is known of it but its row, and nobody died. */
function silenced(s, id = 'f') {
	Object.assign(rowOf(s, id), {state: 'failed', reason: UNKNOWN});
	s.record = s.record.filter(l => l.id !== id);
	s.programs = [];
	s.signals = [];
}

/* [check, what is wrong, how it comes about] */
const lies = [
	['neverTwice', 'sent again after a kill', s => again(s, 'c')],
	['neverTwice', 'released, and it had arrived', s => again(s, 'd')],
	['neverTwice', 'a second operation', s => again(s, 'e')],
	['neverTwice', 'again after a refusal', s => again(s, 'b')],
	['unheardIsNotAgain', 'the first answer never left', s => {
		const {n} = arrivals(s, 'b')[0];
		s.record.find(l => l.what === 'sent' && l.n === n).what = 'gone';
	}],
	['ownConnections', 'on a connection that was used', s => {
		arrivals(s, 'a')[0].first = false;
	}],
	['arrivalsHaveRows', 'an accepted one is gone', s => {
		s.rows = s.rows.filter(r => r.jobId !== 'a');
	}],
	['arrivalsHaveRows', 'at another\'s place', s => {
		arrivals(s, 'a')[0].api = 'hold';
	}],
	['rowsEnd', 'pending in the end', s => {
		rowOf(s, 'a').state = 'pending';
	}],
	['rowsEnd', 'held in the end', s => {
		rowOf(s, 'd').held = true;
	}],
	['completedWasDone', 'nothing arrived', s => {
		s.record = s.record.filter(l => l.id !== 'e');
	}],
	['completedWasDone', 'the program did not run', s => {
		rowOf(s, 'f').state = 'completed';
	}],
	['cancelledWasNot', 'cancelled when it was done', s => {
		rowOf(s, 'a').state = 'cancelled';
	}],
	['refusedWasRefused', 'nobody refused it', s => {
		Object.assign(rowOf(s, 'c'), {reason: REFUSED});
	}],
	['refusedWasRefused', 'no error', s => {
		Object.assign(rowOf(s, 'c'), {reason: ERROR});
	}],
	['toldIsKept', 'done, and nobody is told', s => {
		Object.assign(rowOf(s, 'a'), {state: 'failed', reason: UNKNOWN});
	}],
	['toldIsKept', 'refused, and told otherwise', s => {
		Object.assign(rowOf(s, 'b'), {reason: ERROR});
	}],
	['toldIsKept', 'an error, and told it was done', s => {
		answered(s, 'a').status = 500;
	}],
	['unknownHasCause', 'it was answered', s => {
		Object.assign(rowOf(s, 'a'), {state: 'failed', reason: UNKNOWN});
	}],
	['unknownHasCause', 'it may be repeated', s => {
		Object.assign(rowOf(s, 'g'), {state: 'failed', reason: UNKNOWN});
	}],
	['unknownHasCause', 'it never arrived, and nobody died', s => {
		Object.assign(rowOf(s, 'd'), {state: 'failed', reason: UNKNOWN,
			accepted: 5000});
		s.record = s.record.filter(l => l.id !== 'd');
		s.decisions = [];
	}],
	['unknownHasCause', 'its program never ran, and nobody stopped it', s => {
		silenced(s);
		s.cancels.push({t: 100, id: 'a'}, {t: 9950, id: 'f'});
	}],
	['unknownHasCause', 'a call is not stopped by a cancel', s => {
		silenced(s, 'a');
		s.cancels.push({t: 100, id: 'a'});
	}],
	['pollsHaveOperations', 'asked for what was not begun', s => {
		s.record.find(l => l.what === 'poll').id = 'a';
	}],
	['programsOnce', 'it ran twice', s => s.programs.push({what: 'start',
		id: 'f', attempt: 2, instance: X})],
	['programsOnce', 'it ran twice at once', s => {
		for (let i = 0; i < 2; i++)
			s.programs.push({what: 'start', id: 'g', attempt: 1,
				instance: X});
	}],
	['programsOnce', 'it ran for nobody', s => {
		s.programs[0].id = 'z';
	}],
	['ratesKept', 'ten in an instant', s => {
		for (let i = 0; i < 10; i++)
			again(s, 'a', {api: 'rated', t: 9000 + i});
	}],
	['concurrencyKept', 'three at once', s => {
		for (let i = 0; i < 3; i++) {
			const n = 100 + i;
			s.record.push({...arrivals(s, 'a')[0], n, t: 5000});
		}
		for (let i = 0; i < 3; i++)
			s.record.push({what: 'answer', n: 100 + i, t: 5000,
				status: 200}, {what: 'sent', n: 100 + i, t: 5001});
	}],
];

test('a true story', () => equal(judge(story()), []));
for (const [check, what, lie] of lies)
	test(`${check}: ${what}`, () => {
		const told = story();
		lie(told);
		const found = judge(told).map(f => f.check);
		ok(found.includes(check), `found only: ${found.join(', ')}`);
	});
test('each check has its lie', () => equal(
	[...new Set(lies.map(([check]) => check))].sort(),
	Object.keys(checks).sort()));

/* What is no lie: the dead and the stopped are heard no more. */
test('late or lost answers of those that died are no finding', () => {
	const s = story();
	Object.assign(rowOf(s, 'a'), {state: 'failed', reason: UNKNOWN});
	s.signals.push({t: 150, instance: X, signal: 'SIGSTOP', until: 1500});
	equal(judge(s), []);
	s.signals.at(-1).signal = 'SIGTERM'; /* it has time */
	ok(judge(s).some(f => f.check === 'toldIsKept'));
});

test('a connection that was shut is a cause, also after "not now"', () => {
	for (const id of ['a', 'b']) {
		const s = story();
		const unknown = () => judge(s).filter(f => f.id === id &&
			f.check === 'unknownHasCause');
		if (id === 'a')
			s.record = s.record.filter(l => l.id !== id);
		else
			s.record = s.record.filter(l => l.n !== arrivals(s,
				id)[1].n);
		s.signals = [];
		Object.assign(rowOf(s, id), {state: 'failed', reason: UNKNOWN,
			ended: 1000});
		equal(unknown().length, 1);
		s.record.push({what: 'shut', conn: 99, t: 5000});
		equal(unknown().length, 1);
		/* the clock that `ended` is of was looked at before */
		s.record.push({what: 'shut', conn: 98, t: 1003});
		equal(unknown(), []);
	}
});

test('a program that was cancelled as it began is no finding', () => {
	const s = story();
	const unknown = () => judge(s).filter(f => f.id === 'f');
	silenced(s);
	equal(unknown().length, 1);
	s.cancels.push({t: 100, id: 'f'});
	equal(unknown(), []);
});

test('an operator decides by what arrived', () => {
	const {record} = story();
	equal(['a', 'b', 'c', 'x'].map(id => decide(record, id)),
		['complete', 'fail', 'complete', 'release']);
	equal(decide(record.filter(l => l.id !== 'b' || l.n === 2), 'b'),
		'release');
});

await done();
