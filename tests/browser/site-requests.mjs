/*
 * The page of somebody's requests at the example site: empty, live from another
 * window, failed, cancelled, filtered, more than fit, without a network, signed
 * out. Runs under `lowtide serve -C site --env dev`. SCREENSHOTS=DIR keeps
 * pictures.
 */
import {test, ok, equal, match, done} from '../tap.mjs';
import {interpose, problem, settled, signIn} from './site-kit.mjs';
import {browser, page, picture as take, simulator, site, text, unplugged}
	from './site-person.mjs';

const PAGE = `${site}/requests.html`;
let other; /* a second window of the same person */
const picture = (name, of = page) => take(`requests-${name}`, of);
const until = settled;
/* What a person sees of each request, the newest first. */
const rows = (of = page) => of.run(() => [...document.querySelectorAll(
	'.request')].map((row) => ({name: row.querySelector('h3').textContent,
	state: row.querySelector('.badge').textContent,
	said: row.querySelector('.request-message:not([hidden])')
		?.textContent ?? null,
	link: row.querySelector('a:not([hidden])')?.pathname ?? null,
	cancel: !row.querySelector('button').hidden})));
const first = (state, of = page) => until(of, (word) => document
	.querySelector('.request .badge')?.textContent === word, state);
const live = (of = page) => until(of, (word) => document.querySelector(
	'#live')?.dataset.state === word, 'live');
const to = (...words) => page.requests.filter(({url}) =>
	words.some((word) => new URL(url).pathname === `/api/jobs${word}`));
/* Sent from that window, as one of its own pages does it. */
const send = (of, ...request) => of.run(async (api, body, headers) => {
	const module = await import('/assets/api.mjs');
	module.api.fireAndForget(api, body, {headers});
}, ...request);
const bundle = (of = other) => send(of, 'v1/bundle', {bundleId: 'starter'});
const table = (of = other) => send(of, 'v1/hmrc/vat/export',
	{vrn: '193054661', year: '2026'});

test('signed out: it says so, and nothing is asked for', async () => {
	await page.go(PAGE);
	equal(await text('#signed-out h2'), 'Sign in first');
	equal(await page.run(() => [document.querySelector('#signed-in').hidden,
		document.querySelector('#signed-out').hidden]), [true, false]);
	equal(to('', '/events'), []);
	await picture('signed-out');
});

test('signed in it is this page again, and nothing yet', async () => {
	await page.leave(() => document.querySelector('#signed-out button')
		.click());
	await until(page, (where) => location.origin === where &&
		document.readyState === 'complete', simulator);
	await page.leave(() => document.querySelector('button[value=allow]')
		.click());
	await until(page, () => location.pathname === '/requests.html' &&
		document.querySelector('.nothing h3'));
	equal(await text('.nothing h3'), 'Nothing yet');
	equal(await text('#requests-said'), 'None.');
	await live();
	await picture('empty');
	equal(await page.run(() => [...document.querySelectorAll(
		'.nothing a')].map((a) => a.pathname)),
	['/vat.html', '/bundles.html', '/export.html']);
});

test('two windows have one stream between them', async () => {
	await page.run(() => {
		open('/requests.html');
	});
	other = await browser.opened();
	await live(other);
	const asked = (of) => of.requests.filter(({url}) =>
		/\/api\/jobs\/events(\?.*)?$/.test(url)).length;
	equal([asked(page), asked(other)], [1, 0]);
});

test('sent in one window, seen in the other, and nothing is asked', async () => {
	const before = page.requests.length;
	await bundle();
	for (const of of [page, other]) {
		await first('done', of);
		equal(await rows(of), [{name: 'A bundle, added', state: 'done',
			said: null, link: '/bundles.html', cancel: false}]);
	}
	await until(page, () => document.querySelector('#requests-said')
		.textContent === 'A bundle, added: done.');
	equal(page.requests.slice(before), []);
	equal(await page.run(() => document.querySelector('.nothing')), null);
});

test('what is under way says how far it is', async () => {
	await table();
	await first('under way');
	await until(page, () => document.querySelector(
		'.request progress:not([hidden])')?.value >= 20);
	const [row] = await rows();
	equal([row.name, row.cancel], ['A year, as a table', true]);
	match(row.said, /^quarter \d of 2026$/);
	await picture('under-way');
});

