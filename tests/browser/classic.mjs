/*
 * Pages of classic.t: what they find in window, that nobody complains, and
 * where a click leads.
 */
import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {test, ok, equal, match, done, cleanup} from '../tap.mjs';
import {open} from './cdp.mjs';
import {serve} from './oauth-strict.mjs';

const {LOWTIDE, TMP} = process.env;
const source = path.join(TMP, 'site');
const www = path.join(TMP, 'dist/www');
const site = await serve(www);
cleanup(site.close);
writeFileSync(path.join(source, 'env/base.toml'), `base_url = "${site.url}"
[oauth.login]
domain = "${site.url}"
[oauth.tax]
base_uri = "${site.url}"
[oauth.tax.variant.sandbox]
authorization_endpoint = "${site.url}/back.html?own=%7e+x"
`);
execFileSync(LOWTIDE, ['build', '-q', '--fast', '-C', source, '--out',
	path.dirname(www)], {stdio: ['ignore', 'ignore', 'inherit']});
const browser = await open();
cleanup(() => browser.close());
const home = async () => {
	const page = await browser.page();
	await page.go(`${site.url}/index.html`);
	await page.until(() => globalThis.title && globalThis.url);
	return page;
};
/* The query and what is kept on the other page, once it is there. */
async function arrived(page) {
	for (;;)
		try {
			return await page.until(() =>
				location.pathname === '/back.html' &&
				[location.search,
					Object.entries(sessionStorage)]);
		} catch (e) {
			/* asked while it was on its way */
			if (!/context|navigat|Inspected/i.test(e.message))
				throw e;
		}
}
const quiet = (page) => equal([page.complaints, site.reports], [[], []]);

test('values are there, at once and as promised', async () => {
	const page = await home();
	equal(await page.run(() => [window.title, Object.entries(window.__env),
		Object.isFrozen(window.__env)]), ["it's </script> ü", [
		['TITLE', "it's </script> ü"],
		['LOGIN_CLIENT_ID', "it's+me/="]], true]);
	quiet(page);
});
test('URLs are those of oauth.mjs in the same browser', async () => {
	const page = await home();
	equal(await page.run(() => {
		const text = "a b+c~d!*'()\u00a3&=#%\ud83d\ude00";
		const fresh = {state: text, nonce: text, challenge: text};
		const {buildLoginAuthUrl: login, buildTaxAuthUrl: tax} =
			window.authUrlBuilder;
		return [login(text, text, text) === url('login', fresh),
			tax(text, undefined, 'live', text) ===
				url('tax', fresh),
			tax(text, 'read:vat write:vat', 'SANDBOX', text) ===
				url('tax:sandbox', fresh)];
	}), [true, true, true]);
	quiet(page);
});
test('and what has no URL throws', async () => {
	const page = await home();
	equal(await page.run(() => [['\ud800', 'n', 'c'], ['s', 'n'],
		['', 'n', 'c']].map((how) => {
		try {
			return window.authUrlBuilder.buildLoginAuthUrl(...how);
		} catch (e) {
			return e.code ?? e.name;
		}
	})), ['URIError', 'no-challenge', 'no-state']);
	quiet(page);
});
test('a click leads to the provider, with PKCE', async () => {
	const page = await home();
	await page.click('#go');
	const [query, kept] = await arrived(page);
	match(query, /^\?own=%7e\+x&response_type=code&client_id=def&/);
	const sent = Object.fromEntries(new URLSearchParams(query));
	equal([sent.scope, sent.redirect_uri],
		['read:vat', `${site.url}/sandbox.html`]);
	const [[key, verifier]] = kept;
	equal(key, `verifier.${sent.state}`);
	equal(sent.code_challenge, createHash('sha256').update(verifier)
		.digest('base64url'));
	equal(sent.code_challenge_method, 'S256');
	ok(site.log.some(({url}) => url === `/back.html${query}`));
	quiet(page);
});

await done();
