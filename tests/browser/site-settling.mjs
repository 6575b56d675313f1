/*
 * Bundles that settle late at the example site: added without a network, which
 * then comes back, or refuses, or finds the page closed; added in two windows;
 * and in which order a refusal is put right. Runs under
 * `lowtide serve -C site --env dev`.
 */
import {test, ok, equal, match, done} from '../tap.mjs';
import {arrivals, browser, holding, mood, page, picture, release, reload, says,
	signIn, site, text, unplugged} from './site-person.mjs';

const BUNDLES = `${site}/bundles.html`;
const rows = (of = page) => of.run(() => [...document.querySelectorAll(
	'#my-bundles > li')].map((li) => ({name: li.querySelector('.period')
	.textContent, state: li.dataset.state,
	badge: li.querySelector('.badge:not([hidden])')?.textContent ?? '',
	button: li.querySelector('button:not([hidden])')?.textContent ?? ''})));
const there = (count, of = page) => of.until((n) => {
	const all = [...document.querySelectorAll('#my-bundles > li')];
	return all.length === n && all.every((li) => ['settled', 'confirmed']
		.includes(li.dataset.state));
}, count);
const card = (id, what) => `.bundle[data-id=${id}] ${what}`;
const add = (id, of = page) => of.click(card(id, 'button'));
const button = (id, label, of = page) => of.until((s, w) =>
	document.querySelector(s).textContent === w, card(id, 'button'), label);
const quiet = (of = page) => of.until(() =>
	!document.querySelector('#my-bundles').hasAttribute('aria-busy'));
const open = async (of = page) => {
	await of.go(BUNDLES);
	await quiet(of);
};
/* by keyboard, as it were: rows may be painted anew under a mouse */
const press = (selector) => page.run((s) => {
	document.querySelector(s).focus();
	document.activeElement.click();
}, selector);
/* Until the bundle service has answered so many. */
async function answered(method, count) {
	while ((await arrivals(method, '/bundles/')).filter(({status}) =>
		status !== null).length < count)
		await new Promise((soon) => setTimeout(soon, 20));
}
const puts = async () => (await arrivals('PUT', '/bundles/')).length;
/* What this person's cache has of the list, once nothing is laid over it. */
const asItWasSaid = () => page.until(async () => {
	const {sub} = JSON.parse(sessionStorage['signed-in']);
	const cache = await caches.open(`lowtide:${sub}`);
	const [key] = (await cache.keys()).filter(({url}) =>
		/\/api\/v1\/bundle/.test(url));
	const entry = await (key && await cache.match(key))?.json();
	return entry && !entry.open && !entry.ask && entry;
});

test('somebody signs in, and has no bundle', async () => {
	await signIn(page, {to: '/bundles.html'});
	await says('#bundles-said', 'You have none yet');
});

test('without a network it is shown at once, and nothing is lost', async () => {
	const before = page.requests.length;
	await unplugged(async () => {
		await says('#offline', 'You are offline');
		await add('starter');
		equal(await rows(), [{name: 'Starter', state: 'sent',
			badge: 'Confirming…', button: ''}]);
		equal([await text(card('starter', 'button')),
			await text(card('starter', '.bundle-said'))],
		['Yours', 'Added. Confirming…']);
		equal(await puts(), 0);
		equal(page.requests.slice(before)
			.filter(({method}) => method === 'POST'), []);
		await picture('bundles-offline');
	});
	await there(1);
	equal([await puts(), (await rows())[0].name], [1, 'Starter']);
	equal(await text('#bundles-trouble'), '');
});

test('given back without a network: so it stands, and then it is gone',
	async () => {
		await reload();
		await page.until(() => document.querySelector(
			'#my-bundles button')?.checkVisibility());
		await unplugged(async () => {
			await press('#my-bundles button');
			equal((await rows())[0].badge, 'Removing…');
			/* its button is gone: one goes on from above */
			equal(await page.run(() => document.activeElement.id),
				'mine-title');
			equal((await arrivals('DELETE', '/bundles/')).length, 0);
		});
		await answered('DELETE', 1);
		await page.until(() =>
			!document.querySelector('#my-bundles > li'));
		await button('starter', 'Add');
		equal((await arrivals('DELETE', '/bundles/')).length, 1);
	});

