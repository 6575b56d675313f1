/*
 * What sign-in costs a page, in bytes: oauth.mjs of a site with the example
 * site's kinds of providers, bundled, minified and compressed; beside it, with
 * the same tool and options, libraries that do the same work. `make size`
 * prints the table; size.t holds the bounds (sizes are the same everywhere).
 *
 * The minifier is for this only: what is published is readable, and the first
 * column says what it costs as it is. The libraries' entries (size/) make a URL
 * with PKCE, state and nonce for a public client at known end points, keep what
 * the callback needs, and handle the callback: oauth.mjs's work, and no more of
 * the library than that takes.
 */
import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync}
	from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';
import {gzipSync} from 'node:zlib';

const bin = resolve(process.env.LOWTIDE_BIN ?? 'build/bin');
const modules = resolve('build/npm/node_modules');
const {default: esbuild} = await import(pathToFileURL(
	join(modules, 'esbuild-wasm/lib/main.js')));

export const ENGINE = 1024; // without a provider
export const PROVIDER = 110; // for each after the first

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

/* {published, minified, gzipped}: bytes */
async function measure(text) {
	const contents = await bundle(text);
	const small = (bytes) => gzipSync(bytes, {level: 9}).length;
	return {published: small(text), minified: contents.length,
		gzipped: small(contents)};
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

/* What the table shows: {name: {published, minified, gzipped}} */
export async function sizes() {
	const tmp = mkdtempSync(join(tmpdir(), 'lowtide-size.'));
	const rows = {};
	try {
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
			'oidc-client-ts', 'appauth'])
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
	const line = (name, {published, minified, gzipped}, note = '') =>
		console.log(name.padEnd(38) + [published || '', minified,
			gzipped].map((n) => String(n).padStart(10)).join('') +
			(note && `  ${note}`));
	const beside = (name, row, note) => line(name, {...row, published: 0},
		note);
	console.log(`${''.padEnd(38)} published  minified minified,`);
	console.log(`${''.padEnd(38)}   gzip -9            gzip -9`);
	line('oauth.mjs, no provider', rows.engine, `of ${ENGINE}`);
	for (const [i, name] of Object.keys(more).entries())
		line(`  and ${name}`, rows[name], `+${more[name]}` +
			(i ? ` of ${PROVIDER}` : ', with the words they share'));
	line('oauth-tokens.mjs, three providers', rows.tokens);
	beside('openid-client: the URL', rows['openid-client-url']);
	beside('  and the callback, with the exchange', rows['openid-client']);
	beside('oidc-client-ts: URL, callback', rows['oidc-client-ts']);
	beside('@openid/appauth: URL, callback', rows.appauth);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
	table(await sizes().finally(stop));
