/*
 * POSTs with a body each, 32 in flight: every 202 is on disk before it leaves.
 * fsyncs: how often an accept waited for the disk; far below 1 where one commit
 * carries many. p50 and p99 are of the whole request.
 */
import {jobPath, startLine} from '../line.mjs';
import {get, post, sideBySide} from '../web.mjs';

export const help = 'durable accepts, 32 in flight';

export async function measure(bench) {
	const peers = await bench.peers('accept');
	const line = await startLine({...peers.conf, syncs: true});
	const name = 'accept, durable';
	const counters = {syncs: line.cgi.syncs};
	const table = await sideBySide(bench, [
		{name: 'static file, 256 bytes',
			watch: {nginx: line.watch.nginx}, once: seconds =>
				get(`${line.url}/static/file.json`, {seconds})},
		{name, watch: line.watch, counters,
			once: seconds => post(line.url + jobPath, {seconds})},
		{name: 'accept, one in flight', watch: line.watch,
			counters, once: seconds => post(line.url + jobPath,
				{seconds, inFlight: 1})},
		...await peers.cases(line),
	], {mine: name});
	await line.stop();
	await peers.stop();
	return table;
}