test('cancelled by the keyboard: the focus stays with the request', async () => {
	equal(await text('.request button'), await page.run(() =>
		`Cancel: A year, as a table, ${document.querySelector(
			'.request time').textContent}`));
	await page.run(() => document.querySelector('.request button').focus());
	for (const type of ['keyDown', 'keyUp'])
		await page.send('Input.dispatchKeyEvent', {type, key: 'Enter',
			code: 'Enter', text: '\r', windowsVirtualKeyCode: 13});
	await first('cancelled');
	equal(await page.run(() => document.activeElement.textContent),
		'A year, as a table');
	await first('cancelled', other);
	equal((await rows())[0].cancel, false);
});

test('what failed says what went wrong, and what to make of it', async () => {
	await signIn(other, {with: 'hmrc'});
	await other.go(PAGE);
	await send(other, 'v1/hmrc/vat/return', {returnId: '193054661-26A1',
		vrn: '193054661', periodKey: '26A1', vatDueSales: 1, vatDueAcquisitions: 0,
		totalVatDue: 1, vatReclaimedCurrPeriod: 0, netVatDue: 1,
		totalValueSalesExVAT: 1, totalValuePurchasesExVAT: 1,
		totalValueGoodsSuppliedExVAT: 0, totalAcquisitionsExVAT: 0,
		finalised: true}, {'gov-test-scenario': 'CLOSE_SILENTLY'});
	await until(page, () => document.querySelectorAll('.request')
		.length === 3 && ['failed', 'somebody decides'].includes(document
		.querySelector('.request .badge').textContent));
	const [row] = await rows();
	equal(row.name, 'VAT return');
	match(row.said, /^We do not know whether it arrived\. HMRC hung up/);
	await picture('failed');
});

test('one state alone, and none of it', async () => {
	const pick = (state) => page.run((value) => {
		const select = document.querySelector('#state');
		select.value = value;
		select.dispatchEvent(new Event('change'));
	}, state);
	await pick('cancelled');
	await until(page, () => document.querySelector('#requests-said')
		.textContent === '1 request.');
	equal((await rows()).map((row) => row.state), ['cancelled']);
	await pick('pending');
	await until(page, () => document.querySelector('.nothing h3')
		?.textContent === 'None of these');
	/* what changes into it and out of it comes and goes */
	await pick('completed');
	await until(page, () => document.querySelector('#requests-said')
		.textContent === '1 request.');
	await bundle();
	await until(page, () => document.querySelectorAll('.request')
		.length === 2);
	await pick('pending');
	await until(page, () => document.querySelector('.nothing button'));
	await page.click('.nothing button');
	await until(page, () => document.querySelectorAll('.request')
		.length === 4);
	equal(await page.run(() => document.activeElement.id), 'state');
});

test('what leaves the list hands the focus on', async () => {
	await page.run(() => {
		const select = document.querySelector('#state');
		select.value = 'processing';
		select.dispatchEvent(new Event('change'));
	});
	/* beside the return that somebody decides about */
	for (const n of [2, 3]) {
		await table();
		await until(page, (many) => document.querySelectorAll(
			'.request[data-state=processing]').length === many, n);
	}
	for (const n of [2, 1]) {
		await page.run(() => {
			const button = document.querySelector('.request button');
			button.focus();
			button.click();
		});
		await until(page, (many) => document.querySelectorAll(
			'.request').length === many, n);
		equal(await page.run(() => document.activeElement ===
			document.querySelector('.request h3')), true);
	}
	await page.run(() => {
		const select = document.querySelector('#state');
		select.value = '';
		select.dispatchEvent(new Event('change'));
	});
	await until(page, () => document.querySelectorAll('.request')
		.length === 6);
});

test('twenty at a time, and older ones when they are asked for', async () => {
	await other.run(async () => {
		const {api} = await import('/assets/api.mjs');
		await Promise.all(Array.from({length: 24}, () => api
			.fireAndForget('v1/bundle', {bundleId: 'starter'})
			.result()));
	});
	await until(page, () => document.querySelectorAll('.request')
		.length === 30);
	await until(page, () => / requests have ended\.$/.test(document
		.querySelector('#requests-said').textContent));
	await page.go(PAGE);
	await until(page, () => !document.querySelector('#older').hidden);
	equal((await rows()).length, 20);
	equal(await text('#requests-said'), '20 newest requests.');
	await picture('many');
	await page.click('#older');
	await until(page, () => document.querySelectorAll('.request')
		.length === 30);
	await until(page, () => document.querySelector('#older').hidden);
	const times = await page.run(() => [...document.querySelectorAll(
		'.request time')].map((time) => time.dateTime));
	equal(times, [...times].sort().reverse());
	equal(await page.run(() => [...document.querySelectorAll('h3')]
		.indexOf(document.activeElement)), 20);
	match(await text('#requests-said'), /^10 older ones\. 30 requests/);
});

