/*
 * [web_server] auth = "request": nginx asks a program who somebody is, at a URL
 * or at a location of the operator's own, and believes it only where it said
 * yes. Whom it does not know is nobody, and the endpoint says what that means.
 */
import http from 'node:http';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {basic, files, state, token} from './contract-site.mjs';
import {ask, startStack, startUpstream} from './stack.mjs';

const inside = process.argv[2] === 'inside';
const up = await startUpstream();

/* The header `cookie` says who it is, or what is to be answered. */
const asked = [];
const checker = http.createServer((req, res) => {
	let body = '';
	req.on('data', d => body += d);
	req.on('end', () => {
		asked.push({method: req.headers['x-original-method'],
			url: req.headers['x-original-uri'], body});
		const [, what] = /^(?:.*; )?is=(\w+)/.exec(req.headers.cookie) ?? [];
		if (what === 'broken')
			return req.socket.destroy();
		if (what === 'evil') /* no, but with a name */
			return res.writeHead(401, {'x-user': 'alice'}).end();
		if (what === 'barred')
			return res.writeHead(403, {'x-user': 'alice'}).end();
		if (what)
			return res.writeHead(200, {'x-user': what}).end('welcome');
		return res.writeHead(401, {'www-authenticate': 'Cookie'}).end();
	});
});
await new Promise(go => checker.listen(0, '127.0.0.1', go));
cleanup(() => {
	checker.closeAllConnections();
	checker.close();
});
const url = `http://127.0.0.1:${checker.address().port}/check`;

const site = files(up.url);
site['api.toml'] = site['api.toml'].replace(
	/\[web_server\][^[]*/, `[web_server]
	auth = "request"
	check = "${inside ? '/who-is-it' : url}"
	`);
const stack = await startStack('nginx', {files: site, state,
	wrap: ({dist}) => {
		const at = join(dist, 'server/nginx-example.conf');
		writeFileSync(at, readFileSync(at, 'utf8').replace(
			'include nginx-site.conf;', inside ? `include nginx-site.conf;
			location = /who-is-it {
				internal;
				proxy_pass ${url};
				proxy_pass_request_body off;
				proxy_set_header Content-Length "";
				proxy_set_header X-Original-Method $request_method;
				proxy_set_header X-Original-URI $request_uri;
			}` : 'include nginx-site.conf;'));
	}});

const AT_ONCE = {'x-wait-time-ms': '0'};
const send = (path, headers = {}) => ask(stack, 'POST', path,
	{body: {sku: 'tea'}, headers: {...AT_ONCE, ...headers}});
const as = who => ({cookie: `theme=dark; is=${who}`});
const MINE = '/api/mine/1?x=%20';

let job;
test('whom the program knows is the owner', async () => {
	const r = await send(MINE, as('alice'));
	equal(r.status, 202, r.text);
	job = r.json;
	equal(asked.pop(), {method: 'POST', url: MINE, body: ''});
	for (const path of [job.statusUrl, `${job.statusUrl}/result`])
		ok([200, 202].includes((await ask(stack, 'GET', path,
			{headers: as('alice')})).status));
	const list = await ask(stack, 'GET', '/api/jobs', {headers: as('alice')});
	ok(list.json.jobs.some(j => j.jobId === job.jobId), list.text);
});
test('whom it does not know is nobody, as is another', async () => {
	const look = headers => ask(stack, 'GET', job.statusUrl, {headers});
	equal((await look(as('bob'))).status, 404);
	for (const headers of [{}, as(''), {cookie: 'theme=dark'}, as('evil'),
		as('barred'), {'x-user': 'alice'}, {'X_User': 'alice'},
		{authorization: basic('alice')}, {LOWTIDE_OWNER: 'alice'},
		{'lowtide-told-acme-shop': '200'}, {authorization: token('alice')}])
		for (const r of [await look(headers), await send(MINE, headers)]) {
			equal(r.status, 401, JSON.stringify(headers));
			match(r.h['www-authenticate'], /\bBearer realm="/);
			match(r.h['content-type'], /^application\/problem\+json/);
			ok(r.json.requestId, 'by the endpoint, for every origin');
		}
});
test('where anybody may, nobody is asked, and a name is none', async () => {
	asked.length = 0;
	const r = await send('/api/order', as('alice'));
	equal([r.status, asked.length], [202, 0]);
	for (const headers of [{}, as('bob'), as('evil')])
		equal((await ask(stack, 'GET', r.json.statusUrl, {headers})).status,
			200);
});
test('a token is looked at by the endpoint, whoever is asked before', async () => {
	const alice = {authorization: token('alice')};
	const r = await send('/api/sealed', alice);
	equal(r.status, 202, r.text);
	equal((await ask(stack, 'GET', r.json.statusUrl, {headers: alice})).status,
		200);
	equal((await ask(stack, 'GET', r.json.statusUrl, {headers: as('alice')}))
		.status, 401);
});
test('where the program is asked cannot be asked for', async () => {
	const before = asked.length;
	for (const path of ['/.lowtide-owner', '/who-is-it', '/.lowtide-414'])
		equal((await ask(stack, 'GET', path, {headers: as('alice')})).status,
			404);
	equal(asked.length, before);
});
test('without an answer of it, nobody is let in', async () => {
	for (const r of [await send(MINE, as('broken')),
		await ask(stack, 'GET', job.statusUrl, {headers: as('broken')})]) {
		equal([r.status, r.json.error], [503, 'store-unavailable']);
		ok(Number(r.h['retry-after']) > 0);
	}
});
await done();
