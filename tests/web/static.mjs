/*
 * What every web server has to do with a site, whatever its configuration looks
 * like. One table of expectations; tests/web/SERVER-site.t is a row of
 * `servers` below. The configuration that lowtide wrote is loaded unchanged.
 *
 *	node tests/web/static.mjs nginx
 */
import {execFile, spawn} from 'node:child_process';
import {chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync,
	rmSync, statSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import {tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {promisify} from 'node:util';
import zlib from 'node:zlib';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';

const run = promisify(execFile);
const bin = resolve(process.env.LOWTIDE_BIN ?? 'build/bin');
const root = process.getuid() === 0;
const tmp = mkdtempSync(join(tmpdir(), 'lowtide-web.'));
cleanup(() => rmSync(tmp, {recursive: true, force: true}));
/* However this program ends, also when nobody reads what it says. */
const started = [];
process.on('exit', () => {
	for (const child of started)
		child.kill('SIGTERM');
	rmSync(tmp, {recursive: true, force: true, maxRetries: 3});
});
chmodSync(tmp, 0o755); /* started by root, servers are somebody else */
const sbin = {...process.env, PATH: `${process.env.PATH}:/usr/sbin`};
const pause = ms => new Promise(go => setTimeout(go, ms));
const YEAR = 'public, max-age=31536000, immutable';
/* what answers where a provider sends people back to */
const CALLBACK = '/app.html';
const HTML = 'text/html; charset=utf-8';
/* pages exchange codes, and may talk to whom they do that with */
const POLICY = new RegExp("^default-src 'self'; .* connect-src 'self' " +
	'https://token\\.acme\\.example https://keys\\.acme\\.example;');

/* A worker connects to no others than pages do; nothing else of it is of use. */
const WORKER = new RegExp("^default-src 'self'; connect-src 'self' " +
	'https://token\\.acme\\.example https://keys\\.acme\\.example$');
/*
 * By a file's ending: what it is told of referrers, and what it may do. Where
 * that is in capitals, all.
 */
function policies({file}) {
	if (/\.m?js$/.test(file))
		return [undefined, WORKER];
	if (/\.(?:css|woff2?|[to]tf)$/.test(file))
		return [undefined, /^$/];
	return [file === CALLBACK ? 'strict-origin' :
		'strict-origin-when-cross-origin', POLICY];
}

/* ---- processes ---------------------------------------------------------- */

function freePort() {
	return new Promise(go => {
		const s = net.createServer().listen(0, '127.0.0.1', () => {
			const {port} = s.address();
			s.close(() => go(port));
		});
	});
}

function start(name, argv, options = {}) {
	const child = spawn(argv[0], argv.slice(1),
		{env: sbin, stdio: ['ignore', 'pipe', 'pipe'], ...options});
	child.said = '';
	child.stdout.on('data', d => child.said += d);
	child.stderr.on('data', d => child.said += d);
	const ended = new Promise(go => child.on('exit', go).on('error', go));
	child.stop = async () => {
		child.kill('SIGTERM');
		const late = setTimeout(() => child.kill('SIGKILL'), 30000);
		await ended;
		clearTimeout(late);
	};
	cleanup(() => child.stop());
	started.push(child);
	return child;
}

async function until(what, ask) {
	for (let i = 0; i < 1200; i++) {
		if (await ask())
			return;
		await pause(50);
	}
	throw new Error(`${what}: not in a minute`);
}

/* ---- asking ------------------------------------------------------------- */

async function curl(url, ...more) {
	const file = join(tmp, `answer-${Math.random()}`);
	const {stdout} = await run('curl', ['-s', '--path-as-is', '--max-time', '10', '-g',
		'-D', '-', '-o', file, ...more, url], {encoding: 'latin1'}).catch(e => e);
	const body = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
	rmSync(file, {force: true});
	const blocks = (stdout ?? '').split(/\r?\n\r?\n/).filter(b => b.startsWith('HTTP/'));
	const [line, ...lines] = (blocks.pop() ?? 'HTTP/0 0').split(/\r?\n/);
	const headers = {};
	for (const l of lines) {
		const at = l.indexOf(':'), name = l.slice(0, at).toLowerCase();
		const value = l.slice(at + 1).trim();
		headers[name] = name in headers ?
			`${headers[name]}, ${value}` : value;
	}
	return {status: Number(line.split(' ')[1]), headers, body};
}

const decoders = {gzip: zlib.gunzipSync, br: zlib.brotliDecompressSync};
/* What an answer says, the bytes of `file` if all is well. */
function decoded(coding, bytes, file) {
	if (coding === 'identity')
		return bytes;
	if (decoders[coding])
		return decoders[coding](bytes);
	/* node 18 knows no zstd: the sibling itself, then (test-compress.c) */
	ok(bytes.equals(readFileSync(`${file}.zst`)), `${file}.zst`);
	return readFileSync(file);
}

/* ---- the site ----------------------------------------------------------- */

const HOSTILE = 'it\'s "100%41" $uri ${HOME} \\z <ü> #1 &+;= a?b.css';
const text = name => `/* ${name} */\n${'body { color: teal }\n'.repeat(60)}`;
const page = name => `<!doctype html><title>${name}</title>\n${'<p>tide</p>\n'.repeat(80)}`;
const octets = n => Buffer.from(Array.from({length: n}, (_, i) => (i * 7919 >> 3) & 255));
const site = {
	'env/base.toml': '',
	'catalogue/plans.toml': 'version = "1.2.0"\n' +
		Array.from({length: 40}, (_, i) => `[plan.p${i}]\nprice = ${i}.50\n`).join(''),
	'api.toml': `auth = "none"
		[upstream.ledger]
		base = "https://ledger.example"
		[api.export]
		upstream = "ledger"
		on_lost = "fail"
	`,
	'pages/index.html': page('home') +
		'<link rel=stylesheet href="/assets/app.css">\n' +
		'<script type=module src="/assets/main.mjs"></script>',
	'pages/about.html': page('about'),
	'pages/guide/index.html': page('guide'),
	'pages/guide/deep.html': page('deep'),
	'pages/app.html': page('the app'),
	'pages/sorry.html': page('sorry, nothing here'),
	'assets/app.css': text('app'),
	'assets/main.mjs': `import {x} from './dep.mjs';\n${text('main')}x();`,
	'assets/dep.mjs': `export const x = () => 1;\n${text('dep')}`,
	'static/robots.txt': `User-agent: *\n${'# tide\n'.repeat(100)}`,
	'static/data.csv': 'a,b\n'.repeat(300),
	'static/LICENSE': 'as it is\n'.repeat(100),
	'static/letters.woff2': octets(900),
	'static/PHOTO.PNG': octets(700),
	'static/OLD FACE.TTF': octets(700),
	'static/big.bin': octets(3 << 20),
	'static/own.json.gz': zlib.gzipSync('{"own": true}'),
	'static/.well-known/thing.json': `{"a": "${'x'.repeat(900)}"}`,
	'static/vendor/lib.a1b2.js': text('lib'),
	'static/vendor/deep/er.svg': `<svg xmlns="http://www.w3.org/2000/svg">${' '.repeat(900)}</svg>`,
	[`static/${HOSTILE}`]: text('hostile'),
};
const redirects = `
	"/old" = "/about"
	"/gone/*" = { to = "/guide/:splat", status = 302 }
	"/away" = { to = "https://elsewhere.example/a%20b?x=1", status = 308 }
	"/caf\u00e9 $x" = "/about.html#top"
`;

async function build(kind, more, base) {
	const dir = join(tmp, 'site');
	rmSync(dir, {recursive: true, force: true});
	for (const [name, bytes] of Object.entries(site)) {
		mkdirSync(dirname(join(dir, name)), {recursive: true});
		writeFileSync(join(dir, name), bytes);
	}
	writeFileSync(join(dir, 'site.toml'), `name = "acme-shop"
		[catalogue.plans]
		[oauth]
		tokens = true
		[oauth.login]
		authorization_endpoint = "https://login.acme.example/"
		token_endpoint = "https://token.acme.example/"
		issuer = "https://login.acme.example"
		jwks_uri = "https://keys.acme.example/"
		client_id = "acme"
		redirect_path = "/app"
		[site]
		not_found = "sorry"
		${more.fallback ? 'fallback = "/app"' : ''}
		[redirects]${redirects}
		[cache]
		immutable = ["static/vendor/**"]
		[compress]
		siblings = ["gz", "br", "zst"]
		[client]
		cache = true
		[server]
		kinds = ["${kind}"]
		${more.brotli ? 'brotli = true' : ''}
	`);
	const {stderr} = await run(join(bin, 'lowtide'), ['build', '-q', '-C', dir,
		'--out', join(tmp, 'dist'), '--set', `base_url=${base}`]);
	equal(stderr, '');
	/* as a deploy leaves it, for those who have its name */
	writeFileSync(join(tmp, 'dist/www/plans-v1.1.0.toml'), 'version = "1.1.0"\n');
	return join(tmp, 'dist');
}

/* ---- the servers -------------------------------------------------------- */

const modules = '/usr/lib/nginx/modules';
/*
 * start(dist, port): its child and where it answers each protocol. codings: what
 * it can send of the siblings that are there.
 */
const servers = {
	nginx: {
		kind: 'nginx',
		codings: ['identity', 'gzip'],
		start: async (dist, port) => ({
			child: start('nginx', ['nginx', '-p', dist, '-c',
				'server/nginx-example.conf', '-e', 'stderr']),
			h1: `http://127.0.0.1:${port}`,
		}),
	},
	/* the pieces in somebody's own nginx.conf: with HTTP/2, and the module */
	'nginx-brotli': {
		kind: 'nginx',
		brotli: true,
		cuts: true,
		fallback: true,
		codings: ['identity', 'gzip', 'br'],
		needs: `${modules}/ngx_http_brotli_static_module.so`,
		start: async (dist, port) => {
			const h2 = await freePort();
			writeFileSync(join(dist, 'server/own.conf'), `
				load_module ${modules}/ngx_http_brotli_static_module.so;
				daemon off; worker_processes 1; pid nginx.pid;
				events { }
				http {
					access_log off;
					gzip on; gzip_types text/css;
					client_body_temp_path nginx-body;
					proxy_temp_path nginx-proxy;
					fastcgi_temp_path nginx-fastcgi;
					uwsgi_temp_path nginx-uwsgi;
					scgi_temp_path nginx-scgi;
					include nginx-http.conf;
					server {
						listen 127.0.0.1:${port};
						listen 127.0.0.1:${h2} http2;
						root www;
						include nginx-site.conf;
					}
				}`);
			return {
				child: start('nginx', ['nginx', '-p', dist, '-c',
					'server/own.conf', '-e', 'stderr']),
				h1: `http://127.0.0.1:${port}`,
				h2: `http://127.0.0.1:${h2}`,
			};
		},
	},
	apache: {
		kind: 'apache',
		spares: true, /* a name with `?` is sent as it is */
		codings: ['identity', 'gzip', 'br', 'zstd'],
		start: async (dist, port) => ({
			child: start('apache', ['apache2', '-d', dist, '-f',
				'server/apache-example.conf', '-D', 'FOREGROUND']),
			h1: `http://127.0.0.1:${port}`,
			h2: `http://127.0.0.1:${port}`,
		}),
	},
	lighttpd: {
		kind: 'lighttpd',
		refuses: true, /* in its own words, without Allow */
		hangs: true,
		codings: ['identity', 'gzip', 'br', 'zstd'],
		start: async (dist, port) => ({
			child: start('lighttpd', ['lighttpd', '-D', '-f',
				'server/lighttpd-example.conf'], {cwd: dist}),
			h1: `http://127.0.0.1:${port}`,
			h2: `http://127.0.0.1:${port}`,
		}),
	},
};
for (const of of ['apache', 'lighttpd'])
	servers[`${of}-fallback`] = {...servers[of], fallback: true, brief: true};

const name = process.argv[2], server = servers[name];
if (server.needs && !existsSync(server.needs)) {
	console.log(`1..0 # SKIP ${server.needs} is not there`);
	process.exit(0);
}

/* ---- what is expected --------------------------------------------------- */

const encoded = path => path.split('/').map(encodeURIComponent).join('/');
const published = (dist, pattern) => '/' + readdirSync(join(dist, 'www'),
	{recursive: true}).concat(readdirSync(join(dist, 'www/assets'))
	.map(f => `assets/${f}`)).find(f => pattern.test(f));

/* path, type, cache, other origins, file (below www), coded */
function table(dist) {
	const css = published(dist, /^assets\/app\.[0-9a-f]{10}\.css$/);
	const main = published(dist, /^assets\/main\.[0-9a-f]{10}\.mjs$/);
	const cache = published(dist, /^cache\.[0-9a-f]{10}\.mjs$/);
	const rows = [
		['/', HTML, 'no-cache', '', '/index.html', true],
		['/index.html', HTML, 'no-cache', '', '/index.html', true],
		['/about', HTML, 'no-cache', '', '/about.html', true],
		['/about.html', HTML, 'no-cache', '', '/about.html', true],
		['/about?utm=1&lowtide=gz', HTML, 'no-cache', '', '/about.html', true],
		['/app?code=c&state=s', HTML, 'no-cache', '', '/app.html', true],
		['/app.html', HTML, 'no-cache', '', '/app.html', true],
		['/guide', HTML, 'no-cache', '', '/guide/index.html', true],
		['/guide/', HTML, 'no-cache', '', '/guide/index.html', true],
		['/guide/deep', HTML, 'no-cache', '', '/guide/deep.html', true],
		[css, 'text/css; charset=utf-8', YEAR, '', css, true],
		[main, 'text/javascript; charset=utf-8', YEAR, '*', main, true],
		[cache, 'text/javascript; charset=utf-8', YEAR, '*', cache, true],
		['/cache.mjs', 'text/javascript; charset=utf-8', 'no-cache', '*', null, true],
		['/plans-v1.2.0.toml', 'application/toml', YEAR, '*', null, true],
		['/plans-v1.2.0.json', 'application/json', YEAR, '*', null, true],
		['/plans-v1.1.0.toml', 'application/toml', 'no-cache', '*', null, false],
		['/plans.json', 'application/json', 'no-cache', '*', null, false],
		['/robots.txt', 'text/plain; charset=utf-8', 'no-cache', '', null, true],
		['/robots%2Etxt', 'text/plain; charset=utf-8', 'no-cache', '', '/robots.txt', true],
		['/data.csv', 'text/csv; charset=utf-8', 'no-cache', '', null, true],
		['/LICENSE', 'application/octet-stream', 'no-cache', '', null, false],
		['/letters.woff2', 'font/woff2', 'no-cache', '*', null, false],
		['/PHOTO.PNG', 'image/png', 'no-cache', '', null, false],
		['/OLD%20FACE.TTF', 'font/ttf', 'no-cache', '*', '/OLD FACE.TTF', true],
		['/own.json.gz', 'application/octet-stream', 'no-cache', '', null, false],
		['/.well-known/thing.json', 'application/json', 'no-cache', '', null, true],
		['/vendor/lib.a1b2.js', 'text/javascript; charset=utf-8', YEAR, '', null, true],
		['/vendor/deep/er.svg', 'image/svg+xml', YEAR, '', null, true],
		[`/${encoded(HOSTILE)}`, 'text/css; charset=utf-8', 'no-cache', '', `/${HOSTILE}`, !server.spares],
		['/manifest.json', 'application/json', 'no-cache', '', null, false],
	];
	if (existsSync(join(dist, 'www/assets/dep.mjs')))
		rows.push(['/assets/dep.mjs', 'text/javascript; charset=utf-8', 'no-cache', '*', null, true]);
	return rows.map(([path, type, cache, cors, file, coded]) =>
		({path, type, cache, cors, file: file ?? path, coded}));
}

const encoding = coding => ['-H', `Accept-Encoding: ${coding}`];

async function checkFile(base, proto, row, dist) {
	const at = join(dist, 'www', row.file), bytes = readFileSync(at);
	const tags = new Map();
	for (const coding of server.codings) {
		const url = base + row.path;
		const a = await curl(url, ...proto, ...encoding(coding));
		const said = `${row.path} ${coding} ${JSON.stringify(a.headers)}`;
		const got = a.headers['content-encoding'] ?? 'identity';
		equal(a.status, 200, said);
		equal(a.headers['content-type']?.replace(/;\s*/, '; ').toLowerCase(), row.type, said);
		equal(a.headers['cache-control'], row.cache, said);
		equal(a.headers['access-control-allow-origin'] ?? '', row.cors, said);
		equal(a.headers['x-content-type-options'], 'nosniff', said);
		const [referrer, policy] = policies(row);
		equal(a.headers['referrer-policy'], referrer, said);
		match(a.headers['content-security-policy'] ?? '', policy, said);
		equal(got, row.coded ? coding : 'identity', said);
		ok(decoded(got, a.body, at).equals(bytes), `${said}: the bytes`);
		if (row.coded)
			match(a.headers.vary ?? '', /\baccept-encoding\b/i, said);
		match(a.headers.etag ?? '', /^"[^"]+"$/, said);
		if (tags.has(got))
			equal(a.headers.etag, tags.get(got), said);
		tags.set(got, a.headers.etag);
		const again = await curl(url, ...proto, ...encoding(coding),
			'-H', `If-None-Match: ${a.headers.etag}`);
		const told = `${row.path} ${coding} again ${JSON.stringify(again.headers)}`;
		equal(again.status, 304, told);
		equal(again.body.length, 0, told);
		equal(again.headers['cache-control'], row.cache, told);
		equal(again.headers.etag, a.headers.etag, told);
		if (row.coded)
			match(again.headers.vary ?? '', /\baccept-encoding\b/i, told);
		const head = await curl(url, ...proto, ...encoding(coding), '-I');
		equal(head.status, 200, said);
		equal(head.body.toString().includes('<'), false, said);
		for (const h of ['content-type', 'content-length', 'content-encoding', 'cache-control', 'etag'])
			equal(head.headers[h], a.headers[h], `HEAD ${said}: ${h}`);
	}
	equal(new Set(tags.values()).size, tags.size, `${row.path}: one ETag for two codings`);
}

/* ---- the run ------------------------------------------------------------ */

const port = await freePort(), dist = await build(server.kind, server, `http://127.0.0.1:${port}`);
const socket = join(tmp, 'cgi.sock');
for (const file of readdirSync(join(dist, 'server'))) {
	const at = join(dist, 'server', file);
	if (/\.conf$/.test(file))
		writeFileSync(at, readFileSync(at, 'utf8')
			.replaceAll('/run/lowtide/acme-shop/cgi.sock', socket));
}
/* Apache's ETags are weak for what was written in this very second */
await run('find', [join(dist, 'www'), '-type', 'f', '-exec', 'touch', '-d', '1 minute ago', '{}', '+']);
if (root)
	await run('chown', ['-R', 'nobody', dist]);
mkdirSync(join(tmp, 'state'));
await run(join(bin, 'lowtide-jobs'), ['keygen', join(tmp, 'keys')]);
const startEndpoint = async () => {
	const cgi = start('cgi', [join(bin, 'lowtide-cgi'),
		'--config', join(dist, 'server/lowtide.json'),
		'--keys', join(tmp, 'keys'), '--state', join(tmp, 'state'),
		'--listen', `unix:${socket}`]);
	await until('the endpoint', () => existsSync(socket));
	chmodSync(socket, 0o777);
	return cgi;
};
const cgi = await startEndpoint();
const {child, ...bases} = await server.start(dist, port);
await until(name, async () => {
	if (child.exitCode !== null)
		throw new Error(`${name} ended: ${child.said}`);
	return (await curl(`${bases.h1}/robots.txt`)).status === 200;
});

const protocols = Object.entries({h1: ['--http1.1'], h2: ['--http2-prior-knowledge']})
	.filter(([p]) => bases[p]);
for (const [p, flags] of protocols) {
	const base = bases[p];
	const ask = (path, ...more) => curl(base + path, ...flags, ...more);
	const t = (what, check) => test(`${name} ${p}: ${what}`, check);

	for (const row of server.brief ? [] : table(dist))
		t(row.path, () => checkFile(base, flags, row, dist));
	t('what a client refuses is not sent', async () => {
		const a = await ask('/about', ...encoding('br;q=0, zstd;q=0.0, gzip;q=0'));
		equal(a.headers['content-encoding'] ?? 'identity', 'identity');
		const b = await ask('/about', ...encoding('deflate, gzip;q=0.5'));
		equal(b.headers['content-encoding'], 'gzip');
	});
	t('the best of what a client takes is sent', async () => {
		const a = await ask('/about', ...encoding('gzip, deflate, br, zstd'));
		equal(a.headers['content-encoding'], server.codings.includes('br') ? 'br' : 'gzip');
	});
	t('a piece of a large file', async () => {
		const bytes = readFileSync(join(dist, 'www/big.bin'));
		const a = await ask('/big.bin', '-H', 'Range: bytes=1000000-1000099');
		equal(a.status, 206);
		match(a.headers['content-range'], /^bytes 1000000-1000099\/3145728$/);
		ok(a.body.equals(bytes.subarray(1000000, 1000100)));
		ok((await ask('/big.bin')).body.equals(bytes));
	});
	for (const path of ['/none', '/none.css', '/none.mjs', '/guide/none/', '/assets/', '/.git/config',
		'/.env', '/guide/.hidden', '/%2egit/config', '/lowtide.json', '/about.html/x']) {
		if (path === '/about.html/x' && server.refuses)
			continue;
		const falls = server.fallback && !/\.(?:css|mjs|json)$|\/\.|%2e/.test(path);
		t(`${path} is ${falls ? 'the fallback' : '404'}`, async () => {
			for (const coding of server.codings) {
				const a = await ask(path, ...encoding(coding));
				const said = JSON.stringify(a.headers);
				equal(a.status, falls ? 200 : 404, said);
				equal(a.headers['content-type'].replace(/;\s*/, '; ').toLowerCase(), HTML, said);
				equal(a.headers['cache-control'], 'no-cache', said);
				match(a.headers['content-security-policy'] ?? '', POLICY, said);
				const got = a.headers['content-encoding'] ?? 'identity';
				const body = decoded(got, a.body, join(dist, 'www', falls ? 'app.html' : 'sorry.html'));
				match(body.toString(), falls ? /the app/ : /sorry, nothing/);
			}
		});
	}
	t('a page with a code in its address tells nobody which', async () => {
		for (const [path, policy] of [
			['/app?code=c&state=s', 'strict-origin'],
			['/about?code=c', 'strict-origin-when-cross-origin'],
			['/sorry/app', server.fallback ? 'strict-origin' :
				'strict-origin-when-cross-origin'],
			['/app.css', 'strict-origin-when-cross-origin'],
		])
			for (const coding of server.codings)
				equal((await ask(path, ...encoding(coding)))
					.headers['referrer-policy'], policy,
				`${path} ${coding}`);
	});
	t('a path cannot climb', async () => {
		for (const path of ['/../server/lowtide.json', '/%2e%2e/server/lowtide.json', '/assets/..%2f..%2fserver/lowtide.json']) {
			const a = await ask(path);
			ok([400, 403, 404].includes(a.status) || /the app/.test(a.body), `${path} ${a.status}`);
		}
	});
	for (const [path, status, to] of [
		['/old', 301, '/about'],
		['/old?a=b%20c&d', 301, '/about?a=b%20c&d'],
		['/gone/deep', 302, '/guide/deep'],
		['/gone/a%20b/c%2Fd?x=1', 302, '/guide/a%20b/c%2Fd?x=1'],
		['/gone/', 302, '/guide/'],
		['/gone/x%0d%0aSet-Cookie:%20a=b', 302, '/guide/x%0d%0aSet-Cookie:%20a=b'],
		['/away', 308, 'https://elsewhere.example/a%20b?x=1'],
		['/away?q=1', 308, 'https://elsewhere.example/a%20b?x=1'],
		['/caf%C3%A9%20$x', 301, '/about.html#top'],
		['/caf%c3%a9%20%24x', 301, '/about.html#top'],
	])
		t(`${path} leads to ${to}`, async () => {
			const a = await ask(path);
			if (/%0d/.test(path) && a.status === 400)
				return; /* not even looked at */
			equal(a.status, status);
			/* Apache makes it absolute, with the host it was asked for */
			equal(a.headers.location.replace(base, '').toLowerCase(), to.toLowerCase());
			equal(a.headers['set-cookie'], undefined);
		});
	t('no redirect leads off the site by what a client adds', async () => {
		for (const path of ['/gone//evil.example', '/gone/%5Cevil.example', '/gone/\\evil.example']) {
			const a = await ask(path);
			ok(!/^(?:https?:)?[/\\]{2}(?!127)/.test(a.headers.location ?? ''), a.headers.location);
		}
	});
	t('files take GET and HEAD only', async () => {
		for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
			const a = await ask('/about', '-X', method, '-H', 'Content-Length: 0');
			ok([405, 501].includes(a.status), `${method}: ${a.status}`);
			if (a.status === 405 && !server.refuses)
				equal(a.headers.allow.replace(/,\s*$/, ''), 'GET, HEAD');
		}
	});

	/* ---- the endpoint behind it */
	t('a request is accepted', async () => {
		const a = await ask('/api/export', '-X', 'POST', '-H', 'Content-Type: application/json',
			'-d', '{"a":1}', '-H', `x-request-id: one-${p}-0123456789abcdef`);
		equal(a.status, 202, a.body.toString());
		match(a.headers.location, /^\/api\/jobs\/job_/);
		equal(a.headers['cache-control'], 'no-store');
		equal(a.headers['content-security-policy'], undefined);
		const job = await ask(a.headers.location);
		equal(JSON.parse(job.body).status, 'pending');
		equal((await ask(a.headers.location, '-H', `If-None-Match: ${job.headers.etag}`)).status, 304);
		const gone = await ask(a.headers.location, '-X', 'DELETE');
		equal(JSON.parse(gone.body).status, 'cancelled');
	});
	t('nobody is anybody by a Basic header', async () => {
		/* an id is made of the owner too: the same name, the same job */
		const ids = [];
		for (const user of [[], ['-u', 'victim:x'], ['-H', 'LOWTIDE_OWNER: victim', '-H', 'Lowtide-Owner: victim']]) {
			const a = await ask('/api/export', '-X', 'POST', '-H', 'Content-Type: application/json',
				'-d', '{"b":2}', '-H', `x-request-id: basic-${p}-0123456789abcdef`, ...user);
			equal(a.status, 202, a.body.toString());
			ids.push(JSON.parse(a.body).jobId);
		}
		equal(new Set(ids).size, 1);
	});
	t('its own answers pass as they are', async () => {
		const a = await ask('/api/none');
		equal(a.status, 404);
		match(a.headers['content-type'], /^application\/problem\+json/);
		equal((await ask('/api/jobs/job_x')).status, 404);
		equal((await ask('/api/export')).status, 405);
		match((await ask('/api/export')).headers.allow, /POST/);
	});
	/* lighttpd answers a stream that is still being sent, and curl waits on */
	if (p === 'h1' || !server.hangs)
		t('a body beyond every cap is 413, said as a problem', async () => {
			const file = join(tmp, 'big-body');
			writeFileSync(file, Buffer.alloc(3 << 20, 0x20));
			const a = await ask('/api/export', '-X', 'POST', '-H', 'Content-Type: application/json',
				'-H', 'Expect:', '--data-binary', `@${file}`);
			/* a stream that is reset before all was sent may lose the answer, or its body */
			const cut = server.cuts && p === 'h2';
			if (cut && a.status === 0)
				return;
			equal(a.status, 413);
			match(a.headers['content-type'], /^application\/problem\+json/);
			if (!cut || a.body.length)
				match(JSON.parse(a.body).type, /payload-too-large/);
		});
}
test('without its endpoint', async () => {
	await cgi.stop();
	for (const [p, flags] of protocols) {
		const a = await curl(`${bases[p]}/api/jobs/health`, ...flags);
		equal(a.status, 503, `${p} ${child.said.slice(-1000)}`);
		match(a.headers['content-type'], /^application\/problem\+json/);
		equal(JSON.parse(a.body).error, 'store-unavailable');
		equal((await curl(`${bases[p]}/robots.txt`, ...flags)).status, 200);
	}
});
test('it comes back with its endpoint', async () => {
	rmSync(socket, {force: true});
	const again = await startEndpoint();
	await until('an answer', async () =>
		(await curl(`${bases.h1}/api/jobs/health`)).status !== 503 ||
		JSON.parse((await curl(`${bases.h1}/api/jobs/health`)).body).error !== 'store-unavailable');
	await again.stop();
});
test('it stops when asked', async () => {
	child.kill(server.kind === 'nginx' ? 'SIGQUIT' : 'SIGTERM');
	await until('its end', () => child.exitCode !== null || child.signalCode !== null);
	equal(child.exitCode, 0);
});
await done();
