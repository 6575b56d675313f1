/*
 * Five services that know a part of a case each, as far as the case page needs
 * them; and the receipts and bundles that are read elsewhere. Each case has a
 * reference, TW-0001 to TW-0200, and is always the same.
 *
 *	GET /case-summaries?crns=A,B    those of them that there are, in one call
 *	GET /people/CRN                 who answers for it
 *	GET /tiers/CRN                  404 where nobody has set one
 *	GET /risks/CRN                  slow: it works it out anew each time
 *	GET /premises/ID                flaky: each third call fails
 */
const SLOW = Number(process.env.SIMULATOR_RISK_MS ?? 900);
const CASES = 200;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ok = (body) => ({status: 200, body});
const missing = {status: 404, body: {code: 'NOT_FOUND'}};

const people = ['Ada Fielding', 'Bilal Haddad', 'Carys Morgan', 'Dev Patel',
	'Eilidh Fraser', 'Femi Adeyemi', 'Grace Okoro', 'Hugh Lyle'];
const trades = ['Bakery', 'Joinery', 'Book shop', 'Bicycle repair',
	'Translations', 'Brewery', 'Day nursery', 'Garden centre'];
const towns = ['Leith', 'Penarth', 'Whitby', 'Lewes', 'Bangor', 'Ludlow'];

/* The number behind TW-0042, or nothing. */
function number(crn) {
	const n = Number(/^TW-(\d{4})$/.exec(crn)?.[1]);
	return n >= 1 && n <= CASES ? n : undefined;
}
const pick = (list, n) => list[n % list.length];

function summary(crn) {
	const n = number(crn);
	return {crn, trader: `${pick(people, n).split(' ')[1]}’s ${
		pick(trades, n * 3)}`, vrn: String(193000000 + n),
	registered: `20${10 + n % 14}-0${1 + n % 9}-01`,
	premisesId: n % 7 ? `P-${1000 + n}` : null};
}

let premisesCalls = 0;
const routes = [
	['/case-summaries', (_, query) => ok({cases: (query.get('crns') ?? '')
		.split(',').filter(number).map(summary)})],
	['/people/([^/]+)', ([crn]) => number(crn) ? ok({
		name: pick(people, number(crn)),
		email: `${pick(people, number(crn)).split(' ')[0]
			.toLowerCase()}@trader.example`}) : missing],
	['/tiers/([^/]+)', ([crn]) => number(crn) % 5 ? ok({
		level: 'ABCD'[number(crn) % 4]}) : missing],
	['/risks/([^/]+)', async ([crn]) => {
		await sleep(SLOW);
		const score = number(crn) * 37 % 100;
		return number(crn) ? ok({score, band: score > 66 ? 'high' :
			score > 33 ? 'medium' : 'low'}) : missing;
	}],
	['/premises/(P-\\d+)', ([id]) => {
		if (++premisesCalls % 3 === 0)
			return {status: 500, body: {code: 'SERVER_ERROR'}};
		const n = Number(id.slice(2)) - 1000;
		return ok({id, street: `${1 + n % 90} ${pick(towns, n)} Road`,
			town: pick(towns, n * 5)});
	}],
];

/* An answer, or nothing where it is somebody else's to give. */
export async function cases(call) {
	const {pathname, searchParams} = new URL(call.path, 'http://simulator');
	for (const [pattern, run] of call.method === 'GET' ? routes : []) {
		const hit = new RegExp(`^${pattern}$`).exec(pathname);
		if (hit)
			return run(hit.slice(1).map(decodeURIComponent),
				searchParams);
	}
	return undefined;
}
