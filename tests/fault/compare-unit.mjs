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
		t: from + 5, ask, ...of, requestId: of.name,
		retry: more.status === 202 ? '1' : undefined, ...more});
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

/*
 * Two who sign in and use the same name: alice reads a result once (C), bob
 * fills a place (D), is refused another (E) and follows all that is his. H was
 * not taken while there was too much.
 */
function owned() {
	const who = (owner, wire, kind, key, slot) => ({name: `${owner}/${wire}`,
		wire, kind, key, slot, owner});
	const c = who('alice', 'same', 'once', '000C');
	const d = who('bob', 'same', 'slot', 'd', 's1');
	const e = who('bob', 'more', 'slot', 'e', 's1');
	const f = who('bob', 'then', 'slot', 'f', 's1');
	const h = who('alice', 'full', 'return', '000H');
	const answer = (of, from, ask, more) => ({what: 'answer', from,
		t: from + 5, ask, ...of, by: of.owner, page: 'page', origin: 'page',
		retry: [202, 429].includes(more.status) ? '1' : undefined,
		...more});
	const told = (stream, over, jobAsked, t, jobId, version, state) => ({
		what: 'told', from: 10, t, owner: 'bob', stream, over, jobAsked,
		jobId, version, state});
	const open = {status: 202, state: 'open'};
	return {
		log: [
			{what: 'send', t: 1, ...c}, {what: 'send', t: 1, ...d},
			{what: 'send', t: 20, ...e}, {what: 'send', t: 90, ...f},
			{what: 'send', t: 5, ...h},
			answer(c, 2, 'again', {...open, jobId: 'job_C'}),
			answer(d, 2, 'again', {...open, jobId: 'job_D'}),
			answer(e, 20, 'again', {status: 409,
				problem: '/problems/id-conflict',
				holder: 'job_D'}),
			answer(h, 5, 'again', {status: 429,
				problem: '/problems/rate-limited'}),
			answer(d, 30, 'look', {status: 200, jobId: 'job_D',
				state: 'processing', version: 13}),
			answer(d, 40, 'foreign', {by: 'alice', status: 404}),
			answer(d, 45, 'list', {status: 200, ids: ['job_D']}),
			answer(c, 50, 'result', {status: 200, secret: true,
				state: 'completed', digest: 'x'}),
			answer(c, 60, 'result', {status: 200, secret: true,
				state: 'completed', digest: 'x'}),
			answer(c, 99, 'again', {status: 410, state: 'completed',
				problem: '/problems/result-consumed'}),
			answer(f, 91, 'again', {...open, jobId: 'job_F'}),
			answer(f, 97, 'again', {...open, jobId: 'job_F'}),
			answer(f, 98, 'again', {status: 401, login: true,
				page: 'evil', origin: undefined}),
			told(1, 'owner', undefined, 12, 'job_D', 12, 'pending'),
			told(1, 'owner', undefined, 70, 'job_D', 15, 'completed'),
			told(1, 'owner', undefined, 98, 'job_F', 18, 'failed'),
			told(2, 'job', 'job_D', 12, 'job_D', 12, 'pending'),
			told(2, 'job', 'job_D', 70, 'job_D', 15, 'completed'),
			{what: 'stream', t: 71, stream: 2, over: 'job',
				jobAsked: 'job_D', owner: 'bob', status: 200,
				clean: true},
			{what: 'stream', t: 99, stream: 1, over: 'owner',
				owner: 'bob', status: 200, clean: false},
		],
		rows: [
			{jobId: 'job_C', state: 'completed', version: 16,
				attempt: 1, owner: 'AA'},
			{jobId: 'job_D', state: 'completed', version: 15,
				attempt: 1, owner: 'BB'},
			{jobId: 'job_F', state: 'failed', version: 18,
				attempt: 2, owner: 'BB'},
		],
		calls: [
			{method: 'POST', path: '/o', body: '{"periodKey":"000C"}'},
			{method: 'PUT', path: '/bundles/job_D', body: '{}'},
		],
		limits: {open: {slot: 1}, onceMs: 30},
		origins: ['page'],
	};
}
const line = (s, job, ask, n = 0) => s.log.filter(l => l.what === 'answer' &&
	l.ask === ask && l.name.startsWith(job))[n];
const event = (s, stream, n) => s.log.filter(l => l.what === 'told' &&
	l.stream === stream)[n];

const found = told => new Set(compare(told).map(f => f.check));

test('a true story passes', () => equal(compare(story()), []));

test('so does that of two owners', () => equal(compare(owned()), []));

