/*
 * Was anything done twice that must not be, was anything lost, is what clients
 * are told what the upstream knows? Judged from outside, by what arrived
 * (work-upstream.mjs), what the programs wrote, what was done to the processes
 * and what the operator said, beside the rows. Pure: lists in, findings out.
 *
 *	apis       {name: {once, concurrency, exec, upstream}}
 *	rows       {jobId, api, state, reason, attempt, held, accepted, ended}
 *	record     the upstream's lines, in the order in which they were written
 *	programs   {what, id, attempt, instance}
 *	signals    {t, until?, instance, signal}: KILL, STOP (until: it goes on)
 *	           and TERM, which a worker outlives as long as it needs
 *	decisions  {t, id, act}: release, complete, fail, that were done
 *	cancels    {t, id}: that it be cancelled was asked, at t or later
 *	strayed    ids of which a worker said that it lost them while it lived
 *	rate       {count, perMs, burst, api}
 */
const REASONS = ['', 'upstream-refused', 'upstream-error', 'upstream-timeout',
	'deadline-exceeded', 'outcome-unknown', 'job-failed'];
/* so long after an answer a worker that is killed should have written it */
const WRITTEN_MS = 3000;
/* so long after it was stopped one may have sent what it had in hand */
const LATE_MS = 500;
/* so long before what it hears now a worker may have looked at its clock */
const HEARD_MS = 500;
/* so long after a caller went that is known */
const KNOWN_MS = 200;

function groups(items, key) {
	const map = new Map();
	for (const item of items) {
		const k = key(item);
		if (!map.has(k))
			map.set(k, []);
		map.get(k).push(item);
	}
	return map;
}

/* Arrivals, each with what became of it: answer, sent, gone. */
function arrivalsOf(record) {
	const byNumber = new Map();
	for (const l of record)
		if (l.what === 'arrival')
			byNumber.set(l.n, {...l});
		else if (byNumber.has(l.n))
			byNumber.get(l.n)[l.what] = l;
	return [...byNumber.values()];
}

