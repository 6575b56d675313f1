/* Bundles at the example site: shown at once, settled later. */
import {test, ok, equal, match} from '../tap.mjs';
import {arrivals, holding, mood, page, picture, release, reload, says,
	seen, site, text, texts} from './site-person.mjs';

const rows = () => page.run(() => [...document.querySelectorAll(
	'#my-bundles > li')].map((li) => [li.querySelector('.period')
	.textContent, li.dataset.state]));
const card = (id, what) => `.bundle[data-id=${id}] ${what}`;
const settled = (id) => page.until((s) => document.querySelector(
	`#my-bundles [data-bundle=${s}]`)?.dataset.state === 'settled' ||
	document.querySelector(`#my-bundles [data-bundle=${s}]`)
		?.dataset.state === 'confirmed', id);
const gone = (id) => page.until((s) => !document.querySelector(
	`#my-bundles [data-bundle=${s}]`), id);

test('there are none, and what there is comes with the page', async () => {
	await page.go(`${site}/bundles.html`);
	await says('#bundles-said', 'You have none yet');
	equal(await texts('.bundle h3'),
		['Starter', 'Sole trader', 'Limited company', 'Agent']);
	await picture('bundles-empty');
});

test('one is shown at once, confirmed later', async () => {
	await mood('HOLD');
	await page.click(card('limited', 'button'));
	await says('#my-bundles .badge', 'Confirming…');
	equal(await text(card('limited', 'button')), 'Yours');
	await holding('PUT', '/bundles/');
	equal(await rows(), [['Limited company', 'sent']]);
	await picture('bundles-confirming');
	await release();
	await settled('limited');
	await page.until(() => !document.querySelector('#my-bundles .badge')
		.checkVisibility());
	const post = page.requests.findLast((r) => r.method === 'POST');
	equal(post.headers['x-wait-time-ms'], '0');
});

test('loaded anew in between, it is still there, and settles', async () => {
	await mood('HOLD');
	await page.click(card('agent', 'button'));
	await holding('PUT', '/bundles/');
	await reload();
	await says('#my-bundles [data-bundle=agent] .badge', 'Confirming…');
	await release();
	await settled('agent');
	await page.until(() => document.querySelector(
		'#my-bundles [data-bundle=limited]'));
	equal((await arrivals('PUT', '/bundles/')).length, 2);
});

test('refused, it is taken back, and may be tried again', async () => {
	await mood('BUNDLE_REFUSED');
	await page.click(card('starter', 'button'));
	await says(card('starter', '.bundle-said'), 'Not added.');
	match(await text(card('starter', '.bundle-said')),
		/This bundle is not sold to you/);
	await gone('starter');
	equal(await text(card('starter', 'button')), 'Try again');
	await picture('bundles-refused');
	await mood('');
	await page.click(card('starter', 'button'));
	await settled('starter');
});

test('given back before it was read, it does not come again', async () => {
	await page.until((s) => document.querySelector(s).textContent === 'Add',
		card('sole-trader', 'button'));
	await page.click(card('sole-trader', 'button'));
	await seen('#my-bundles [data-bundle=sole-trader] button');
	await page.click('#my-bundles [data-bundle=sole-trader] button');
	await gone('sole-trader');
	/* until a look shows that, too */
	await page.until(async () => {
		const {access, id} = JSON.parse(sessionStorage['signed-in']);
		const answer = await fetch('/api/v1/bundle', {headers: {
			authorization: `Bearer ${access}`, 'account-token': id}});
		return answer.ok && !(await answer.json()).bundles
			.some(({bundleId}) => bundleId === 'sole-trader');
	});
	await page.run(() => dispatchEvent(new Event('online')));
	await page.until(() => !document.querySelector('#my-bundles[aria-busy]'));
	equal((await rows()).filter(([name]) => name === 'Sole trader'), []);
	equal(await text(card('sole-trader', 'button')), 'Add');
	await reload(); /* no look is due any more that moves what is clicked */
	await settled('agent');
});

test('removed, it is gone; a refusal brings it back', async () => {
	await mood('BUNDLE_REFUSED');
	await page.until(() => document.querySelector(
		'#my-bundles [data-bundle=agent] button')?.checkVisibility());
	await page.click('#my-bundles [data-bundle=agent] button');
	await says('#my-bundles [data-bundle=agent] .why', 'Not removed.');
	ok(await seen('#my-bundles [data-bundle=agent] button'));
	await mood('');
	await page.click('#my-bundles [data-bundle=agent] button');
	await gone('agent');
	await page.until((s) => document.querySelector(s).textContent === 'Add',
		card('agent', 'button'));
	await reload();
	/* what is read may be two seconds old */
	await page.until(() => [...document.querySelectorAll(
		'#my-bundles .period')].map((e) => e.textContent).sort()
		.join() === 'Limited company,Starter');
});
