/*
 * tests/vectors/oauth.json for node and for browsers: the modules of sites
 * that have its providers, and the comparison, one function that runs in
 * either (page.run(compare, …) sends its source).
 */
import {execFileSync} from 'node:child_process';
import {mkdirSync, readFileSync, readdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';

export const table = JSON.parse(readFileSync(
	new URL('oauth.json', import.meta.url)));

/* Builds the site in `dir` into `out`; the file of its oauth.mjs. */
export function published(lowtide, dir, out) {
	execFileSync(lowtide, ['build', '-q', '--fast', '-C', dir, '--out',
		out], {stdio: ['ignore', 'ignore', 'inherit']});
	const www = path.join(out, 'www');
	return path.join(www, readdirSync(www).find((name) =>
		/^oauth\.[0-9a-f]{10}\.mjs$/.test(name)));
}

/* One site for each base, of all rows that have it; the modules' files. */
export function build(lowtide, tmp) {
	return table.bases.map((base, i) => {
		const dir = path.join(tmp, `site-${i}`);
		const rows = table.urls.filter((row) =>
			(row.base ?? table.bases[0]) === base);
		mkdirSync(dir);
		writeFileSync(path.join(dir, 'site.toml'),
			['name = "t"', `base_url = "${base}"`, ...rows.flatMap(
				(row) => [`[oauth.${row.id}]`, ...row.toml]),
			''].join('\n'));
		return published(lowtide, dir, path.join(tmp, `dist-${i}`));
	});
}

/*
 * `files`: a module for each of the table's bases, as import() takes them.
 * How many comparisons there were, and what did not come out as it should.
 */
export async function compare(table, files) {
	const wrong = [];
	let n = 0;
	const same = (name, got, want) => {
		n++;
		if (got !== want)
			wrong.push(`${name}\n  got:  ${got}\n  want: ${want}`);
	};
	const throws = async (name, run) => {
		n++;
		try {
			wrong.push(`${name}: ${await run()}`);
		} catch {
			/* as it should */
		}
	};
	const modules = await Promise.all(files.map((file) => import(file)));
	const of = (row) => modules[row.base ?
		table.bases.indexOf(row.base) : 0];

	const nothing = {names: ['', 'state', 'client_id', 'toString',
		'__proto__', '0', 'lang ui'], ids: ['', 'nobody', 'toString',
		'__proto__', 'wide', 'variant:', 'variant:live', ':beta']};
	for (const row of table.urls) {
		const {url, logoutUrl} = of(row);
		const id = row.variant ? `${row.id}:${row.variant}` : row.id;
		same(row.name, url(id, row.call), row.url);
		if (row.logout)
			same(`${row.name}: logout`, logoutUrl(id), row.logout);
		else
			await throws(`${row.name}: logout`, () =>
				logoutUrl(id));
		for (const name of nothing.names)
			await throws(`${row.name}: with "${name}"`, () =>
				url(id, {...row.call, params: {[name]: 'x'}}));
		for (const state of ['', undefined])
			await throws(`${row.name}: no state`, () =>
				url(id, {...row.call, state}));
		if (row.url.includes('&code_challenge='))
			await throws(`${row.name}: no challenge`, () =>
				url(id, {...row.call, challenge: ''}));
	}

	/* a provider with a nonce, PKCE and an allowed parameter `ui` */
	const [{url, begin}] = modules;
	const wide = table.urls.find((row) => row.id === 'state-wide');
	const prefix = wide.url.slice(0, wide.url.indexOf('&state='));
	const challenge = table.pkce[0].challenge;
	for (const id of [...nothing.ids, undefined, null])
		await throws(`provider ${id}`, () =>
			url(id, {state: 's', nonce: 'n', challenge}));
	for (const {name, text, encoded} of table.encode) {
		const state = text || 's';
		same(name, url(wide.id, {state, nonce: text, challenge,
			params: {ui: text}}),
		`${prefix}&state=${encoded || 's'}${
			encoded && `&nonce=${encoded}`}&code_challenge=${
			challenge}&code_challenge_method=S256&ui=${encoded}`);
	}
	for (const {name, units} of table.refused.filter((r) => r.units)) {
		const text = String.fromCharCode(...units);
		const good = {state: 's', nonce: 'n', challenge};
		for (const bad of [{state: text}, {nonce: text},
			{params: {ui: text}}])
			await throws(`${name} in ${Object.keys(bad)}`, () =>
				url(wide.id, {...good, ...bad}));
		await throws(`${name} in begin()`, () =>
			begin(wide.id, {params: {ui: text}}));
	}

	/* the octets stand in for all that is random */
	for (const row of table.pkce) {
		Object.defineProperty(crypto, 'getRandomValues', {
			configurable: true, value: (into) => {
				for (let i = 0; i < into.length; i++)
					into[i] = row.octets[i % 32];
				return into;
			}});
		const query = new URL(await begin(wide.id)).searchParams;
		delete crypto.getRandomValues;
		same(row.name, query.get('state'), row.verifier);
		same(row.name, query.get('code_challenge'), row.challenge);
	}
	return {n, wrong};
}
