/*
 * Signs in at the running site, sends one VAT return through it and says what
 * happened, step by step: `make demo CHECK=1`, or `lowtide serve -C site --env dev -- node
 * check.mjs`. Ends with 0 when everything was as it should be, else with 1.
 */
import {randomInt, randomUUID, webcrypto} from 'node:crypto';
import {signIn} from './check-signin.mjs';

globalThis.crypto ??= webcrypto; /* node 18 */
const site = process.env.LOWTIDE_URL;
const simulator = process.env.LOWTIDE_RUN_SIMULATOR_URL;
const DEVICE = randomUUID();
let person = {}; /* headers of who is signed in */
const RETURN = '/api/v1/hmrc/vat/return';
const EXPORT = '/api/v1/hmrc/vat/export';

const say = (text) => console.log(text);
const begun = Date.now();
const since = () => `${((Date.now() - begun) / 1000).toFixed(1)} s`;

function must(holds, text) {
	if (!holds)
		throw new Error(text);
	say(`  ok  ${text}`);
}

async function get(path) {
	const answer = await fetch(new URL(path, site), {headers: person});
	if (!answer.ok)
		throw new Error(`GET ${path} was answered with ${
			answer.status}`);
	return answer;
}

/* A module of the site, as published; node imports nothing over http. */
async function published(page, name) {
	const [, map] = /<script type="importmap">(.*?)<\/script>/.exec(page) ?? [];
	const path = map && JSON.parse(map).imports[`/${name}.mjs`];
	if (!path)
		throw new Error(`the import map leads to no ${name}.mjs`);
	const text = await (await get(path)).text();
	return import(`data:text/javascript,${encodeURIComponent(text)}`);
}

function form(vrn, periodKey) {
	return {
		returnId: `${vrn}-${periodKey}`,
		vrn, periodKey, vatDueSales: 2840.5, vatDueAcquisitions: 0,
		totalVatDue: 2840.5, vatReclaimedCurrPeriod: 615.2,
		netVatDue: 2225.3, totalValueSalesExVAT: 14202,
		totalValuePurchasesExVAT: 3076,
		totalValueGoodsSuppliedExVAT: 0, totalAcquisitionsExVAT: 0,
		finalised: true,
	};
}

async function files() {
	say('The site, as files:');
	await get('/');
	const page = await (await get('/vat.html')).text();
	must(page.includes('id="return-form"'), 'a page has the form');
	const pointer = await (await get('/products.json')).json();
	const catalogue = await (await get(pointer.url)).json();
	must(catalogue.version === pointer.version,
		`the catalogue ${pointer.version} is at ${pointer.url}`);
	return published(page, 'requests');
}

async function openPeriod(api, vrn) {
	const {obligations} = await api.submit('GET v1/hmrc/vat/obligation?' +
		`vrn=${vrn}&from=2020-01-01&to=2039-12-31`).result();
	const open = obligations.find(({status}) => status === 'O');
	must(open, `period ${open?.periodKey} is open`);
	return open.periodKey;
}

async function send(api, body) {
	const job = api.submit('POST v1/hmrc/vat/return', body, {wait: 0,
		/* the second is not for a client to say, and is not believed */
		headers: {'gov-client-device-id': DEVICE,
			'gov-client-public-ip': '192.0.2.1'}});
	for await (const {status, jobId, estimatedDuration: s} of job)
		say(`  ${since()}  ${status}${status === 'accepted' ?
			` with 202, ticket ${jobId}` : ''}${
			s === undefined ? '' : `, about ${s} s to go`}`);
	return {receipt: await job.result(), name: job.requestId};
}

async function repeat(body, name, receipt) {
	const answer = await fetch(new URL(RETURN, site), {
		method: 'POST', body: JSON.stringify(body),
		headers: {...person, 'content-type': 'application/json',
			'x-request-id': name},
	});
	const again = await answer.json();
	must(answer.status === 201 &&
		again.formBundleNumber === receipt.formBundleNumber,
	'the same request under the same name gives the same receipt');
	const {headers} = answer;
	must(/^[0-9a-f-]{36}$/.test(headers.get('receipt-id')) &&
		headers.get('receipt-timestamp') === receipt.processingDate &&
		headers.get('x-correlationid'),
	'with HMRC’s own receipt-id, receipt-timestamp and x-correlationid');
}

async function arrivals(vrn) {
	const calls = await (await fetch(new URL('/__calls', simulator))).json();
	const sent = calls.filter(({method, path}) => method === 'POST' &&
		path === `/organisations/vat/${vrn}/returns`);
	must(sent.length === 1, `the tax service saw ${
		sent.length === 1 ? 'one submission' :
			`${sent.length} submissions`} of it`);
	const {headers} = sent[0];
	must(headers['gov-client-public-ip'] === '127.0.0.1' &&
		Date.parse(headers['gov-client-public-ip-timestamp']) &&
		headers['gov-client-device-id'] === DEVICE &&
		headers['gov-vendor-version'] &&
		headers['gov-vendor-forwarded'].endsWith('&for=127.0.0.1'),
	'who filed it and with what: the page’s Gov-Client-*, and what we saw');
}

/* Nobody, and nobody else. */
async function strangers() {
	const answer = await fetch(new URL(RETURN, site), {method: 'POST',
		body: '{}', headers: {'content-type': 'application/json'}});
	must(answer.status === 401, 'who is not signed in is not let in');
}

