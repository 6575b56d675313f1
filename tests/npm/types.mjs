/*
 * The types beside the modules, as TypeScript reads them: example.mts compiles
 * (and each line of it that must not does not), and a module exports what its
 * types say, no more and no less.
 */
import {spawnSync} from 'node:child_process';
import {cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';
import {test, equal, match, cleanup, done} from '../tap.mjs';

const bin = resolve(process.env.LOWTIDE_BIN ?? 'build/bin');
const tsc = resolve('build/npm/node_modules/typescript/bin/tsc');
const tmp = mkdtempSync(join(tmpdir(), 'lowtide-types.'));
cleanup(() => rmSync(tmp, {recursive: true}));

/* Under node's own rules, and under a bundler's. */
const settings = [['nodenext', 'nodenext'], ['esnext', 'bundler']];

function compile(module, moduleResolution, files) {
	writeFileSync(join(tmp, 'tsconfig.json'), JSON.stringify({
		compilerOptions: {strict: true, noEmit: true, skipLibCheck: false,
			exactOptionalPropertyTypes: true,
			noUncheckedIndexedAccess: true, target: 'es2022',
			lib: ['es2022', 'dom', 'dom.iterable'], types: [],
			module, moduleResolution},
		files}));
	const {status, stdout} = spawnSync('node', [tsc, '-p', tmp],
		{encoding: 'utf8'});
	return status === 0 ? '' : stdout || 'failed';
}

test('lowtide client writes them', () => {
	const {status, stderr} = spawnSync(join(bin, 'lowtide'), ['client', tmp,
		'-C', 'site', '--env', 'prod', '-q', '--set', 'oauth.tokens=true'], {encoding: 'utf8'});
	equal(status, 0, stderr);
	equal(readdirSync(tmp).sort(), ['oauth-tokens.d.mts',
		'oauth-tokens.mjs', 'oauth.d.mts', 'oauth.mjs',
		'requests.d.mts', 'requests.mjs']);
	cpSync('tests/npm/example.mts', join(tmp, 'example.mts'));
});

for (const [module, resolution] of settings)
	test(`the example compiles (${resolution})`, () =>
		equal(compile(module, resolution, ['example.mts']), ''));

for (const name of ['requests', 'oauth', 'oauth-tokens'])
	test(`${name}.mjs exports what its types say`, async () => {
		const exported = Object.keys(await import(pathToFileURL(
			join(tmp, `${name}.mjs`))));
		const write = names => writeFileSync(join(tmp, 'names.mts'),
			`import * as all from './${name}.mjs';\n` +
			'export const names: Record<keyof typeof all, true> = {' +
			names.map(n => `${n}: true`).join() + '};\n');
		write(exported);
		equal(compile(...settings[0], ['names.mts']), '');
		write([...exported, 'more']);
		match(compile(...settings[0], ['names.mts']), /'more'/);
		write(exported.slice(1));
		match(compile(...settings[0], ['names.mts']), /is missing/);
	});
await done();
