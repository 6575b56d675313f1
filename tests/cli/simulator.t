#!/usr/bin/env node
/*
 * site/simulator.mjs: what other tests and the demo rely on it to do, and
 * site/check.mjs where there is nothing to check.
 */
const {spawn, spawnSync} = require('node:child_process');
const path = require('node:path');

const site = path.join(__dirname, '../../site');

function start() {
	const child = spawn('node', [path.join(site, 'simulator.mjs')], {
		env: {...process.env, PORT: '0', SIMULATOR_PACE_MS: '1',
			SIMULATOR_SLOW_MS: '300'},
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const base = new Promise((resolve, reject) => {
		let said = '';
		child.stdout.on('data', (some) => {
			const url = /http:\/\/\S+/.exec(said += some);
			if (url && said.endsWith('\n'))
				resolve(url[0]);
		});
		child.once('exit', () => reject(new Error('it ended')));
	});
	return {base, stop: () => child.kill()};
}

(async () => {
	const {test, ok, equal, match, rejects, done, cleanup} =
		await import('../tap.mjs');
	const simulator = start();
	cleanup(simulator.stop);
	const base = await simulator.base;
	const vat = `${base}/organisations/vat`;
	const form = (periodKey, more) => JSON.stringify({periodKey,
		vatDueSales: 10, vatDueAcquisitions: 0.1, totalVatDue: 10.1,
		vatReclaimedCurrPeriod: 0.2, netVatDue: 9.9, finalised: true,
		...more});
	/* As a page and its server come to it; simulator-signin.t looks closer. */
	async function permission(scope) {
		const client = {client_id: 'tidewater-dev-client',
			redirect_uri: 'http://127.0.0.1:1/auth/hmrc.html'};
		const post = (at, fields) => fetch(`${base}/oauth/${at}`, {
			method: 'POST', redirect: 'manual',
			body: new URLSearchParams(fields)});
		const page = await (await fetch(`${base}/oauth/authorize?${
			new URLSearchParams({...client, scope, state: 's',
				response_type: 'code'})}`)).text();
		const [, question] = /name="question" value="([^"]+)"/.exec(page);
		const back = await post('authorize', {question,
			decision: 'allow'});
		const got = await post('token', {...client,
			client_secret: 'hmrc-for-trying-only',
			grant_type: 'authorization_code',
			code: new URL(back.headers.get('location'))
				.searchParams.get('code')});
		return (await got.json()).access_token;
	}
	const both = await permission('read:vat write:vat');
	async function ask(method, url, {body, scenario, token = both} = {}) {
		const answer = await fetch(url, {method, body, headers: {
			...token && {authorization: `Bearer ${token}`},
			...scenario && {'gov-test-scenario': scenario}}});
		const text = await answer.text();
		return {status: answer.status, headers: answer.headers,
			body: text ? JSON.parse(text) : null};
	}
	const submit = (vrn, body, scenario) =>
		ask('POST', `${vat}/${vrn}/returns`, {body, scenario});

	test('two periods are filed, one is overdue, one is open', async () => {
		const {status, body} = await ask('GET',
			`${vat}/193054661/obligations?from=a&to=b`);
		equal(status, 200);
		equal(body.obligations.map((o) => o.status),
			['F', 'F', 'O', 'O']);
		const today = new Date().toISOString().slice(0, 10);
		const [, , overdue, open] = body.obligations;
		ok(overdue.due < today && today <= open.due);
		ok(open.end < today);
		match(open.periodKey, /^\d\dA[1-4]$/);
	});
	test('a return gets a receipt, can be read, and only once', async () => {
		const [, , open] = (await ask('GET',
			`${vat}/193054661/obligations`)).body.obligations;
		const first = await submit('193054661', form(open.periodKey));
		equal(first.status, 201);
		match(first.body.formBundleNumber, /^\d{12}$/);
		equal(first.body.paymentIndicator, 'BANK');
		ok(first.body.processingDate && first.body.chargeRefNumber);
		const again = await submit('193054661', form(open.periodKey));
		equal([again.status, again.body.code],
			[403, 'DUPLICATE_SUBMISSION']);
		const read = await ask('GET',
			`${vat}/193054661/returns/${open.periodKey}`);
		equal(read.body.netVatDue, 9.9);
		equal((await ask('GET', `${vat}/193054661/obligations`)).body
			.obligations[2].status, 'F');
	});
	for (const [name, body, status, code] of [
		['no period', form(undefined), 400, 'PERIOD_KEY_INVALID'],
		['text for money', form('26A1', {vatDueSales: '10'}), 400,
			'INVALID_MONETARY_AMOUNT'],
		['a wrong sum', form('26A1', {totalVatDue: 11}), 400,
			'VAT_TOTAL_VALUE'],
		['a wrong difference', form('26A1', {netVatDue: 9}), 400,
			'VAT_NET_VALUE'],
		['not final', form('26A1', {finalised: false}), 403,
			'NOT_FINALISED'],
		['no JSON', '{', 400, 'INVALID_REQUEST'],
	])
		test(`${name} is ${code}`, async () => {
			const got = await submit('100000001', body);
			equal([got.status, got.body.code], [status, code]);
		});
	test('without a permission it is 401, and nothing is filed', async () => {
		const looks = await permission('read:vat');
		const url = `${vat}/100000009/returns`;
		const body = form('26A1');
		for (const [method, at, token, status, code] of [
			['POST', url, '', 401, 'MISSING_CREDENTIALS'],
			['POST', url, 'made-up', 401, 'INVALID_CREDENTIALS'],
			['POST', url, looks, 403, 'INVALID_SCOPE'],
			['GET', `${url}/26A1`, '', 401, 'MISSING_CREDENTIALS'],
			['GET', `${vat}/100000009/obligations`, 'made-up', 401,
				'INVALID_CREDENTIALS'],
			['GET', `${base}/receipts`, '', 401,
				'MISSING_CREDENTIALS'],
			['GET', `${url}/26A1`, looks, 404, 'NOT_FOUND'],
		]) {
			const got = await ask(method, at, {token,
				...method === 'POST' && {body}});
			equal([got.status, got.body.code], [status, code],
				`${method} ${at} ${token}`);
			ok(got.body.message);
		}
	});
	test('a token that is over is over for everything', async () => {
		const token = await permission('read:vat write:vat');
		const url = `${vat}/100000008/obligations`;
		equal((await ask('GET', url, {token})).status, 200);
		equal((await ask('GET', url, {token, scenario: 'EXPIRED_TOKEN'}))
			.status, 401);
		for (const at of [url, `${base}/receipts`])
			equal((await ask('GET', at, {token})).status, 401);
		equal((await ask('GET', url)).status, 200);
	});
	test('a number that is none is refused', async () => equal(
		(await submit('12', form('26A1'))).body.code, 'VRN_INVALID'));

	test('RATE_LIMITED: once, then it is served', async () => {
		const send = () => submit('100000002', form('26A1'),
			'RATE_LIMITED');
		const first = await send();
		equal([first.status, first.headers.get('retry-after')],
			[429, '2']);
		equal((await send()).status, 201);
	});
	test('SERVER_ERROR, INVALID_VRN, DUPLICATE_SUBMISSION', async () => {
		for (const [scenario, status] of [['SERVER_ERROR', 500],
			['INVALID_VRN', 400], ['DUPLICATE_SUBMISSION', 403]]) {
			const got = await submit('100000003', form('26A1'),
				scenario);
			equal(got.status, status);
			ok(got.body.code && got.body.message);
		}
	});
	test('SLOW takes its time', async () => {
		const begun = performance.now();
		await submit('100000004', form('26A1'), 'SLOW');
		ok(performance.now() - begun >= 290);
	});
	test('CLOSE_SILENTLY reads, answers nothing, does nothing', async () => {
		await rejects(submit('100000005', form('26A1'),
			'CLOSE_SILENTLY'));
		equal((await submit('100000005', form('26A1'))).status, 201);
	});
	test('bundles: PUT makes one once, DELETE is always 204', async () => {
		const put = () => ask('PUT', `${base}/bundles/b1`,
			{body: '{"bundleId":"starter"}'});
		const first = await put();
		equal([first.status, first.body.id, first.body.bundleId],
			[201, 'b1', 'starter']);
		const again = await put();
		equal([again.status, again.body], [200, first.body]);
		for (const path of ['b1', 'b1', '?bundleId=starter'])
			equal((await ask('DELETE', `${base}/bundles${
				path.startsWith('?') ? '' : '/'}${path}`))
				.status, 204);
		equal((await put()).status, 201);
	});
	test('what is malformed does not stop it', async () => {
		equal((await ask('PUT', `${base}/bundles/%ff`, {body: '{}'}))
			.status, 400);
		equal((await ask('GET', `${base}/nothing`)).status, 404);
	});
	test('it tells every call, and forgets when asked', async () => {
		const {body: calls} = await ask('GET', `${base}/__calls`);
		const closed = calls.filter((c) => c.path.includes('100000005'));
		equal(closed.map((c) => c.status), [null, 201]);
		equal(closed[0].headers['gov-test-scenario'], 'CLOSE_SILENTLY');
		equal(JSON.parse(closed[0].body).periodKey, '26A1');
		await ask('DELETE', `${base}/__calls`);
		equal((await ask('GET', `${base}/__calls`)).body, []);
	});

	test('check.mjs without a site ends with 1 and says why', () => {
		const {LOWTIDE_URL, LOWTIDE_RUN_SIMULATOR_URL, ...env} =
			process.env;
		const run = (more) => spawnSync('node', ['check.mjs'],
			{cwd: site, env: {...env, ...more}, encoding: 'utf8'});
		const none = run({});
		equal(none.status, 1);
		match(none.stdout, /LOWTIDE_URL.*make demo CHECK=1/);
		const wrong = run({LOWTIDE_URL: base,
			LOWTIDE_RUN_SIMULATOR_URL: base});
		equal(wrong.status, 1);
		match(wrong.stdout, /not ok {2}GET \/ was answered with 404/);
	});

	await done();
})();
