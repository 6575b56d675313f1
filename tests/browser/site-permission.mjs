/*
 * HMRC's permission at the example site: without one nothing is filed, the page
 * says so and leads to HMRC's own page; and back, where the form is as it was
 * and the return still the same one. Runs under `lowtide serve -C site --env
 * dev`, whose simulator insists on it as HMRC does.
 */
import {test, ok, equal, match, done} from '../tap.mjs';
import {interpose, says as answer, settled, signIn} from './site-kit.mjs';
import {arrivals, browser, calls, mood, page, picture, reload, seen, simulator,
	site, text, vrn} from './site-person.mjs';

const VAT = `${site}/vat.html`;
const form = (of = page) => of.run(() => ({
	vrn: document.querySelector('#vrn').value,
	period: document.querySelector('#period').value,
	box1: document.querySelector('#box1').value,
	box6: document.querySelector('#box6').value,
	ticked: document.querySelector('#finalised').checked,
	locked: document.querySelector('#return-fields').disabled,
}));
const note = (of = page) => of.run(() =>
	!document.querySelector('#no-permission').hidden);
const has = (of) => of.run(() => 'permission' in sessionStorage);
const settledForm = (of = page) => settled(of, () =>
	document.querySelector('#obligations') &&
	!document.querySelector('#obligations').hasAttribute('aria-busy'));
const press = (of = page) => of.run(() => {
	document.querySelector('#return-status').dataset.state = '';
	document.querySelector('#finalised').checked = true;
	document.querySelector('#submit-return').click();
});
const ended = (of = page) => of.until(() => ['completed', 'failed'].includes(
	document.querySelector('#return-status').dataset.state) &&
	!document.querySelector('#return-fields').disabled);
/* At HMRC's page, by that button of ours; and off by one of its own. */
async function decide(button, decision, of) {
	await of.leave((s) => document.querySelector(s).click(), button);
	equal(await settled(of, (where) => location.origin === where &&
		document.readyState === 'complete' && location.pathname,
	simulator), '/oauth/authorize');
	await of.leave((value) => document.querySelector(
		`button[value=${value}]`).click(), decision);
}
async function permit(button, of = page) {
	await decide(button, 'allow', of);
	await settled(of, () => document.querySelector('#callback')
		?.dataset.state === 'done');
}
/* Back to where one came from. */
async function returned(of) {
	await settled(of, () => location.pathname === '/vat.html' &&
		document.readyState === 'complete');
	await settledForm(of);
}
async function back(of = page) {
	await of.leave(() => document.querySelector('#callback-back').click());
	await returned(of);
}
async function cancelled(button, of = page) {
	await decide(button, 'cancel', of);
	await returned(of);
	await of.until(() => !location.hash);
}
/* What HMRC said is due, for those who cannot ask it. */
const due = answer({obligations: [{periodKey: '25A4', start: '2025-10-01',
	end: '2025-12-31', due: '2026-02-07', status: 'O'}]});
const answers = await interpose(page);
const OBLIGATIONS = 'GET /api/v1/hmrc/vat/obligations';
const number = vrn();

test('without a permission nothing is known, and where to give it is said',
	async () => {
		await signIn(page, {to: '/vat.html'});
		await page.go(VAT);
		await settledForm();
		match(await text('#obligations-said'),
			/^HMRC wants your permission/);
		equal(await note(), true);
		equal(await text('#period'), 'Not known at the moment');
		await picture('permission-none');
	});

test('a return that is sent all the same is not filed, and waits', async () => {
	answers[OBLIGATIONS] = due; /* as it was known before */
	await page.go(VAT);
	await settledForm();
	await page.type('#vrn', number);
	await settledForm();
	await page.type('#box1', '123.45');
	await page.type('#box6', '617');
	await press();
	await ended();
	equal(await text('#return-said h3'), 'HMRC wants your permission');
	match(await text('#return-said'), /was not filed yet/);
	equal(await text('#return-action'), 'Give permission');
	const sent = await arrivals('POST', number);
	ok(sent.length > 0);
	ok(sent.every(({status}) => status === 401));
	await picture('permission-wanted');
});

/* What the note says, and whether it has the focus. */
const told = (of = page) => of.run(() => [
	document.querySelector('#no-permission span').textContent
		.replace(/\s+/g, ' '),
	document.activeElement.id === 'no-permission']);

