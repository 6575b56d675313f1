/*
 * What tests of the example site share, whichever browser they have: somebody
 * who is signed in, and an endpoint that answers what it is told to.
 *
 *	await signIn(page, {to: '/vat.html'});
 *	await signIn(other, {as: 'other', permit: true});
 *	const answers = await interpose(page);
 *	answers['GET /api/v1/bundle'] = problem(500);
 */
const site = process.env.LOWTIDE_URL;
const simulator = process.env.LOWTIDE_RUN_SIMULATOR_URL;

/* While a page gives way to the next one, asking it anything may fail. */
export async function settled(page, fn, ...args) {
	for (let i = 0; ; i++)
		try {
			return await page.until(fn, ...args);
		} catch (e) {
			if (i > 9 || /^this never/.test(e.message))
				throw e;
			await new Promise((soon) => setTimeout(soon, 20));
		}
}

/*
 * as: 'allow' is Robin Tidewater, 'other' Ada Fielding; permit: HMRC is told by
 * them that we may file, once they are signed in; ends at `to`.
 */
export async function signIn(page, {as = 'allow', to = '/sign-in.html',
	with: provider = 'cognito', permit = false} = {}) {
	if (permit) {
		await signIn(page, {as});
		await signIn(page, {as, with: 'hmrc'});
		await page.go(new URL(to, site).href);
		return;
	}
	await page.go(`${site}/sign-in.html?${new URLSearchParams({to})}`);
	await settled(page, () => document.querySelector('#sign-in-said')
		?.textContent);
	await page.leave((id) => document.querySelector(
		`[data-sign-in="${id}"]`).click(), provider);
	await settled(page, (at) => location.origin === at &&
		document.readyState === 'complete', simulator);
	await page.leave((button) => document.querySelector(
		`button[value=${button}]`).click(), as);
	if (provider === 'cognito')
		await settled(page, (at) => location.pathname === at &&
			document.readyState === 'complete',
		new URL(to, site).pathname);
	else
		await settled(page, () => document.querySelector('#callback')
			?.dataset.state === 'done');
}

/* What an answer is to be: a body with 200, or a problem of the endpoint's. */
export const says = (body, status = 200, type = 'application/json') => ({
	responseCode: status,
	responseHeaders: [{name: 'content-type', value: type}],
	body: Buffer.from(JSON.stringify(body)).toString('base64')});
export const problem = (status, type = 'internal', more = {}) => says({
	type: `/problems/${type}`, title: 'Internal error', status,
	detail: 'Something is wrong at our end.', error: type, ...more}, status, 'application/problem+json');
export const never = () => null;

/*
 * Between the page and the APIs. By 'METHOD /path': an answer, or a function
 * of the request to one; null: none comes; undefined, or no such row: the real
 * one. The path may end in *.
 */
export async function interpose(page) {
	const answers = {};
	const row = (method, path) => answers[`${method} ${path}`] ??
		Object.entries(answers).find(([name]) => name.endsWith('*') &&
			`${method} ${path}`.startsWith(name.slice(0, -1)))?.[1];
	page.on('Fetch.requestPaused', ({requestId, request}) => {
		const how = row(request.method, new URL(request.url).pathname);
		const what = typeof how === 'function' ? how(request) : how;
		if (what)
			page.send('Fetch.fulfillRequest', {requestId, ...what})
				.catch(() => {});
		else if (what === undefined)
			page.send('Fetch.continueRequest', {requestId})
				.catch(() => {});
	});
	await page.send('Fetch.enable',
		{patterns: [{urlPattern: `${site}/api/*`}]});
	return answers;
}

/*
 * A clock that runs so many times as fast, for all pages from the next on: what
 * waits minutes ends in seconds. Only waits are told by it, not what time it is;
 * and not how long an answer may take to begin, since no server is faster by it.
 * What it gives ends it, for the page that is there as well.
 */
export async function hurry(page, times) {
	const {identifier} = await page.send(
		'Page.addScriptToEvaluateOnNewDocument', {source: `{
			const wait = globalThis.setTimeout;
			const each = globalThis.setInterval;
			const isOfAnswers = (ms) => ms >= 35000 && ms < 60000;
			globalThis.hurry = ${times};
			globalThis.setTimeout = (run, ms = 0, ...more) =>
				wait(run, isOfAnswers(ms) ? ms : ms / hurry, ...more);
			globalThis.setInterval = (run, ms = 0, ...more) =>
				each(run, ms / hurry, ...more);
		}`});
	return async () => {
		await page.send('Page.removeScriptToEvaluateOnNewDocument',
			{identifier});
		await page.run(() => {
			globalThis.hurry = 1;
		});
	};
}
