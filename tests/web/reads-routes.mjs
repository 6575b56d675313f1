/*
 * Which requests a web server sends to lowtide-read and which to lowtide-cgi,
 * and what arrives there: both are stood in for by programs that answer with
 * what came (fcgi-echo.mjs).
 *
 *	node tests/web/reads-routes.mjs nginx [alone]
 *
 * alone: a site that has reads and no API.
 */
import {existsSync, rmSync} from 'node:fs';
import {done, equal, match, ok, test} from '../tap.mjs';
import {basic, users} from './contract-site.mjs';
import {ask as askAt, servers, start, startStack, until} from './stack.mjs';

const [name, only] = process.argv.slice(2);
const alone = only === 'alone';
const {needs, kind, cgi: plain} = servers[name];
if (needs && !existsSync(needs)) {
	console.log(`1..0 # SKIP ${needs} is not there`);
	process.exit(0);
}

const reads = `
	auth = "none"
	[web_server]
	auth = "basic"
	realm = "acme"
	users = "${users}"
	[upstream.shop]
	base = "http://127.0.0.1:9"
	local = true

	[read.case]
	path = "/case/{crns}"
	deadline = "50s"
	ids.crn = { from = "path.crns" }
	call.person = { upstream = "shop", path = "/p/{crn}", each = "crn" }
	[read.bundle]
	call.b = { upstream = "shop", path = "/b" }
	[read.bundle-one]
	path = "/bundle/{id}"
	call.b = { upstream = "shop", path = "/b/{id}" }
	[read.mine]
	auth = "web-server"
	path = "/mine/{id}"
	call.b = { upstream = "shop", path = "/b" }
`;
const apis = `
	[read.slow]
	promote = true
	call.b = { upstream = "shop", path = "/b" }
	[api.bundle-post]
	path = "/bundle"
	upstream = "shop"
	on_lost = "fail"
	[api.bundle-put]
	method = "PUT"
	path = "/bundle/{id}"
	upstream = "shop"
	on_lost = "fail"
	[api.recent]
	method = "GET"
	path = "/bundle/recent"
	upstream = "shop"
	[api.order]
	upstream = "shop"
	on_lost = "fail"
`;

async function echo(socket, who) {
	rmSync(socket, {force: true});
	const child = start(['node', 'tests/web/fcgi-echo.mjs', socket, who]);
	await until(who, () => child.said.includes('ready'));
	return child;
}
let lowtideRead;
const stack = await startStack(name, {
	files: {
		'env/base.toml': '',
		'pages/index.html': '<!doctype html><title>home</title>',
		'site.toml': 'name = "acme-shop"',
		'api.toml': alone ? reads : reads + apis,
	},
	ready: '/api/case/ready',
	behind: async ({socket, readSocket}) => {
		lowtideRead = await echo(readSocket, 'read');
		if (!plain)
			await echo(socket, 'cgi');
	},
});
const ask = (...request) => askAt(stack, ...request);

/* A plain CGI program says so in its own words. */
async function who(method, path, options) {
	const r = await ask(method, path, options);
	return r.h['x-who'] ?? (plain && r.h['x-request-id'] ? 'cgi' : r.status);
}
const rows = [
	['read', ['GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE'], '/api/case/X1,X2'],
	['read', ['GET'], '/api/case/X1?a=/b/c'],
	['cgi', ['GET', 'POST'], '/api/case'],
	['cgi', ['GET'], '/api/case/'],
	['cgi', ['GET', 'OPTIONS'], '/api/case/X1/X2'],
	/* of one path */
	['read', ['GET', 'HEAD'], '/api/bundle'],
	['cgi', ['POST', 'PUT', 'OPTIONS'], '/api/bundle'],
	['read', ['GET', 'HEAD'], '/api/bundle/7'],
	['read', ['GET'], '/api/bundle/7?x'],
	['cgi', ['PUT', 'DELETE', 'OPTIONS'], '/api/bundle/7'],
	/* a word before a place */
	['cgi', ['GET', 'HEAD', 'PUT'], '/api/bundle/recent'],
	['cgi', ['GET'], '/api/bundle/recent?x=1'],
	['read', ['GET'], '/api/bundle/recently'],
	/* one that may become a job has an API at its path */
	['read', ['GET', 'OPTIONS', 'POST'], '/api/slow'],
	['cgi', ['POST'], '/api/order'],
	['cgi', ['GET'], '/api/jobs/job_x'],
	['cgi', ['GET'], '/api/jobs/health'],
	['cgi', ['GET'], '/api/none'],
];
for (const [whose, methods, path] of rows)
	test(`${methods.join(', ')} ${path}: ${alone ? 'read' : whose}`, async () => {
		for (const method of methods)
			equal(await who(method, path), alone ? 'read' : whose, method);
	});

