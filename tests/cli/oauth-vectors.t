#!/usr/bin/env node
/*
 * tests/vectors/oauth.json against the module that `lowtide build` publishes,
 * under node; and its URLs against two readers that know nothing of lowtide.
 */
const {execFileSync} = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const lowtide = path.resolve(process.env.LOWTIDE_BIN ?? 'build/bin', 'lowtide');
/* as strict as it gets: a byte that is no text is an error */
const PYTHON = `import json, sys
from urllib.parse import parse_qsl, urlsplit
for row in json.load(open('tests/vectors/oauth.json'))['urls']:
    for url, query in ('url', 'query'), ('logout', 'logoutQuery'):
        got = parse_qsl(urlsplit(row.get(url, '')).query,
            keep_blank_values=True, errors='strict')
        if [list(pair) for pair in got] != row.get(query, []):
            print(row['name'], got)
`;
globalThis.crypto ??= crypto.webcrypto; /* node 18 */
globalThis.location = {origin: 'https://www.vat.example', pathname: '/',
	search: '', href: 'https://www.vat.example/'};
globalThis.sessionStorage = {
	getItem: () => null,
	setItem: () => {},
	removeItem: () => {},
};

(async () => {
	const {test, ok, equal, done, cleanup} = await import('../tap.mjs');
	const {table, build, compare, published} =
		await import('../vectors/oauth.mjs');
	const tmp = fs.mkdtempSync(path.join(os.tmpdir(), 'lowtide-vectors-'));
	cleanup(() => fs.rmSync(tmp, {recursive: true, force: true}));

	test('the table, in node', async () => {
		const {n, wrong} = await compare(table, build(lowtide, tmp));
		equal(wrong, []);
		ok(n > table.urls.length + table.encode.length);
		console.log(`# ${n} comparisons`);
	});
	test('its URLs are read elsewhere as they are meant', () => {
		const read = (url) => [...new URLSearchParams(url.slice(
			url.indexOf('?') + 1))];
		for (const row of table.urls) {
			equal(read(row.url), row.query, row.name);
			equal(read(row.logout ?? ''), row.logoutQuery ?? [],
				row.name);
		}
		equal(execFileSync('python3', ['-c', PYTHON],
			{encoding: 'utf8'}), '');
	});
	test('they are URLs of RFC 3986\'s characters, and visible', () => {
		for (const {name, url} of table.urls)
			ok(/^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/.test(url),
				name);
	});
	test('one parameter of a kind, but resource', () => {
		for (const {name, query} of table.urls) {
			const names = query.map(([key]) => key).filter((key) =>
				key !== 'resource');
			equal(new Set(names).size, names.length, name);
		}
	});

	test('C and JavaScript agree on every character up to U+07FF, and on ' +
		'others of each length', async () => {
		const points = [...Array(0x800).keys(), 0x800, 0xd7ff, 0xe000,
			0xfeff, 0xffff, 0x10000, 0x1f600, 0x10ffff].slice(1);
		const encode = (text) => [...Buffer.from(text)].map((byte) =>
			/[\w.~-]/.test(String.fromCharCode(byte)) ?
				String.fromCharCode(byte) :
				`%${byte.toString(16).padStart(2, '0')
					.toUpperCase()}`).join('');
		const dir = path.join(tmp, 'all');
		/* no URL is longer than servers take */
		const parts = [];
		while (points.length)
			parts.push(points.splice(0, 1000));
		fs.mkdirSync(dir);
		fs.writeFileSync(path.join(dir, 'site.toml'), `name = "t"
base_url = "https://www.vat.example"
${parts.map((part, i) => `[oauth.part${i}]
authorization_endpoint = "https://op.example/"
client_id = "abc"
pkce = "none"
params = { x = "${part.map((p) =>
		`\\U${p.toString(16).padStart(8, '0')}`).join('')}" }
`).join('')}`);
		const {url} = await import(published(lowtide, dir,
			path.join(tmp, 'all-out')));
		for (const [i, part] of parts.entries()) {
			const text = String.fromCodePoint(...part);
			ok(url(`part${i}`, {state: text}).endsWith(
				`&x=${encode(text)}&state=${encode(text)}`));
		}
		equal(parts.length, 3);
	});

	await done();
})();
