/*
 * What a client was told (client.mjs) beside what the tables hold and what the
 * upstream saw. Pure: three lists in, findings out, none when all is well.
 *
 *	log    the journal's lines
 *	rows   {jobId, api, state, version, requestId?}; requestId where nobody
 *	       was ever told the job's id
 *	calls  the simulator's: {method, path, body, status}
 *	drained  nothing may be on its way any more
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
	look: [200, 429, 502, 503, 504],
	longPoll: [200, 304, 429, 502, 503, 504],
	result: [200, 201, 202, 502, 503, 504],
	cancel: [200, 202, 502, 503, 504],
};
const cancelled = a => a.status === 409 && a.state === 'cancelled' &&
	['again', 'result'].includes(a.ask);

/* Each check: (world) → findings. The unit test walks this table. */
export const checks = {
	/* every answer is one that its question has */
	answersKnown: ({answers}) => answers
		.filter(a => !known[a.ask]?.includes(a.status) && !cancelled(a))
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
			a.requestId !== a.name &&
			`${a.name}: x-request-id ${a.requestId}`,
		a.jobId && a.inside && a.inside !== a.name &&
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
	rowsWereSent({rows, names, idToName}) {
		const found = [], taken = new Map();
		for (const row of rows) {
			const name = idToName.get(row.jobId) ?? row.requestId;
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
			if (kind !== 'return')
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
			const row = kind === 'bundle' ? rowOf(name) : undefined;
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

export function compare({log, rows, calls, drained = true}) {
	const answers = log.filter(l => l.what === 'answer');
	const names = new Map(log.filter(l => l.what === 'send')
		.map(l => [l.name, {kind: l.kind, key: l.key}]));
	const idToName = new Map(answers.filter(a => a.jobId)
		.map(a => [a.jobId, a.name]));
	const rowByName = new Map(rows.map(r =>
		[idToName.get(r.jobId) ?? r.requestId, r]));
	const world = {rows, calls, drained, answers, names, idToName,
		byName: groups(answers, a => a.name),
		/* also where the answer was lost */
		asked: new Set(log.filter(l => l.ask === 'cancel')
			.map(l => l.jobAsked)),
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
	return `${n('send')} sent, ${n('answer')} answers compared, ` +
		`${n('lost')} lost, ${told} jobs told, ${rows.length} rows ` +
		`(${states}), ${calls.length} calls upstream`;
}
