#!/usr/bin/env node
/*
 * The classic script of a [dotenv.NAME], run as one under node: what pages
 * find in window.__env and window.envReady, and that window.authUrlBuilder
 * returns the very URLs of oauth.mjs, or nothing at all.
 */
const {execFileSync} = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const vm = require('node:vm');

const lowtide = path.resolve(process.env.LOWTIDE_BIN ?? 'build/bin', 'lowtide');
const SITE = `name = "t"
base_url = "https://www.vat.example"
[public]
awkward = "it's </script> \\"x\\" \\\\n $a \`b\` ü"
[oauth.cognito]
kind = "cognito"
domain = "https://auth.example"
client_id = "abc"
params = { identity_provider = "Google" }
[oauth.cognito.variant.test]
params = { identity_provider = "Test" }
[oauth.hmrc]
redirect_path = "/auth/hmrc.html"
kind = "hmrc"
client_id = "it's"
scopes = ["write:vat", "read:vat", "hello"]
[oauth.hmrc.variant.sandbox]
redirect_path = "/auth/sandbox.html"
client_id = "its-sandbox"
scopes = ["hello", "test:vat"]
[oauth.company-house]
redirect_path = "/auth/company-house.html"
kind = "github"
authorization_endpoint = "https://op.example/a?p='1&own=scope"
client_id = "c"
pkce = "none"
params = { "a b" = "c&d" }
[oauth.bare]
redirect_path = "/auth/bare.html"
kind = "github"
client_id = "b"
scopes = []
[oauth.silent]
redirect_path = "/auth/silent.html"
client_id = "s"
authorization_endpoint = "https://op.example/"
nonce = false
`;
const DOTENV = `[dotenv.app]
file = "app.env"
script = "lib/env.js"
[[dotenv.app.groups]]
Z = "public.awkward"
A = "base_url"
[[dotenv.app.groups]]
__proto__ = "oauth.cognito.client_id"
constructor = "oauth.hmrc.client_id"
`;
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const AWKWARD = "a b+c~d!*'()£&=#%😀";

const tmp = fs.mkdtempSync(path.join(os.tmpdir(), 'lowtide-classic-'));
process.on('exit', () => fs.rmSync(tmp, {recursive: true, force: true}));

function build(site) {
	const dir = fs.mkdtempSync(path.join(tmp, 'site-'));
	const out = path.join(dir, 'dist');
	fs.writeFileSync(path.join(dir, 'site.toml'), site);
	execFileSync(lowtide, ['build', '-q', '--fast', '-C', dir, '--out', out],
		{stdio: ['ignore', 'ignore', 'inherit']});
	return path.join(out, 'www');
}

/* A page that the script was loaded on so many times. */
function load(file, times = 1) {
	const page = vm.createContext({});
	const before = vm.runInContext('window = globalThis;' +
		'Object.getOwnPropertyNames(globalThis)', page);
	const code = fs.readFileSync(file, 'utf8');
	for (let i = 0; i < times; i++)
		vm.runInContext(code, page, {filename: file});
	const names = [...vm.runInContext(
		'Object.getOwnPropertyNames(globalThis)', page)]
		.filter((name) => !before.includes(name)).sort();
	return {page, names, window: page};
}

/* KEY=VALUE lines, in their order. */
const lines = (file) => fs.readFileSync(file, 'utf8').split('\n')
	.filter((line) => line && !line.startsWith('#'))
	.map((line) => [line.slice(0, line.indexOf('=')),
		line.slice(line.indexOf('=') + 1)]);

function thrown(run) {
	try {
		run();
	} catch (e) {
		return e.code ?? e.name;
	}
	return 'nothing was thrown';
}

