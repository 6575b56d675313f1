/*
 * What tests of the example site share: somebody who is signed in.
 *
 *	await signIn(page, {to: '/vat.html'});
 *	await signIn(other, {as: 'other'});
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

/* as: 'allow' is Robin Tidewater, 'other' Ada Fielding; ends at `to`. */
export async function signIn(page, {as = 'allow', to = '/sign-in.html',
	with: provider = 'cognito'} = {}) {
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
