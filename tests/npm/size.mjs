/*
 * What the browser's modules cost a page, in bytes: each by itself, as a build
 * publishes it, minified and compressed; then oauth.mjs of a site with the
 * example site's kinds of providers. Beside them, with the same tool and
 * options, libraries: for sign-in they do the same work, for the rest there is
 * none, so the table says what it is that they do. `make size` prints it;
 * size.t holds the bounds (sizes are the same everywhere).
 *
 * The minifier is for this only: what is published is readable, and the first
 * column says what it costs as it is. The libraries' entries (size/) take no
 * more of them than they need. Those for sign-in make a URL with PKCE, state and
 * nonce for a public client at known end points, keep what the callback needs,
 * and handle the callback: oauth.mjs's work.
 */
import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync,
	writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';
import {brotliCompressSync, gzipSync} from 'node:zlib';

const bin = resolve(process.env.LOWTIDE_BIN ?? 'build/bin');
const modules = resolve('build/npm/node_modules');
const {default: esbuild} = await import(pathToFileURL(
	join(modules, 'esbuild-wasm/lib/main.js')));

export const ENGINE = 1024; // without a provider
export const PROVIDER = 110; // for each after the first
/* minified, brotli */
export const MODULES = {
	requests: 4096,
	'shared-stream': 1536,
	cache: 1536,
	catalogue: 1536,
	'lowtide-job': 1024,
	'use-job': 1024,
};
const LIBRARIES = {
	'fetch-event-source': 'fetch-event-source: streams, and no more',
	'query-core': 'query-core: reads, in memory',
	workbox: 'workbox: reads in the Cache API, no writes',
	swr: 'swr: a hook that polls',
};

/* Lengths and alphabets as the providers give them out. */
const cognito = (name, pool, id) => `[oauth.${name}]
kind = "cognito"
domain = "https://${name}.vat.example"
issuer = "https://cognito-idp.eu-west-2.amazonaws.com/eu-west-2_${pool}"
client_id = "${id}"
redirect_path = "/auth/${name}.html"
scopes = ["openid", "profile", "email"]
allow_params = ["lang", "login_hint"]
logout = { endpoint = "https://${name}.vat.example/logout", return_path = "/auth/signed-out.html" }`;
const hmrc = (table, name, id) => `[oauth.${table}]
kind = "hmrc"
redirect_path = "/auth/${name}.html"
client_id = "${id}"
scopes = ["read:vat", "write:vat"]`;
const providers = {
	cognito: cognito('cognito', 'q7XbK2mRd', '5k2v9m0r8q1h7t3b6n4p0d9s2f'),
	hmrc: hmrc('hmrc', 'hmrc', 'yZ7QmB3xWc9dTfV1RkLp8NsJhG2a'),
	'hmrc:sandbox': hmrc('hmrc.variant.sandbox', 'hmrc-sandbox',
		'Hc4uXeA0nPq6vYgK5rDi3WzMbS8o').replace('kind = "hmrc"\n', ''),
	'another cognito': cognito('staff', 'T0cVw8NzG',
		'2p8x6c1j4z9q3w7e5u0y2a8d6g'),
};

/* As a page would load it. */
export async function bundle(text) {
	const {outputFiles: [{contents}]} = await esbuild.build({
		stdin: {contents: text, loader: 'js', resolveDir: '.'},
		nodePaths: [modules],
		external: ['react'], /* who has a hook has that */
		bundle: true,
		minify: true,
		format: 'esm',
		target: 'es2022',
		legalComments: 'none',
		logLevel: 'error',
		write: false,
	});
	return contents;
}
export const entry = (name) => readFileSync(`tests/npm/size/${name}.mjs`,
	'utf8');
export const stop = () => esbuild.stop();

/* {published, minified, gzipped, brotli}: bytes; the first is brotli, too. */
async function measure(text, published = text) {
	const contents = await bundle(text);
	return {published: brotliCompressSync(published).length,
		minified: contents.length,
		gzipped: gzipSync(contents, {level: 9}).length,
		brotli: brotliCompressSync(contents).length};
}

