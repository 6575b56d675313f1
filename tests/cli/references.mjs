/*
 * A small site whose files refer to one another at random, changed at random,
 * again and again: what a build makes of it that knows the one before, and
 * says, is what a build makes and says that knows nothing.
 */
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync,
	writeFileSync} from 'node:fs';
import path from 'node:path';
import {test, ok, equal, done} from '../tap.mjs';

const {LOWTIDE, TMP, ROUNDS = 25, SEED = 4} = process.env;
const site = path.join(TMP, 'site');

let seed = Number(SEED);
function below(n) {
	seed = Math.imul(seed ^ seed >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
	return ((seed ^ seed >>> 13) >>> 0) % n;
}
let circles = false;
const some = (n, make) => Array.from({length: below(n)}, make).join('\n');
const css = () => `c${below(7)}.css`;
const png = () => `p${below(6)}.png`;
const mjs = () => `m${below(7)}.mjs`;
const page = () => `/g${below(7)}.html`;

/* What may stand in a file of each kind. */
const kinds = {
	css: [7, (i) => `assets/c${i}.css`, (i) => `${i === 6 ? '' : some(3, () =>
		/* a circle now and then is an error like any other */
		`@import "c${below(12) || !circles ?
			Math.min(6, i + 1 + below(3)) : below(7)}.css";`)}\n${some(3, () =>
		`a{background:url(${png()})}`)} ${some(2, () =>
		`b{src:url(/s${below(4)}.txt)}`)} /* ${below(1000)} */`],
	png: [6, (i) => `assets/p${i}.png`, () => `png ${below(1000)}`],
	mjs: [7, (i) => `assets/m${i}.mjs`, () => `${some(3, () =>
		`import './${mjs()}';`)}\n${some(2, () =>
		`new URL('${png()}', import.meta.url);`)}
${below(4) ? '' : 'import \'react\';'} // ${below(1000)}`],
	page: [7, (i) => `pages/g${i}.html`, () => `${some(3, () =>
		`<link rel=stylesheet ${below(9) ? '' : 'integrity=x '
	}href="/assets/${css()}">`)}
${below(8) ? '' : '<script type=importmap>{}</script>'}
${some(3, () => `<script type=module src=assets/${mjs()}></script>`)}
${below(4) ? '' : `<template><link rel=modulepreload
href=/assets/${mjs()}></template>`}
${some(3, () => `<img srcset="assets/${png()} 2x">`)}
${some(3, () => `<a href="${page()}">${below(1000)}</a>`)}
${below(5) ? '' : `<script>fetch('/assets/${png()}')</script>`}`],
	template: [2, (i) => `pages/t${i}.mustache`, () =>
		`{{public.word}} <a href="${page()}">{{page.path}}</a>`],
	/* with it the site has a policy of its own */
	policy: [1, () => 'static/_headers', () => `# ${below(1000)}`],
	text: [4, (i) => `static/s${i}.txt`, () => `${below(1000)}`],
	site: [1, () => 'site.toml', () =>
		`name = "t"\n[public]\nword = "${below(3)}"\n${below(2) ? '' :
			'[client.imports]\nreact = "/assets/m1.mjs"\n'}`],
};

const put = (name, text) => {
	const file = path.join(site, name);
	mkdirSync(path.dirname(file), {recursive: true});
	writeFileSync(file, text);
};

function change() {
	const all = Object.values(kinds);
	const [n, name, text] = all[below(all.length)];
	const i = below(n);
	const file = path.join(site, name(i));
	const what = below(6);
	if (what === 0 && name(i) !== 'site.toml' && existsSync(file))
		rmSync(file);
	else if (!existsSync(file))
		put(name(i), text(i));
	else if (what === 1 && existsSync(file))
		utimesSync(file, new Date(), new Date());
	else
		put(name(i), text(i));
}

function build(out, ...more) {
	const {status, stderr} = spawnSync(LOWTIDE, ['build', '-C', site,
		'--out', path.join(TMP, out), '--quiet', '--previous', 'none',
		...more], {encoding: 'utf8'});
	return {status, said: stderr};
}

function tree(folder, at = '') {
	const files = {};
	for (const e of readdirSync(path.join(folder, at),
		{withFileTypes: true})) {
		const name = path.join(at, e.name);
		if (e.isDirectory())
			Object.assign(files, tree(folder, name));
		else
			files[name] = readFileSync(path.join(folder, name),
				'latin1');
	}
	return files;
}

for (const [n, name, text] of Object.values(kinds))
	for (let i = 0; i < n; i++)
		put(name(i), text(i));
const seen = {0: 0, 1: 0};
let failed = 0;
for (let round = 0; round < ROUNDS; round++)
	test(`seed ${SEED}, round ${round}: as good as new`, () => {
		circles = failed === 0;
		if (failed)
			for (let i = 0; i < kinds.css[0]; i++)
				put(kinds.css[1](i), kinds.css[2](i));
		for (let i = below(3); round && i >= 0; i--)
			change();
		rmSync(path.join(TMP, 'new'), {recursive: true, force: true});
		const again = build('again');
		const anew = build('new', '--cache', 'none');
		equal(again, anew);
		seen[again.status]++;
		failed = again.status;
		if (again.status === 0)
			equal(tree(path.join(TMP, 'again')),
				tree(path.join(TMP, 'new')));
	});
test('most of these sites could be built', () =>
	ok(seen[0] > ROUNDS / 2, JSON.stringify(seen)));
await done();
