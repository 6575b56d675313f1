/*
 * The types beside the modules, as TypeScript reads them: the examples compile
 * (and each line of them that must not does not), and a module exports what its
 * types say, no more and no less.
 */
import {spawnSync} from 'node:child_process';
import {cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync,
	writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';
import {test, equal, match, cleanup, done} from '../tap.mjs';

const bin = resolve(process.env.LOWTIDE_BIN ?? 'build/bin');
const tsc = resolve('build/npm/node_modules/typescript/bin/tsc');
const tmp = mkdtempSync(join(tmpdir(), 'lowtide-types.'));
cleanup(() => rmSync(tmp, {recursive: true}));

const examples = readdirSync('tests/npm')
	.filter(name => /^example-.*\.(mts|tsx)$/.test(name));

/* Under node's own rules, and under a bundler's. */
const settings = [['nodenext', 'nodenext'], ['esnext', 'bundler']];

function compile(module, moduleResolution, files, more = {}) {
	writeFileSync(join(tmp, 'tsconfig.json'), JSON.stringify({
		compilerOptions: {strict: true, noEmit: true, skipLibCheck: false,
			exactOptionalPropertyTypes: true,
			noUncheckedIndexedAccess: true, target: 'es2022',
			lib: ['es2022', 'dom', 'dom.iterable'], types: [],
			jsx: 'react-jsx', module, moduleResolution, ...more},
		files}));
	const {status, stdout} = spawnSync('node', [tsc, '-p', tmp],
		{encoding: 'utf8'});
	return status === 0 ? '' : stdout || 'failed';
}

test('lowtide client writes them', () => {
	const {status, stderr} = spawnSync(join(bin, 'lowtide'), ['client', tmp,
		'-C', 'site', '--env', 'prod', '-q', '--set', 'oauth.tokens=true'], {encoding: 'utf8'});
	equal(status, 0, stderr);
	const modules = readdirSync('templates/client')
		.map(name => name.replace(/\.mustache$/, ''))
		.filter(name => name.endsWith('.mjs'));
	equal(readdirSync(tmp).sort(), modules.flatMap(name =>
		[name.replace(/mjs$/, 'd.mts'), name]).sort());
	for (const name of examples)
		cpSync(join('tests/npm', name), join(tmp, name));
	/* React's own types, for whoever uses it */
	symlinkSync(resolve('build/npm/node_modules'),
		join(tmp, 'node_modules'));
});

for (const [module, resolution] of settings)
	test(`the examples compile (${resolution})`, () =>
		equal(compile(module, resolution, examples), ''));

/* What the README leaves to its reader. */
const AROUND = `import type {Client} from './requests.mjs';
declare global {
	const api: Client, person: {sub: string}, form: {vrn: string}, one: {id: string};
	const token: (refresh: boolean) => Promise<string>;
	const show: (...what: unknown[]) => void, row: typeof show, save: typeof show;
	const signOut: HTMLElement, withdraw: HTMLElement, h: any, Table: any;
}
`;
test('the examples of the README compile', () => {
	const [, block] = /^```js\n(.*?)^```/ms.exec(readFileSync('README.md', 'utf8'));
	const blocks = block.split(/^(?=import )/m);
	equal(blocks.length, 6);
	writeFileSync(join(tmp, 'around.d.mts'), AROUND);
	const files = blocks.map((text, i) => {
		writeFileSync(join(tmp, `readme-${i}.mts`), text
			.replace(/(import.*)'\//, "$1'./"));
		return `readme-${i}.mts`;
	});
	const loosely = {strict: false, exactOptionalPropertyTypes: false};
	equal(compile(...settings[0], [...files, 'around.d.mts'], loosely), '');
	writeFileSync(join(tmp, 'readme-0.mts'), readFileSync(
		join(tmp, 'readme-0.mts'), 'utf8').replace('key:', 'kee:'));
	match(compile(...settings[0], ['readme-0.mts', 'around.d.mts'], loosely),
		/kee/);
});

/*
 * Exports and types agree: {requests: {as it is, with one more, with one less}},
 * what TypeScript says of each. One run for all: it takes seconds.
 */
const names = readdirSync('templates/client')
	.filter(name => /\.d\.mts(\.mustache)?$/.test(name))
	.map(name => name.replace(/\.d\.mts.*/, ''));
const said = {};
test('exports, beside types', async () => {
	const files = [];
	for (const name of names) {
		const exported = Object.keys(await import(pathToFileURL(
			join(tmp, `${name}.mjs`))));
		for (const [how, all] of [['same', exported],
			['more', [...exported, 'more']],
			['less', exported.slice(1)]]) {
			files.push(`${name}.${how}.mts`);
			writeFileSync(join(tmp, files.at(-1)),
				`import * as all from './${name}.mjs';\n` +
				'export const names: Record<keyof typeof all' +
				', true> = {' + all.map(n => `${n}: true`).join() +
				'};\n');
		}
	}
	for (const line of compile(...settings[0], files).split('\n')) {
		const file = files.find(f => line.includes(`${f}(`));
		if (file)
			said[file] = line;
	}
});

/*
 * What the modules give out has the members that its types say: {type: those
 * that there are}. Beside those of Error and EventTarget, which are known.
 */
const load = (name) => import(pathToFileURL(join(tmp, name)));
const BASE = 'http://127.0.0.1:9/';
async function members() {
	const {connect, RequestError} = await load('requests.mjs');
	const {openCache} = await load('cache.mjs');
	const {openCatalogue} = await load('catalogue.mjs');
	const {shareStream} = await load('shared-stream.mjs');
	const {useJob} = await load('use-job.mjs');
	const require = createRequire(join(tmp, 'use-job.mjs'));
	const {createElement} = require('react');
	const {renderToString} = require('react-dom/server');

	const client = connect({base: BASE});
	const answering = (text) => openCache({fetch: async () =>
		new Response(text, {status: text ? 200 : 404})});
	const refused = await answering('').get(BASE).catch((e) => e);
	equal(refused.name, 'ReadError');
	const {name, ...problem} = new RequestError({type: 'x'});
	equal(name, 'RequestError');

	const real = globalThis.fetch;
	globalThis.fetch = async (url) => new Response(/file$/.test(url) ? '{}' :
		JSON.stringify({name: 'n', version: '1.0.0', url: 'file',
			integrity: `sha512-${'A'.repeat(86)}==`}));
	const catalogue = await openCatalogue(`${BASE}n.json`)
		.finally(() => globalThis.fetch = real);

	const stream = shareStream({...client, events: async function* () {}},
		{owner: 'ann'});
	stream.close();
	/* as a server renders it: idle, and nobody is asked */
	let hook;
	equal(renderToString(createElement(() => {
		hook = useJob(client, 'key');
		return hook.busy ? 'busy' : 'idle';
	})), 'idle');
	const job = client.follow('jobs/1', {signal: AbortSignal.abort()});

	const keys = (it) => Object.keys(it).filter((k) => k !== 'name');
	return {
		'requests.Client': keys(client),
		'Exclude<keyof requests.Job, symbol>': keys(job),
		'Exclude<keyof requests.RequestError, keyof Error>': keys(problem),
		'cache.ReadCache': keys(answering('')),
		'cache.Read': keys(await answering('1').get(BASE)),
		'Exclude<keyof cache.ReadError, keyof Error>': keys(refused),
		'Exclude<keyof catalogue.Catalogue, keyof EventTarget>':
			Object.keys(catalogue),
		'Exclude<keyof shared.SharedStream, keyof EventTarget>': [
			...keys(stream), ...Object.getOwnPropertyNames(
				Object.getPrototypeOf(stream))]
			.filter((k) => k !== 'constructor'),
		'hook.UseJob<unknown>': keys(hook),
	};
}
test('what they give out has the members that its types say', async () => {
	const all = Object.entries(await members());
	const text = (less) => [
		"import type * as requests from './requests.mjs';",
		"import type * as cache from './cache.mjs';",
		"import type * as catalogue from './catalogue.mjs';",
		"import type * as shared from './shared-stream.mjs';",
		"import type * as hook from './use-job.mjs';",
		...all.map(([type, its], i) => `export const m${i}: Record<${
			type.startsWith('Exclude') ? type : `keyof ${type}`}, true> = {${
			its.slice(less).map((k) => `${k}: true`).join()}};`)].join('\n');
	writeFileSync(join(tmp, 'members.mts'), text(0));
	writeFileSync(join(tmp, 'fewer.mts'), text(1));
	const lines = compile(...settings[0], ['members.mts', 'fewer.mts'])
		.split('\n').filter((line) => /^\S*(members|fewer)\.mts/.test(line));
	equal(lines.filter((line) => /members\.mts/.test(line)), []);
	equal(lines.length, all.length);
});
for (const name of names)
	test(`${name}.mjs exports what its types say`, () => {
		equal(said[`${name}.same.mts`], undefined);
		match(said[`${name}.more.mts`], /'more'/);
		match(said[`${name}.less.mts`], /is missing/);
	});
await done();