async function bundle(api) {
	let job;
	const settled = new Promise((settle) => {
		job = api.fireAndForget('POST v1/bundle',
			{bundleId: 'starter'}, {optimistic: () => settle});
	});
	const {status, bundleId} = await job.result();
	must(status === 'active', `bundle ${bundleId} is active${job.location ?
		` at ${job.location.replace(/^.*(?=\/api)/, '').slice(0, 24)}…` :
		''}`);
	must((await settled).confirmed, 'what was shown at once is confirmed');
}

/* How a job goes, whenever that changes, from its ticket until `enough`. */
async function follow({statusUrl}, enough) {
	let etag = '';
	for (;;) {
		const answer = await fetch(new URL(statusUrl, site),
			{headers: {...person, 'if-none-match': etag,
				prefer: 'wait=5'}});
		if (answer.status === 304 || answer.status === 429)
			continue;
		etag = answer.headers.get('etag');
		const job = await answer.json();
		if (enough(job))
			return job;
	}
}

async function startExport(vrn, year) {
	const answer = await fetch(new URL(EXPORT, site), {
		method: 'POST', body: JSON.stringify({vrn, year}),
		headers: {...person, 'content-type': 'application/json',
			'x-initial-request': 'true', 'x-wait-time-ms': '0'},
	});
	must(answer.status === 202, `the export of ${year} is accepted`);
	return answer.json();
}

const isOver = ({status}) => !['pending', 'processing'].includes(status);
const isAtWork = (job) => job.progress > 0 || isOver(job);

async function exports(vrn) {
	const ticket = await startExport(vrn, '2026');
	const job = await follow(ticket, isAtWork);
	must(job.status === 'processing' && job.progress > 0,
		`the program is at ${job.progress} %${
			job.message ? `: ${job.message}` : ''}`);
	const end = await follow(ticket, isOver);
	const table = await (await get(`${ticket.statusUrl}/result`)).text();
	const rows = table.trim().split('\n');
	must(end.status === 'completed' && rows.length === 5,
		`and then ${end.status}, with ${rows.length - 1} quarters`);

	const other = await startExport(vrn, '2025');
	await follow(other, isAtWork);
	const cancelled = await fetch(new URL(other.cancelUrl, site),
		{method: 'POST', headers: person});
	must(cancelled.status === 202, 'which is cancelled on its way');
	must((await follow(other, isOver)).status === 'cancelled',
		'so the program was stopped');
}

const CASE = '/api/v1/case/TW-0001,TW-0002,TW-0014,TW-0043';

async function asked(path) {
	const calls = await (await fetch(new URL('/__calls', simulator))).json();
	return calls.filter((call) => call.path === path).length;
}

/* Nobody answers 202 for long. */
async function promoted() {
	const answer = await fetch(new URL(CASE, site),
		{headers: {prefer: 'respond-async'}});
	must(answer.status === 202, 'who will not wait is given a ticket');
	const end = await follow(await answer.json(), isOver);
	must(end.status === 'completed' &&
		end.result.data.person['TW-0043'].name,
	'and the worker reads the same');
}

async function reads(receipt) {
	const at = performance.now();
	const first = await get(CASE);
	const took = Math.round(performance.now() - at);
	const {data, upstreamFailures} = await first.json();
	must(data.summaries.cases.length === 4 &&
		data.person['TW-0043'].name && data.risk['TW-0043'].band &&
		data.premises['TW-0014'] === null,
	`four traders from five services in ${took} ms, ${
		upstreamFailures.length} of 16 calls failed`);
	must((first.headers.get('x-aggregate-complete') === 'true') ===
		!upstreamFailures.length, 'and it says whether that is all');
	await (await get(CASE)).text();
	must(await asked('/risks/TW-0043') === 1,
		'asked again, nobody was called twice for what is known');
	await promoted();
	const same = await (await get(`/api/v1/hmrc/receipt/${
		receipt.formBundleNumber}`)).json();
	must(same.processingDate === receipt.processingDate,
		'the receipt can be read again');
	const none = await fetch(new URL('/api/v1/hmrc/receipt/0', site),
		{headers: person});
	must(none.status === 404, 'and one that there is none of is 404');
}

async function main() {
	if (!site || !simulator)
		throw new Error('LOWTIDE_URL and LOWTIDE_RUN_SIMULATOR_URL ' +
			'are not set; run `make demo CHECK=1`');
	const requests = await files();
	person = await signIn({site, simulator, must, say, get, published});
	const vrn = String(randomInt(1e8, 1e9));
	const api = requests.connect({base: new URL('/api/', site),
		headers: () => person});
	say(`A VAT return for ${vrn}:`);
	await strangers();
	const body = form(vrn, await openPeriod(api, vrn));
	const {receipt, name} = await send(api, body);
	must(/^\d{12}$/.test(receipt?.formBundleNumber),
		`receipt ${receipt?.formBundleNumber}, taken in ${
			receipt?.processingDate}`);
	await repeat(body, name, receipt);
	await arrivals(vrn);
	say('A bundle, fire and forget:');
	await bundle(api);
	say('A program, with progress:');
	await exports(vrn);
	say('Reads, of several services at once:');
	await reads(receipt);
	say(`Everything was as it should be (${since()}).`);
}

main().catch((error) => {
	say(`  not ok  ${error.message}`);
	for (let why = error.cause; why; why = why.cause)
		say(`          because of: ${why.message}`);
	process.exitCode = 1;
});