(async () => {
	const {test, ok, equal, match, done} = await import('../tap.mjs');
	const {table} = await import('../vectors/oauth.mjs');
	const www = build(SITE + DOTENV);
	const file = path.join(www, 'lib/env.js');
	const {page, names, window} = load(file);
	const {url} = await import(path.join(www, fs.readdirSync(www).find(
		(name) => /^oauth\.[0-9a-f]{10}\.mjs$/.test(name))));
	const {buildCognitoAuthUrl: cognito, buildHmrcAuthUrl: hmrc,
		buildCompanyHouseAuthUrl: house, buildBareAuthUrl: bare,
		buildSilentAuthUrl: silent} = window.authUrlBuilder;

	test('__env: the keys and values of the file, in its order', () => {
		const entries = Object.entries(window.__env);
		equal(entries, lines(path.join(www, 'app.env')));
		equal(entries.map(([key]) => key),
			['Z', 'A', '__proto__', 'constructor']);
		equal(entries[0][1], 'it\'s </script> "x" \\n $a `b` ü');
	});
	test('__env and the builders cannot be changed', () => {
		for (const what of ['__env', 'authUrlBuilder'])
			ok(Object.isFrozen(window[what]), what);
	});
	test('envReady: a promise of it', async () => {
		ok(vm.runInContext('envReady instanceof Promise', page));
		ok(await window.envReady === window.__env);
	});
	test('nothing else becomes global', () => {
		equal(names, ['__env', 'authUrlBuilder', 'envReady']);
		equal(Object.keys(window.authUrlBuilder).sort(), [
			'buildBareAuthUrl', 'buildCognitoAuthUrl',
			'buildCompanyHouseAuthUrl', 'buildHmrcAuthUrl',
			'buildSilentAuthUrl']);
	});
	test('loaded twice, it does no harm', () => {
		const twice = load(file, 2);
		equal(twice.names, names);
		equal(Object.entries(twice.window.__env),
			Object.entries(window.__env));
		equal(twice.window.authUrlBuilder.buildCognitoAuthUrl('s', 'n',
			'c'), cognito('s', 'n', 'c'));
	});

	test('the URLs are those of oauth.mjs, byte for byte', () => {
		for (const text of ['s', AWKWARD, CHALLENGE]) {
			const fresh = {state: text, nonce: text, challenge: text};
			equal(cognito(text, text, text), url('cognito', fresh));
			equal(silent(text, text, text), url('silent', fresh));
			equal(hmrc(text, undefined, 'live', text),
				url('hmrc', fresh));
			equal(house(text), url('company-house', fresh));
			equal(bare(text, undefined, 'live', text),
				url('bare', fresh));
			equal(bare(text, '', 'live', text), url('bare', fresh));
		}
	});
	test('and so are constants behind the scope', () => {
		match(cognito('s', 'n', 'c'), new RegExp('&scope=openid%20profile' +
			'%20email&identity_provider=Google&state=s&nonce=n&code_'));
		match(house('s'), /\?p='1&own=scope&.*&scope=read%3Auser&a%20b=c/);
	});
	test('and those of the table that all encoders are held to', () => {
		const calls = table.urls.filter((row) => !row.call.params);
		for (const base of table.bases) {
			const own = calls.filter((row) =>
				(row.base ?? table.bases[0]) === base);
			const {authUrlBuilder} = load(path.join(build([
				'name = "t"', `base_url = "${base}"`,
				'[dotenv.app]', 'file = "a.env"',
				'script = "a.js"', 'groups = []',
				...own.flatMap(({id, toml}) =>
					[`[oauth.${id}]`, ...toml]),
			].join('\n')), 'a.js')).window;
			for (const {name, id, variant, call, url} of own) {
				const {state, nonce, challenge} = call;
				const run = authUrlBuilder[`build${id.replace(
					/(^|[-_]+)(.?)/g, (all, joint, letter) =>
						letter.toUpperCase())}AuthUrl`];
				equal(/[ &]scope=(.*%20)?openid[%&]/.test(url) ?
					run(state, nonce, challenge, variant) :
					run(state, undefined, variant,
						challenge), url, name);
			}
		}
		ok(calls.length > 30);
		for (const {name, text, encoded} of table.encode.filter(
			(row) => row.text))
			match(house(text), new RegExp(`&state=${
				encoded.replaceAll('.', '\\.')}$`), name);
		for (const {name, units} of table.refused.filter(
			(row) => row.units))
			equal(thrown(() => house(String.fromCharCode(...units))),
				'URIError', name);
	});
	test('an empty nonce is absent, and so is one that nobody asks for',
		() => {
			for (const none of ['', undefined, null])
				equal(cognito('s', none, 'c'), url('cognito',
					{state: 's', nonce: '', challenge: 'c'}));
			ok(!silent('s', 'n', 'c').includes('nonce'));
		});
	test('scope: some of those declared, in the order given', () => {
		const asked = (scope) => new URL(hmrc('s', scope, 'live', 'c'))
			.searchParams.get('scope');
		for (const scope of ['write:vat read:vat hello', 'hello',
			'read:vat write:vat'])
			equal(asked(scope), scope);
		equal(hmrc('s', 'write:vat read:vat hello', 'live', 'c'),
			hmrc('s', undefined, 'live', 'c'));
	});
	test('scope: nothing else', () => {
		for (const scope of ['', ' ', 'write', 'write:vat ',
			'write:vat  read:vat', 'write:vat admin',
			'write:vat write:vat', 'WRITE:VAT', null, 1,
			['write:vat'], {}])
			equal(thrown(() => hmrc('s', scope, 'live', 'c')),
				'scope-not-declared', JSON.stringify(scope));
		equal(thrown(() => bare('s', 'read:user', 'live', 'c')),
			'scope-not-declared');
	});
	test('account: live in any case, and nothing else becomes it', () => {
		for (const account of ['live', 'LIVE', 'Live'])
			equal(hmrc('s', 'hello', account, 'c'),
				hmrc('s', 'hello', undefined, 'c'));
		for (const account of ['', ' live', 'demo', 'hmrc', '__proto__',
			'live:live', ':sandbox', 'hmrc:sandbox', null, 0, ['live'], {toString: () => 'live'}]) {
			equal(thrown(() => hmrc('s', 'hello', account, 'c')),
				'unknown-account', String(account));
			equal(thrown(() => cognito('s', 'n', 'c', account)),
				'unknown-account', String(account));
		}
	});
	test('account: a variant is itself, in any case', () => {
		const fresh = {state: 's', nonce: 'n', challenge: 'c'};
		for (const account of ['sandbox', 'SANDBOX', 'Sandbox'])
			equal(hmrc('s', undefined, account, 'c'),
				url('hmrc:sandbox', fresh));
		match(hmrc('s', undefined, 'sandbox', 'c'),
			/^https:\/\/test-www.*&client_id=its-sandbox&/);
		equal(cognito('s', 'n', 'c', 'TEST'), url('cognito:test', fresh));
		equal(cognito('s', 'n', 'c', 'live'), url('cognito', fresh));
		for (const [scope, account] of [['write:vat', 'sandbox'],
			['test:vat', 'live']])
			equal(thrown(() => hmrc('s', scope, account, 'c')),
				'scope-not-declared');
		equal(thrown(() => hmrc('s', 'hello', 'test', 'c')),
			'unknown-account');
	});
	test('no URL without a state', () => {
		for (const state of ['', undefined, null, 0, 1, {}, ['s'],
			Promise.resolve('s')]) {
			equal(thrown(() => cognito(state, 'n', 'c')),
				'no-state');
			equal(thrown(() => hmrc(state, 'hello', 'live', 'c')),
				'no-state');
			equal(thrown(() => house(state)), 'no-state');
		}
	});
	test('none without PKCE, but where the site said so', () => {
		for (const challenge of ['', undefined, null, 0, {},
			Promise.resolve('c')]) {
			equal(thrown(() => cognito('s', 'n', challenge)),
				'no-challenge');
			equal(thrown(() => hmrc('s', 'hello', 'live', challenge)),
				'no-challenge');
		}
		for (const challenge of [undefined, CHALLENGE])
			ok(!house('s', 'read:user', 'live', challenge)
				.includes('code_challenge'));
	});
	test('what is thrown is an OAuthError that says why', () => {
		try {
			hmrc('s', 'admin', 'live', 'c');
		} catch (e) {
			equal([e.name, e.code], ['OAuthError', 'scope-not-declared']);
			match(e.message, /write:vat read:vat hello/);
		}
	});
	test('a lone surrogate is an error, wherever', () => {
		for (const run of [() => cognito('\ud800', 'n', 'c'),
			() => cognito('s', '\udc00', 'c'),
			() => cognito('s', 'n', '\ud800x')])
			equal(thrown(run), 'URIError');
	});

	test('the manual tells how a page makes its challenge', async () => {
		const manual = fs.readFileSync(path.join(path.dirname(lowtide),
			'../man/lowtide-site.5'), 'utf8');
		const lines = manual.split(/^\.Bd .*\n/m).map((text) =>
			text.split(/^\.Ed$/m)[0]).filter((text) =>
			text.includes('code_challenge') ||
			text.includes('const challenge'));
		equal(lines.length, 1);
		const kept = new Map();
		const run = new Function('crypto', 'sessionStorage', 'state',
			'authUrlBuilder', `return (async () => {
				${lines[0].replaceAll('\\e', '\\')}
				return to;
			})()`);
		const to = await run(crypto.webcrypto,
			{setItem: (key, text) => kept.set(key, text)}, 'st',
			{buildTaxAuthUrl: hmrc});
		const verifier = kept.get('verifier.st');
		match(verifier, /^[A-Za-z0-9_-]{43}$/);
		equal(new URL(to).searchParams.get('code_challenge'),
			crypto.createHash('sha256').update(verifier)
				.digest('base64url'));
	});
	test('no provider, no builder', () => {
		const alone = build('name = "t"\n[dotenv.app]\nfile = "a.env"\n' +
			'script = "a.js"\ngroups = []\n');
		const {names, window} = load(path.join(alone, 'a.js'));
		equal(names, ['__env', 'envReady']);
		equal(Object.keys(window.__env), []);
	});
	test('no script, where none is asked for', () => {
		const www = build(SITE + DOTENV.replace(/script.*\n/, ''));
		ok(fs.existsSync(path.join(www, 'app.env')));
		ok(!fs.existsSync(path.join(www, 'lib')));
	});
	test('of several files, a script of those that ask for it', () => {
		const table = (name, script) => `[dotenv.${name}]\n` +
			`file = "${name}.env"\n${script}` +
			`[[dotenv.${name}.groups]]\n${name} = "base_url"\n`;
		const www = build(SITE + table('one', 'script = "one.js"\n') +
			table('two', '') + table('six', 'script = "six.js"\n'));
		equal(fs.readdirSync(www).filter((name) =>
			/^[a-z]*\.(env|js)$/.test(name)), ['one.env', 'one.js',
			'six.env', 'six.js', 'two.env']);
		for (const name of ['one', 'six'])
			equal({...load(path.join(www, `${name}.js`)).window.__env},
				{[name]: 'https://www.vat.example'});
	});
	test('as it keeps its name, it is not kept in caches', () => {
		const {files} = JSON.parse(fs.readFileSync(path.join(www,
			'manifest.json')));
		const row = files.find((f) => f.path === 'lib/env.js');
		equal([row.cache, row.type],
			['pointer', 'text/javascript; charset=utf-8']);
	});
	test('nothing in it that a strict policy would stop', () => {
		const text = fs.readFileSync(file, 'utf8');
		ok(!/\beval\b|\bFunction\b|innerHTML|\bfetch\b|document|\bimport\b/
			.test(text));
		match(text, /'use strict'/);
	});

	await done();
})();
