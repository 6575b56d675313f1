/*
 * Every page of the example site that reads something, in each state that it
 * was designed for: what it says, where it says it, and that neither the focus
 * nor the console minds. A row of PAGES is a page; what axe-core has to say of
 * the same states is tests/npm/axe.mjs. Runs under `lowtide serve -C site
 * --env dev`; what is read is answered here.
 */
import {test, ok, equal, match, done} from '../tap.mjs';
import {hurry, interpose, never, problem, says as answer, signIn}
	from './site-kit.mjs';
import {page, picture, site, text, unplugged} from './site-person.mjs';

const answers = await interpose(page);
const cut = {responseCode: 502, responseHeaders: [], body: ''};
/* What keeps those quiet that are not looked at. */
answers['GET /api/jobs/events'] = never;

const receipt = {formBundleNumber: '123456789012', paymentIndicator: 'DD',
	processingDate: '2026-01-01T09:00:00Z', vrn: '193054661',
	periodKey: '25A1', netVatDue: 5};
answers['GET /api/v1/hmrc/receipt/*'] = answer(receipt);
const traders = (...cases) => ({upstreamFailures: [],
	data: {summaries: {cases}}});

/*
 * api: what it reads; there: with something in it, to be seen at `shown`; none:
 * without. says: of each state [selector, words]; what changes is said in a
 * live region. stop: what has the focus while it goes on.
 */
const LOOKING = /^Looking them up…$/;
const BROKEN = /Internal error.*Something is wrong at our end/;
const CUT = /We cannot be reached.*Check your connection/;
const PAGES = {
	'bundles.html': {
		api: 'GET /api/v1/bundle', shown: '#my-bundles .period',
		there: {bundles: [{id: 'b1', bundleId: 'agent',
			since: '2026-01-01'}]},
		none: {bundles: []}, stop: '#my-bundles button',
		says: {loading: ['#bundles-said', LOOKING],
			empty: ['#bundles-said', /^You have none yet\. Starter/],
			error: ['#bundles-trouble', BROKEN],
			unreachable: ['#bundles-trouble', CUT]}},
	'receipts.html': {
		api: 'GET /api/v1/hmrc/receipt', shown: '#receipt-list .period',
		there: {receipts: [receipt]}, none: {receipts: []},
		stop: '#receipt-list a',
		says: {loading: ['#receipts-said', LOOKING],
			empty: ['#receipts-said', /^No receipt yet: the first/],
			error: ['#receipts-trouble', BROKEN],
			unreachable: ['#receipts-trouble', CUT]}},
	'vat.html': {
		api: 'GET /api/v1/hmrc/vat/obligations',
		shown: '#obligation-list .badge',
		there: {obligations: [{periodKey: '25A4', status: 'O',
			start: '2025-10-01', end: '2025-12-31',
			due: '2026-02-07'}]},
		none: {obligations: []}, stop: '#box6',
		says: {loading: ['#obligations-said', /^Asking HMRC…$/],
			empty: ['#obligations-said',
				/^HMRC expects no return of yours\.$/],
			error: ['#obligations-said', BROKEN],
			unreachable: ['#obligations-said', CUT]},
		/* and the form does not pretend to know */
		form: {loading: /^Looking up your periods…$/,
			empty: /^Everything is filed$/,
			error: /^Not known at the moment$/}},
	'requests.html': {
		api: 'GET /api/jobs', shown: '.request h3',
		there: {next: null, jobs: [{jobId: `job_${'A'.repeat(48)}`,
			api: 'bundle-post', status: 'completed',
			createdAt: '2026-01-01T09:00:00Z'}]},
		none: {next: null, jobs: []}, stop: '.request a',
		says: {loading: ['#requests-said', LOOKING],
			empty: ['#requests-said', /^None\.$/],
			error: ['#requests-said', /^Internal error\.$/],
			unreachable: ['#requests-said', /^We cannot be reached/]},
		also: {empty: '.nothing a', error: '#requests-trouble button'}},
	'case.html': {
		api: 'GET /api/v1/case/*', shown: '.case h3', everybody: true,
		there: traders({crn: 'TW-0001', trader: 'Fielding’s Bakery',
			vrn: '193000001'}),
		none: traders(), stop: '#crns',
		says: {loading: ['#case-said', /^Asking five services…$/],
			empty: ['#case-said', /^Nobody knows a trader of that/],
			error: ['#case-trouble', BROKEN],
			unreachable: ['#case-trouble', CUT]}},
};

