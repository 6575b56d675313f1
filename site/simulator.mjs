/*
 * What stands behind the example site: HMRC's VAT API and a bundle service, as
 * far as the site uses them. In memory, on 127.0.0.1:$PORT, node alone.
 *
 *	GET    /organisations/vat/VRN/obligations
 *	POST   /organisations/vat/VRN/returns             201, the receipt
 *	GET    /organisations/vat/VRN/returns/PERIOD
 *	PUT    /bundles/ID                                201, again: 200
 *	DELETE /bundles/ID   DELETE /bundles?bundleId=X   204
 *	GET    /bundles   GET /bundles/ID
 *	GET    /receipts     GET /receipts/NUMBER          of returns taken in
 *	GET    /__calls      every call that arrived, for tests; DELETE forgets
 *	POST   /__release    lets those go on that HOLD keeps waiting
 *
 * Returns, obligations and receipts are for those whom somebody gave permission:
 * a token of /oauth/token, read:vat or write:vat as it may be. Without one it is
 * 401, with another one, too, as HMRC has it; SIMULATOR_PERMISSION=any lets
 * everybody in, for tests of what lies before it.
 *
 * The header Gov-Test-Scenario picks a mood; see `scenarios`. Where people sign
 * in is beside it: simulator-signin.mjs. So is what is known of cases:
 * simulator-case.mjs.
 */
import {createServer} from 'node:http';
import {randomInt, randomUUID} from 'node:crypto';
import {cases} from './simulator-case.mjs';
import {signIn} from './simulator-signin.mjs';

const PACE = Number(process.env.SIMULATOR_PACE_MS ?? 1200);
const SLOW = Number(process.env.SIMULATOR_SLOW_MS ?? 8000);
const OPEN = process.env.SIMULATOR_PERMISSION === 'any';

const calls = [];
const returns = new Map(); /* "VRN PERIOD" → {form, receipt, whose} */
const bundles = new Map(); /* id → {bundle, whose} */
const limited = new Set(); /* targets that were told 429 once */
const expired = new Set(); /* tokens that were told 401 once */
let held = []; /* those that wait to be released */

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const error = (status, code, message, headers) =>
	({status, body: {code, message}, headers});

const unauthorised = () => error(401, 'INVALID_CREDENTIALS',
	'Invalid Authentication information provided');

/* An answer instead of the usual one, or nothing. */
const scenarios = {
	async SLOW() {
		await sleep(SLOW);
	},
	/* once per target; whoever asks again is served */
	RATE_LIMITED(call) {
		const target = `${call.method} ${call.path} ${call.body}`;
		if (limited.has(target))
			return undefined;
		limited.add(target);
		return error(429, 'MESSAGE_THROTTLED_OUT',
			'The application has reached its maximum rate limit',
			{'retry-after': '2'});
	},
	SERVER_ERROR: () => error(500, 'SERVER_ERROR',
		'Internal server error'),
	INVALID_VRN: () => error(400, 'VRN_INVALID',
		'The provided VRN is invalid'),
	DUPLICATE_SUBMISSION: () => error(403, 'DUPLICATE_SUBMISSION',
		'The VAT return was already submitted for the given period'),
	HOLD: () => new Promise((go) => held.push(() => go())),
	/* what was given is for another business, or was taken back */
	NOT_AUTHORISED: () => error(403, 'CLIENT_OR_AGENT_NOT_AUTHORISED',
		'The client and/or agent is not authorised'),
	BUNDLE_REFUSED: () => error(403, 'BUNDLE_NOT_AVAILABLE',
		'This bundle is not sold to you'),
	/* that token is none any more; another one is */
	EXPIRED_TOKEN(call) {
		expired.add(call.headers.authorization);
		return unauthorised();
	},
	/* reads everything, answers nothing: did it arrive? */
	CLOSE_SILENTLY: () => 'close',
};

/*
 * Four quarters, the last of which ended with last month: so one is open, the
 * one before it is overdue, and two were filed in time.
 */
function periods(now = new Date()) {
	const year = now.getUTCFullYear();
	const day = (month, date) => new Date(Date.UTC(year, month, date))
		.toISOString().slice(0, 10);
	return [9, 6, 3, 0].map((back) => {
		const end = now.getUTCMonth() - back; /* the month behind it */
		const [y, m] = day(end, 0).split('-');
		return {
			periodKey: `${y.slice(2)}A${Math.ceil(m / 3)}`,
			start: day(end - 3, 1), end: day(end, 0),
			due: day(end + 1, 7), /* a month and seven days */
			filed: back > 3,
		};
	});
}

