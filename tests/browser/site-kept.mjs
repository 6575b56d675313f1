/*
 * What is shown already, and the sign-in that ends behind it: each page of the
 * example site keeps what it shows, says "Sign in", and asks no more. The token
 * is spoiled, so it is the endpoint that says 401. Runs under `lowtide serve
 * -C site --env dev`.
 */
import {test, equal, match, done} from '../tap.mjs';
import {hurry, interpose, says as answer, settled} from './site-kit.mjs';
import {page, picture, says, seen, signIn, site, text, texts, unplugged}
	from './site-person.mjs';

const answers = await interpose(page);
const RECEIPTS = [1, 2].map((n) => ({formBundleNumber: `00000000000${n}`,
	processingDate: `2026-0${n}-01T09:00:00Z`, paymentIndicator: 'BANK',
	vrn: '193054661', periodKey: '25A1', netVatDue: n}));
const OBLIGATIONS = ['F', 'O'].map((status, n) => ({status,
	periodKey: `25A${n + 1}`, start: '2025-01-01', end: '2025-03-31',
	due: '2025-05-07', received: '2025-05-01'}));
const job = {jobId: `job_${'A'.repeat(48)}`, api: 'export', status: 'completed',
	createdAt: '2026-01-01T09:00:00Z'};

/*
 * Of each page: what is answered as long as all is well, what it shows of that,
 * and where it says how old it is.
 */
const PAGES = {
	'bundles.html': {shown: '#my-bundles .period', said: '#bundles-said',
		api: '/api/v1/bundle', body: {bundles: [
			{id: 'b1', bundleId: 'starter', since: '2026-01-01'}]}},
	'receipts.html': {shown: '#receipt-list a', said: '#receipts-said',
		api: '/api/v1/hmrc/receipt', body: {receipts: RECEIPTS}},
	'vat.html': {shown: '#obligation-list .badge', said: '#obligations-said',
		api: '/api/v1/hmrc/vat/obligations',
		body: {obligations: OBLIGATIONS}},
	'requests.html': {shown: '.request h3', said: '#requests-said',
		api: '/api/jobs', body: {jobs: [job], next: null},
		/* nothing of it is kept: it is there when the token ends */
		live: true},
};

const spoil = () => page.run(() => {
	const kept = JSON.parse(sessionStorage['signed-in']);
	sessionStorage['signed-in'] = JSON.stringify(
		{...kept, access: `${kept.access.slice(0, -9)}AAAAAAAAA`});
});
/* Good for a second. */
const brief = (body) => ({...answer(body), responseHeaders: [
	{name: 'content-type', value: 'application/json'},
	{name: 'cache-control', value: 'max-age=1'}]});
/* what the receipts' page fetches ahead */
answers['GET /api/v1/hmrc/receipt/*'] = answer(RECEIPTS[0]);
const asked = () => page.requests.filter(({url}) =>
	url.startsWith(`${site}/api/`)).length;

/* It is shown; then the token is none any more. */
async function shownAndOver(at, {api, body, shown, live}) {
	answers[`GET ${api}`] = brief(body);
	await page.go(`${site}/${at}`);
	await seen(shown);
	const before = await texts(shown);
	if (!live) /* its second is over, and the next page shows it first */
		await page.run(() => new Promise((go) => setTimeout(go, 24000)));
	await spoil();
	delete answers[`GET ${api}`];
	if (live) /* whatever tells it so first: the list, or the stream */
		await unplugged(() => says('#offline', 'offline'));
	else
		await page.go(`${site}/${at}`);
	return before;
}

async function staysAndAsksNoMore({shown, said}, before) {
	await seen('#signed-out');
	equal(await text('#signed-out h2'), 'You have been signed out');
	equal(await page.run(() => document.activeElement.id),
		'signed-out-title');
	equal(await text('#who'), 'Sign in');
	await says(said, 'This is how it was.');
	equal(await texts(shown), before);
	equal(await page.run(() => document.querySelectorAll(
		'#signed-in [aria-busy], .trouble').length), 0);
	/* a minute later nobody has asked again, or moved the focus */
	const count = asked();
	await page.run(() => {
		document.querySelector('#who').focus();
	});
	await page.run(() => new Promise((go) => setTimeout(go, 60000)));
	equal(asked() - count, 0);
	equal(await page.run(() => document.activeElement.id), 'who');
	equal(await texts(shown), before);
}

for (const [at, what] of Object.entries(PAGES))
	test(`${at}: the sign-in ends, what is shown stays`, async () => {
		await signIn(page);
		const usual = await hurry(page, 20);
		try {
			const before = await shownAndOver(at, what);
			await staysAndAsksNoMore(what, before);
			await picture(`kept-${at.replace('.html', '')}`);
		} finally {
			await usual();
		}
	});

test('and Sign in leads back to the page, with what is new', async () => {
	await page.leave(() => document.querySelector('#signed-out button')
		.click());
	await settled(page, () => document.querySelector('button[value=allow]'));
	await page.leave(() => document.querySelector('button[value=allow]')
		.click());
	await settled(page, () => location.pathname === '/requests.html' &&
		document.querySelector('.nothing h3'));
	equal(await page.run(() => document.querySelector('#signed-out').hidden),
		true);
	match(await text('#who'), /Robin/);
});

test('nothing was left to complain about', () =>
	equal(page.complaints.filter((one) =>
		!/status of 401|ERR_INTERNET_DISCONNECTED/.test(one)), []));

await done();
