/*
 * Every page of the example site in each of its states, signed out and signed
 * in, light and dark and on a telephone, to axe-core: no violation of any rule
 * that it has on by default (best practices among them), nor of those for WCAG
 * 2.2 AA that it has not. Runs under `lowtide serve -C site --env dev`.
 *
 * PAGES is the table: a page, and its states, each what is done to get there.
 * ONLY=/vat.html looks at one page; a finding names rule, element and why.
 */
import {randomInt} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {test, equal, ok, cleanup, done} from '../tap.mjs';
import {open} from '../browser/cdp.mjs';
import {hurry, signIn} from '../browser/site-kit.mjs';

const site = process.env.LOWTIDE_URL;
const simulator = process.env.LOWTIDE_RUN_SIMULATOR_URL;
const axe = readFileSync(new URL('../../build/npm/node_modules/' +
	'axe-core/axe.min.js', import.meta.url), 'utf8');
/* None is switched off. */
const OPTIONS = {resultTypes: ['violations'],
	rules: {'target-size': {enabled: true}}};
const LOOKS = {
	light: {width: 1280},
	dark: {width: 1280, dark: true},
	phone: {width: 390, dark: true},
	narrow: {width: 320},
};

const [OUT, IN] = ['signed out', 'signed in'];

/* What the APIs answer instead: nothing yet, this, or that it is their fault. */
const held = () => null;
const says = (body) => () => ({responseCode: 200, responseHeaders: [
	{name: 'content-type', value: 'application/json'}], body});
const broken = () => ({responseCode: 500, responseHeaders: [
	{name: 'content-type', value: 'application/problem+json'}],
body: {type: '/problems/internal', title: 'Internal error', status: 500,
	detail: 'Something is wrong at our end.'}});

const browser = await open();
cleanup(() => browser.close());
const page = await browser.page();
let answer; /* of the APIs; undefined: their own */
page.on('Fetch.requestPaused', ({requestId, request}) => {
	const how = answer && answer(request);
	if (how)
		page.send('Fetch.fulfillRequest', {requestId, ...how,
			body: how.body && Buffer.from(JSON.stringify(how.body))
				.toString('base64')});
	else if (how !== null)
		page.send('Fetch.continueRequest', {requestId});
});
await page.send('Fetch.enable', {patterns: [{urlPattern: `${site}/api/*`}]});

const quiet = () => page.until(() => document.readyState === 'complete' &&
	!document.querySelector('[aria-busy=true]'));
/* Who is signed out waits for nothing. */
const busy = () => page.until(() => document.readyState === 'complete' &&
	document.querySelector(
		'[aria-busy=true], #signed-out:not([hidden])') && true);
const offline = (is) => page.send('Network.emulateNetworkConditions', {
	offline: is, latency: 0, downloadThroughput: -1, uploadThroughput: -1});

/* What was read before would be shown meanwhile. */
const forget = () => page.send('Storage.clearDataForOrigin', {origin: site,
	storageTypes: 'cache_storage,service_workers'});

const waiting = {loading: {answer: held, ready: busy}};
const failing = {error: {answer: broken, ready: quiet}};
const away = {offline: {ready: async () => {
	await quiet();
	await offline(true);
	await page.until(() => document.querySelector('#offline')
		.textContent);
}}};

const seen = (selector) => page.until((s) =>
	document.querySelector(s)?.checkVisibility(), selector);
const idle = (ready) => ({who: IN, async ready() {
	await quiet();
	await ready();
}});
const press = (selector, then) => idle(async () => {
	await page.click(selector);
	await seen(then);
	await quiet();
});
/* How the simulated service takes it. */
const mood = (scenario) => page.run((s) => {
	const select = document.querySelector('#scenario');
	select.append(new Option(s, s));
	select.value = s;
}, scenario);
const release = () => fetch(`${simulator}/__release`, {method: 'POST'});

