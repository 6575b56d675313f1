/*
 * What the tables hold, read behind the endpoint's back: rows and versions
 * through sqlite3, states through lowtide-jobs as well, and where nobody was
 * told a row's id, the name that is sealed inside.
 */
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';

const STATES = ['pending', 'processing', 'completed', 'failed', 'cancelled'];

function run(program, args) {
	const r = spawnSync(program, args, {encoding: 'utf8',
		maxBuffer: 1 << 28});
	if (r.status !== 0)
		throw new Error(`${program} ${args.join(' ')}: ${r.stderr}`);
	return r.stdout;
}

export function sql(state, text) {
	const out = run('sqlite3', ['-readonly', '-json',
		'-cmd', '.timeout 5000', join(state, 'jobs.db'), text]);
	return out.trim() ? JSON.parse(out) : [];
}

/* `jobs`: (command, ...args) → the standard output of lowtide-jobs. */
export function readRows(state, jobs, told) {
	const apis = sql(state, 'select distinct api from _count')
		.map(r => r.api);
	const rows = apis.flatMap(api => sql(state, `select
		hex(head)||hex(key)||hex(mac) as id, state, version, attempt,
		coalesce(hex(owner), '') as owner
		from "${api}"`).map(r => ({api, version: r.version,
		attempt: r.attempt, owner: r.owner, state: STATES[r.state], jobId: 'job_' +
			Buffer.from(r.id, 'hex').toString('base64url')})));
	const listed = JSON.parse(jobs('ls', '-n', '100000', '--json')).jobs;
	const states = new Map(listed.map(j => [j.jobId, j.status]));
	for (const row of rows) {
		row.listed = states.get(row.jobId);
		if (!told.has(row.jobId))
			row.requestId = JSON.parse(
				jobs('show', row.jobId, '--json')).requestId;
	}
	return rows;
}

/* How many are not at their end, without asking the programs. */
export function openRows(state) {
	return Number(sql(state, 'select coalesce(sum(n), 0) as n from _count ' +
		'where state between 0 and 1')[0].n);
}

export function integrity(state) {
	return Object.values(sql(state, 'pragma integrity_check')[0])[0];
}
