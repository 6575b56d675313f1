/*
 * The comparison itself: a true story passes, and each lie is found by the
 * check that is there for it. Every check has at least one.
 */
import {test, ok, equal, done} from '../tap.mjs';
import {understand} from './client.mjs';
import {checks, compare} from './compare.mjs';

/* Two requests, told truly: a return (A) and a bundle (B). */
function story() {
	const a = {name: 'name-a', kind: 'return', key: '0001'};
	const b = {name: 'name-b', kind: 'bundle', key: 'basic'};
	const answer = (of, from, ask, more) => ({what: 'answer', from,
		t: from + 5, ask, ...of, requestId: of.name, ...more});
	return {
		log: [
			{what: 'start', t: 0},
			{what: 'send', t: 1, ...a},
			{what: 'lost', from: 1, t: 2, ...a, ask: 'again'},
			{what: 'send', t: 9, ...a},
			answer(a, 10, 'again', {status: 202, jobId: 'job_A',
				inside: 'name-a', state: 'open'}),
			answer(a, 20, 'look', {status: 200, jobId: 'job_A',
				jobAsked: 'job_A', inside: 'name-a',
				state: 'processing', version: 3}),
			answer(a, 30, 'look', {status: 200, jobId: 'job_A',
				jobAsked: 'job_A', inside: 'name-a',
				state: 'completed', version: 5, endedAt: 'T'}),
			answer(a, 40, 'again', {status: 201,
				state: 'completed'}),
			{what: 'send', t: 11, ...b},
			answer(b, 11, 'again', {status: 201, bundleId: 'basic',
				state: 'completed'}),
		],
		rows: [
			{jobId: 'job_A', state: 'completed', version: 5,
				attempt: 1},
			{jobId: 'job_B', state: 'completed', version: 6,
				attempt: 1, requestId: 'name-b'},
		],
		calls: [
			{method: 'POST', path: '/r', body: '{"periodKey":"0001"}'},
			{method: 'PUT', path: '/bundles/job_B', body: '{}'},
		],
	};
}

const found = told => new Set(compare(told).map(f => f.check));

test('a true story passes', () => equal(compare(story()), []));

test('so do an unacknowledged row and answers that crossed', () => {
	const s = story();
	/* asked before the end was seen, came after it */
	s.log.push({...s.log[5], from: 29, t: 60});
	s.log.push({what: 'send', t: 70, name: 'name-c', kind: 'return',
		key: '0003'});
	s.rows.push({jobId: 'job_C', requestId: 'name-c', state: 'failed',
		version: 9, attempt: 1});
	equal(compare(s), []);
});

test('so does one that was cancelled, though the answer was lost', () => {
	const s = story();
	s.log[6].state = 'cancelled';
	s.log[7] = {...s.log[7], status: 409, state: 'cancelled'};
	s.log.push({...s.log[6], what: 'lost', ask: 'cancel'});
	s.rows[0].state = 'cancelled';
	s.calls.shift();
	equal(compare(s), []);
});

test('on its way is well unless all should have ended', () => {
	const s = story();
	s.log.splice(6, 2);
	s.rows[0].state = 'processing';
	equal(compare({...s, drained: false}), []);
	equal([...found(s)], ['rowsEnd']);
});

/* [check, the lie, how to tell it] */
const lies = [
	['answersKnown', 'an accepted job is 404', s => s.log[5].status = 404],
	['answersKnown', 'a name is 410', s => s.log[7].status = 410],
	['acceptedHasRow', 'a 202 without a row', s => s.rows.shift()],
	['acceptedHasRow', 'a row twice', s => s.rows.push({...s.rows[0]})],
	['nameIsOneJob', 'another job for the name', s => {
		s.log[5].jobId = s.log[5].jobAsked = 'job_B';
	}],
	['answerIsOnesOwn', 'another’s x-request-id',
		s => s.log[7].requestId = 'name-b'],
	['answerIsOnesOwn', 'another’s document',
		s => s.log[5].inside = 'name-b'],
	['answerIsOnesOwn', 'another job than asked for',
		s => s.log[6].jobAsked = 'job_X'],
	['answerIsOnesOwn', 'another’s result',
		s => s.log[9].bundleId = 'other'],
	['oneEnd', 'two ends', s => s.log[7].state = 'failed'],
	['oneEnd', 'an end at two times', s => s.log.push({...s.log[6],
		endedAt: 'U'})],
	['oneEnd', 'another end than the table’s',
		s => s.rows[0].state = 'cancelled'],
	['endsStay', 'on its way again', s => s.log.push({...s.log[5],
		from: 90, t: 95, version: 7})],
	['versionsGrow', 'an older version', s => s.log[6].version = 2],
	['versionsGrow', 'a version that the table does not have',
		s => s.rows[0].version = 4],
	['rowsWereSent', 'a row that nobody sent', s => s.rows.push({
		...s.rows[1], jobId: 'job_Z', requestId: 'name-z'})],
	['rowsWereSent', 'two rows for a name', s => s.rows.push({
		...s.rows[1], jobId: 'job_Z'})],
	['returnsOnce', 'a return that arrived twice',
		s => s.calls.push(s.calls[0])],
	['returnsOnce', 'completed, but it never arrived',
		s => s.calls.shift()],
	['returnsOnce', 'cancelled, but it arrived',
		s => s.rows[0].state = 'cancelled'],
	['answersKnown', 'a conflict without a cancel',
		s => s.log[7].status = 409],
	['cancelledWasAsked', 'cancelled by nobody',
		s => s.rows[1].state = 'cancelled'],
	['bundlesDone', 'completed, but it was never called',
		s => s.calls.pop()],
	['bundlesDone', 'given up at the first try',
		s => s.rows[1].state = 'failed'],
	['callsWereSent', 'a return of nobody', s => s.calls.push({
		method: 'POST', path: '/r', body: '{"periodKey":"9999"}'})],
	['callsWereSent', 'a call without a job', s => s.calls.push({
		method: 'PUT', path: '/bundles/job_X'})],
	['rowsEnd', 'still open', s => s.rows[1].state = 'pending'],
	['rowsEnd', 'in no state at all', s => s.rows[1].state = undefined],
];
for (const [check, lie, tell] of lies)
	test(`${lie}: ${check}`, () => {
		const s = story();
		tell(s);
		ok(found(s).has(check), `found: ${[...found(s)]}`);
	});

test('each check was shown to fail', () => equal(
	Object.keys(checks).filter(c => !lies.some(([name]) => name === c)),
	[]));

test('answers are understood in each of their shapes', () => {
	const answer = (status, body, headers = {}) => understand({status,
		headers, text: body && JSON.stringify(body)});
	equal(answer(202, {status: 'accepted', jobId: 'j', requestId: 'n'})
		.state, 'open');
	const doc = answer(200, {jobId: 'j', api: 'a', status: 'completed',
		completedAt: 'T', result: {bundleId: 'b'}}, {etag: 'W/"12"'});
	equal([doc.state, doc.endedAt, doc.bundleId, doc.version],
		['completed', 'T', 'b', 12]);
	equal(answer(201, {bundleId: 'b', status: 'active'}).state,
		'completed');
	equal(answer(502, {status: 502, jobId: 'j', jobStatus: 'failed'})
		.state, 'failed');
	equal(answer(503, {status: 503}).state, undefined);
	equal(understand({status: 502, headers: {}, text: '<html>'}).state,
		undefined);
	equal(answer(304, undefined, {etag: '"7"'}).version, 7);
});

await done();