test('a row that nobody was told of is its owner’s, whatever its name', () => {
	const s = owned();
	s.log = s.log.filter(l => l.name !== 'alice/same' || l.what === 'send');
	s.rows[0].requestId = 'same';
	s.log.push({what: 'send', t: 3, name: 'alice/else', wire: 'else',
		kind: 'slot', key: 'g', owner: 'alice'}, {what: 'answer',
		from: 3, t: 4, ask: 'again', name: 'alice/else', wire: 'else',
		kind: 'slot', owner: 'alice', status: 202, state: 'open', retry: '1',
		origin: 'page', jobId: 'job_G'});
	s.rows.push({jobId: 'job_G', state: 'cancelled', version: 19,
		attempt: 0, owner: 'AA'});
	s.log.push({what: 'lost', ask: 'cancel', jobAsked: 'job_G'});
	equal(compare(s), []);
});

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
const row = (s, id) => s.rows.find(r => r.jobId === id);
const ownersLies = [
	['ownersApart', 'another was told of a job',
		s => line(s, 'bob/same', 'foreign').jobId = 'job_D'],
	['ownersApart', 'another was given its version',
		s => line(s, 'bob/same', 'foreign').version = 13],
	['answersKnown', 'another was answered otherwise than 404',
		s => line(s, 'bob/same', 'foreign').status = 403],
	['ownersApart', 'another’s job has the place',
		s => line(s, 'bob/more', 'again').holder = 'job_C'],
	['ownersApart', 'another’s in a list',
		s => line(s, 'bob/same', 'list').ids.push('job_C')],
	['ownersApart', 'another’s in an owner’s stream',
		s => event(s, 1, 0).jobId = 'job_C'],
	['ownersApart', 'another’s in a job’s stream',
		s => event(s, 2, 0).jobId = 'job_F'],
	['ownersInRows', 'one owner is two', s => row(s, 'job_F').owner = 'CC'],
	['ownersInRows', 'two owners are one', s => row(s, 'job_C').owner = 'BB'],
	['ownersInRows', 'an owner’s job is nobody’s',
		s => row(s, 'job_F').owner = ''],
	['nameIsOneJob', 'one name of two owners is one job', s => {
		line(s, 'alice/same', 'again').jobId = 'job_D';
		line(s, 'bob/same', 'again').jobId = 'job_C';
	}],
	['streamsGrow', 'a version twice in a stream',
		s => event(s, 1, 1).version = 12],
	['versionsGrow', 'a stream that is older than an answer before it',
		s => Object.assign(event(s, 1, 1), {from: 60, version: 12})],
	['versionsGrow', 'a stream that tells what no row has',
		s => event(s, 1, 1).version = 17],
	['endsStay', 'a stream opened after the end tells of none',
		s => Object.assign(event(s, 2, 0), {from: 80, version: 15})],
	['streamsTellAll', 'a stream that ends before its job',
		s => event(s, 2, 1).state = 'processing'],
	['streamsTellAll', 'an owner who never hears of an end',
		s => event(s, 1, 2).state = 'processing'],
	['streamsTellAll', 'an owner who never hears of a job',
		s => s.log.splice(s.log.indexOf(event(s, 1, 2)), 1)],
	['onceIsOnce', 'read again after its time',
		s => line(s, 'alice/same', 'result', 1).from = 86],
	['onceIsOnce', 'read again after it was gone', s => Object.assign(
		line(s, 'alice/same', 'again', 1), {from: 51, t: 52})],
	['onceIsOnce', 'a result in a look-up',
		s => line(s, 'bob/same', 'look').secret = true],
	['onceIsOnce', 'a result in a stream',
		s => event(s, 1, 1).secret = true],
	['answersKnown', 'consumed, though it may be read for ever',
		s => line(s, 'alice/same', 'again', 1).kind = 'return'],
	['resultsSame', 'another result the second time',
		s => line(s, 'alice/same', 'result', 1).digest = 'y'],
	['refusedHasNoRow', 'a row of what was refused', s => s.rows.push({
		...row(s, 'job_C'), jobId: 'job_H', requestId: 'full'})],
	['refusedHasNoRow', 'refused after it was accepted',
		s => Object.assign(line(s, 'bob/more', 'again'), {
			name: 'bob/then', wire: 'then', from: 98, t: 99})],
	['answersKnown', 'an API without resources refuses one',
		s => line(s, 'bob/more', 'again').slot = undefined],
	['answersKnown', '429 without a quota’s word',
		s => line(s, 'alice/full', 'again').problem = undefined],
	['answersKnown', '401, though nothing is wanted',
		s => line(s, 'bob/then', 'again', 1).status = 401],
	['answersKnown', 'a page of the site may not use its own login',
		s => Object.assign(line(s, 'bob/then', 'again', 2),
			{page: 'page', origin: 'page'})],
	['loginsStayHome', 'a page from elsewhere has a visitor send',
		s => Object.assign(line(s, 'bob/then', 'again', 1),
			{login: true, page: 'evil', origin: undefined})],
	['resourcesApart', 'one place is taken twice',
		s => Object.assign(line(s, 'bob/then', 'again'), {t: 20})],
	['quotasKept', 'more at once than one may have',
		s => Object.assign(line(s, 'bob/then', 'again'), {t: 20})],
	['originsTold', 'an answer for any page',
		s => line(s, 'bob/same', 'look').origin = '*'],
	['originsTold', 'an answer for a page of somebody else’s',
		s => Object.assign(line(s, 'bob/same', 'look'),
			{page: 'evil', origin: 'evil'})],
	['originsTold', 'an answer that the page may not read',
		s => line(s, 'bob/same', 'look').origin = undefined],
	['retryTold', 'nobody says when to come again',
		s => line(s, 'bob/same', 'again').retry = undefined],
	['retryTold', 'a quota that lasts for a day',
		s => line(s, 'alice/full', 'again').retry = '86400'],
	['returnsOnce', 'what may be read once was done twice',
		s => s.calls.push(s.calls[0])],
];
lies.push(...ownersLies.map(l => [...l, owned]));
for (const [check, lie, tell, truth = story] of lies)
	test(`${lie}: ${check}`, () => {
		const s = truth();
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
