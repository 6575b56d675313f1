/*
 * What a client was told (client.mjs) beside what the tables hold and what the
 * upstream saw. Pure: three lists in, findings out, none when all is well.
 *
 *	log    the journal's lines
 *	rows   {jobId, api, state, version, owner, requestId?}; requestId where
 *	       nobody was ever told the job's id; owner: what the table has for
 *	       one, '' = nobody
 *	calls  the simulator's: {method, path, body, status}
 *	drained  nothing may be on its way any more
 *	limits   {open: {kind: n}, onceMs, onceReopens, failed}: what the
 *	         site promises; onceReopens: a clock was set back; failed:
 *	         statuses that its upstreams' refusals are passed on with
 *	origins  those whose pages may read answers
 */
import {TERMINAL} from './client.mjs';

const OPEN = ['pending', 'processing'];
const ended = line => TERMINAL.includes(line.state);

function groups(items, key) {
	const map = new Map();
	for (const item of items) {
		const k = key(item);
		if (k === undefined)
			continue;
		if (!map.has(k))
			map.set(k, []);
		map.get(k).push(item);
	}
	return map;
}

/* What the contract has for an accepted request's questions. */
const known = {
	again: [200, 201, 202, 502, 503, 504],
	list: [200, 502, 503, 504],
	foreign: [401, 404, 502, 503, 504], /* 401: of no owner there */
	look: [200, 429, 502, 503, 504],
	longPoll: [200, 304, 429, 502, 503, 504],
	result: [200, 201, 202, 502, 503, 504],
	cancel: [200, 202, 502, 503, 504],
};
const cancelled = a => a.status === 409 && a.state === 'cancelled' &&
	['again', 'result'].includes(a.ask);
/* an accept that was not taken: quotas, a queue, another's resource */
const refused = a => a.ask === 'again' && !a.state && (
	a.status === 429 && /rate-limited/.test(a.problem) ||
	a.status === 503 && /queue-full/.test(a.problem) ||
	a.status === 409 && a.slot && /id-conflict/.test(a.problem));
const consumed = a => a.status === 410 && a.kind === 'once' &&
	/result-consumed/.test(a.problem);
/* its upstream wants another credential; the job rests */
const rests = a => a.status === 401 && a.kind === 'renewed' &&
	['pending', 'processing'].includes(a.state);
/* the web server's word, asked to change something by a page not of `origins` */
const borrowed = ({login, page, ask}, origins) => login && page &&
	!origins.includes(page) && ['again', 'cancel'].includes(ask);
const mayBe = a => known[a.ask]?.includes(a.status) || cancelled(a) ||
	refused(a) || consumed(a) || rests(a);
/* those whose effect is to be there once, and those that may be repeated */
const ONE_CALL = ['return', 'once', 'renewed', 'desk', 'open'];
const MANY_CALLS = ['bundle', 'slot'];

/*
 * When each job was open beyond doubt: from the first answer that said so to
 * the moment the last such one was asked for.
 */
function surelyOpen(byName, names) {
	const spans = [];
	for (const [name, lines] of byName) {
		const open = lines.filter(a => a.state && !ended(a) &&
			a.what === 'answer' && a.ask !== 'foreign');
		const from = Math.min(...open.map(a => a.t));
		const to = Math.max(...open.map(a => a.from));
		if (open.length && to > from)
			spans.push({name, from, to, ...names.get(name)});
	}
	return spans;
}

