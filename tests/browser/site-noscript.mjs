/*
 * The example site where scripts are switched off: each page says what it is
 * and what it cannot do, shows what is a plain file, and nothing that would not
 * answer: no form, no button, nothing that waits for ever. Runs under
 * `lowtide serve -C site --env dev`.
 */
import {test, ok, equal, done} from '../tap.mjs';
import {browser, page, picture, site} from './site-person.mjs';

await page.send('Emulation.setScriptExecutionDisabled', {value: true});

/* What is to be seen of a page, as the protocol tells it: no script runs. */
const look = () => page.run(() => {
	const seen = (selector) => [...document.querySelectorAll(selector)]
		.filter((e) => e.checkVisibility() && !e.closest('noscript:empty'));
	const text = (e) => e.textContent.trim().replace(/\s+/g, ' ');
	return {
		h1: seen('h1').map(text),
		notes: seen('noscript .note').map(text),
		/* what a person would press, fill in or wait for in vain */
		dead: seen('main :is(button, input, select, textarea, ' +
			'lowtide-job, progress), main .ghost, main [aria-busy]')
			.map((e) => e.id || e.outerHTML.slice(0, 60)),
		links: seen('main a[href]').map((e) => e.getAttribute('href')),
		bundles: seen('.bundle h3').map(text),
		text: text(document.querySelector('main')),
	};
});

const NAMES = ['Starter', 'Sole trader', 'Limited company', 'Agent'];
/* What each says of itself; there: what is shown all the same. */
const PAGES = {
	'/': {there: ({links}) => ok(links.includes('/vat.html'))},
	'/catalogue.html': {note: /newer version/,
		there: ({bundles}) => equal(bundles, NAMES)},
	'/bundles.html': {note: /Adding a bundle needs JavaScript/,
		there: ({bundles, links}) => {
			equal(bundles, NAMES);
			ok(links.includes('/catalogue.html'));
		}},
	'/vat.html': {note: /Filing a return needs JavaScript/},
	'/receipts.html': {note: /Reading receipts needs JavaScript/},
	'/export.html': {note: /Making an export needs JavaScript/},
	'/requests.html': {note: /This list needs JavaScript/},
	'/case.html': {note: /needs JavaScript.*also JSON/,
		there: ({links}) => ok(links.some((href) =>
			href.startsWith('/api/v1/case/')))},
	'/sign-in.html': {note: /Signing in needs JavaScript/},
	'/auth/cognito.html': {note: /Switch it on/},
	'/auth/hmrc.html': {note: /Switch it on/},
	'/auth/hmrc-sandbox.html': {note: /Switch it on/},
	'/auth/signed-out.html': {},
	'/404.html': {there: ({links}) => ok(links.includes('/vat.html'))},
};

test('every page is in the table', async () => {
	const {files} = await (await fetch(`${site}/manifest.json`)).json();
	equal(files.map(({path}) => `/${path}`.replace(/\/index\.html$/, '/'))
		.filter((path) => /(\.html|\/)$/.test(path) &&
			!path.startsWith('/problems/')).sort(),
	Object.keys(PAGES).sort());
});

for (const [at, {note, there}] of Object.entries(PAGES))
	test(`${at} without scripts`, async () => {
		await page.go(`${site}${at}`);
		const seen = await look();
		equal(seen.h1.length, 1);
		equal(seen.notes.length, note ? 1 : 0, seen.notes.join('; '));
		if (note)
			ok(note.test(seen.notes[0]), seen.notes[0]);
		equal(seen.dead, []);
		there?.(seen);
		await picture(`noscript${at.replace(/\W+/g, '-')}`);
	});

test('nothing of it is asked for, and nothing is wrong with it', () => {
	equal(page.requests.filter(({url}) => /\/api\//.test(url)), []);
	equal(page.complaints, []);
});

test('with scripts none of it is hidden', async () => {
	const other = await browser.page();
	for (const [at, selector] of [['/case.html', '#case-form'],
		['/sign-in.html', '.providers'], ['/bundles.html',
			'.bundle .actions'], ['/auth/hmrc.html', '#callback h1']]) {
		await other.go(`${site}${at}`);
		ok(await other.run((s) => document.querySelector(s)
			.checkVisibility(), selector), selector);
	}
	equal(other.requests.filter(({url}) => /noscript/.test(url)), []);
	await other.close();
});

await done();
