/*
 * Somebody who looks after the line while it is broken, with lowtide-jobs and
 * the upstream's record: held jobs that were done are completed, those that
 * never arrived are released, others fail. APIs are paused and go on, jobs are
 * cancelled. What was decided is written down: {t, id, act}.
 */
import {writeFileSync} from 'node:fs';
import {pause} from './client.mjs';

const ACTS = {release: [], fail: ['-m', 'It was not done.']};

/* What to say of a held job, by what its upstream knows. */
export function decide(record, id) {
	const mine = record.filter(l => l.what === 'arrival' && l.id === id);
	const status = a => record.find(l => l.what === 'answer' &&
		l.n === a.n)?.status;
	const left = mine.filter(a => status(a) !== 429);
	return left.some(a => a.done) ? 'complete' :
		left.length ? 'fail' : 'release';
}

export class Operator {
	constructor(world, draw, apis) {
		Object.assign(this, {world, draw, apis, decisions: [],
			pauses: 0, cancels: 0, busy: undefined});
		writeFileSync(world.at('receipt.json'), '{"by":"hand"}');
	}

	/* `at`: what it waits for, for whoever waits for it. */
	async jobs(...args) {
		this.at = `lowtide-jobs ${args.join(' ')}`;
		const said = await this.world.jobs(...args);
		this.at = 'nothing';
		return said;
	}

	/* Each told what was done, or why not: the others have ended since. */
	async say(act, ids, ...options) {
		const t = Date.now();
		const text = await this.jobs(act, ...ids, '--json', ...options)
			.catch(e => e.stdout ?? '');
		for (const id of text ? JSON.parse(text).done : [])
			this.decisions.push({t, id, act});
	}

	/* One that was stopped may have the turn for longer than it is waited for. */
	async insist(...args) {
		for (let left = 20; ; left--)
			try {
				return await this.jobs(...args);
			} catch (e) {
				if (!left)
					throw e;
				await pause(250);
			}
	}

	async decideHeld() {
		const {jobs} = JSON.parse(await this.insist('ls',
			'--status', 'held', '-n', '1000', '--json'));
		if (!jobs.length)
			return;
		const record = this.world.record();
		const by = {release: [], complete: [], fail: []};
		for (const {jobId} of jobs)
			by[decide(record, jobId)].push(jobId);
		for (const [act, ids] of Object.entries(by))
			if (ids.length)
				await this.say(act, ids, ...ACTS[act] ??
					['--result', this.world.at('receipt.json')]);
	}

	async pauseOne() {
		const api = this.draw.of(this.apis);
		await this.insist('pause', api);
		this.pauses++;
		await pause(200 * this.draw.real());
		await this.insist('resume', api);
	}

	async cancelOne() {
		const {jobs} = JSON.parse(await this.insist('ls',
			'-n', '20', '--json'));
		const open = jobs.filter(j =>
			['pending', 'processing'].includes(j.status));
		if (!open.length)
			return;
		const id = this.draw.of(open).jobId;
		this.world.journal.write({what: 'operator', t: Date.now(),
			ask: 'cancel', jobAsked: id});
		this.cancels++;
		/* it may have ended meanwhile */
		await this.jobs('cancel', id).catch(() => {});
	}

	/* Until stop(). */
	async work(stop) {
		for (let i = 0; !stop(); i++) {
			await this.decideHeld();
			if (!this.resting && i % 5 === 2)
				await this.pauseOne();
			if (!this.resting && i % 5 === 4)
				await this.cancelOne();
			await pause(250);
		}
	}
}