test('without a network: as it was, and back without a word', async () => {
	await live();
	await unplugged(async () => {
		await until(page, () => document.querySelector('#live').dataset
			.state === 'offline');
		equal((await rows()).length, 30);
		await picture('offline');
	});
	await live();
	await bundle();
	await until(page, () => document.querySelectorAll('.request')
		.length === 31);
	await first('done');
});

const answers = await interpose(page);
/* With that answer instead, as long as it runs. */
async function instead(what, run) {
	Object.assign(answers, what);
	await run();
	for (const name of Object.keys(what))
		delete answers[name];
}

test('it cannot be had: why, and once more', async () => {
	await other.go('about:blank');
	await instead({'GET /api/jobs': problem(500)}, async () => {
		await page.go(PAGE);
		await until(page, () => document.querySelector(
			'#requests-trouble h3'));
		equal(await rows(), []);
		equal(await text('#requests-said'), 'Internal error.');
		await picture('error');
	});
	await page.click('#requests-trouble button');
	await until(page, () => document.querySelectorAll('.request')
		.length === 20);
	equal(await page.run(() => document.querySelector(
		'#requests-trouble').children.length), 0);
});

test('where there are no streams it is looked at, and said so', async () => {
	await instead({'GET /api/jobs/events': problem(406)}, async () => {
		await page.go(PAGE);
		await until(page, () => document.querySelector('#live').dataset
			.state === 'looks' && document.querySelectorAll(
			'.request').length === 20);
		match(await text('#live'), /every ten seconds/);
	});
	await page.go(PAGE);
	await live();
});

test('one line tells what happens; rows do not', async () => {
	equal(await page.run(() => [...document.querySelectorAll(
		'main [role=status], main [aria-live], main [role=alert]')]
		.map(({id}) => id)), ['requests-said']);
	equal(await page.run(() => [...document.querySelectorAll('.request')]
		.every((row) => row.matches('ul > li') &&
			row.querySelector('progress').hasAttribute('aria-label'))),
	true);
});

test('on a telephone nothing is cut off; in the dark neither', async () => {
	for (const [width, dark] of [[320, false], [390, true]]) {
		await page.send('Emulation.setDeviceMetricsOverride', {width,
			height: 800, deviceScaleFactor: 1, mobile: true});
		await page.send('Emulation.setEmulatedMedia', {features: [{
			name: 'prefers-color-scheme',
			value: dark ? 'dark' : 'light'}]});
		ok(await page.run(() => document.documentElement.scrollWidth) <=
			width);
		await picture(dark ? 'dark' : 'phone');
	}
});

test('Back to it, and whoever it was for has left: nothing is shown', async () => {
	const own = await browser.page();
	await own.go(PAGE);
	await own.run((kept) => Object.assign(sessionStorage, kept),
		await page.run(() => ({...sessionStorage})));
	await own.go(PAGE);
	await until(own, () => document.querySelectorAll('.request').length);
	const left = await own.run(() => {
		globalThis.isOld = true;
		const turn = (type) => dispatchEvent(new PageTransitionEvent(
			type, {persisted: true}));
		turn('pagehide');
		sessionStorage.clear();
		turn('pageshow');
		return document.querySelectorAll('.request').length;
	});
	equal(left, 0);
	await until(own, () => !globalThis.isOld &&
		!document.querySelector('#signed-out')?.hidden);
	equal(await rows(own), []);
	equal(await text('#signed-out h2', own), 'Sign in first');
	await own.close();
});

test('signed out in one window: nothing is left in the other', async () => {
	await live();
	await other.go(`${site}/sign-in.html`);
	await until(other, () => document.querySelector('#sign-out')
		?.offsetParent);
	await other.leave(() => document.querySelector('#sign-out').click());
	await until(page, () => document.querySelector('#signed-out')
		?.hidden === false);
	equal(await rows(), []);
	equal(await page.run(async () => {
		const {held, pending} = await navigator.locks.query();
		return [...held, ...pending].filter(({name}) =>
			name.startsWith('lowtide-stream'));
	}), []);
});

test('nothing was left to complain about', () => {
	const offline = /ERR_INTERNET_DISCONNECTED|status of (500|406)/;
	equal(page.complaints.filter((one) => !offline.test(one)), []);
});

await done();
