/*
 * requests.mjs: what is sent, what is sent again, and what becomes of answers.
 * No lost connection makes a second job, and nothing is asked of anybody else.
 */
import {getEventListeners} from 'node:events';
import {ok, equal, match, done} from '../tap.mjs';
import {ACCEPTED, STATUS, accepted, against, at, block, caught, elsewhere,
	empty, hangUp,
	json, plain, problem, silence, states, stream, tick, until, website}
	from './requests-kit.mjs';

const ids = ({seen}) => new Set(seen.filter(({method}) => method === 'POST')
	.map(({headers}) => headers['x-request-id']));

/* ---- well */

against('202, its stream, completed: the result, and every state', [
	accepted, stream('retry: 100\n\n', block(1, 'pending'),
		block(2, 'processing', {progress: 40}), block(3, 'completed',
			{progress: 100, result: {receipt: 7}, location: '/r/7'})),
], async ({api, seen, lines}) => {
	const job = api.submit('v1/return', {a: 1.5});
	equal([job.key, job.state, job.statusUrl, job.location],
		[null, null, null, null]);
	const told = [];
	job.onprogress = ({status}) => told.push(status);
	equal(await states(job), ['accepted', 'pending', 'processing 40',
		'completed 100']);
	equal(await job.result(), {receipt: 7});
	equal(told, ['accepted', 'pending', 'processing', 'completed']);
	equal([job.location, job.state.jobId], ['/r/7', 'job_1']);
	equal(job.statusUrl, job.state.statusUrl);
	match(job.statusUrl, /^http:\/\/127.*\/api\/jobs\/job_1$/);
	equal(lines(), ['POST /api/v1/return', `GET ${STATUS}/events`]);
	const [sent, looked] = seen;
	equal(sent.body, '{"a":1.5}');
	equal(sent.headers['content-type'], 'application/json');
	equal(sent.headers['x-initial-request'], 'true');
	equal(sent.headers['x-wait-time-ms'], '1000');
	match(sent.headers['x-request-id'], /^[\w.-]{20,128}$/);
	equal(sent.headers['x-request-id'], job.requestId);
	equal(looked.headers.accept, 'text/event-stream');
	for (const name of ['x-request-id', 'x-initial-request', 'last-event-id'])
		equal(looked.headers[name], undefined);
});

against('an answer at once is told as a completed job', [
	json(201, {id: 3}, {location: '/b/3'}),
], async ({api, seen}) => {
	const job = api.submit('PUT v1/b', [1], {wait: 5});
	equal(await states(job), ['completed 100']);
	equal(await job.result(), {id: 3});
	equal([job.location, job.statusUrl, job.state.jobId,
		job.state.statusUrl], ['/b/3', null, '', '']);
	equal([seen[0].method, seen[0].headers['x-wait-time-ms']], ['PUT', '5']);
});

against('204 is an end without a result; a GET has no body', [
	empty(204), json(200, 'x'),
], async ({api, seen}) => {
	equal(await api.submit('DELETE v1/b/1').result(), null);
	equal(await api.submit('GET v1/case/1?a=b').result(), 'x');
	equal([seen[1].method, seen[1].url, seen[1].body],
		['GET', '/api/v1/case/1?a=b', '']);
});

against('what is no JSON is text, and so is what only says it is', [
	(req, res) => res.end('plain'), json(200, ''),
	(req, res) => {
		res.writeHead(200, {'content-type': 'application/hal+json'});
		res.end('{');
	},
], async ({api}) => {
	equal(await api.submit('x').result(), 'plain');
	equal(await api.submit('x').result(), '');
	equal(await api.submit('x').result(), '{');
});

const bytes = (status, type, ...all) => (req, res) => {
	res.writeHead(status, type ? {'content-type': type} : {});
	res.end(Buffer.from(all));
};
against('what is neither JSON nor text are bytes, with their type', [
	bytes(200, 'application/pdf', 0xff, 0, 0xfe), bytes(200, 'image/png'),
	plain, at(2, 'completed', {resultUrl: `${STATUS}/result`}),
	bytes(200, 'application/vnd.oasis.opendocument.text', 0x80), bytes(200, 'text/csv', 0x61),
	bytes(200, 'text/html; charset=utf-8', 0x3c),
], async ({api}) => {
	const pdf = await api.submit('x').result();
	equal([pdf.type, [...new Uint8Array(await pdf.arrayBuffer())]],
		['application/pdf', [0xff, 0, 0xfe]]);
	const none = await api.submit('x').result();
	equal([none.type, none.size], ['image/png', 0]);
	const letter = await api.submit('x').result();
	equal([...new Uint8Array(await letter.arrayBuffer())], [0x80]);
	equal(await api.submit('x').result(), 'a');
	/* a page, but one that the endpoint gave */
	equal(await api.submit('x').result(), '<');
});

against('text and headers go as they are; a form keeps its boundary', [
	json(200, 1), hangUp, json(200, 2),
], async ({api, seen}) => {
	await api.submit('x', 'a;b', {headers: {'content-type': 'text/csv',
		'x-mine': '1'}}).result();
	equal([seen[0].body, seen[0].headers['content-type'],
		seen[0].headers['x-mine']], ['a;b', 'text/csv', '1']);
	const form = new FormData();
	form.set('a', 'b');
	await api.submit('x', form).result();
	match(seen[1].headers['content-type'], /^multipart\/form-data; bound/);
	equal(seen[1].body, seen[2].body);
	equal(seen[1].headers['content-type'], seen[2].headers['content-type']);
});