test('Cancel at HMRC’s page: back at the form, which asks again', async () => {
	await cancelled('#return-action');
	const {vrn: kept, box1, box6, locked} = await form();
	equal([kept, box1, box6, locked], [number, '123.45', '617', false]);
	await page.until(() => document.querySelector('#return-action'));
	equal(await text('#return-said h3'), 'HMRC wants your permission');
	equal(await note(), true);
	equal(await told(), ['HMRC’s permission was not given: you pressed ' +
		'Cancel there, or it said no. Nothing has changed.', true]);
	ok(await page.run(() => {
		const {top, bottom} = document.querySelector('#give-permission')
			.getBoundingClientRect();
		return top >= 0 && bottom <= innerHeight;
	}));
	await picture('permission-refused');
	/* told once; and asked by that button, too */
	await reload();
	await settledForm();
	match((await told())[0], /^HMRC has not heard from you/);
	equal([await note(), (await told())[1]], [true, false]);
	await cancelled('#give-permission');
	match((await told())[0], /^HMRC’s permission was not given/);
});

test('given there, one is back at the form, and told what is left to do',
	async () => {
		await permit('#return-action');
		equal(await text('h1'), 'You gave permission');
		await back();
		const {vrn: kept, period, box1, box6, ticked} = await form();
		equal([kept, period, box1, box6, ticked],
			[number, '25A4', '123.45', '617', false]);
		equal(await note(), false);
		await page.until(() => document.querySelector('#return-action'));
		equal(await text('#return-said h3'), 'HMRC has your permission');
		await picture('permission-given');
	});

test('submitted again it is filed: the same return, once', async () => {
	const name = () => page.requests.findLast(({method, url}) =>
		method === 'POST' && url.endsWith('/vat/return'))
		.headers['x-request-id'];
	const first = name();
	await press();
	await seen('#receipt');
	await ended();
	equal(name(), first);
	const sent = await arrivals('POST', number);
	equal(sent.filter(({status}) => status === 201).length, 1);
	equal(JSON.parse(sent.at(-1).body).vatDueSales, 123.45);
	delete answers[OBLIGATIONS];
});

test('one that HMRC takes no more is forgotten, and asked for anew', async () => {
	const other = await browser.page();
	await signIn(other, {permit: true, to: '/vat.html'});
	await settled(other, () => document.querySelector('.obligations .badge'));
	equal(await note(other), false);
	await other.run(() => {
		const kept = JSON.parse(sessionStorage.permission);
		sessionStorage.permission = JSON.stringify(
			{...kept, access: 'taken-back'});
	});
	const own = vrn();
	await other.type('#vrn', own);
	await other.until(() => /^HMRC wants your permission/.test(document
		.querySelector('#obligations-said').textContent));
	equal(await note(other), true);
	equal(await other.run(() => 'permission' in sessionStorage), false);
	await permit('#give-permission', other);
	await back(other);
	equal((await form(other)).vrn, own);
	equal(await note(other), false);
	await other.until(() => document.querySelector('.obligations .badge'));
	await other.close();
});

test('who may not file for that business is told so, and where to go',
	async () => {
		await page.go(VAT);
		await settledForm();
		await page.type('#vrn', vrn());
		await page.until(() => document.querySelector('#period').value);
		await mood('NOT_AUTHORISED');
		await press();
		await ended();
		equal([await text('#return-said h3'), await text('#return-said .code'),
			await text('#return-action')],
		['HMRC did not accept it', 'CLIENT_OR_AGENT_NOT_AUTHORISED',
			'Give permission']);
		match(await text('#return-said'), /for another business/);
		/* a no there is told, and takes nothing away */
		equal(await note(), false);
		await cancelled('#return-action');
		equal([await note(), await has(page)], [true, true]);
		match((await told())[0], /Nothing has changed/);
	});

/* ---- whose it is ----------------------------------------------------------- */

/* What went with the last look at what is due. */
const withIt = (of) => 'hmrc-access-token' in of.requests.findLast(({url}) =>
	url.includes('/vat/obligations')).headers;
/* Their sign-in runs out, or is no good any more: they are known still. */
const runOut = (of) => of.run(() => {
	const {sub} = JSON.parse(sessionStorage['signed-in']);
	sessionStorage['signed-in'] = JSON.stringify({sub, until: 0});
});
async function looked(of, what) {
	await of.until((words) => document.querySelector('#obligations-said')
		.textContent.startsWith(words), what);
}

