/* Returns at the example site: what a person meets on /vat.html. */
import {test, ok, equal, match} from '../tap.mjs';
import {arrivals, browser, holding, killed, mood, page,
	picture, release, reload, says, seen, signIn, site, text, texts, unplugged,
	vrn} from './site-person.mjs';

const RETURN = '/api/v1/hmrc/vat/return';

/* A VAT number nobody used, and its open periods. */
async function fresh(of = page) {
	const number = vrn();
	await of.run(() => document.querySelector('#period').replaceChildren());
	await of.type('#vrn', number);
	await of.until(() => document.querySelector('#period').value);
	return number;
}

/* Presses the button and waits for the receipt or the trouble. */
async function hand(of = page) {
	/* the last one's end must not pass for this one's */
	await of.run(() => {
		document.querySelector('#return-status').dataset.state = '';
	});
	await press(of);
	await ended(of);
}
/* Not with the mouse: what a browser says of a form may lie in its way. */
const press = (of = page) => of.run(() => {
	document.querySelector('#finalised').checked = true;
	document.querySelector('#submit-return').click();
});
/* the form comes back when all has been said */
const ended = (of = page) => of.until(() => ['completed', 'failed'].includes(
	document.querySelector('#return-status').dataset.state) &&
	!document.querySelector('#return-fields').disabled);
const under = (of = page) => of.until(() =>
	document.querySelector('#return-status').dataset.state ===
		'processing');
const form = (of = page) => of.run(() => ({
	locked: document.querySelector('#return-fields').disabled,
	vrn: document.querySelector('#vrn').value,
	period: document.querySelector('#period').value,
	box6: document.querySelector('#box6').value,
	ticked: document.querySelector('#finalised').checked,
}));
const open = async (of = page) => {
	await of.go(`${site}/vat.html`);
	/* what is still looked into is told first */
	await of.until(() => document.querySelector('.obligations .badge') &&
		!document.querySelector('#return-fields').disabled);
};

test('what is due is listed, and the form offers what is open', async () => {
	await open();
	equal(await texts('#obligation-list .badge'),
		['filed', 'filed', 'overdue', 'open']);
	equal(await page.run(() =>
		document.querySelector('#period').options.length), 2);
	equal(await text('#obligations-said'), '2 periods are open.');
	await picture('vat');
});

test('boxes 3 and 5 follow as one types', async () => {
	await page.type('#box1', '100.10');
	await page.type('#box4', '0.20');
	equal([await text('#box3'), await text('#box5')],
		['£100.10', '£99.90']);
	await page.type('#box4', '150');
	equal([await text('#net-label'), await text('#box5')],
		['To get back Box 5', '£49.90']);
	await page.type('#box4', '0.20');
});

test('what was typed is kept over a reload, the declaration not', async () => {
	const number = await fresh();
	await page.type('#box6', '4711');
	await page.click('#finalised');
	await reload();
	await page.until(() => document.querySelector('.obligations .badge'));
	const {vrn: kept, box6, ticked, locked} = await form();
	equal([kept, box6, ticked, locked], [number, '4711', false, false]);
});

test('a return is accepted, watched and ends in a receipt', async () => {
	const number = await fresh();
	await page.run(() => {
		globalThis.states = [];
		const panel = document.querySelector('#return-status');
		new MutationObserver(() => states.push(panel.dataset.state))
			.observe(panel, {attributeFilter: ['data-state']});
	});
	await mood('HOLD');
	await press();
	await under();
	match(await text('#elapsed'), /^\d+ s so far/);
	match(await text('#ticket'), /^job_/);
	equal(await text('#return-said'), 'HMRC is looking at it.');
	await picture('vat-watching');
	await holding('POST', number);
	await release();
	await seen('#receipt');
	await picture('vat-receipt');
	match(await text('.bundle-number'), /^\d{12}$/);
	match(await text('.payment'), /^£99\.90 by bank transfer$/);
	const states = await page.run(() => [...new Set(states)]);
	equal(states[0], 'sending');
	equal(states.at(-1), 'completed');
	const [call, ...more] = await arrivals('POST', number);
	equal(more.length, 0);
	const sent = JSON.parse(call.body);
	equal([sent.vatDueSales, sent.netVatDue, sent.finalised],
		[100.1, 99.9, true]);
});

test('it is filed afterwards', async () => {
	await page.until(() => document.querySelector('#obligations-said')
		.textContent === 'One period is open.');
});