against('what is malformed throws at once, and is not sent', [],
	async ({api, seen}) => {
		let threw;
		try {
			api.submit('GET x', 'a body', {key: 'k'});
		} catch (e) {
			threw = e;
		}
		equal(threw.constructor, TypeError);
		equal([api.kept(), seen.length], [[], 0]);
	});

against('a base without its slash is meant with it', [json(200, 1)],
	async ({connect, base, lines}) => {
		const api = connect({base: `${base}/api`});
		equal(api.base, `${base}/api/`);
		await api.submit('x').result();
		equal(lines(), ['POST /api/x']);
	});

against('each request says how it is to be made', [], async ({connect}) => {
	const real = globalThis.fetch;
	const inits = [];
	globalThis.fetch = async (url, init) => {
		inits.push(init);
		return new Response('{}');
	};
	try {
		for (const more of [{}, {credentials: 'include'}])
			await connect({base: 'https://a.example/', ...more})
				.submit('x').result();
	} finally {
		globalThis.fetch = real;
	}
	equal(inits.map(({redirect, cache, credentials}) =>
		[redirect, cache, credentials]),
	[['error', 'no-store', undefined], ['error', 'no-store', 'include']]);
});

/* ---- lost and found */

against('a lost connection: again, the same bytes under the same name', [
	hangUp, (req, res) => {
		res.writeHead(200, {'content-length': '9'});
		res.write('half');
		res.destroy();
	}, accepted, stream(block(1, 'completed', {result: 4})),
], async (on) => {
	equal(await on.api.submit('x', {a: 1}).result(), 4);
	equal(ids(on).size, 1);
	equal(on.seen.slice(0, 3).map(({body, headers}) =>
		[body, headers['x-initial-request']]),
	Array(3).fill(['{"a":1}', 'true']));
});

against('two actions have two names', [json(200, 1), json(200, 2)],
	async (on) => {
		await on.api.submit('x').result();
		await on.api.submit('x').result();
		equal(ids(on).size, 2);
	});

against('503, a gateway\'s 502 and a 429 pass, after a while', [
	problem(503, 'queue-full', {}, {'retry-after': '3'}),
	(req, res) => res.writeHead(502).end('<h1>Bad Gateway</h1>'),
	problem(504, 'job-failed', {jobStatus: 'pending'}),
	problem(429, 'rate-limited', {}, {'retry-after': '9'}), plain,
	problem(429, 'rate-limited', {jobStatus: 'processing'},
		{'retry-after': '2'}), at(2, 'completed'),
], async (on) => {
	Math.random = () => 0.5;
	await on.api.submit('x').result();
	equal(ids(on).size, 1);
	equal(on.time.slept, [3000, 250, 500, 9000, 2000]);
});

against('a server behind a server is away, too', [
	empty(521), empty(505), json(200, 1),
], async (on) => {
	equal(await on.api.submit('x').result(), 1);
	equal(on.time.slept, [125, 250]);
});

const date = (ms) => new Date(ms).toUTCString();
against('Retry-After as a date is read by the server\'s clock, and bounded', [
	empty(503, {date: date(1e12), 'retry-after': date(1e12 + 4000)}),
	empty(503, {date: date(1e12), 'retry-after': date(1e12 - 9000)}),
	empty(503, {'retry-after': '99999'}), json(200, 1),
], async ({api, time}) => {
	Math.random = () => 0;
	const job = api.submit('x');
	await time.pass(60000);
	await job.result();
	equal(time.slept, [4000, 0]);
});

against('nobody there: longer and longer pauses, then told', [
	...Array(8).fill(hangUp), json(200, 'after all'),
], async (on) => {
	Math.random = () => 0.5;
	const job = on.api.submit('x', {}, {key: 'k'});
	const e = await caught(job.result());
	ok(e instanceof on.RequestError && e instanceof Error);
	equal([e.name, e.type, e.status, e.jobId],
		['RequestError', 'network', 0, undefined]);
	ok(e.cause);
	equal(on.time.slept, [125, 250, 500, 1000, 2000, 4000, 8000]);
	equal(on.api.kept().length, 1);
	equal(await job.result(), 'after all');
	equal([ids(on).size, on.api.kept()], [1, []]);
});

against('a server that stays away in its own words: those are told', [
	...Array(8).fill(problem(503, 'queue-full', {detail: 'Full.'})),
], async ({api}) => {
	const e = await caught(api.submit('x', {}, {key: 'k'}).result());
	equal([e.type, e.status, e.message], ['queue-full', 503, 'Full.']);
	equal(api.kept().length, 1);
});

against('who asks too often is not refused', [
	...Array(8).fill(problem(429, 'rate-limited')),
], async ({api}) => {
	const e = await caught(api.submit('x', {}, {key: 'k'}).result());
	equal([e.type, e.status, api.kept().length], ['rate-limited', 429, 1]);
});

against('a gateway that stays is no refusal', [
	...Array(8).fill((req, res) => res.writeHead(502).end('<h1>')),
], async ({api}) => {
	const e = await caught(api.submit('x', {}, {key: 'k'}).result());
	equal([e.type, e.status, e.body], ['network', 502, '<h1>']);
	equal(api.kept().length, 1);
});