const filed = (scenario, state) => idle(async () => {
	await page.run(() => document.querySelector('#period').replaceChildren());
	await page.type('#vrn', String(randomInt(1e8, 1e9)));
	await page.until(() => document.querySelector('#period').value);
	await mood(scenario);
	await page.click('#finalised');
	await page.click('#submit-return');
	await page.until((s) => document.querySelector('#return-status')
		.dataset.state === s, state);
});
const added = (id, scenario, then) => idle(async () => {
	await mood(scenario);
	await page.click(`.bundle[data-id=${id}] button`);
	await seen(then);
});
/* Patience ends: polls alone, nothing new, and a clock that runs fast. */
const silent = ({url, headers}) => {
	if (/\/events$/.test(new URL(url).pathname))
		return {...broken(), responseCode: 406};
	return Object.keys(headers).some((name) =>
		/^if-none-match$/i.test(name)) && /\/api\/jobs\//.test(url) ?
		{responseCode: 304, responseHeaders: [
			{name: 'retry-after', value: '30'},
			{name: 'x-request-id', value: 'r'}]} : undefined;
};
/* What was not over is not looked into by the next page, which is another's. */
const sentNothing = () => page.run(() => {
	for (const key of Object.keys(sessionStorage))
		if (key.startsWith('lowtide:'))
			sessionStorage.removeItem(key);
});
let usual; /* ends the hurry */
const still = (path) => ({who: IN, answer: silent,
	async ready() {
		usual = await hurry(page, 60);
		await page.go(`${site}${path}`);
		await filed('HOLD', 'still').ready();
	},
	async after() {
		await usual();
		await release();
		await sentNothing();
	},
});
/* The token is none any more, behind what is shown. */
const over = (then) => idle(async () => {
	await page.run(() => {
		const kept = JSON.parse(sessionStorage['signed-in']);
		globalThis.before = sessionStorage['signed-in'];
		sessionStorage['signed-in'] = JSON.stringify(
			{...kept, access: 'over'});
	});
	await then();
	await seen('#signed-out');
});
const andBack = () => page.run(() => {
	sessionStorage['signed-in'] = before;
});
const made = (year, state) => idle(async () => {
	await page.until(() => !document.querySelector('#export-fields')
		.disabled);
	await page.type('#year', year);
	await page.click('#export-start');
	await seen(`lowtide-job[state=${state}]`);
});
/*
 * A state: answer, of the APIs; ready(), which gets there; who, where it is of
 * one of them alone; after(), which ends what goes on.
 */
const PAGES = {
	'/': {...away},
	'/catalogue.html': {},
	'/bundles.html': {...waiting, ...failing, ...away,
		confirming: {...added('limited', 'HOLD', '#my-bundles .badge'),
			after: release},
		refused: added('starter', 'BUNDLE_REFUSED',
			'.bundle[data-id=starter] .bundle-said'),
		none: {who: IN, ready: quiet, answer: says({bundles: []})},
		over: {...over(() => page.click(
			'.bundle[data-id=sole-trader] button')), after: andBack},
	},
	'/vat.html': {...waiting, ...failing, ...away,
		watching: {...filed('HOLD', 'processing'), after: release},
		filed: filed('', 'completed'),
		refused: filed('DUPLICATE_SUBMISSION', 'failed'),
		held: {...filed('CLOSE_SILENTLY', 'failed'), after: sentNothing},
		still: still('/vat.html'),
		over: {...over(() => page.run(() => {
			document.querySelector('#vrn').dispatchEvent(
				new Event('change'));
		})), after: andBack},
		none: {who: IN, ready: quiet, answer: says({obligations: []})},
	},
	'/receipts.html': {...waiting, ...failing, ...away,
		shown: press('#receipt-list a', '#receipt'),
		unknown: idle(async () => {
			await page.run(() => {
				location.hash = '#1';
			});
			await page.until(() => document.querySelector(
				'#receipt-shown').textContent);
		}),
		none: {who: IN, ready: quiet, answer: says({receipts: []})},
	},
	'/export.html': {...away,
		running: made('2025', 'processing'),
		made: idle(() => seen('#export-result')),
		failed: made('1999', 'failed'),
		stopped: idle(async () => {
			await made('2024', 'processing').ready();
			await page.run(() => document.querySelector('lowtide-job')
				.shadowRoot.querySelector('[part=cancel]')
				.click());
			await seen('lowtide-job[state=cancelled]');
		}),
	},
	'/case.html': {...waiting, ...failing, ...away,
		shown: press('#case-form button', '.case')},
	'/requests.html': {...waiting, ...failing, ...away,
		none: {who: IN, ready: quiet,
			answer: says({jobs: [], next: null})},
	},
	'/sign-in.html': {},
	'/auth/cognito.html': {},
	'/auth/hmrc.html': {},
	'/auth/hmrc-sandbox.html': {},
	'/auth/signed-out.html': {},
	'/404.html': {},
};