/* Each check: (world) → findings. The unit test walks this table. */
export const checks = {
	/* every answer is one that its question has */
	answersKnown: ({answers, limits, origins}) => answers
		.filter(a => !mayBe(a) && !(a.status === 401 &&
			borrowed(a, origins)) && !(a.state === 'failed' &&
			['again', 'result'].includes(a.ask) &&
			limits.failed?.includes(a.status)))
		.map(a => `${a.name}: ${a.ask} was answered ${a.status}`),

	/* a 202 has exactly one row */
	acceptedHasRow({byName, rowsById}) {
		const found = [];
		for (const [name, lines] of byName)
			for (const id of new Set(lines.map(a => a.jobId)
				.filter(Boolean))) {
				const n = rowsById.get(id)?.length ?? 0;
				if (n !== 1)
					found.push(`${name}: told ${id}, ` +
						`which has ${n} rows`);
			}
		return found;
	},

	/* a name is one job, whoever asks again */
	nameIsOneJob({byName}) {
		const found = [];
		for (const [name, lines] of byName) {
			const ids = new Set(lines.map(a => a.jobId)
				.filter(Boolean));
			if (ids.size > 1)
				found.push(`${name}: ${[...ids].join(' and ')}`);
		}
		return found;
	},

	/* no answer is another request's */
	answerIsOnesOwn: ({answers}) => answers.flatMap(a => [
		/* by what the job says of itself; a trace's id names no job */
		(a.jobId || a.ask === 'again') && a.requestId &&
			a.requestId !== (a.wire ?? a.name) &&
			`${a.name}: x-request-id ${a.requestId}`,
		a.jobId && a.inside && a.inside !== (a.wire ?? a.name) &&
			`${a.name}: a document of ${a.inside}`,
		a.jobAsked && a.jobId && a.jobAsked !== a.jobId &&
			`${a.name}: asked for ${a.jobAsked}, got ${a.jobId}`,
		a.kind === 'bundle' && a.bundleId && a.bundleId !== a.key &&
			`${a.name}: the result of ${a.bundleId}`,
	].filter(Boolean)),

	/* the same end for everybody, and the table's */
	oneEnd({byName, rowOf}) {
		const found = [];
		for (const [name, lines] of byName) {
			const ends = lines.filter(ended);
			const states = new Set(ends.map(a => a.state));
			const times = new Set(ends.map(a => a.endedAt)
				.filter(Boolean));
			const row = rowOf(name);
			if (states.size > 1 || times.size > 1)
				found.push(`${name}: ended as ${[...states,
					...times].join(' and ')}`);
			else if (states.size && row && !states.has(row.state))
				found.push(`${name}: seen ${[...states]}, but ` +
					`the table says ${row.state}`);
		}
		return found;
	},

	/* whoever asks after an end was seen sees an end */
	endsStay({byName}) {
		const found = [];
		for (const [name, lines] of byName) {
			const end = Math.min(...lines.filter(ended)
				.map(a => a.t));
			for (const a of lines)
				if (a.from > end && a.state && !ended(a))
					found.push(`${name}: ${a.state} after ` +
						'it had ended');
		}
		return found;
	},

	/* versions only grow, for questions asked one after the other */
	versionsGrow({byName, rowOf}) {
		const found = [];
		for (const [name, lines] of byName) {
			let newest = 0;
			const seen = lines.filter(a => a.version);
			const asked = [...seen].sort((a, b) => a.from - b.from);
			const came = [...seen].sort((a, b) => a.t - b.t);
			for (const a of asked) {
				while (came.length && came[0].t < a.from)
					newest = Math.max(newest,
						came.shift().version);
				if (a.version < newest)
					found.push(`${name}: version ` +
						`${a.version} after ${newest}`);
			}
			const row = rowOf(name);
			for (const a of seen)
				if (row && a.version > row.version)
					found.push(`${name}: version ` +
						`${a.version}, but the table ` +
						`has ${row.version}`);
		}
		return found;
	},

	/* a row comes of a request that was sent, and each name has one */
	rowsWereSent({rows, names, nameOf}) {
		const found = [], taken = new Map();
		for (const row of rows) {
			const name = nameOf(row);
			if (!names.has(name))
				found.push(`${row.jobId}: nobody sent ${name}`);
			else if (taken.has(name))
				found.push(`${name}: rows ${row.jobId} and ` +
					taken.get(name));
			taken.set(name, row.jobId);
		}
		return found;
	},

	/* a return reaches the tax service at most once; done is once */
	returnsOnce({names, arrivals, rowOf}) {
		const found = [];
		for (const [name, {kind, key}] of names) {
			if (!ONE_CALL.includes(kind))
				continue;
			const n = arrivals.get(key)?.length ?? 0;
			const state = rowOf(name)?.state;
			if (n > 1)
				found.push(`${name}: ${key} arrived ${n} times`);
			if (state === 'completed' && n !== 1)
				found.push(`${name}: completed, ${key} arrived ` +
					`${n} times`);
			if (n && (state === undefined || state === 'cancelled'))
				found.push(`${name}: ${key} arrived, the row ` +
					`is ${state}`);
		}
		return found;
	},

	/* who did not ask for an end does not get it */
	cancelledWasAsked({rows, asked}) {
		return rows.filter(r => r.state === 'cancelled' &&
			!asked.has(r.jobId))
			.map(r => `${r.jobId}: cancelled by nobody`);
	},

	/* what may be repeated is done, however often it was tried */
	bundlesDone({names, rowOf, calls, drained}) {
		const put = new Set(calls.filter(c => c.method === 'PUT')
			.map(c => c.path));
		const found = [];
		for (const [name, {kind}] of names) {
			const row = MANY_CALLS.includes(kind) ? rowOf(name) :
				undefined;
			if (row?.state === 'completed' &&
				!put.has(`/bundles/${row.jobId}`))
				found.push(`${name}: completed, never called`);
			if (drained && row?.state === 'failed' &&
				row.attempt < 2)
				found.push(`${name}: failed at once`);
		}
		return found;
	},

	/* nothing else arrived than what was sent */
	callsWereSent({calls, names, rows}) {
		const keys = new Set([...names.values()].map(n => n.key));
		const ids = new Set(rows.map(r => `/bundles/${r.jobId}`));
		return calls.filter(c => c.method === 'POST' ?
			!keys.has(periodOf(c)) : !ids.has(c.path))
			.map(c => `${c.method} ${c.path} was never sent`);
	},

	/* who asks for another's is told as one who asks for nothing */
	ownersApart({answers, told, idToName, names}) {
		const his = (id, owner) => {
			const of = names.get(idToName.get(id))?.owner;
			return of === undefined || of === owner;
		};
		return [...answers.filter(a => a.ask === 'foreign' &&
			(a.jobId || a.state || a.version))
			.map(a => `${a.name}: told to ${a.by}`),
		...answers.filter(a => a.holder && !his(a.holder, a.owner))
			.map(a => `${a.name}: kept out by ${a.holder}`),
		...answers.filter(a => a.ask === 'list').flatMap(a =>
			(a.ids ?? []).filter(id => !his(id, a.owner))
				.map(id => `${id}: in the list of ${a.owner}`)),
		...told.filter(a => a.over === 'owner' && !his(a.jobId, a.owner))
			.map(a => `${a.jobId}: in the stream of ${a.owner}`),
		...told.filter(a => a.over === 'job' && a.jobAsked !== a.jobId)
			.map(a => `${a.jobAsked}: its stream told ${a.jobId}`)];
	},

	/* the table has one owner for one who asks, and for him alone */
	ownersInRows({rows, names, nameOf}) {
		const of = new Map(), found = [];
		for (const row of rows) {
			const owner = names.get(nameOf(row))?.owner ?? '';
			for (const pair of [`is ${row.owner ?? ''}`,
				`has ${owner}`]) {
				const other = pair.startsWith('is') ? owner :
					row.owner ?? '';
				if ((of.get(pair) ?? other) !== other)
					found.push(`${row.jobId}: ${owner} as ` +
						`${row.owner}`);
				of.set(pair, other);
			}
		}
		return found;
	},

	/* in one stream, each job's version only grows */
	streamsGrow({told}) {
		const newest = new Map();
		return told.filter(a => {
			const job = `${a.stream} ${a.jobId}`;
			const before = newest.get(job) ?? 0;
			newest.set(job, a.version);
			return a.version <= before;
		}).map(a => `${a.jobId}: told ${a.version} in stream ` +
			`${a.stream} again or too late`);
	},

	/*
	 * A job's stream that came to its own end has told the job's; an
	 * owner who follows to the end (of drained) has heard each one's
	 */
	streamsTellAll({log, told, rows, nameOf, names, drained}) {
		const found = [];
		const ends = new Set(told.filter(ended)
			.map(a => `${a.stream} ${a.jobId}`));
		for (const s of log.filter(l => l.what === 'stream'))
			if (s.over === 'job' && s.clean && s.status === 200 &&
				!s.cut && !ends.has(`${s.stream} ${s.jobAsked}`))
				found.push(`${s.jobAsked}: stream ${s.stream} ` +
					'ended before it had');
		const heard = groups(told.filter(a => a.over === 'owner'),
			a => a.owner);
		for (const row of drained ? rows : []) {
			const {owner} = names.get(nameOf(row)) ?? {};
			const last = heard.get(owner)?.findLast(
				a => a.jobId === row.jobId);
			if (heard.has(owner) && last?.state !== row.state)
				found.push(`${row.jobId}: ${owner} was last ` +
					`told ${last?.state}`);
		}
		return found;
	},

	/* what may be read once is, within its time and nowhere else */
	onceIsOnce({answers, told, byName, limits}) {
		const found = [...answers.filter(a => a.secret &&
			!['again', 'result'].includes(a.ask)),
		...told.filter(a => a.secret)]
			.map(a => `${a.jobId ?? a.name}: its result in ` +
				`${a.ask ?? 'a stream'}`);
		for (const [name, lines] of byName) {
			const read = lines.filter(a => a.secret);
			const first = Math.min(...read.map(a => a.t));
			const gone = Math.min(...lines.filter(consumed)
				.map(a => a.t));
			for (const a of read)
				if (a.from > first + limits.onceMs ||
					a.from > gone && !limits.onceReopens)
					found.push(`${name}: read again`);
		}
		return found;
	},

	/* the same result in each answer that has it */
	resultsSame({byName}) {
		const found = [];
		for (const [name, lines] of byName) {
			const all = new Set(lines.map(a => a.digest)
				.filter(Boolean));
			if (all.size > 1)
				found.push(`${name}: ${all.size} results`);
		}
		return found;
	},

	/*
	 * who was refused and nothing else has no row; who was taken once is
	 * not refused afterwards
	 */
	refusedHasNoRow({byName, sent, rowOf}) {
		const found = [];
		for (const [name, lines] of byName) {
			const taken = Math.min(...lines.filter(a => a.jobId ||
				a.state).map(a => a.t));
			const no = lines.filter(refused);
			if (no.length && no.length === sent.get(name)?.length &&
				rowOf(name))
				found.push(`${name}: refused, and has a row`);
			for (const a of no)
				if (a.from > taken)
					found.push(`${name}: ${a.status} after ` +
						'it was accepted');
		}
		return found;
	},

	/* one owner's resource has one open job */
	resourcesApart({spans}) {
		const found = [];
		for (const [slot, list] of groups(spans, s => s.slot &&
			`${s.owner} ${s.slot}`)) {
			list.sort((a, b) => a.from - b.from);
			for (let i = 1; i < list.length; i++)
				if (list[i].from < list[i - 1].to)
					found.push(`${slot}: ${list[i].name} ` +
						`beside ${list[i - 1].name}`);
		}
		return found;
	},

	/* nobody has more open at once than he may */
	quotasKept({spans, limits}) {
		const found = [];
		for (const [kind, most] of Object.entries(limits.open))
			for (const [owner, list] of groups(spans.filter(
				s => s.kind === kind), s => s.owner ?? ''))
				for (const at of list) {
					const n = list.filter(s => s.from <=
						at.from && at.from < s.to).length;
					if (n > most)
						found.push(`${owner}: ${n} of ` +
							`${kind} at once`);
				}
		return found;
	},

	/* who is to come again is told when, and not in an hour */
	retryTold: ({answers, limits}) => answers.filter(a =>
		(a.retry !== undefined || a.status === 202 || a.status === 429 ||
			a.status === 503) && a.ask !== 'foreign' &&
		!(limits.failed?.includes(a.status) && a.state === 'failed') &&
		!/^([1-9]|[1-5][0-9]|60)$/.test(a.retry))
		.map(a => `${a.name}: ${a.ask}, ${a.status}, ` +
			`Retry-After: ${a.retry}`),

	/* a page of the site may read each answer, and no other page */
	originsTold: ({answers, origins}) => answers.filter(a => a.page &&
		a.origin !== (origins.includes(a.page) ? a.page : undefined))
		.map(a => `${a.name}: ${a.ask} of ${a.page}, for ${a.origin}`),

	/* what a browser adds by itself counts for no page from elsewhere */
	loginsStayHome: ({answers, origins}) => answers.filter(a =>
		borrowed(a, origins) && ![401, 502, 503, 504].includes(a.status))
		.map(a => `${a.name}: ${a.ask} of ${a.page}, ${a.status}`),

	/* every row is in a state, and at the end in a last one */
	rowsEnd: ({rows, drained}) => rows
		.filter(r => !TERMINAL.includes(r.state) &&
			(drained || !OPEN.includes(r.state)))
		.map(r => `${r.jobId}: ${r.state} in the end`),
};

