/*
 * From the spawn of lowtide-cgi, with its socket as descriptor 0 and a request
 * waiting in it, to the first byte of the answer; and how long a SIGTERM takes.
 */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {at, BIN, OWNER, startLine, TOOLS} from '../line.mjs';
import {run} from '../proc.mjs';

export const help = 'cold start to the first answer';
const TIMES = 20;

const columns = [
	{key: 'cold', title: 'first answer ms', digits: 1},
	{key: 'end', title: 'end ms', digits: 1},
];

/* One FastCGI request, as a web server would write it. */
export function fastcgi(path) {
	const record = (type, content) => Buffer.concat([Buffer.from([1, type,
		0, 1, content.length >> 8, content.length & 255, 0, 0]),
	content]);
	const params = Object.entries({REQUEST_METHOD: 'GET',
		REQUEST_URI: path, REMOTE_ADDR: '192.0.2.1',
		LOWTIDE_OWNER: OWNER, SERVER_PROTOCOL: 'HTTP/1.1'}).map(([k, v]) => Buffer.concat([
		Buffer.from([k.length, v.length]), Buffer.from(k + v)]));
	return Buffer.concat([
		record(1, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0])),
		record(4, Buffer.concat(params)), record(4, Buffer.alloc(0)),
		record(5, Buffer.alloc(0))]);
}

export async function measure(bench) {
	const line = await startLine();
	const job = await line.send();
	await line.stop();
	writeFileSync(at('cold.request'), fastcgi(job.path));
	bench.progress(`${TIMES} starts`);
	const out = await run(join(TOOLS, 'cold'), [String(TIMES),
		at('cold.sock'), at('cold.request'), join(BIN, 'lowtide-cgi'),
		...line.common]);
	const times = out.trim().split('\n').map(l => l.split(' ').map(Number));
	return {columns, rows: [{name: 'lowtide-cgi',
		note: `median of ${TIMES}`, figures: {
			cold: times.map(t => t[0]), end: times.map(t => t[1])}}]};
}