async function look({width, dark = false}) {
	await page.send('Emulation.setDeviceMetricsOverride', {width,
		height: 900, deviceScaleFactor: 1, mobile: width < 600});
	await page.send('Emulation.setEmulatedMedia', {features: [
		{name: 'prefers-color-scheme', value: dark ? 'dark' : 'light'},
		{name: 'prefers-reduced-motion', value: 'reduce'}]});
}

/* What it finds: 'look: rule: element: why'. */
async function findings() {
	const all = [];
	if (!await page.run(() => Boolean(globalThis.axe)))
		await page.send('Runtime.evaluate', {expression: axe});
	for (const [name, how] of Object.entries(LOOKS)) {
		await look(how);
		const {violations, passes} = await page.run(async (options) => {
			const r = await axe.run(document, options);
			return {passes: r.passes.length, violations:
				r.violations.flatMap(({id, nodes}) => nodes.map(
					(n) => `${id}: ${n.target.join(' ')}: ` +
						n.failureSummary.replace(
							/\s+/g, ' ')))};
		}, OPTIONS);
		ok(passes > 10, `${passes} rules apply`);
		all.push(...violations.map((v) => `${name}: ${v}`));
	}
	return all;
}

const states = (own, person) => Object.entries({there: {ready: quiet}, ...own})
	.filter(([, {who = person}]) => who === person);
function check(path, who) {
	for (const [name, how] of states(PAGES[path], who))
		test(`${path} ${name}, ${who}`, async () => {
			answer = how.answer;
			if (answer)
				await forget();
			await page.go(`${site}${path}`);
			try {
				await how.ready();
				equal(await findings(), []);
			} finally {
				await offline(false);
				await how.after?.();
				answer = undefined;
			}
		});
}

const paths = Object.keys(PAGES).filter((path) => !process.env.ONLY ||
	path === process.env.ONLY);
test('every page is in the table', async () => {
	const {files} = await (await fetch(`${site}/manifest.json`)).json();
	/* those of problems are of one template, which is not ours */
	equal(files.map(({path}) => `/${path}`.replace(/\/index\.html$/, '/'))
		.filter((path) => /(\.html|\/)$/.test(path) &&
			!path.startsWith('/problems/')).sort(),
	Object.keys(PAGES).sort());
});
for (const path of paths)
	check(path, OUT);
test('somebody signs in', () => signIn(page, {permit: true}));
test('there is a receipt, and a request that is over', async () => {
	await page.go(`${site}/vat.html`);
	await filed('', 'completed').ready();
});
for (const path of paths)
	check(path, IN);
test('a fault would have been found', async () => {
	await page.go(`${site}/`);
	await quiet();
	await page.run(() => {
		const picture = document.createElement('img');
		picture.src = '/assets/favicon.svg';
		const pale = document.createElement('p');
		pale.textContent = 'hardly to be read';
		pale.style.color = '#cccccc';
		pale.style.background = '#ffffff';
		const small = document.createElement('p');
		for (let i = 0; i < 3; i++) {
			const b = small.appendChild(document.createElement('button'));
			b.textContent = 'x';
			b.style = 'all: unset; font-size: 8px; width: 9px';
		}
		document.querySelector('main').append(picture, pale, small);
	});
	const found = (await findings()).join('\n');
	for (const rule of ['image-alt', 'color-contrast', 'target-size'])
		ok(found.includes(rule), rule);
});
await done();