test('who is signed out is told to sign in before HMRC is asked', async () => {
	const other = await browser.page({own: true});
	const shown = () => other.run(() => ['.out', '.in'].map((part) =>
		document.querySelector(`[data-provider=hmrc] ${part}`)
			.checkVisibility()));
	await other.go(`${site}/sign-in.html`);
	await other.until(() => document.querySelector('#sign-in-said')
		.textContent);
	equal(await shown(), [true, false]);
	await picture('permission-signed-out', other);
	await signIn(other);
	await other.until(() => document.querySelector('#account .name')
		.textContent);
	equal(await shown(), [false, true]);
	await other.close();
});

test('given with nobody signed in, it is not even fetched', async () => {
	const other = await browser.page({own: true});
	const fetched = async () => (await calls()).filter(({path}) =>
		path === '/oauth/token').length;
	const before = await fetched();
	await other.go(`${site}/sign-in.html`);
	await other.leave(async () => (await import('/oauth.mjs')).go('hmrc'));
	await settled(other, (at) => location.origin === at &&
		document.readyState === 'complete', simulator);
	await other.leave(() => document.querySelector('button[value=allow]')
		.click());
	await settled(other, () => document.querySelector('#callback')
		?.dataset.state === 'failed');
	equal([await text('h1', other), await text('#callback-code', other)],
		['Nobody is signed in any more', 'signed-out']);
	equal([await has(other), await fetched()], [false, before]);
	await other.leave(() => document.querySelector('#callback-again').click());
	equal(await settled(other, (at) => location.origin === at &&
		document.readyState === 'complete' && location.pathname,
	simulator), '/oauth2/authorize');
	await other.close();
});

test('who is no longer signed in is told so, and not sent to HMRC', async () => {
	const other = await browser.page({own: true});
	await signIn(other, {to: '/vat.html'});
	await looked(other, 'HMRC wants your permission');
	await runOut(other);
	await other.run(() => document.querySelector('#give-permission').click());
	await seen('#signed-out', other);
	equal(await other.run(() => location.pathname), '/vat.html');
	await other.close();
});

test('nor kept, where the sign-in ends while it is fetched', async () => {
	const other = await browser.page({own: true});
	await signIn(other);
	const between = await interpose(other);
	let ending;
	between['POST /api/v1/hmrc/token'] = () => {
		ending = runOut(other);
	};
	await decide('[data-sign-in=hmrc]', 'allow', other);
	await settled(other, () => document.querySelector('#callback')
		?.dataset.state === 'failed');
	await ending;
	equal([await text('#callback-code', other), await has(other)],
		['signed-out', false]);
	await other.close();
});

test('one person’s is not another’s who signs in here after that',
	async () => {
		const other = await browser.page({own: true});
		await signIn(other, {permit: true, to: '/vat.html'});
		await looked(other, '2 periods');
		equal(withIt(other), true);
		await runOut(other);
		equal(await has(other), true);
		await signIn(other, {as: 'other'});
		equal([await text('#who', other), await has(other)],
			['Ada Fielding', false]);
		await other.go(VAT);
		await looked(other, 'HMRC wants your permission');
		equal([withIt(other), await note(other)], [false, true]);
		await other.close();
	});

test('whoever’s it was that nobody knows, it is the next one’s neither',
	async () => {
		const other = await browser.page({own: true});
		await other.go(`${site}/sign-in.html`);
		const kept = await page.run(() => sessionStorage.permission);
		const {sub, ...nobodys} = JSON.parse(kept);
		ok(sub);
		for (const one of [nobodys, {...nobodys, sub: 'somebody else'}]) {
			await other.run((it) => {
				sessionStorage.clear();
				sessionStorage.permission = JSON.stringify(it);
			}, one);
			await signIn(other);
			equal(await has(other), false);
			await other.go(VAT);
			/* nor where it comes to be there after that */
			await other.run((it) => {
				sessionStorage.permission = JSON.stringify(it);
			}, one);
			await reload(other);
			await looked(other, 'HMRC wants your permission');
			equal(withIt(other), false);
		}
		await other.close();
	});

test('who signs in again has what he gave, and lets go of it as he leaves',
	async () => {
		const other = await browser.page({own: true});
		await signIn(other, {permit: true});
		await runOut(other);
		await signIn(other, {to: '/vat.html'});
		await looked(other, '2 periods');
		equal([await has(other), withIt(other), await note(other)],
			[true, true, false]);
		await other.go(`${site}/sign-in.html`);
		await other.leave(() => document.querySelector('#sign-out')
			.click());
		await settled(other, () => location.pathname ===
			'/auth/signed-out.html');
		equal(await has(other), false);
		await other.close();
	});

test('nothing was left to complain about', () =>
	equal(page.complaints.filter((one) =>
		!/status of (401|403|502)/.test(one)), []));

await done();