against('offline nothing is sent, for half a minute at most', [json(200, 1),
	json(200, 2)], async ({api, tab, time, seen}) => {
	tab.navigator.onLine = false;
	const job = api.submit('x');
	await until(() => time.held().length === 1);
	equal([time.held(), seen.length], [[30000], 0]);
	tab.line(true);
	equal(await job.result(), 1);
	tab.navigator.onLine = false;
	const other = api.submit('x');
	await time.pass(30000);
	equal(await other.result(), 2);
});

/* ---- never answered */

against('taken, and never answered: again, under the same name', [
	silence, silence, json(200, 'filed'),
], async (on) => {
	const job = on.api.submit('x', {a: 1}, {key: 'k', wait: 2000});
	for (const sent of [1, 2]) {
		await until(() => on.seen.length === sent);
		equal(on.time.held(), []);
		/* what it may wait, and 35 s */
		await on.time.pass(37000);
		await until(() => on.seen[sent - 1].gone);
	}
	equal(await job.result(), 'filed');
	equal([ids(on).size, on.api.kept()], [1, []]);
});

against('what is large has longer; fetch() has as long as it likes', [
	silence, silence,
], async ({api, seen, time}) => {
	const stop = new AbortController();
	const {signal} = stop;
	const job = api.submit('x', 'x'.repeat(32000), {signal, wait: 0});
	const answer = api.fetch('y', {signal});
	await until(() => seen.length === 2);
	equal(time.held(), []);
	await time.pass(37000);
	ok(!seen.find(({url}) => url === '/api/y').gone);
	stop.abort();
	equal((await caught(job.result())).name, 'AbortError');
	equal((await caught(answer)).name, 'AbortError');
});

against('nobody ever answers: told after its re-sends', [
	...Array(8).fill(silence),
], async ({api, seen, time}) => {
	const end = caught(api.submit('x', {}, {key: 'k'}).result());
	for (let n = 1; n <= 8; n++) {
		await until(() => seen.length === n);
		await time.pass(36000);
	}
	equal([(await end).type, (await end).status, api.kept().length],
		['network', 0, 1]);
	ok(seen.every(({gone}) => gone));
});

for (const said of ['1e999', '-7', 'NaN', 'soon', '', 'Infinity',
	'99999999999999999999', date(4e12)])
	against(`Retry-After: ${said}: neither at once for ever, nor for ever`, [
		...Array(3).fill(empty(503, {'retry-after': said, date: date(1e12)})),
		json(200, 1),
	], async ({api, time}) => {
		const job = api.submit('x');
		const long = /^(1e|Inf|99|.*GMT)/.test(said);
		for (let n = 0; long && n < 3; n++)
			await time.pass(60000);
		equal(await job.result(), 1);
		equal(time.slept, long ? [] : [125, 250, 500]);
	});

against('a 304 to what was sent is no result of it', [
	empty(304), json(200, 1),
], async ({api}) => {
	const e = await caught(api.submit('x', {}, {key: 'k'}).result());
	equal([e.type, e.status, api.kept().length], ['foreign-answer', 304, 1]);
	equal(await api.submit('x', {}, {key: 'k'}).result(), 1);
});

/* ---- refusals */

against('refused at once: told, and not sent again', [
	problem(400, 'validation-failed', {detail: 'vrn is missing',
		requestId: 'r'}),
], async ({api, seen}) => {
	const {signal} = new AbortController();
	const job = api.submit('x', {}, {key: 'k', signal});
	const e = await caught(job.result());
	equal(getEventListeners(signal, 'abort'), []);
	equal([e.type, e.status, e.message, e.requestId, e.body],
		['validation-failed', 400, 'vrn is missing', 'r', null]);
	equal(await caught(states(job)), e);
	equal([api.kept(), seen.length, job.state], [[], 1, null]);
});

against('what failed while it was waited for is an end, whatever its number', [
	problem(502, 'outcome-unknown', {jobStatus: 'failed', jobId: 'job_1',
		title: 'The outcome is not known'}),
	problem(409, 'job-cancelled', {jobStatus: 'cancelled'}),
	problem(410, 'job-expired', {jobStatus: 'completed'}),
	problem(503, 'store-full', {jobStatus: 'failed'}),
], async ({api}) => {
	const types = [];
	for (let n = 0; n < 4; n++) {
		const e = await caught(api.submit('x', {}, {key: 'k'}).result());
		types.push([e.type, e.status]);
		equal(api.kept(), []);
	}
	equal(types, [['outcome-unknown', 502], ['job-cancelled', 409],
		['job-expired', 410], ['store-full', 503]]);
});

against('what a read asked upstream failed: that is an answer', [
	problem(502, 'upstream-error'), problem(504, 'upstream-timeout'),
	problem(503, 'circuit-open', {}, {'retry-after': '30'}),
], async ({api, seen}) => {
	for (const type of ['upstream-error', 'upstream-timeout', 'circuit-open'])
		equal((await caught(api.submit('GET x').result())).type, type);
	equal(seen.length, 3);
});

against('an upstream\'s refusal comes as it is', [
	json(403, {code: 'DUPLICATE', message: 'again?'}),
], async ({api}) => {
	const e = await caught(api.submit('x', {}, {key: 'k'}).result());
	equal([e.type, e.status, e.body.code],
		['upstream-refused', 403, 'DUPLICATE']);
	equal(api.kept(), []);
});

