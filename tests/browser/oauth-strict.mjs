/*
 * A built site on a server of the test's own, with the strictest policy that a
 * page with scripts can have. Inline import maps are taken out of its pages,
 * for that policy allows none: modules are found without.
 *
 *	const site = await serve(www, more);	before it is built: its port
 *	site.url, site.plain	the same under a name that is no localhost
 *	site.log		what was asked for, with the Referer
 *	site.reports		what browsers said of the policy
 *	site.add(url, file)	one more file under this path
 *
 * A page under /sandboxed/ is one that may keep nothing; `more` has what the
 * policy of some pages says besides, by their paths.
 */
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import path from 'node:path';

export const PLAIN = 'plain.test'; /* a name that leads to 127.0.0.1 */
const POLICY = "default-src 'none'; script-src 'self'; " +
	"base-uri 'none'; form-action 'none'; report-uri /__report; " +
	"require-trusted-types-for 'script'; trusted-types 'none'";
const types = {'.html': 'text/html; charset=utf-8',
	'.js': 'text/javascript; charset=utf-8',
	'.mjs': 'text/javascript; charset=utf-8'};

export async function serve(www, more = {}) {
	const added = new Map();
	const site = {log: [], reports: [],
		add: (url, file) => added.set(url, file)};
	async function answer(req, res) {
		const {pathname} = new URL(req.url, 'http://site');
		if (pathname === '/__report') {
			let text = '';
			for await (const part of req)
				text += part;
			site.reports.push(text);
			res.writeHead(204).end();
			return;
		}
		site.log.push({url: req.url,
			referer: req.headers.referer ?? null});
		const sandboxed = pathname.startsWith('/sandboxed/');
		const name = pathname.replace(/^\/sandboxed/, '')
			.replace(/\/$/, '/index.html');
		const bytes = await readFile(added.get(name) ??
			path.join(www, name));
		const type = types[path.extname(name)];
		res.setHeader('content-type', type);
		/* as `lowtide` configures modules, for whoever has no origin */
		res.setHeader('access-control-allow-origin', '*');
		if (!type.startsWith('text/html')) {
			res.end(bytes);
			return;
		}
		res.setHeader('content-security-policy', [POLICY,
			...sandboxed ? ['sandbox allow-scripts'] : [],
			...more[pathname] ? [more[pathname]] : []].join('; '));
		res.end(bytes.toString().replace(
			/<script type="importmap">.*?<\/script>/, ''));
	}
	const server = createServer((req, res) => answer(req, res)
		.catch(() => res.writeHead(404).end()));
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	const {port} = server.address();
	site.url = `http://127.0.0.1:${port}`;
	site.plain = `http://${PLAIN}:${port}`;
	site.close = () => new Promise((resolve) => {
		server.close(resolve);
		server.closeAllConnections();
	});
	return site;
}