/* By state: what its answer is; fast: what is tried again is not waited for. */
const STATES = {
	loading: () => never,
	empty: ({none}) => answer(none),
	error: () => problem(500),
	unreachable: () => cut,
};

/* Nothing that was read before is shown meanwhile. */
const forget = () => page.send('Storage.clearDataForOrigin', {origin: site,
	storageTypes: 'cache_storage,service_workers'});
async function open(at, api, what) {
	await forget();
	answers[api] = what;
	page.complaints.length = 0;
	await page.go(`${site}/${at}`);
}
/* What is said there, once it is; and whether it is to be seen, and heard. */
const said = (selector, words) => page.until((s, source) => {
	const it = document.querySelector(s);
	const heard = it?.textContent.trim().replace(/\s+/g, ' ') ?? '';
	return new RegExp(source).test(heard) && {
		seen: it.checkVisibility(), live: !!it.closest(
			'[role=status], [role=alert], [aria-live]')};
}, selector, words.source);
/* Ghosts and aria-busy are there for who waits, and for nobody else. */
const waits = () => page.run(() => ({
	busy: document.querySelectorAll('main [aria-busy=true]').length > 0,
	ghosts: document.querySelectorAll('main .ghost').length > 0}));
const settled = () => page.until(() =>
	!document.querySelector('main [aria-busy=true]'));
async function basics() {
	equal(await page.run(() => [...document.querySelectorAll('h1')]
		.filter((h) => h.checkVisibility()).length), 1, 'one heading');
	equal(await page.run(() => document.activeElement === document.body),
		true, 'nobody took the focus');
	/* what the network refused is told there as well, by the browser */
	equal(page.complaints.filter((one) => !/^network: /.test(one)), []);
}

test('somebody signs in', () => signIn(page, {permit: true}));

for (const [at, row] of Object.entries(PAGES))
	for (const [state, how] of Object.entries(STATES))
		test(`${at}: ${state}`, async () => {
			const usual = await hurry(page,
				state === 'unreachable' ? 20 : 1);
			try {
				await open(at, row.api, how(row));
				equal(await said(...row.says[state]),
					{seen: true, live: true});
				if (state === 'loading')
					equal(await waits(),
						{busy: true, ghosts: true});
				else
					await settled();
				if (state !== 'loading')
					equal((await waits()).ghosts, false);
				equal(await page.run((s) => document
					.querySelectorAll(s).length, row.shown), 0);
				if (row.form?.[state])
					match(await text('#period'),
						row.form[state]);
				if (row.also?.[state])
					ok(await page.run((s) => document
						.querySelector(s).checkVisibility(),
					row.also[state]));
				await basics();
				await picture(`state-${at.replace('.html', '')}-${
					state}`);
			} finally {
				await usual();
			}
		});

for (const [at, {api, there, shown, stop}] of Object.entries(PAGES))
	test(`${at}: offline and back, and the focus stays`, async () => {
		await open(at, api, answer(there));
		await page.until((s) => document.querySelector(s), shown);
		await settled();
		await basics();
		const before = await text(shown);
		await page.run((s) => {
			globalThis.was = document.querySelector(s);
			was.focus();
		}, stop);
		const same = () => page.run(() =>
			document.activeElement === was && was.isConnected);
		equal(await same(), true);
		await unplugged(async () => {
			equal(await said('#offline', /^You are offline\. What was/),
				{seen: true, live: true});
			equal([await text(shown), await same()], [before, true]);
		});
		await page.until(() =>
			!document.querySelector('#offline').textContent);
		await settled();
		equal([await text(shown), await same()], [before, true]);
		equal(page.complaints.filter((one) =>
			!/^network: /.test(one)), []);
	});