against('an upstream that is not asked any more: its 401, its 429, its types', [
	json(401, {code: 'EXPIRED'}), empty(401), json(429, {code: 'SLOWLY'}),
	json(422, {type: 'https://hmrc.example/problems/mine', error: 'other'}),
	json(400, 'no'), bytes(403, 'image/png', 1),
], async ({connect, url, seen}) => {
	const why = [];
	const api = connect({base: url, headers({refresh}) {
		why.push(refresh);
		return {};
	}});
	const all = [];
	for (let n = 0; n < 6; n++) {
		const e = await caught(api.submit('x', {}, {key: 'k'}).result());
		equal([e.type, api.kept()], ['upstream-refused', []]);
		all.push([e.status, e.body?.code ?? e.body?.error ?? e.body]);
	}
	equal(await all.pop()[1].text(), '\u0001');
	equal(all, [[401, 'EXPIRED'], [401, null], [429, 'SLOWLY'],
		[422, 'other'], [400, 'no']]);
	equal([seen.length, why.includes(true)], [6, false]);
});

against('what a web server says in our words is said by us', [
	elsewhere(problem(413, 'payload-too-large', {detail: 'Too large.'})),
	elsewhere(problem(415, 'unsupported-media-type')),
], async ({api}) => {
	for (const [type, message] of [['payload-too-large', 'Too large.'],
		['unsupported-media-type', '/problems/unsupported-media-type']]) {
		const e = await caught(api.submit('x', {}, {key: 'k'}).result());
		equal([e.type, e.message, api.kept()], [type, message, []]);
	}
});

against('where no endpoint is: told by method, URL and status, and kept', [
	website(404), elsewhere(json(405, {message: 'no'})), website(200),
	website(200), website(200), website(403),
], async ({api, seen, url}) => {
	const told = [];
	const tell = async (promise) => {
		const e = await caught(promise);
		told.push([e.type, e.status, e.message]);
		return e;
	};
	const e = await tell(api.submit('x', {}, {key: 'k'}).result());
	equal(e.body, '<h1>Hello</h1>');
	await tell(api.submit('PUT y', {}, {key: 'l'}).result());
	/* a page is not what came of it */
	const job = api.submit('x', {}, {key: 'k'});
	await tell(job.result());
	equal([job.state, api.kept().length], [null, 2]);
	await tell(api.jobs().next());
	await tell(api.follow(STATUS).result());
	await tell(gather(api.events()));
	const foreign = (status, line) =>
		['foreign-answer', status, `${line}: ${status}`];
	equal(told, [foreign(404, `POST ${url}x`), foreign(405, `PUT ${url}y`),
		foreign(200, `POST ${url}x`), foreign(200, `GET ${url}jobs?`),
		foreign(200, `GET ${url}jobs/job_1`),
		foreign(403, `GET ${url}jobs/events?view=all`)]);
	equal(seen[0].headers['x-request-id'], seen[2].headers['x-request-id']);
});

async function gather(events) {
	const all = [];
	for await (const event of events)
		all.push(event);
	return all;
}

against('a page that is gone for a moment does not make a second job', [
	accepted, stream('end'), website(404), website(404), website(404),
	json(200, 'filed'),
], async (on) => {
	const job = on.api.submit('x', {}, {key: 'k'});
	const e = await caught(job.result());
	equal([e.type, e.status], ['foreign-answer', 404]);
	equal(on.api.kept()[0].statusUrl, job.statusUrl);
	equal(await on.api.submit('x', {}, {key: 'k'}).result(), 'filed');
	equal(ids(on).size, 1);
});

against('a web server\'s own 401 is about who asks', [
	website(401), website(401), website(401), json(200, 1),
], async ({connect, url}) => {
	const why = [];
	const api = connect({base: url, headers({refresh}) {
		why.push(refresh);
		return {};
	}});
	const job = api.submit('x', {}, {key: 'k'});
	const e = await caught(job.result());
	equal([e.type, e.status, api.kept().length], ['unauthorized', 401, 1]);
	equal(await job.result(), 1);
	equal(why, [false, true, false, true]);
});

against('what is not known is kept: 500', [problem(500, 'internal')],
	async ({api, seen}) => {
		const e = await caught(api.submit('x', {}, {key: 'k'}).result());
		equal([e.type, api.kept().length, seen.length],
			['internal', 1, 1]);
	});

against('202 without a way to its status is an error, and nothing is asked', [
	json(202, {}), website(202),
], async ({api, url, lines}) => {
	for (let n = 0; n < 2; n++) {
		const job = api.submit('x', {}, {key: 'k'});
		const e = await caught(job.result());
		equal([e.type, e.message], ['foreign-answer', `POST ${url}x: 202`]);
		equal([job.statusUrl, api.kept()[0].statusUrl], [null, null]);
	}
	equal(lines(), Array(2).fill('POST /api/x'));
});

against('Location serves where the body says nothing', [
	empty(202, {location: STATUS}), at(1, 'completed', {result: 2}),
], async ({api, lines}) => {
	const job = api.submit('x');
	equal(await states(job), ['accepted', 'completed']);
	equal(await job.result(), 2);
	equal(lines(), ['POST /api/x', `GET ${STATUS}`]);
});

