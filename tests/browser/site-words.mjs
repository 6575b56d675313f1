/*
 * Whatever the browser's modules and the endpoint call an error, the example
 * site has words for: what happened, and what to do. The names are read where
 * they are promised: the modules' types, the modules themselves for those that
 * are promised nowhere, lib/problem.def. So a new one without words is red here.
 * And what is no endpoint's answer is told as that, on a page. Runs under
 * `lowtide serve -C site --env dev`.
 */
import {readFileSync, readdirSync} from 'node:fs';
import {test, ok, equal, match, done} from '../tap.mjs';
import {interpose, signIn} from './site-kit.mjs';
import {page, picture, site, text} from './site-person.mjs';

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url),
	'utf8');
const CLIENT = 'templates/client';
const NAME = /'([a-z]+(?:-[a-z]+)+|network|unauthorized)'/g;
const names = (source) => [...source.matchAll(NAME)].map(([, name]) => name);

/* What tells the rungs of a ladder apart, and never leaves it. */
const INSIDE = ['next', 'away', 'held'];

/* What requests.d.mts says above RequestError's type. */
const types = read(`${CLIENT}/requests.d.mts`);
const [, doc] = /class RequestError [^]*?\/\*\*((?:(?!\*\/)[^])*)\*\/\s*type: string;/
	.exec(types);
const promised = [...new Set(names(doc))];
/* And what it makes: trouble('…') and {type: '…'}, `job-…` among them. */
const source = read(`${CLIENT}/requests.mjs`);
const made = [...source.matchAll(/(?:trouble\(|type: )'([a-z-]+)'/g)]
	.map(([, name]) => name).filter((name) => !INSIDE.includes(name));

/* [title, text], as our pages have it; `who` is asked behind it */
const words = (error, who) => page.run(async (...args) => {
	const {trouble} = await import('/assets/page.mjs');
	return trouble(...args);
}, error, ...who ? [who] : []);
const isSaid = ([title, text], name) => {
	match(title, /^[A-Z]\w+/, name);
	match(text, /^[A-Z“].* .*\.$/s, name);
	/* a name with a hyphen is no word */
	for (const said of [title, text])
		ok(!name.includes('-') || !said.includes(name), said);
};

test('somebody opens the site', () => page.go(`${site}/case.html`));

test('each name that requests.mjs promises has words of its own', async () => {
	ok(promised.length > 8 && promised.includes('foreign-answer'),
		`${promised}`);
	for (const type of promised) {
		const said = await words({type, message: type});
		isSaid(said, type);
		ok(!/^That did not work/.test(said[0]), type);
	}
});

test('and so has each that it makes', async () => {
	ok(made.includes('still-running') && made.length > 6, `${made}`);
	INSIDE.forEach((name) => ok(source.includes(`trouble('${name}')`), name));
	for (const type of made) {
		const said = await words({type, message: type});
		isSaid(said, type);
		ok(!/^That did not work/.test(said[0]), type);
	}
	match(source, /type: `job-\$\{status\}`/);
	for (const type of ['job-failed', 'job-cancelled'])
		isSaid(await words({type, message: type}), type);
});

test('each problem of the endpoint has words, its own at least', async () => {
	const rows = [...read('lib/problem.def').matchAll(
		/^PROBLEM\(\w+, "([\w-]+)", \d+,\s*"([^"]*)",((?:\s*"[^"]*")+)\)/gm)];
	ok(rows.length > 20);
	for (const [, type, title, pieces] of rows) {
		const detail = [...pieces.matchAll(/"([^"]*)"/g)]
			.map(([, piece]) => piece).join('');
		isSaid(await words({type, title, message: detail}), type);
		/* as a read has it */
		isSaid(await words({status: 500, message: 'HTTP 500', body: {
			type: `/problems/${type}`, title, detail}}), type);
	}
});

/* What modules throw besides: by the class. */
const classes = {
	RequestError: [],
	ReadError: [[{status: 404, message: 'HTTP 404'}, 'Something else answered'],
		[{status: 200, message: 'HTTP 200'}, 'Something else answered'],
		[{status: 500, message: 'HTTP 500'}, 'We cannot be reached'],
		[{status: 502, message: 'HTTP 502'}, 'We cannot be reached']],
	/* what is not the JSON that it says it is, or has not what we look for */
	Error: [[{message: 'Unexpected token < in JSON at position 0'},
		'Something else answered']],
};
test('each class of errors is known, and its errors have words', async () => {
	const all = readdirSync(new URL(`../../${CLIENT}`, import.meta.url))
		.filter((name) => name.endsWith('.d.mts'))
		.flatMap((name) => [...read(`${CLIENT}/${name}`).matchAll(
			/class (\w+) extends Error/g)].map(([, one]) => one));
	equal(all.sort(), ['ReadError', 'RequestError']);
	for (const [error, title] of Object.values(classes).flat()) {
		const said = await words(error);
		equal(said[0], title);
		isSaid(said, error.message);
	}
});

test('who is asked behind it is named', async () => {
	const said = await words({type: 'upstream-timeout'}, 'The bundle service');
	equal(said[0], 'The bundle service took too long');
});

/* ---- on a page -------------------------------------------------------------- */

const answers = await interpose(page);
/* As a network does that wants somebody to sign in to it. */
const PORTAL = {responseCode: 200, responseHeaders: [{name: 'content-type',
	value: 'text/html'}], body: Buffer.from('<h1>Welcome</h1>')
	.toString('base64')};
const SAID = 'Something else answered';

test('a page of somebody else’s, instead of what was sent', async () => {
	answers['GET /api/v1/case/*'] = PORTAL;
	await page.go(`${site}/case.html?crns=TW-0001`);
	await page.until(() => document.querySelector('#case-trouble h3'));
	equal(await text('#case-trouble h3'), SAID);
	match(await text('#case-trouble p'), /sign in to it.*then try again\.$/);
	await picture('words-foreign');
});

for (const [at, api, place] of [
	['/vat.html', 'GET /api/v1/hmrc/vat/obligations', '#obligations-said'],
	['/bundles.html', 'GET /api/v1/bundle', '#bundles-trouble'],
	['/receipts.html', 'GET /api/v1/hmrc/receipt', '#receipts-trouble'],
	['/requests.html', 'GET /api/jobs', '#requests-trouble'],
])
	test(`${at}: and instead of what was read`, async () => {
		await signIn(page, {permit: true});
		for (const status of [200, 404]) {
			answers[api] = {...PORTAL, responseCode: status};
			await page.send('Storage.clearDataForOrigin', {
				origin: site, storageTypes: 'cache_storage'});
			await page.go(`${site}${at}`);
			await page.until((s, said) => document.querySelector(s)
				.textContent.includes(said), place, SAID);
		}
		delete answers[api];
	});

await done();
