/*
 * openapi.json of the example site and of the golden ones, as a validator sees
 * it that is not ours; and one that is wrong, which it must refuse. Run by
 * `make check-npm`, which has put the packages into build/npm.
 */
import {spawnSync} from 'node:child_process';
import {cpSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';
import {test, ok, equal, match, cleanup, done} from '../tap.mjs';

const bin = resolve(process.env.LOWTIDE_BIN ?? 'build/bin');
const from = name => import(pathToFileURL(
	resolve('build/npm/node_modules', name)));
const {Validator} = await from('@seriousme/openapi-schema-validator/index.js');
const {default: Ajv} = (await from('ajv/dist/2020.js')).default;

const tmp = mkdtempSync(join(tmpdir(), 'lowtide-npm.'));
cleanup(() => rmSync(tmp, {recursive: true}));

function build(site, path, ...args) {
	const copy = join(tmp, site.replaceAll('/', '-'));
	cpSync(site, copy, {recursive: true});
	const {status, stderr} = spawnSync(join(bin, 'lowtide'), ['build', '-q',
		'-C', copy, '--out', `${copy}-dist`, ...args], {encoding: 'utf8'});
	equal(status, 0, stderr);
	return JSON.parse(readFileSync(join(`${copy}-dist/www`, path)));
}

async function faults(document) {
	const validator = new Validator();
	const {valid, errors} = await validator.validate(
		structuredClone(document));
	if (!valid)
		return JSON.stringify(errors);
	equal(validator.version, '3.1');
	validator.resolveRefs();
	return '';
}

/* Schemas by a validator of JSON Schema: no unknown word, no bad pattern. */
function compile({components}) {
	const ajv = new Ajv({strict: true, strictTypes: false,
		strictRequired: false, validateFormats: false});
	ajv.addVocabulary(['components', 'discriminator']);
	for (const name of Object.keys(components.schemas))
		ajv.compile({components, $ref: `#/components/schemas/${name}`});
}

const documents = {};
for (const [site, path, ...args] of [
	['site', 'openapi.json', '--env', 'prod'],
	['tests/golden/openapi', 'docs/payments.json'],
	['tests/golden/api-whole', 'openapi.json'],
	['tests/golden/read', 'openapi.json'],
]) {
	test(`${site}: it is valid`, async () => {
		documents[site] = build(site, path, ...args);
		equal(await faults(documents[site]), '');
	});
	test(`${site}: its schemas are`, () => compile(documents[site]));
	test(`${site}: an operationId stands in it once`, () => {
		const ids = Object.values(documents[site].paths).flatMap(item =>
			Object.values(item).map(o => o.operationId)).filter(Boolean);
		equal(new Set(ids).size, ids.length);
		ok(ids.includes('getJob'));
	});
}

const wrongs = {
	'without a version': d => delete d.info.version,
	'of another version': d => Object.assign(d, {openapi: '9.9.9'}),
	'with a parameter without a place': d =>
		delete d.components.parameters.WaitTime.in,
	'with a response without a description': d =>
		delete d.components.responses.Accepted.description,
	'with an unknown member': d => Object.assign(d, {pathz: {}}),
	'with a path without a slash': d => Object.assign(d.paths,
		{'api/x': {}}),
};
for (const [what, wrong] of Object.entries(wrongs))
	test(`one ${what} is refused`, async () => {
		const d = structuredClone(documents.site);
		wrong(d);
		match(await faults(d), /./);
	});

test('the packages are pinned, and by their bytes', () => {
	const read = name => JSON.parse(readFileSync(`tests/npm/${name}.json`));
	for (const version of Object.values(read('package').dependencies))
		match(version, /^(npm:[\w-]+@)?\d+\.\d+\.\d+$/);
	for (const [name, p] of Object.entries(read('package-lock').packages)) {
		equal(p.resolved, undefined, name);
		ok(!name || p.integrity, name);
	}
});

test('a schema that is none is refused', () => {
	const d = structuredClone(documents.site);
	d.components.schemas.JobId.pattern = '(';
	let said = '';
	try {
		compile(d);
	} catch (e) {
		said = e.message;
	}
	match(said, /pattern|Invalid/);
});
await done();