against('a word of its own beside Location is not taken for a document', [
	(req, res) => res.writeHead(202, {location: STATUS}).end('Soon.'),
	at(1, 'completed', {result: 2}),
], async ({api, base}) => {
	const told = [];
	for await (const state of api.submit('x'))
		told.push(state);
	equal(told[0],
		{status: 'accepted', jobId: '', statusUrl: base + STATUS});
});

/* ---- how it ended */

against('failed: the document\'s problem, and no request for it', [
	plain, at(2, 'failed', {error: 'outcome-unknown', problem: {
		type: '/problems/outcome-unknown', status: 502,
		title: 'The outcome is not known', detail: 'Check first.'}}),
], async ({api, seen}) => {
	const job = api.submit('x', {}, {key: 'k'});
	equal(await states(job), ['accepted', 'failed']);
	equal(api.kept(), []);
	const e = await caught(job.result());
	equal([e.type, e.status, e.message, e.jobId, e.requestId, e.title],
		['outcome-unknown', 502, 'Check first.', 'job_1', 'r',
			'The outcome is not known']);
	equal(seen.length, 2);
});

const refused = at(2, 'failed', {error: 'upstream-refused', problem: {
	type: '/problems/upstream-refused', status: 403, detail: 'It said no.',
	upstreamStatus: 403}});
against('failed: the upstream\'s refusal comes along', [
	plain, refused, (req, res) => {
		res.writeHead(403, {'content-type': 'application/problem+json'});
		res.end('{"type":"https://hmrc/problems/mine","code":"DUPLICATE"}');
	},
], async ({api, lines}) => {
	const e = await caught(api.submit('x').result());
	equal([e.type, e.status, e.body.code, e.message],
		['upstream-refused', 403, 'DUPLICATE', 'It said no.']);
	equal(lines()[2], `GET ${STATUS}/result`);
});

against('failed: an upstream\'s 401 is not about who asks here', [
	plain, at(2, 'failed', {error: 'upstream-refused', problem: {
		type: '/problems/upstream-refused', status: 401}}),
	json(401, {code: 'REVOKED'}),
], async ({connect, url}) => {
	const why = [];
	const api = connect({base: url, headers({refresh}) {
		why.push(refresh);
		return {};
	}});
	const e = await caught(api.submit('x', {}, {key: 'k'}).result());
	equal([e.type, e.status, e.body], ['upstream-refused', 401,
		{code: 'REVOKED'}]);
	equal([why, api.kept()], [[false, false, false], []]);
});

against('failed: and is told without it where that cannot be had', [
	plain, refused, ...Array(8).fill(hangUp),
], async ({api}) => {
	const e = await caught(api.submit('x').result());
	equal([e.type, e.status, e.body, e.message],
		['upstream-refused', 403, null, 'It said no.']);
});

against('cancelled is told as such', [plain, at(2, 'cancelled')],
	async ({api}) => {
		const e = await caught(api.submit('x').result());
		equal([e.type, e.jobId, e.status, e.body],
			['job-cancelled', 'job_1', 0, null]);
	});

against('expired while it was watched', [
	plain, problem(410, 'job-expired'), problem(410, 'job-expired'),
],
	async ({api}) => {
		const job = api.submit('x', {}, {key: 'k'});
		equal((await caught(job.result())).type, 'job-expired');
		equal(api.kept(), []);
	});

const large = at(2, 'completed', {resultUrl: `${STATUS}/result`});
against('a large result is fetched when it is asked for, once', [
	plain, large, ...Array(8).fill(hangUp), json(200, 'a large one'),
], async ({api, seen}) => {
	const job = api.submit('x', {}, {key: 'k'});
	equal(await states(job), ['accepted', 'completed']);
	equal([seen.length, api.kept().length], [2, 1]);
	const two = [job.result(), job.result()];
	equal((await caught(two[0])).type, 'network');
	equal((await caught(two[1])).type, 'network');
	equal(api.kept().length, 1);
	equal(await job.result(), 'a large one');
	equal(await job.result(), 'a large one');
	equal([seen.length, api.kept()], [11, []]);
});

for (const [what, gone] of [['it is gone', problem(410, 'job-expired')],
	['and was read', problem(410, 'result-consumed')]])
	against(`a large result that is too late, ${what}: the key is free`, [
		plain, large, gone, json(200, 'anew'),
	], async (on) => {
		const job = on.api.submit('x', {}, {key: 'k'});
		equal((await caught(job.result())).status, 410);
		equal(on.api.kept(), []);
		equal(await on.api.submit('x', {}, {key: 'k'}).result(), 'anew');
		equal(ids(on).size, 2);
	});

against('what could be read once, and was: the server says so', [
	plain, at(2, 'completed', {resultConsumed: true}),
	problem(410, 'result-consumed', {jobStatus: 'completed'}),
], async ({api, lines}) => {
	const job = api.submit('x', {}, {key: 'k'});
	equal((await caught(job.result())).type, 'result-consumed');
	equal([lines()[2], api.kept()], [`GET ${STATUS}/result`, []]);
});

/* ---- credentials */

