/*
 * Requests as they are, for tests on the other side of a web server: nothing
 * followed or guessed. With LOWTIDE_RECORD=FILE each exchange is a line of it,
 * for openapi-check.py.
 */
import http from 'node:http';
import {spawnSync} from 'node:child_process';
import {appendFileSync, readFileSync, writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {test, equal} from '../tap.mjs';

const base = new URL(process.env.LOWTIDE_URL);

export const pause = ms => new Promise(r => setTimeout(r, ms));
export const pathOf = url =>
	new URL(url, base).pathname + new URL(url, base).search;

function record(method, path, headers, bytes, answer) {
	const {status, h, text} = answer;
	appendFileSync(process.env.LOWTIDE_RECORD, JSON.stringify({method, path,
		asked: {headers, body: bytes === undefined ? null :
			bytes.slice(0, 100000)},
		status, headers: h, body: text}) + '\n');
}

function parsed(text) {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/*
 * {status, h, text, json}; a body that is no string is sent as JSON. `from` is
 * the address of this end: all of 127.0.0.0/8 are this machine's. An answer
 * that does not end is left once what has come of it fits `until`.
 */
export function ask(method, path, {headers = {}, body, from, until} = {}) {
	const bytes = body === undefined ? undefined :
		typeof body === 'string' ? body : JSON.stringify(body);
	const all = {...headers};
	if (bytes !== undefined && !('content-type' in all))
		all['content-type'] = 'application/json';
	if (bytes !== undefined)
		all['content-length'] = Buffer.byteLength(bytes);
	return new Promise((resolve, reject) => {
		const req = http.request({host: base.hostname, port: base.port,
			localAddress: from, agent: false, method, path,
			headers: all}, res => {
			const parts = [];
			const over = () => {
				const text = Buffer.concat(parts).toString();
				const answer = {status: res.statusCode,
					h: res.headers, text, json: parsed(text)};
				if (process.env.LOWTIDE_RECORD)
					record(method, path, all, bytes, answer);
				resolve(answer);
			};
			res.on('data', d => {
				parts.push(d);
				if (until?.test(Buffer.concat(parts))) {
					over();
					req.destroy();
				}
			});
			res.on('end', over);
		});
		req.on('error', reject);
		req.setTimeout(60000, () => req.destroy(new Error('slow')));
		req.end(bytes);
	});
}

/* python3 with jsonschema: Debian's, where another comes first in PATH. */
function python(...args) {
	const usable = ['python3', '/usr/bin/python3'].find(p => spawnSync(p,
		['-c', 'import jsonschema']).status === 0);
	return spawnSync(usable ?? 'python3', args, {encoding: 'utf8'});
}

/* One line of each kind. */
function few(lines) {
	const kinds = new Map(lines.map(line => {
		const {method, path, status, headers, body} = JSON.parse(line);
		return [[method, path.replace(/job_[^/?]+/, ''), status,
			headers['content-type'], Object.keys(headers),
			parsed(body)?.status].join(' '), line];
	}));
	return [...kinds.values()];
}

/*
 * What openapi-check.py makes of what was recorded: {status, said}. Where the
 * document is changed, one answer of each kind is enough.
 */
export async function checkRecord(change, ...options) {
	const file = process.env.LOWTIDE_RECORD;
	const document = await (await fetch(new URL('/openapi.json', base))).json();
	const lines = readFileSync(file, 'utf8').trim().split('\n');
	change?.(document);
	writeFileSync(`${file}.json`, JSON.stringify(document));
	writeFileSync(`${file}.some`,
		(change ? few(lines) : lines).join('\n') + '\n');
	const {status, stdout, stderr} = python(fileURLToPath(
		new URL('openapi-check.py', import.meta.url)),
	`${file}.json`, `${file}.some`, ...options);
	return {status, said: (stdout + stderr).trim()};
}

/* The last test of a file. */
export function testRecord(...options) {
	test('every answer is one that openapi.json describes', async () => {
		const {status, said} = await checkRecord(undefined, ...options);
		console.log(said.replace(/^/gm, '# '));
		equal(status, 0);
	});
}