test('a form that is not complete is not sent', async () => {
	await mood('');
	const before = page.requests.length;
	await page.run(() => document.querySelector('#finalised').checked =
		false);
	await page.click('#submit-return');
	await page.until(() => document.querySelector('#finalised')
		.matches(':invalid:focus'));
	equal(page.requests.slice(before).filter((r) =>
		r.method === 'POST').length, 0);
	await page.run(() => document.activeElement.blur());
});

for (const [scenario, title, code, words] of [
	['DUPLICATE_SUBMISSION', 'HMRC did not accept it',
		'DUPLICATE_SUBMISSION', 'It was filed before.'],
	['INVALID_VRN', 'HMRC did not accept it', 'VRN_INVALID',
		'Check the nine digits'],
	['SERVER_ERROR', 'HMRC has a problem', '', 'Try again'],
	['CLOSE_SILENTLY', 'We do not know whether it arrived', '',
		'nothing is filed twice'],
])
	test(`${scenario}: a person is told what to make of it`, async () => {
		const number = await fresh();
		await mood(scenario);
		await hand();
		equal(await text('#return-said h3'), title);
		equal(await text('#return-said .code'), code);
		match(await text('#return-said'), new RegExp(words));
		equal((await arrivals('POST', number)).length, 1);
		await picture(`vat-${scenario.toLowerCase()}`);
		await mood('');
	});

test('one that nobody knows of is not sent again, from nowhere', async () => {
	/* it is held; whoever presses again looks at that one */
	const {vrn: number} = await form();
	await hand();
	equal(await text('#return-said h3'),
		'We do not know whether it arrived');
	const other = await browser.page();
	await signIn(other, {permit: true});
	await open(other);
	await other.type('#vrn', number);
	await other.until(() => document.querySelector('#period').value);
	await hand(other);
	equal(await text('#return-said h3', other),
		'We do not know whether it arrived');
	await other.close();
	equal((await arrivals('POST', number)).length, 1);
});

/* The next return is answered so, as by the endpoint, by nobody behind it. */
const answered = (status, body) => page.run((...args) => {
	const real = fetch;
	globalThis.fetch = (...asked) => {
		if (!/vat\/return$/.test(asked[0]))
			return real(...asked);
		globalThis.fetch = real;
		globalThis.ticket = document.querySelector('#ticket').textContent;
		return Promise.resolve(new Response(args[1], {status: args[0],
			headers: {'content-type': 'application/json',
				'x-request-id': 'r'}}));
	};
}, status, body);

test('a receipt that lacks what it should say is one all the same',
	async () => {
		await fresh();
		for (const body of ['{}', 'null', '{"processingDate":"soon"}']) {
			await answered(201, body);
			await hand();
			await says('#return-said', 'HMRC has your return');
			equal(await text('#receipt .processed'), 'not told');
		}
	});

test('a refusal is told, whatever it is called', async () => {
	await fresh();
	for (const code of ['constructor', '__proto__', 'VRN_INVALID']) {
		await answered(400, JSON.stringify({code, message: 'No'}));
		await hand();
		await says('#return-said', 'HMRC did not accept it');
		equal(await text('#return-said .code'), code);
	}
	await answered(400, '{"type":"/problems/toString","title":{"a":1}}');
	await hand();
	ok(await seen('#return-said h3'));
});

test('the ticket of the one before is not that of the next', async () => {
	await fresh();
	await mood('HOLD');
	await press();
	await page.until(() =>
		document.querySelector('#ticket').textContent);
	await holding('POST', '/returns');
	await release();
	await ended();
	await mood('');
	await answered(201, '{}');
	await hand();
	equal(await page.run(() => ticket), '');
});

test('pressed twice, it is one', async () => {
	const number = await fresh();
	await page.run(() => {
		document.querySelector('#return-status').dataset.state = '';
		document.querySelector('#finalised').checked = true;
		const form = document.querySelector('#return-form');
		form.requestSubmit();
		form.requestSubmit();
		document.querySelector('#submit-return').click();
	});
	await ended();
	ok(await seen('#receipt'));
	equal((await arrivals('POST', number)).length, 1);
});

test('loaded anew in the middle, the receipt comes', async () => {
	const number = await fresh();
	const {period} = await form();
	await page.type('#box6', '8150');
	await mood('HOLD');
	await press();
	await under();
	await holding('POST', number);
	await reload();
	await under();
	const now = await form();
	equal([now.locked, now.vrn, now.period, now.box6, now.ticked],
		[true, number, period, '8150', false]);
	await picture('vat-resumed');
	await release();
	ok(await seen('#receipt'));
	match(await text('.payment'), /^£\d/);
	equal((await arrivals('POST', number)).length, 1);
	await ended();
	/* and not a second time */
	await open();
	equal((await form()).locked, false);
	equal(await page.run(() => document.querySelector('#receipt')), null);
});

