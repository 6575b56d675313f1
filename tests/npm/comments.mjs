/*
 * The browser's modules as a build publishes them, and those of the example
 * site, are those that were written, token by token, without their comments:
 * TypeScript's parser says what a token is and whether a line ends before it,
 * where that may end a statement.
 */
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync}
	from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {test, ok, equal, cleanup, done} from '../tap.mjs';

const ts = createRequire(resolve('build/npm/noop.js'))('typescript');
const bin = resolve(process.env.LOWTIDE_BIN ?? 'build/bin');
const tmp = mkdtempSync(join(tmpdir(), 'lowtide-comments.'));
cleanup(() => rmSync(tmp, {recursive: true}));

const modules = readdirSync('templates/client')
	.filter(name => name.endsWith('.mjs'));
/* what is not called as its key */
const keys = {'lowtide-job.mjs': 'job_element'};

function tokens(text) {
	const all = [];
	const source = ts.createSourceFile('module.mjs', text,
		ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
	const visit = (node) => {
		const children = node.getChildren(source)
			.filter(child => !ts.isJSDoc(child));
		children.forEach(visit);
		if (children.length === 0 && node.getText(source))
			all.push(node.getText(source),
				text.slice(node.getFullStart(),
					node.getStart(source))
					.includes('\n'));
	};
	visit(source);
	all[1] = false; /* nothing is before the first one */
	return all;
}

test('a site that asks for all of them', () => {
	writeFileSync(join(tmp, 'site.toml'), 'name = "all"\n[client]\n' +
		modules.map(name => `${keys[name] ??
			name.replace('.mjs', '').replaceAll('-', '_')} = true\n`)
			.join(''));
	const {status, stderr} = spawnSync(join(bin, 'lowtide'),
		['build', '-q', '--fast', '-C', tmp], {encoding: 'utf8'});
	equal(status, 0, stderr);
});

function check(name, published, source) {
	test(`${name} says the same without its comments`, () => {
		const text = readFileSync(published(), 'utf8');
		const written = readFileSync(source, 'utf8');
		ok(text.length < written.length);
		equal(/\/\*|\n\n|[ \t]\n|\n[ \t]/.test(text), false, text);
		equal(tokens(text), tokens(written));
	});
}
for (const name of modules)
	check(name, () => join(tmp, 'dist/www', name),
		join('templates/client', name));

test('the example site', () => {
	const {status, stderr} = spawnSync(join(bin, 'lowtide'), ['build', '-q',
		'--fast', '--cache', 'none', '-C', 'site', '--env', 'prod',
		'--out', join(tmp, 'site')], {encoding: 'utf8'});
	equal(status, 0, stderr);
});
const assets = join(tmp, 'site/www/assets');
for (const name of readdirSync('site/assets').filter(n => n.endsWith('.mjs')))
	check(`assets/${name}`, () => join(assets, readdirSync(assets).find(n =>
		/\.[0-9a-f]{10}\.mjs$/.test(n) &&
		n.replace(/\.[0-9a-f]{10}/, '') === name)),
	join('site/assets', name));
await done();