against('one refresh for all who wait, and under the same name', [
	problem(401, 'unauthorized'), problem(401, 'unauthorized'),
	json(200, 1), json(200, 2),
], async ({connect, url, seen}) => {
	const why = [];
	let token = 0, go;
	const asked = new Promise((resolve) => {
		go = resolve;
	});
	const api = connect({base: url, headers: async ({refresh}) => {
		why.push(refresh);
		if (refresh)
			await asked;
		return {authorization: `Bearer ${refresh ? ++token : token}`};
	}});
	const jobs = [api.submit('x', 1), api.submit('x', 2)];
	await until(() => seen.length === 2 && why.includes(true));
	await tick(20);
	go();
	equal((await Promise.all(jobs.map((job) => job.result()))).sort(), [1, 2]);
	equal(why, [false, false, true]);
	equal(seen.map(({headers}) => headers.authorization),
		['Bearer 0', 'Bearer 0', 'Bearer 1', 'Bearer 1']);
	equal(new Set(seen.map(({headers}) => headers['x-request-id'])).size, 2);
});

against('who hears of it later has the new ones without a refresh', [
	silence, problem(401, 'unauthorized'), json(200, 'first'),
	json(200, 'second'),
], async ({connect, url, seen}) => {
	const why = [];
	const api = connect({base: url, headers: ({refresh}) => {
		why.push(refresh);
		return {};
	}});
	const late = api.submit('x');
	await until(() => seen.length === 1);
	equal(await api.submit('x').result(), 'first');
	problem(401, 'unauthorized')(seen[0].req, seen[0].res);
	equal(await late.result(), 'second');
	equal(why, [false, false, true, false]);
});

against('a second 401 is the end, and nothing is lost', [
	problem(401, 'unauthorized'), problem(401, 'unauthorized'),
	plain, problem(401, 'unauthorized'), elsewhere(empty(401)),
	at(3, 'completed', {result: 5}),
], async (on) => {
	const api = on.connect({base: on.url, headers: () => ({})});
	const job = api.submit('x', {}, {key: 'k'});
	const e = await caught(job.result());
	equal([e.type, e.status], ['unauthorized', 401]);
	equal(api.kept().length, 1);
	const again = await caught(job.result());
	equal([again.type, again.status], ['unauthorized', 401]);
	equal(api.kept()[0].statusUrl, job.statusUrl);
	equal(await job.result(), 5);
	equal(ids(on).size, 1);
});

against('without headers to refresh a 401 is the end', [
	problem(401, 'unauthorized')], async ({api}) =>
	equal((await caught(api.submit('x').result())).type, 'unauthorized'));

against('what headers() throws is what it ends with', [json(200, 1)],
	async ({connect, url}) => {
		let signedIn = false;
		const api = connect({base: url, headers() {
			if (!signedIn)
				throw new RangeError('sign in');
			return new Headers({a: 'b'});
		}});
		const job = api.submit('x', {}, {key: 'k'});
		equal((await caught(job.result())).message, 'sign in');
		equal(api.kept().length, 1);
		signedIn = true;
		equal(await job.result(), 1);
	});

const needs = problem(401, 'unauthorized', {jobId: 'job_1',
	jobStatus: 'pending', instance: STATUS});
const unchanged = empty(304);
against('an upstream that wants other credentials: twice more, refreshed', [
	needs, at(2, 'pending', {needsCredentials: true}), needs, unchanged,
	needs, at(3, 'pending', {needsCredentials: true}),
], async (on) => {
	const why = [];
	const api = on.connect({base: on.url, headers({refresh}) {
		why.push(refresh);
		return {};
	}});
	const job = api.submit('x', {}, {key: 'k'});
	const e = await caught(job.result());
	equal(e.type, 'needs-credentials');
	equal(on.lines().filter((line) => /POST/.test(line)).length, 3);
	equal(ids(on).size, 1);
	equal(why.filter((refresh) => refresh).length, 2);
	equal(api.kept()[0].statusUrl, job.statusUrl);
	ok(job.state.needsCredentials);
	on.more(at(4, 'completed', {result: 1}));
	equal(await job.result(), 1);
});

against('and goes on when it has them', [
	plain, at(2, 'pending', {needsCredentials: true}),
	json(202, {...ACCEPTED, status: 'pending'}), at(4, 'processing'),
	at(5, 'completed', {result: 'filed'}),
], async ({api}) => {
	const job = api.submit('x');
	equal(await states(job), ['accepted', 'pending', 'processing',
		'completed']);
	equal(await job.result(), 'filed');
});

against('at once, too', [
	plain, at(2, 'pending', {needsCredentials: true}), json(200, 'filed'),
], async ({api}) => {
	const job = api.submit('x');
	equal(await job.result(), 'filed');
	equal([job.state.jobId, job.state.needsCredentials],
		['job_1', undefined]);
});

against('what is only followed cannot be sent again', [
	at(2, 'pending', {needsCredentials: true}),
], async ({api}) => {
	const job = api.follow(STATUS);
	equal((await caught(job.result())).type, 'needs-credentials');
	equal(job.requestId, null);
});

/* ---- elsewhere */

