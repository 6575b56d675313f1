/*
 * A page's patience ends, and the job goes on: "Still with HMRC", never
 * "failed", and from there on to the receipt. There are no streams and no long
 * polls here, so that it polls, which is what patience counts; and the page's
 * clock runs fast, so that its minute is a second. The endpoint counts by its
 * own and would say 429, so what it would say else is said for it: nothing new,
 * come back in half a minute. Runs under `lowtide serve -C site --env dev`,
 * where HMRC may be silent for longer than usual.
 */
import {test, ok, equal, match, done} from '../tap.mjs';
import {hurry, interpose, problem} from './site-kit.mjs';
import {arrivals, browser, holding, mood, page, picture, release, reload, says,
	seen, signIn, site, text, vrn} from './site-person.mjs';

const answers = await interpose(page);
const has = ({headers}, what) => Object.keys(headers).some((name) =>
	name.toLowerCase() === what);
let silent = true;
let looks = 0;
answers['GET /api/jobs/*'] = (request) => {
	if (request.url.endsWith('/events') || has(request, 'prefer'))
		return problem(406);
	looks++;
	return silent && has(request, 'if-none-match') ? {responseCode: 304,
		responseHeaders: [{name: 'retry-after', value: '30'}]} :
		undefined;
};

const panel = (of = page) => of.run(() => {
	const box = document.querySelector('#return-status');
	return {state: box.dataset.state, reached: box.dataset.reached,
		ticket: document.querySelector('#ticket').textContent,
		watched: document.querySelector('.watch').checkVisibility(),
		action: document.querySelector('#return-action')?.textContent,
		locked: document.querySelector('#return-fields').disabled,
		states: globalThis.states};
});
const state = (name) => page.until((s) =>
	document.querySelector('#return-status').dataset.state === s, name);
/* Every state from here on. */
const note = () => page.run(() => {
	globalThis.states = [];
	const box = document.querySelector('#return-status');
	new MutationObserver(() => states.at(-1) === box.dataset.state ||
		states.push(box.dataset.state))
		.observe(box, {attributeFilter: ['data-state']});
});

let number;
let usual; /* ends the hurry */

test('somebody files, and HMRC says nothing for a long time', async () => {
	await signIn(page, {permit: true, to: '/vat.html'});
	usual = await hurry(page, 60);
	await page.go(`${site}/vat.html`);
	await page.until(() => document.querySelector('.obligations .badge'));
	number = vrn();
	await page.run(() => document.querySelector('#period')
		.replaceChildren());
	await page.type('#vrn', number);
	await page.until(() => document.querySelector('#period').value);
	await mood('HOLD');
	await note();
	await page.run(() => {
		document.querySelector('#finalised').checked = true;
		document.querySelector('#submit-return').click();
	});
	await state('processing');
	await holding('POST', number);
});

test('our patience ends: it is said to be with HMRC still, and no more',
	async () => {
		await state('still');
		equal(await text('#return-said h3'), 'Still with HMRC');
		match(await text('#return-said'), /You may close this page/);
		const {states, ticket, ...now} = await panel();
		equal(now, {state: 'still', reached: 'processing',
			watched: true, action: 'Look again', locked: true});
		ok(!states.includes('failed'), states.join(' '));
		match(ticket, /^job_/);
		ok(looks >= 3, `${looks} looks`);
		await picture('vat-still');
	});

test('nothing more is asked for it, and the endpoint has it at work',
	async () => {
		const {ticket} = await panel();
		const asked = () => page.requests.filter(({url}) =>
			url.includes(ticket)).length;
		const before = asked();
		/* as long as all of the patience was */
		await page.run(() => new Promise((go) => setTimeout(go, 60000)));
		equal(asked(), before);
		equal(await page.run(async (id) => {
			const {api} = await import('/assets/api.mjs');
			const answer = await api.fetch(`/api/jobs/${id}`);
			return (await answer.json()).status;
		}, ticket), 'processing');
	});

test('in the list of requests it is under way, as it is', async () => {
	const other = await browser.page();
	await signIn(other, {to: '/requests.html'});
	await says('.request .badge', 'under way', other);
	equal(await text('.request h3', other), 'VAT return');
	await other.close();
});

test('Look again, and patience ends again: nothing is lost', async () => {
	await page.run(() => {
		states.length = 0;
	});
	await page.click('#return-action');
	await page.until(() => states.at(-1) === 'still' && states.length > 1);
	const {states, state: now} = await panel();
	equal([now, states], ['still', ['sending', 'processing', 'still']]);
});

test('loaded anew it looks by itself, and says so again', async () => {
	await reload();
	await state('still');
	equal(await text('#return-said h3'), 'Still with HMRC');
	const {locked} = await panel();
	equal(locked, true);
});

test('HMRC answers, Look again: the receipt, of the one return', async () => {
	await note();
	await usual();
	silent = false;
	await release();
	await page.click('#return-action');
	await seen('#receipt');
	const {states, locked} = await panel();
	equal([states.at(-1), states.includes('failed'), locked],
		['completed', false, false]);
	match(await text('.bundle-number'), /^\d{12}$/);
	equal((await arrivals('POST', number)).length, 1);
	silent = true;
});

const row = () => page.run(() => {
	const it = document.querySelector('#my-bundles [data-bundle=starter]');
	return it && {state: it.dataset.state,
		badge: it.querySelector('.badge').textContent,
		button: it.querySelector('button:not([hidden])')?.textContent};
});

test('a bundle that takes for ever is not refused: it goes on', async () => {
	usual = await hurry(page, 300);
	await page.go(`${site}/bundles.html`);
	await says('#bundles-said', 'You have none yet');
	await mood('HOLD');
	await page.click('.bundle[data-id=starter] button');
	await holding('PUT', '/bundles/');
	await says('.bundle[data-id=starter] .bundle-said',
		'Not confirmed yet. It goes on');
	equal(await row(), {state: 'still', badge: 'Not confirmed yet',
		button: 'Look again'});
	await picture('bundles-still');
	await usual();
});

test('and when it is there, it is theirs', async () => {
	silent = false;
	await release();
	await page.click('#my-bundles [data-bundle=starter] button');
	await page.until(() => ['confirmed', 'settled'].includes(document
		.querySelector('#my-bundles [data-bundle=starter]')
		?.dataset.state));
	equal((await arrivals('PUT', '/bundles/')).length, 1);
});

test('nothing was left to complain about', () =>
	equal(page.complaints.filter((one) => !/status of 406/.test(one)), []));

await done();