function periodOf(call) {
	try {
		return JSON.parse(call.body).periodKey;
	} catch {
		return undefined;
	}
}

const UNLIMITED = {open: {}, onceMs: Infinity};

export function compare({log, rows, calls, drained = true, limits = UNLIMITED,
	origins = []}) {
	const answers = log.filter(l => l.what === 'answer');
	const names = new Map(log.filter(l => l.what === 'send').map(l =>
		[l.name, {kind: l.kind, key: l.key, owner: l.owner, slot: l.slot,
			wire: l.wire}]));
	const own = answers.filter(a => a.ask !== 'foreign' && a.ask !== 'list');
	const idToName = new Map(own.filter(a => a.jobId)
		.map(a => [a.jobId, a.name]));
	const told = log.filter(l => l.what === 'told');
	/* of whom nobody was told: by owner, and by what was sent */
	const ownerIs = new Map(rows.filter(r => idToName.has(r.jobId)).map(r =>
		[r.owner ?? '', names.get(idToName.get(r.jobId))?.owner ?? '']));
	const byWire = new Map([...names].map(([name, {wire, owner = ''}]) =>
		[`${wire ? owner : ''} ${wire ?? name}`, name]));
	const nameOf = r => idToName.get(r.jobId) ??
		byWire.get(`${ownerIs.get(r.owner ?? '')} ${r.requestId}`) ??
		byWire.get(` ${r.requestId}`) ?? r.requestId;
	const rowByName = new Map(rows.map(r => [nameOf(r), r]));
	const heard = told.filter(a => idToName.has(a.jobId)).map(a => {
		const name = idToName.get(a.jobId);
		return {...a, name, ...names.get(name)};
	});
	const byName = groups([...own, ...heard], a => a.name);
	const world = {log, rows, calls, drained, limits, origins, answers, told,
		names, idToName, nameOf, byName,
		spans: surelyOpen(byName, names),
		/* also where the answer was lost */
		asked: new Set(log.filter(l => l.ask === 'cancel')
			.map(l => l.jobAsked)),
		sent: groups(log.filter(l => l.what === 'send'), l => l.name),
		rowsById: groups(rows, r => r.jobId),
		arrivals: groups(calls.filter(c => c.method === 'POST'),
			periodOf),
		rowOf: name => rowByName.get(name)};
	return Object.entries(checks).flatMap(([check, run]) =>
		run(world).map(text => ({check, text})));
}

/* In figures, for the report. */
export function figures({log, rows, calls}) {
	const n = what => log.filter(l => l.what === what).length;
	const told = new Set(log.map(l => l.jobId).filter(Boolean)).size;
	const states = [...groups(rows, r => r.state)]
		.map(([s, list]) => `${list.length} ${s}`).join(', ');
	const no = log.filter(l => l.what === 'answer' && refused(l)).length;
	const foreign = log.filter(l => l.ask === 'foreign').length;
	return `${n('send')} sent, ${n('answer')} answers compared, ` +
		`${n('told')} events, ${no} refused, ${foreign} foreign, ` +
		`${n('lost')} lost, ${told} jobs told, ${rows.length} rows ` +
		`(${states}), ${calls.length} calls upstream`;
}