test('refused when the network is back, it is taken back, and said', async () => {
	await mood('BUNDLE_REFUSED');
	await unplugged(async () => {
		await add('agent');
		equal((await rows()).map(({badge}) => badge), ['Confirming…']);
	});
	await says(card('agent', '.bundle-said'), 'Not added.');
	match(await text(card('agent', '.bundle-said')), /not sold to you/);
	await quiet();
	equal(await rows(), []);
	await button('agent', 'Try again');
	await says('#bundles-said', 'You have none yet');
});

test('what was read behind a refusal is kept as it was said, and no more',
	async () => {
		await mood('BUNDLE_REFUSED');
		await add('agent');
		await page.until((s) => /^Not added/.test(document
			.querySelector(s).textContent),
		card('agent', '.bundle-said'));
		/* else it is to be asked about again, and lacks its ETag */
		const {value, etag} = await asItWasSaid();
		equal([value.bundles.some(({coming}) => coming), !!etag],
			[false, true]);
		await mood('');
	});

test('the page is closed without a network: opened again, it goes on',
	async () => {
		const before = await puts();
		await unplugged(async () => {
			await add('limited');
			equal((await rows()).length, 1);
			await page.go('about:blank');
		});
		equal(await puts(), before);
		await open();
		await there(1);
		equal([await puts() - before, (await rows())[0].name],
			[1, 'Limited company']);
	});

test('one bundle, added in two windows: two of them, each on its own',
	async () => {
		const other = await browser.page();
		await signIn(other, {to: '/bundles.html'});
		await quiet(other);
		await button('sole-trader', 'Add', other);
		await button('sole-trader', 'Add');
		await add('sole-trader');
		await add('sole-trader', other);
		for (const of of [page, other])
			await of.until(() => ['confirmed', 'settled'].includes(
				document.querySelector('#my-bundles ' +
				'[data-bundle=sole-trader]')?.dataset.state));
		await other.close();
		/* a read may be two seconds old */
		for (let i = 0; i < 30; i++) {
			await open();
			if ((await rows()).length === 3)
				break;
		}
		equal((await rows()).map(({name}) => name).sort(),
			['Limited company', 'Sole trader', 'Sole trader']);
		const mine = '#my-bundles [data-bundle=sole-trader]';
		const count = () => page.run((s) =>
			document.querySelectorAll(s).length, mine);
		const removed = (n) => page.until((s, left) => document
			.querySelectorAll(s).length === left, mine, n);
		const last = `${mine} ~ [data-bundle=sole-trader]`;
		await page.until((s) => document.querySelector(`${s} button`)
			?.checkVisibility(), last);
		await mood('HOLD');
		await press(`${last} button`);
		await holding('DELETE', '/bundles/');
		equal(await page.run((s) => [...document.querySelectorAll(s)]
			.map((li) => li.dataset.kind), mine), ['', 'remove']);
		await release();
		await removed(1);
		await mood('');
		equal(await text(card('sole-trader', 'button')), 'Yours');
		ok(await count());
		/* and the other one is not that one's */
		await page.until((s) => document.querySelector(s)
			?.checkVisibility(), `${mine} button`);
		await press(`${mine} button`);
		await removed(0);
		await button('sole-trader', 'Add');
		const gone = (await arrivals('DELETE', '/bundles/')).slice(-2);
		equal(new Set(gone.map(({path}) => path)).size, 2);
	});

test('the window that added one is closed: the next one asks how it is',
	async () => {
		const before = await puts();
		const other = await browser.page();
		await signIn(other, {to: '/bundles.html'});
		await quiet(other);
		await mood('HOLD', other);
		await add('agent', other);
		await holding('PUT', '/bundles/');
		equal((await rows(other)).map(({badge}) => badge).sort(),
			['', 'Confirming…']);
		await other.close();
		await release();
		await answered('PUT', before + 1);
		/* a read may be two seconds old */
		for (let i = 0; i < 30; i++) {
			await open();
			if ((await rows()).length === 2 && (await rows()).every(
				({state}) => state === 'settled'))
				break;
		}
		equal((await rows()).map(({name, state}) => [name, state]), [
			['Limited company', 'settled'], ['Agent', 'settled']]);
	});

test('nothing was left to complain about', () =>
	equal(page.complaints.filter((one) =>
		!/ERR_INTERNET_DISCONNECTED|status of 403/.test(one)), []));

await done();