function obligations(vrn) {
	return {status: 200, body: {obligations: periods().map((p) => {
		const {filed, ...obligation} = p;
		const mine = returns.get(`${vrn} ${p.periodKey}`);
		if (mine)
			return {...obligation, status: 'F',
				received: mine.receipt.processingDate
					.slice(0, 10)};
		return filed ? {...obligation, status: 'F', received: p.due} :
			{...obligation, status: 'O'};
	})}};
}

const MONEY = ['vatDueSales', 'vatDueAcquisitions', 'totalVatDue',
	'vatReclaimedCurrPeriod', 'netVatDue', 'totalValueSalesExVAT',
	'totalValuePurchasesExVAT', 'totalValueGoodsSuppliedExVAT',
	'totalAcquisitionsExVAT'];

/* The first rule of HMRC's that a return breaks; boxes left out count as 0. */
function wrongWith(form) {
	if (!/^[0-9A-Z#]{4}$/.test(form.periodKey ?? ''))
		return error(400, 'PERIOD_KEY_INVALID',
			'Invalid period key');
	for (const name of MONEY)
		if (!['number', 'undefined'].includes(typeof form[name]))
			return error(400, 'INVALID_MONETARY_AMOUNT',
				`${name} should be a monetary value`);
	const pence = (name) => Math.round((form[name] ?? 0) * 100);
	const total = pence('vatDueSales') + pence('vatDueAcquisitions');
	const net = Math.abs(total - pence('vatReclaimedCurrPeriod'));
	if ('totalVatDue' in form && pence('totalVatDue') !== total)
		return error(400, 'VAT_TOTAL_VALUE', 'totalVatDue should be ' +
			'the sum of vatDueSales and vatDueAcquisitions');
	if ('netVatDue' in form && pence('netVatDue') !== net)
		return error(400, 'VAT_NET_VALUE', 'netVatDue should be the ' +
			'difference between totalVatDue and ' +
			'vatReclaimedCurrPeriod');
	if (form.finalised === false)
		return error(403, 'NOT_FINALISED',
			'User has not declared VAT return as final');
	return undefined;
}

async function submit(vrn, text, whose) {
	let form;
	try {
		form = JSON.parse(text);
	} catch {
		return error(400, 'INVALID_REQUEST', 'Invalid request');
	}
	const wrong = wrongWith(form);
	if (wrong)
		return wrong;
	const key = `${vrn} ${form.periodKey}`;
	if (returns.has(key))
		return scenarios.DUPLICATE_SUBMISSION();
	const receipt = {
		processingDate: new Date().toISOString(),
		paymentIndicator: form.netVatDue > 0 ? 'BANK' : 'DD',
		formBundleNumber: String(randomInt(1e11, 9e11)),
		chargeRefNumber: randomUUID().replace(/-/g, '')
			.slice(0, 16).toUpperCase(),
	};
	returns.set(key, {form, whose, receipt: {...receipt, vrn,
		periodKey: form.periodKey, netVatDue: form.netVatDue}});
	await sleep(PACE);
	return {status: 201, body: receipt, headers: {
		'receipt-id': randomUUID(),
		'receipt-timestamp': receipt.processingDate,
		'x-correlationid': randomUUID().replace(/-/g, ''),
	}};
}

function view(vrn, period) {
	const found = returns.get(`${vrn} ${period}`);
	if (!found)
		return error(404, 'NOT_FOUND',
			'The remote endpoint has indicated that no data ' +
			'can be found');
	const {vrn: left, ...form} = found.form;
	return {status: 200, body: form};
}

function putBundle(id, text, whose) {
	let asked = {};
	try {
		asked = JSON.parse(text || '{}');
	} catch {
		return error(400, 'INVALID_REQUEST', 'Invalid request');
	}
	const known = bundles.get(id);
	const bundle = known?.bundle ?? {id, bundleId: asked.bundleId ?? null,
		status: 'active', since: new Date().toISOString()};
	bundles.set(id, {bundle, whose});
	return {status: known ? 200 : 201, body: bundle};
}

function deleteBundle(id, query, mine) {
	const name = query.get('bundleId');
	for (const [key, {bundle, whose}] of bundles)
		if (whose === mine && (key === id ||
			name !== null && bundle.bundleId === name))
			bundles.delete(key);
	return {status: 204};
}

/* What HMRC says to who has no permission for it. */
const refusals = {
	none: error(401, 'MISSING_CREDENTIALS',
		'Authentication information is not provided'),
	unknown: unauthorised(),
	scope: error(403, 'INVALID_SCOPE', 'Cannot access the required ' +
		'resource. Ensure this token has all the required scopes.'),
};
function permission(call) {
	const {pathname} = new URL(call.path, 'http://simulator');
	if (!/^\/(organisations|receipts)(\/|$)/.test(pathname))
		return undefined;
	if (expired.has(call.headers.authorization ?? ''))
		return unauthorised();
	return OPEN ? undefined : refusals[signing.permits(call,
		call.method === 'GET' ? 'read:vat' : 'write:vat')];
}

/* What there is of whom the call is about; of nobody, if it says nobody. */
const mine = (map, call) => [...map.values()].filter(({whose}) =>
	whose === signing.whose(call));

/* [method, path, what it answers]: groups become arguments */
const VAT = '/organisations/vat/([^/]+)';
const routes = [
	['GET', `${VAT}/obligations`, async ([vrn]) => {
		await sleep(PACE / 3);
		return obligations(vrn);
	}],
	['POST', `${VAT}/returns`, ([vrn], call) =>
		submit(vrn, call.body, signing.whose(call))],
	['GET', `${VAT}/returns/([^/]+)`, ([vrn, key]) => view(vrn, key)],
	['PUT', '/bundles/([^/]+)', async ([id], call) => {
		await sleep(PACE / 10);
		return putBundle(id, call.body, signing.whose(call));
	}],
	['GET', '/bundles', (_, call) => ({status: 200, body: {bundles:
		mine(bundles, call).map(({bundle}) => bundle)}})],
	['GET', '/bundles/([^/]+)', ([id]) => bundles.has(id) ?
		{status: 200, body: bundles.get(id).bundle} :
		error(404, 'NOT_FOUND', 'There is no such bundle')],
	['GET', '/receipts', (_, call) => ({status: 200, body: {receipts:
		mine(returns, call).map((r) => r.receipt)}})],
	['GET', '/receipts/([^/]+)', ([name], call) => {
		const found = mine(returns, call).find((r) =>
			r.receipt.formBundleNumber === name);
		return found ? {status: 200, body: found.receipt} :
			error(404, 'NOT_FOUND', 'There is no such receipt');
	}],
	['DELETE', '/bundles(?:/([^/]+))?', ([id], call, query) =>
		deleteBundle(id, query, signing.whose(call))],
];

const here = () => `http://127.0.0.1:${server.address().port}`;
const signing = signIn(here);

async function answer(call) {
	const {pathname, searchParams} = new URL(call.path, 'http://simulator');
	const mood = scenarios[call.headers['gov-test-scenario']];
	const instead = permission(call) ?? await mood?.(call) ??
		await signing.answer(call) ?? await cases(call);
	if (instead)
		return instead;
	for (const [method, pattern, run] of routes) {
		const hit = new RegExp(`^${pattern}$`).exec(pathname);
		if (!hit || method !== call.method)
			continue;
		const parts = hit.slice(1).map((s) => s &&
			decodeURIComponent(s));
		if (pattern.startsWith(VAT) && !/^\d{9}$/.test(parts[0]))
			return scenarios.INVALID_VRN();
		return run(parts, call, searchParams);
	}
	return error(404, 'MATCHING_RESOURCE_NOT_FOUND',
		'A resource with the name in the request can not be found');
}

function send(res, {status, body, page, headers}) {
	const text = page ?? (body === undefined ? '' : JSON.stringify(body));
	res.writeHead(status, {
		...(text && {'content-type': 'application/json'}), ...headers});
	res.end(text);
}

const server = createServer(async (req, res) => {
	let body = '';
	for await (const some of req)
		body += some;
	if (req.url === '/__calls') {
		if (req.method === 'DELETE')
			calls.length = 0;
		return send(res, {status: 200, body: calls});
	}
	if (req.url === '/__release') {
		const all = held;
		held = [];
		for (const go of all)
			go();
		return send(res, {status: 200, body: all.length});
	}
	const call = {at: new Date().toISOString(), method: req.method,
		path: req.url, headers: req.headers, body, status: null};
	calls.push(call);
	const said = await answer(call).catch(() =>
		error(400, 'INVALID_REQUEST', 'Invalid request'));
	if (said === 'close')
		return req.socket.destroy();
	call.status = said.status;
	return send(res, said);
});

server.listen(Number(process.env.PORT ?? 8090), '127.0.0.1', () =>
	console.log(`simulator: ready on ${here()}`));
for (const signal of ['SIGINT', 'SIGTERM'])
	process.on(signal, () => process.exit(0));
