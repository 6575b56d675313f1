/*
 * What the tables hold, read behind the endpoint's back: rows and versions
 * through sqlite3, states through lowtide-jobs as well, and where nobody was
 * told a row's id, the name that is sealed inside.
 *
 * All of it without holding up whoever reads: the upstream that jobs wait for
 * may be in the same process.
 */
import {join} from 'node:path';
import {run} from '../waits.mjs';

const STATES = ['pending', 'processing', 'completed', 'failed', 'cancelled'];

export async function sql(state, text) {
	const out = await run('sqlite3', ['-readonly', '-json',
		'-cmd', '.timeout 5000', join(state, 'jobs.db'), text]);
	return out.trim() ? JSON.parse(out) : [];
}

/* `jobs`: (command, ...args) → the standard output of lowtide-jobs. */
export async function readRows(state, jobs, told) {
	const rows = [];
	for (const {api} of await sql(state, 'select distinct api from _count'))
		for (const r of await sql(state, `select
			hex(head)||hex(key)||hex(mac) as id, state, version,
			attempt, coalesce(hex(owner), '') as owner
			from "${api}"`))
			rows.push({api, version: r.version, owner: r.owner,
				attempt: r.attempt, state: STATES[r.state],
				jobId: `job_${Buffer.from(r.id, 'hex')
					.toString('base64url')}`});
	const listed = JSON.parse(await jobs('ls', '-n', '100000', '--json'));
	const states = new Map(listed.jobs.map(j => [j.jobId, j.status]));
	for (const row of rows) {
		row.listed = states.get(row.jobId);
		if (!told.has(row.jobId))
			row.requestId = JSON.parse(await jobs('show',
				row.jobId, '--json')).requestId;
	}
	return rows;
}

/*
 * The operator's part, while during() goes on: of a job that is held (its
 * worker died, and the call may have arrived) nobody can find out more.
 */
export async function decided(jobs, during) {
	let over = false;
	const operator = (async () => {
		for (; !over; await new Promise(r => setTimeout(r, 500))) {
			const held = JSON.parse(await jobs('ls', '--status',
				'held', '-n', '100000', '--json')).jobs;
			if (!held.length)
				continue;
			console.log(`# ${held.length} held, and decided`);
			await jobs('fail', '--unknown',
				...held.map(j => j.jobId));
		}
	})();
	try {
		await Promise.race([operator, during()]);
	} finally {
		over = true;
		await operator;
	}
}

/* How many are not at their end, without asking the programs. */
export async function openRows(state) {
	const [{n}] = await sql(state, 'select coalesce(sum(n), 0) as n ' +
		'from _count where state between 0 and 1');
	return Number(n);
}

export async function integrity(state) {
	const [found] = await sql(state, 'pragma integrity_check');
	return Object.values(found)[0];
}