export const checks = {
	/* the point of it all: what may have been done is not sent again */
	neverTwice({apis, byJob}) {
		const found = [];
		for (const [id, list] of byJob) {
			if (!apis[list[0].api]?.once)
				continue;
			const most = list.filter(a =>
				a.answer?.status !== 429).length;
			if (most > 1)
				found.push([id, `arrived ${list.length} times, ` +
					`${most} of them for good`]);
			else if (most && list.at(-1).answer?.status === 429)
				found.push([id, 'arrived after it had']);
		}
		return found;
	},

	/* who was not heard saying "not now" did not say it, but to operators */
	unheardIsNotAgain({apis, byJob, released}) {
		const found = [];
		for (const [id, list] of byJob)
			for (let i = 1; apis[list[0].api]?.once &&
				i < list.length; i++)
				if (!list[i - 1].sent && !released.has(id))
					found.push([id, 'arrived again, and its ' +
						'first answer had not left']);
		return found;
	},

	/* a connection that another call was on may break under this one */
	ownConnections: ({apis, arrivals}) => arrivals
		.filter(a => apis[a.api]?.once && !a.first)
		.map(a => [a.id, `not the first on connection ${a.conn}`]),

	/* nothing arrives that has no row, or under another's name */
	arrivalsHaveRows: ({arrivals, rowOf}) => arrivals
		.filter(a => rowOf.get(a.id)?.api !== a.api)
		.map(a => [a.id, `arrived at ${a.api}, its row is of ` +
			`${rowOf.get(a.id)?.api}`]),

	/* every row is at its end, and none waits for an operator */
	rowsEnd: ({rows}) => rows.filter(r => r.held ||
		!['completed', 'failed', 'cancelled'].includes(r.state))
		.map(r => [r.jobId, `${r.state}${r.held ? ', held' : ''}`]),

	/* who is told that it was done: it was, or an operator said so */
	completedWasDone: ({rows, apis, byJob, byProgram, completed}) =>
		rows.filter(r => r.state === 'completed' &&
			!completed.has(r.jobId) && !(apis[r.api].exec ?
			byProgram.get(r.jobId)?.some(p => p.what === 'done') :
			byJob.get(r.jobId)?.some(a => a.done)))
			.map(r => [r.jobId, 'completed, and never done']),

	/* who is told that it was not is told the truth */
	cancelledWasNot: ({rows, apis, byJob, byProgram}) => rows
		.filter(r => r.state === 'cancelled' && apis[r.api].once &&
			(byJob.get(r.jobId)?.some(a => a.done) ||
			byProgram.get(r.jobId)?.some(p => p.what === 'start')))
		.map(r => [r.jobId, 'cancelled, and done']),
	refusedWasRefused: ({rows, byJob, decided}) => rows
		.filter(r => r.state === 'failed' && !decided.has(r.jobId) && {
			'upstream-refused': list => !list.some(a =>
				[422, 429].includes(a.answer?.status)),
			'upstream-error': list => list.length &&
				!list.some(a => a.answer?.status >= 500),
		}[REASONS[r.reason]]?.(byJob.get(r.jobId) ?? []))
		.map(r => [r.jobId, `failed, ${REASONS[r.reason]}, which nobody ` +
			'said']),

	/* what a worker that lived was told is what clients are told */
	toldIsKept({apis, rows, byJob, lives, strayed, decided}) {
		const found = [];
		for (const r of rows) {
			const last = byJob.get(r.jobId)?.at(-1);
			if (!last || !last.sent || last.answer.half ||
				!apis[r.api].once || r.api === 'polled' ||
				strayed.has(r.jobId) || decided.has(r.jobId) ||
				!lives(last.instance, last.t,
					last.sent.t + WRITTEN_MS))
				continue;
			const {status} = last.answer;
			const is = `${r.state} ${REASONS[r.reason]}`.trim();
			const not = status < 300 ? 'completed' : status === 422 ?
				'failed upstream-refused' : status === 429 ? is :
					'failed upstream-error';
			if (is !== not)
				found.push([r.jobId, `answered ${status}, which ` +
					`a worker heard: ${is}`]);
		}
		return found;
	},

	/*
	 * Nobody knows: only where somebody died, or the upstream said nothing,
	 * or a program was told to stop before it could write a word.
	 */
	unknownHasCause({rows, apis, byJob, byProgram, record, signals, lives,
		strayed, decided, cancels}) {
		const found = [];
		const shut = record.filter(l => l.what === 'shut');
		const died = signals.filter(s => s.signal !== 'SIGTERM');
		const within = (list, from, to) => list.some(s =>
			s.t <= to && (s.until ?? s.t) >= from);
		for (const r of rows) {
			if (REASONS[r.reason] !== 'outcome-unknown' ||
				decided.has(r.jobId) || strayed.has(r.jobId))
				continue;
			const last = byJob.get(r.jobId)?.at(-1);
			const ran = (byProgram.get(r.jobId) ?? [])
				.filter(p => p.what === 'start');
			const heard = a => a.sent && !a.answer.half &&
				lives(a.instance, a.t, a.sent.t + WRITTEN_MS);
			const stopped = () => cancels.some(c =>
				c.id === r.jobId && c.t <= r.ended);
			/* "not now": what came next is not here */
			const open = !last || last.answer?.status === 429;
			const from = last?.t ?? r.accepted;
			const caused = within(died, from, r.ended) ||
				(apis[r.api].exec ? stopped() :
					within(shut, from, r.ended + HEARD_MS));
			const told = (!last || heard(last)) &&
				!(open && caused);
			if (!apis[r.api].once)
				found.push([r.jobId, 'unknown, and it may be ' +
					'repeated']);
			else if (r.api !== 'polled' && !ran.length && told)
				found.push([r.jobId, 'unknown, without a cause']);
		}
		return found;
	},

	/* an operation is polled because it was begun */
	pollsHaveOperations: ({record, byJob}) => record
		.filter(l => l.what === 'poll' && !byJob.get(l.id)?.some(a =>
			a.api === 'polled' && a.answer?.status === 202))
		.map(l => [l.id, 'polled, and never begun']),

	/* a program that may have run does not run again */
	programsOnce({apis, rowOf, byProgram}) {
		const found = [];
		for (const [id, list] of byProgram) {
			const starts = list.filter(p => p.what === 'start');
			const row = rowOf.get(id);
			if (!row)
				found.push([id, 'a program ran for no row']);
			else if (apis[row.api].once && starts.length > 1)
				found.push([id, `ran ${starts.length} times`]);
			if (new Set(starts.map(p => p.attempt)).size !==
				starts.length)
				found.push([id, 'ran twice in one attempt']);
		}
		return found;
	},

	/*
	 * In any stretch of time no more than the rate and what was on its way;
	 * but what arrives of one that is dead, or was stopped, is late.
	 */
	ratesKept({arrivals, rate, apis, lives}) {
		const times = arrivals.filter(a => a.api === rate.api &&
			lives(a.instance, a.t - LATE_MS, a.t)).map(a => a.t)
			.sort((a, b) => a - b);
		const atOnce = rate.burst + apis[rate.api].concurrency;
		for (let i = 0; i < times.length; i++)
			for (let j = i + atOnce; j < times.length; j++) {
				const ms = times[j] - times[i];
				if (j - i + 1 > atOnce +
					rate.count * ms / rate.perMs)
					return [[undefined, `${j - i + 1} calls ` +
						`in ${ms} ms of ${rate.api}`]];
			}
		return [];
	},

	/*
	 * At once no more than declared, of those whose worker lives. One ends
	 * before its answer leaves, or when its caller gave up, which may be
	 * known a little later than what he does next.
	 */
	concurrencyKept({apis, arrivals, lives, strayed}) {
		const found = [];
		for (const [api, list] of groups(arrivals, a => a.api)) {
			let open = [];
			for (const a of list) {
				open = open.filter(o => lives(o.instance, o.t,
					a.t) && (o.answer ? o.answer.at > a.at :
					o.gone?.t > a.t + KNOWN_MS));
				if (!strayed.has(a.id) &&
					lives(a.instance, a.t, a.t))
					open.push(a);
				if (open.length > apis[api]?.concurrency)
					found.push([a.id, `${open.length} at once ` +
						`of ${api}`]);
			}
		}
		return found;
	},
};

export function judge(evidence) {
	const {rows, signals, decisions} = evidence;
	/* where in the record: of two in one millisecond */
	const record = evidence.record.map((l, at) => ({...l, at}));
	const arrivals = arrivalsOf(record);
	const said = act => new Set(decisions.filter(d => d.act === act)
		.map(d => d.id));
	const marks = groups(signals.filter(s => s.signal !== 'SIGTERM'),
		s => s.instance);
	const world = {...evidence, record, arrivals,
		byJob: groups(arrivals, a => a.id),
		byProgram: groups(evidence.programs, p => p.id),
		rowOf: new Map(rows.map(r => [r.jobId, r])),
		released: said('release'), completed: said('complete'),
		decided: new Set(decisions.map(d => d.id)),
		/* neither dead nor stopped in that time */
		lives: (instance, from, to) => !(marks.get(instance) ?? [])
			.some(s => s.t <= to && (s.until ?? Infinity) >= from)};
	return Object.entries(checks).flatMap(([check, run]) => run(world)
		.map(([id, text]) => ({check, id, text: `${id ?? ''} ${text}`})));
}