const arrived = async (...request) => (await ask(...request)).json;
test('what was asked for arrives as it was', async () => {
	for (const path of ['/api/case/A%2FB,C', '/api/case/%C3%A9,b%2Cc',
		'/api/case/a%20b?x=%2F&y=a,b', '/api/case/X?', '/api/case/a+b?c+d',
		'/api/case/a:b;c=(d)!*\'@&$', '/api/case/a%25b?%25'])
		for (const whose of ['case', 'bundle']) {
			const uri = path.replace('case', whose);
			const {params} = await arrived('GET', uri);
			equal(params.REQUEST_URI, uri);
			/* lighttpd tidies this one, which nobody reads */
			if (kind !== 'lighttpd')
				equal(params.QUERY_STRING, uri.split('?')[1] ?? '');
			equal(params.REQUEST_METHOD, 'GET');
		}
});
test('headers arrive, and a body with its length', async () => {
	const {params, body} = await arrived('POST', '/api/case/X', {body: {a: 1},
		headers: {'if-none-match': '"x"', 'x-request-id': 'abc',
			prefer: 'respond-async', authorization: 'Bearer t'}});
	equal([params.HTTP_IF_NONE_MATCH, params.HTTP_X_REQUEST_ID,
		params.HTTP_PREFER, params.HTTP_AUTHORIZATION, body,
		params.CONTENT_LENGTH, params.REMOTE_ADDR],
	['"x"', 'abc', 'respond-async', 'Bearer t', 7, '7', '127.0.0.1']);
});
test('who is asked for his password is the owner, nobody else is', async () => {
	const alice = {authorization: basic('alice')};
	const checked = kind !== 'lighttpd';
	for (const [path, headers, owner] of [
		['/api/mine/1', alice, checked ? 'alice' : ''],
		['/api/mine/1%2F2?x', alice, checked ? 'alice' : ''],
		['/api/mine/1', {}, ''],
		['/api/mine/1', {LOWTIDE_OWNER: 'alice'}, ''],
		['/api/case/1', alice, ''],
		['/api/case/1', {authorization: basic('alice', 'wrong')}, '']]) {
		const r = await ask('GET', path, {headers});
		equal([r.status, r.json.params.LOWTIDE_OWNER], [200, owner],
			`${path} ${JSON.stringify(headers)}`);
	}
	if (checked)
		for (const method of ['GET', 'HEAD'])
			equal((await ask(method, '/api/mine/1', {headers:
				{authorization: basic('alice', 'wrong')}})).status, 401);
});
test('connections to it are kept, where the server can', async () => {
	const seen = new Set();
	for (let i = 0; i < 20; i++)
		seen.add((await arrived('GET', '/api/case/X')).connection);
	if (kind !== 'lighttpd')
		ok(seen.size < 10, `${seen.size} of 20`);
});
test('what is too long is refused in the server\'s own way', async () => {
	const r = await ask('GET', `/api/case/X?${'x'.repeat(10240)}`);
	if (kind === 'lighttpd')
		return equal(r.status, 431);
	equal([r.status, r.json.status], [414, 414]);
	return match(r.h['content-type'], /^application\/problem\+json/);
});
test('without it reads are 503, and the rest goes on', async () => {
	await lowtideRead.stop();
	const r = await ask('GET', '/api/case/X');
	equal([r.status, r.json.error], [503, 'store-unavailable'], r.text);
	match(r.h['content-type'], /^application\/problem\+json/);
	if (kind !== 'lighttpd') { /* its own can have no headers */
		ok(Number(r.h['retry-after']) > 0);
		equal(r.h['cache-control'], 'no-store');
	}
	if (!alone)
		equal(await who('POST', '/api/order'), 'cgi');
	equal((await ask('GET', '/')).status, 200);
	await echo(stack.readSocket, 'read');
	await until('it is back', async () =>
		await who('GET', '/api/case/X') === 'read');
});
await done();