/* ---- what only a press asks for -------------------------------------------- */

/* What <lowtide-job> says of itself, to be seen and heard. */
const told = () => page.run(() => {
	const view = document.querySelector('lowtide-job');
	const line = view.shadowRoot.querySelector('[role=status]');
	return [view.getAttribute('state'), line.textContent];
});
/* By keyboard, so that there is a focus to be lost. */
async function press(selector) {
	await page.run((s) => document.querySelector(s).focus(), selector);
	for (const type of ['keyDown', 'keyUp'])
		await page.send('Input.dispatchKeyEvent', {type, key: 'Enter',
			code: 'Enter', text: '\r', windowsVirtualKeyCode: 13});
}
const focused = () => page.run(() => document.activeElement.id ||
	document.activeElement.localName);

const EXPORT = 'POST /api/v1/hmrc/vat/export';
test('export.html: nothing yet, on its way, refused', async () => {
	await open('export.html', EXPORT, never);
	equal((await told())[0], 'idle');
	ok(await page.run(() => document.querySelector('[slot=idle]')
		.checkVisibility()));
	await basics();
	await press('#export-start');
	await page.until(() => document.querySelector('lowtide-job')
		.getAttribute('state') === 'sending');
	equal(await told(), ['sending', 'Sending…']);
	equal(await said('#export-said', /^You may leave this page/),
		{seen: true, live: true});
	equal(await page.run(() =>
		document.querySelector('#export-fields').disabled), true);

	await open('export.html', EXPORT, problem(500));
	await page.run(() => sessionStorage.removeItem(
		'lowtide:/api/export 193054661 2025'));
	await open('export.html', EXPORT, problem(500));
	await press('#export-start');
	await page.until(() => document.querySelector('lowtide-job')
		.getAttribute('state') === 'failed');
	match((await told())[1], /Something is wrong at our end/);
	match(await text('#export-trouble'), BROKEN);
	await page.until(() =>
		!document.querySelector('#export-fields').disabled);
	equal(await focused(), 'export-start');
	equal(page.complaints.filter((one) => !/^network: /.test(one)), []);
});

const RETURN = 'POST /api/v1/hmrc/vat/return';
test('vat.html: a return on its way, and refused by us', async () => {
	answers[PAGES['vat.html'].api] = answer(PAGES['vat.html'].there);
	await open('vat.html', RETURN, never);
	await page.until(() => document.querySelector('#period').value);
	await page.run(() => {
		document.querySelector('#finalised').checked = true;
	});
	await press('#submit-return');
	equal(await said('#return-said', /^Sending…$/),
		{seen: true, live: true});
	await page.run(() => {
		for (const key of Object.keys(sessionStorage))
			if (key.startsWith('lowtide:'))
				sessionStorage.removeItem(key);
	});
	await open('vat.html', RETURN, problem(500));
	await page.until(() => document.querySelector('#period').value);
	await page.run(() => {
		document.querySelector('#finalised').checked = true;
	});
	await press('#submit-return');
	equal(await said('#return-said', BROKEN), {seen: true, live: true});
	await page.until(() =>
		!document.querySelector('#return-fields').disabled);
	equal(await focused(), 'submit-return');
});

test('signed out: each says so, asks nothing, and shows nothing', async () => {
	const own = Object.entries(PAGES).filter(([, row]) => !row.everybody)
		.map(([at]) => at);
	await page.run(() => sessionStorage.clear());
	for (const at of [...own, 'export.html']) {
		await page.go(`${site}/${at}`);
		page.requests.length = page.complaints.length = 0;
		await page.go(`${site}/${at}`);
		await page.until(() =>
			document.querySelector('#signed-out')?.checkVisibility());
		equal(await text('#signed-out h2'), 'Sign in first', at);
		equal(await page.run(() => document.querySelector('#signed-in')
			.checkVisibility()), false, at);
		equal(page.requests.filter(({url}) => /\/api\//.test(url)), []);
		await basics();
		equal(page.complaints, [], at);
	}
});

await done();
