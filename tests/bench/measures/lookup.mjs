/*
 * GET of a job's status document beside what nginx can do alone: of one that
 * is completed, of one that still waits, and when nothing has changed (304).
 */
import {startLine, status} from '../line.mjs';
import {get, sideBySide} from '../web.mjs';

export const help = 'status look-ups beside nginx\'s own static file';

export async function measure(bench) {
	const peers = await bench.peers('lookup');
	const line = await startLine(peers.conf);
	const url = path => seconds => get(line.url + path, {seconds});

	await line.startWorker();
	const done = await line.send();
	await line.settled();
	await line.stopWorker();
	const open = await line.send();
	const {etag, bytes} = await status(line, done.path);
	const headers = [`If-None-Match: ${etag}`];
	const alone = {nginx: line.watch.nginx};
	const table = await sideBySide(bench, [
		{name: 'static file, 256 bytes', watch: alone,
			once: url('/static/file.json')},
		{name: 'nginx return 200', watch: alone, once: url('/return')},
		{name: 'look-up, completed', watch: line.watch,
			once: url(done.path), note: `${bytes} bytes`},
		{name: 'look-up, pending', watch: line.watch,
			once: url(open.path)},
		{name: 'look-up, 304', watch: line.watch, once: seconds =>
			get(line.url + done.path, {seconds, headers})},
		...await peers.cases(line),
	], {mine: 'look-up, completed'});
	await line.stop();
	await peers.stop();
	return table;
}