/* All that do not depend on the site, as a build of one publishes them. */
function published(tmp) {
	const key = (name) => name === 'lowtide-job' ? 'job_element' :
		name.replaceAll('-', '_');
	const dir = mkdtempSync(join(tmp, 'all-'));
	writeFileSync(join(dir, 'site.toml'), ['name = "all"', '[client]',
		...Object.keys(MODULES).map((name) => `${key(name)} = true`),
		'imports.react = "/react.mjs"', ''].join('\n'));
	mkdirSync(join(dir, 'static'));
	writeFileSync(join(dir, 'static/react.mjs'), '');
	execFileSync(join(bin, 'lowtide'), ['build', '-q', '--fast', '-C', dir]);
	return (name) => readFileSync(join(dir, `dist/www/${name}.mjs`));
}

/* The modules of a site with these: {oauth, tokens} */
function client(tmp, ...tables) {
	const dir = mkdtempSync(join(tmp, 'site-'));
	const out = join(dir, 'client');
	const read = (name) => readFileSync(join(out, name), 'utf8');
	mkdirSync(out);
	writeFileSync(join(dir, 'site.toml'), ['name = "vat"',
		'base_url = "https://www.vat.example"',
		'[oauth]\ntokens = true', ...tables, ''].join('\n'));
	execFileSync(join(bin, 'lowtide'), ['client', '-q', '-C', dir, out]);
	return {oauth: read('oauth.mjs'), tokens: read('oauth-tokens.mjs')};
}

/* What the table shows: {name: {published, minified, gzipped, brotli}} */
export async function sizes() {
	const tmp = mkdtempSync(join(tmpdir(), 'lowtide-size.'));
	const rows = {};
	try {
		const as = published(tmp);
		for (const name of Object.keys(MODULES))
			rows[name] = await measure(readFileSync(
				`templates/client/${name}.mjs`, 'utf8'), as(name));
		const tables = Object.values(providers);
		const all = client(tmp, ...tables);
		rows.engine = await measure(all.oauth.replace(
			/(?<=__proto__: null,\n)[^]*?(?=^};$)/m, ''));
		for (const [i, name] of Object.keys(providers).entries())
			rows[name] = await measure(client(tmp,
				...tables.slice(0, i + 1)).oauth);
		rows.tokens = await measure(client(tmp,
			...tables.slice(0, 3)).tokens);
		for (const name of ['openid-client-url', 'openid-client',
			'oidc-client-ts', 'appauth', ...Object.keys(LIBRARIES)])
			rows[name] = await measure(entry(name));
	} finally {
		rmSync(tmp, {recursive: true});
	}
	return rows;
}

/* What each provider adds to those before it. */
export function added(rows) {
	let before = rows.engine.gzipped;
	return Object.fromEntries(Object.keys(providers).map((name) => {
		const more = rows[name].gzipped - before;
		before += more;
		return [name, more];
	}));
}

function table(rows) {
	const more = added(rows);
	const cells = (...all) => all.map((n) => String(n).padStart(10)).join('');
	const line = (name, {published: as, minified, gzipped, brotli}, note = '') =>
		console.log(name.padEnd(44) +
			cells(as || '', minified, gzipped, brotli) +
			(note && `  ${note}`));
	const beside = (name, row) => line(name, {...row, published: 0});
	const head = (name) => {
		console.log(name.padEnd(44) + cells('published', 'minified',
			'minified,', 'minified,'));
		console.log(''.padEnd(44) + cells('brotli', '', 'gzip', 'brotli'));
	};
	head('Modules');
	for (const [name, most] of Object.entries(MODULES))
		line(`${name}.mjs`, rows[name], `of ${most}`);
	for (const [name, what] of Object.entries(LIBRARIES))
		beside(what, rows[name]);
	console.log();
	head('Sign-in');
	line('oauth.mjs, no provider', rows.engine, `gzip: of ${ENGINE}`);
	for (const [i, name] of Object.keys(more).entries())
		line(`  and ${name}`, rows[name], `gzip: +${more[name]}` +
			(i ? ` of ${PROVIDER}` : ', with the words they share'));
	line('oauth-tokens.mjs, three providers', rows.tokens);
	beside('openid-client: the URL', rows['openid-client-url']);
	beside('  and the callback, with the exchange', rows['openid-client']);
	beside('oidc-client-ts: URL, callback', rows['oidc-client-ts']);
	beside('@openid/appauth: URL, callback', rows.appauth);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
	table(await sizes().finally(stop));