against('nobody else is asked', [
	json(202, {...ACCEPTED, statusUrl: 'https://b.example/jobs/1'}),
	plain, at(2, 'completed', {resultUrl: 'http://127.0.0.1:1/r'}),
], async ({api}) => {
	const urls = [];
	const foreign = (run) => {
		try {
			return run();
		} catch (e) {
			return Promise.reject(e);
		}
	};
	for (const run of [() => api.submit('https://b.example/x'),
		() => api.follow('//b.example/'), () => api.fetch('http://b/'),
		() => api.submit('x').result(), () => api.submit('x').result()]) {
		const e = await caught(foreign(run));
		equal(e.type, 'foreign-url');
		urls.push(e.message);
	}
	equal(urls, ['https://b.example/x', 'http://b.example/', 'http://b/',
		'https://b.example/jobs/1', 'http://127.0.0.1:1/r']);
});

/* ---- aborting */

against('aborted before: nothing is sent or kept', [],
	async ({api, seen}) => {
		const job = api.submit('x', {}, {key: 'k',
			signal: AbortSignal.abort()});
		equal((await caught(job.result())).name, 'AbortError');
		equal([seen.length, api.kept()], [0, []]);
	});

against('aborted while it is sent, read, slept or waited for', [
	silence,
	(req, res) => res.writeHead(200, {'content-length': 9}).write('half'),
	empty(503, {'retry-after': '20'}),
], async ({api, connect, url, seen, time}) => {
	for (let n = 0; n < 3; n++) {
		const stop = new AbortController();
		const job = api.submit('x', {}, {key: 'k', signal: stop.signal});
		const all = states(job);
		await until(() => seen.length === n + 1);
		if (n === 2)
			await until(() => time.held().length);
		await tick(10);
		stop.abort(new RangeError('enough'));
		equal((await caught(job.result())).message, 'enough');
		equal((await caught(all)).message, 'enough');
		equal(api.kept().length, 1);
	}
	const stop = new AbortController();
	const job = connect({base: url, headers: () => new Promise(() => {})})
		.submit('x', {}, {signal: stop.signal});
	await tick();
	stop.abort();
	equal((await caught(job.result())).name, 'AbortError');
});

/* ---- cancelling */

against('cancel() ends what waits', [
	plain, at(1, 'pending'), empty(304, {'retry-after': '20'}),
	json(200, {...ACCEPTED, status: 'cancelled'}),
], async ({api, seen, time}) => {
	const job = api.submit('x', {}, {key: 'k'});
	await until(() => time.held().length);
	const end = job.result();
	equal((await job.cancel()).status, 'cancelled');
	equal((await caught(end)).type, 'job-cancelled');
	equal([seen[3].method, seen[3].url, api.kept()], ['DELETE', STATUS, []]);
	equal((await job.cancel()).status, 'cancelled');
	equal(seen.length, 4);
});

const either = (req, res) => (req.method === 'DELETE' ?
	json(202, {...ACCEPTED, status: 'processing'}) : stream())(req, res);
against('cancel() waits for the ticket, and what has left for its end', [
	accepted, either, either, problem(404, 'job-not-found'),
], async ({api, seen, base}) => {
	const job = api.submit('x');
	const asked = await job.cancel();
	equal([asked.status, asked.statusUrl], ['processing', base + STATUS]);
	equal(job.state.status, 'accepted');
	equal((await caught(job.cancel())).type, 'job-not-found');
	await until(() => seen.some(({url}) => /events/.test(url)));
	seen.find(({url}) => /events/.test(url)).res.write(
		block(2, 'completed', {result: 'all the same'}));
	equal(await job.result(), 'all the same');
});

against('cancel() of what is not watched any more', [
	accepted, either, either,
], async ({api, seen}) => {
	const leave = new AbortController();
	const job = api.submit('x', {}, {signal: leave.signal});
	await until(() => seen.length === 2);
	leave.abort();
	await caught(job.result());
	equal((await job.cancel()).status, 'processing');
	equal(seen[2].method, 'DELETE');
});

against('cancel() of what is refused tells that', [problem(400, 'bad')],
	async ({api}) =>
		equal((await caught(api.submit('x').cancel())).type, 'bad'));

/* ---- fire and forget */

against('fireAndForget(): shown before it is sent, confirmed when it is done', [
	accepted, stream(block(2, 'completed', {result: 8})),
], async ({api, seen}) => {
	const told = [];
	const job = api.fireAndForget('x', {}, {optimistic() {
		told.push(seen.length);
		return (how) => told.push(how.confirmed, how.result);
	}});
	equal(await job.result(), 8);
	await tick();
	equal(told, [0, true, 8]);
	equal(seen[0].headers['x-wait-time-ms'], '0');
});

against('fireAndForget(): refused, and what shows it comes later', [
	problem(400, 'no'), json(200, 1),
], async ({api}) => {
	const told = [];
	let shown;
	api.fireAndForget('x', {}, {optimistic: () => new Promise((go) => {
		shown = go;
	})});
	await tick(20);
	equal(told, []);
	shown(({confirmed, error}) => told.push(confirmed, error.type));
	await tick();
	equal(told, [false, 'no']);
	await api.fireAndForget('x', {}, {optimistic() {}}).result();
});

against('fireAndForget(): no word for too long; told once', [
	accepted, stream(),
], async ({api, seen, time}) => {
	const told = [];
	const job = api.fireAndForget('x', {}, {ttl: 77777, optimistic: () =>
		({confirmed, error}) => told.push(confirmed, error.type)});
	await until(() => seen.length === 2);
	await time.pass(77777);
	equal(told, [false, 'still-running']);
	seen[1].res.write(block(2, 'completed', {result: 8}));
	equal(await job.result(), 8);
	await tick();
	equal(told.length, 2);
});

