/*
 * GET of jobs' status documents beside what nginx can do alone: completed ones
 * with their result of 256 bytes, pending ones, and unchanged ones (304). The
 * owner is one that the web server says; what it costs nginx to check his
 * password, and the endpoint his token, are rows of their own.
 *
 * HOT jobs take turns, so that caches are as warm as those of the file and of
 * the peers, who are asked for one alone; what it costs when any of JOBS may be
 * next is a row of its own. The endpoint is one that lets them be looked up as
 * often as this (--unpaced).
 */
import {at, basic, bearer, fill, startLine} from '../line.mjs';
import {get, requests, shuffled, sideBySide} from '../web.mjs';

export const help = 'status look-ups beside nginx\'s own static file';
const JOBS = Number(process.env.JOBS ?? 100000);
const HOT = 64;

export async function measure(bench) {
	const peers = await bench.peers('lookup');
	const state = at('looked-up');
	bench.progress('writing the jobs that are looked up');
	const all = shuffled(await fill(state, JOBS));
	const jobs = all.slice(0, HOT);
	const open = await fill(state, HOT, {api: 'noop', pending: true});
	const tokens = await fill(state, HOT, {api: 'token'});
	const line = await startLine({...peers.conf, state, unpaced: true});
	const ask = async (name, list, {watch = line.watch, note} = {}) => {
		const [{path, headers = {}}] = list;
		const r = await fetch(line.url + path, {headers});
		const {length} = await r.text();
		const script = requests(name.replace(/\W+/g, '-'), list);
		return {name, watch, note: [r.status, `${length} bytes`,
			...note ? [note] : []].join(', '),
		once: seconds => get(`${line.url}/`, {seconds, script})};
	};
	const alone = {watch: {nginx: line.watch.nginx}};
	const withHeaders = (list, f) => list.map(job =>
		({path: job.path, headers: f(job)}));
	const token = await bearer();
	const table = await sideBySide(bench, [
		await ask('static file', [{path: '/static/file.json'}], alone),
		await ask('nginx return 200', [{path: '/return'}], alone),
		await ask('look-up, completed', jobs),
		await ask('look-up, any of many', all,
			{note: `${JOBS} jobs`}),
		await ask('look-up, pending', open),
		await ask('look-up, 304', withHeaders(jobs,
			({etag}) => ({'if-none-match': etag}))),
		await ask('look-up, password', withHeaders(jobs, () => basic),
			{note: 'checked by nginx (auth_basic)'}),
		await ask('look-up, bearer', withHeaders(tokens, () => token),
			{note: 'RS256, checked by lowtide-cgi'}),
		...await peers.cases(line),
	], {mine: 'look-up, completed'});
	await line.stop();
	await peers.stop();
	return table;
}