test('two windows, one return', async () => {
	const number = await fresh();
	await mood('HOLD');
	await press();
	await under();
	await holding('POST', number);
	const other = await browser.page();
	await signIn(other, {permit: true});
	await open(other);
	await other.type('#vrn', number);
	await other.until(() => document.querySelector('#period').value);
	await other.type('#box6', '777');
	await press(other);
	await under(other);
	await release();
	await seen('#receipt');
	await seen('#receipt', other);
	match(await text('#receipt .whose', other), /says now was not sent/);
	equal(await text('#receipt .whose'), '');
	equal(await text('.bundle-number', other), await text('.bundle-number'));
	await other.close();
	equal((await arrivals('POST', number)).length, 1);
});

test('what waits can be withdrawn; what has left is waited for', async () => {
	await ended();
	const first = await fresh();
	await mood('HOLD');
	await press();
	await under();
	await holding('POST', first);
	const other = await browser.page();
	await signIn(other, {permit: true});
	await open(other);
	const second = await fresh(other);
	await press(other);
	await seen('#cancel-return', other);
	await other.click('#cancel-return');
	await ended(other);
	equal(await text('#return-said h3', other), 'Withdrawn');
	equal((await arrivals('POST', second)).length, 0);
	await picture('vat-withdrawn', other);
	await other.close();
	await page.click('#cancel-return');
	await says('#return-said', 'It has left for HMRC already');
	await release();
	ok(await seen('#receipt'));
	await ended();
	equal((await arrivals('POST', first)).length, 1);
});

test('permission that has run out is given again, for the same return',
	async () => {
		await signIn(page, {with: 'hmrc'});
		await open();
		const number = await fresh();
		await page.type('#box6', '99');
		await mood('EXPIRED_TOKEN');
		await hand();
		equal(await text('#return-said h3'),
			'HMRC wants your permission');
		await picture('vat-permission');
		await signIn(page, {with: 'hmrc'});
		await open();
		await page.until(() => document.querySelector('#return-said h3'));
		equal((await form()).box6, '99');
		await hand();
		ok(await seen('#receipt'));
		const calls = await arrivals('POST', number);
		equal(calls.filter(({status}) => status === 201).length, 1);
		ok(calls.every(({status}) => [401, 201].includes(status)));
	});
test('a sign-in that is over costs no typing, and no second return',
	async () => {
		await open();
		const number = await fresh();
		await page.type('#box6', '555');
		await page.run(() => {
			const kept = JSON.parse(sessionStorage['signed-in']);
			sessionStorage['signed-in'] = JSON.stringify(
				{...kept, access: kept.access.slice(0, -9)});
		});
		await hand();
		equal(await text('#return-said h3'),
			'You are not signed in any more');
		ok(await seen('#signed-out'));
		await picture('vat-signed-out');
		await signIn(page, {to: '/vat.html'});
		await page.until(() => document.querySelector('.obligations ' +
			'.badge') && document.querySelector('#period').value);
		const {vrn: now, box6} = await form();
		equal([now, box6], [number, '555']);
		await page.until(() => document.querySelector('#return-said h3')
			?.textContent === 'Your return may not have reached us');
		await hand();
		ok(await seen('#receipt'));
		equal((await arrivals('POST', number)).length, 1);
	});

test('without a network what is due stays, and says how old', async () => {
	await open();
	await unplugged(async () => {
		await says('#offline', 'You are offline');
		await page.run(() => document.querySelector('#vrn')
			.dispatchEvent(new Event('change')));
		await says('#obligations-said', 'you are offline');
		equal((await texts('#obligation-list .badge')).length, 4);
		await picture('vat-offline');
	});
	await page.until(() => !document.querySelector('#obligations-said')
		.textContent.includes('offline'));
});

test('a worker that dies with it in hand: it is looked into', async () => {
	const number = await fresh();
	await mood('HOLD');
	await press();
	await holding('POST', number);
	killed('lowtide-worker');
	await ended();
	equal(await text('#return-said h3'),
		'We do not know whether it arrived');
	await release();
	equal((await arrivals('POST', number)).length, 1);
});