against('fireAndForget(): five minutes where nobody says', [
	accepted, stream(),
], async ({api, seen, time}) => {
	const told = [];
	const stop = new AbortController();
	api.fireAndForget('x', {}, {signal: stop.signal, optimistic: () =>
		({error}) => told.push(error.type)});
	await until(() => seen.length === 2);
	await time.pass(300000);
	equal(told, ['still-running']);
	stop.abort();
});

against('fireAndForget(): tried on and on, and at once when there is a network', [
	...Array(9).fill(hangUp), problem(503, 'queue-full'), accepted,
	stream(block(2, 'completed', {result: 8})),
], async (on) => {
	const told = [];
	Math.random = () => 1;
	on.api.fireAndForget('x', {}, {key: 'k',
		optimistic: () => (how) => told.push(how)});
	for (const sent of [7, 8, 9, 10]) {
		await until(() => on.seen.length === sent);
		await until(() => on.time.held().length > 2);
		equal(told, []);
		if (sent === 8) {
			on.tab.line(false);
			on.tab.line(true);
		} else {
			await on.time.pass(sent === 7 ? 16000 : 30000);
		}
	}
	await until(() => told.length);
	equal(told, [{confirmed: true, result: 8}]);
	equal(on.time.slept, [250, 500, 1000, 2000, 4000, 8000]);
	equal([ids(on).size, on.api.kept()], [1, []]);
});

against('fireAndForget(): nobody there for its ttl, and not sent after it', [
	...Array(8).fill(hangUp), silence, json(200, 'asked for'),
], async (on) => {
	const told = [];
	const job = on.api.fireAndForget('x', {}, {key: 'k', ttl: 77777,
		optimistic: () => ({confirmed}) => told.push(confirmed)});
	await on.time.pass(15000);
	await until(() => on.seen.length === 9);
	equal(told, []);
	const end = caught(job.result());
	await on.time.pass(77777);
	const e = await end;
	equal([e.type, e.status, told], ['network', 0, [false]]);
	await until(() => on.seen[8].gone);
	await until(() => on.time.all() === 0);
	equal(on.seen.length, 9);
	equal(on.api.kept().length, 1);
	/* who asks again is told how it is, once */
	equal([await job.result(), told, ids(on).size], ['asked for', [false], 1]);
});

against('submit() is given up after its re-sends, whatever is polled for', [
	...Array(8).fill(hangUp),
], async ({connect, url}) => {
	const api = connect({base: url, patience: 1e6});
	equal((await caught(api.submit('x').result())).type, 'network');
});

against('nobody needs to ask for the result', [problem(400, 'no')],
	async ({api, seen}) => {
		api.submit('x');
		await until(() => seen.length === 1);
		await tick(20);
	});

/* ---- the rest of the API */

against('fetch(): the headers, the refresh, and whatever answer there is', [
	problem(401, 'unauthorized'), hangUp, json(404, {a: 1}), hangUp,
	empty(503), empty(503), empty(503),
], async ({connect, url, seen}) => {
	let n = 0;
	const api = connect({base: url, headers: () => ({'x-n': ++n})});
	const answer = await api.fetch('v1/b', {headers: {a: 'b'}});
	equal([answer.status, await answer.json()], [404, {a: 1}]);
	equal(seen.map(({headers}) => [headers.a, headers['x-n']]),
		[['b', '1'], ['b', '2'], ['b', '3']]);
	equal((await caught(api.fetch('v1/b', {method: 'POST'}))).type, 'network');
	equal((await api.fetch('v1/b')).status, 503);
	equal(seen.length, 7);
});

against('fetch(): what is said of one request counts; it can be aborted', [
	json(200, 1), silence,
], async ({connect, url, seen}) => {
	const api = connect({base: url, headers: () => ({a: '1', b: '1'})});
	await api.fetch('x', {headers: {a: '2'}});
	equal([seen[0].headers.a, seen[0].headers.b], ['2', '1']);
	const stop = new AbortController();
	const answer = api.fetch('x', {method: 'POST', signal: stop.signal});
	await until(() => seen.length === 2);
	stop.abort();
	equal((await caught(answer)).name, 'AbortError');
});

against('fetch(): offline it does not wait', [hangUp, hangUp, hangUp],
	async ({api, tab}) => {
		tab.navigator.onLine = false;
		equal((await caught(api.fetch('x'))).type, 'network');
	});

against('jobs(): page after page', [
	json(200, {jobs: [{jobId: 'a', statusUrl: '/api/jobs/a'}], next: 'c 1'}),
	json(200, {jobs: [], next: 'c2'}),
	json(200, {jobs: [{jobId: 'b', statusUrl: '/api/jobs/b'}], next: null}),
	problem(401, 'unauthorized'),
], async ({api, lines}) => {
	const seen = [];
	for await (const job of api.jobs({status: 'failed', api: undefined}))
		seen.push(job);
	equal(seen.map(({jobId}) => jobId), ['a', 'b']);
	equal(lines(), ['GET /api/jobs?status=failed',
		'GET /api/jobs?status=failed&cursor=c+1',
		'GET /api/jobs?status=failed&cursor=c2']);
	equal((await caught(api.jobs().next())).type, 'unauthorized');
});
await done();
