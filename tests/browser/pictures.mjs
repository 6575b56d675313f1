/*
 * make pictures: the example site as it is in docs/pictures/, taken of the
 * running one under `lowtide serve -C site --env dev`. PICTURES is the folder.
 * Each is what a window shows, small enough for a README.
 */
import {mkdirSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {clean} from '../tap.mjs';
import {browser, holding, mood, page, release, says, seen, signIn, site, vrn}
	from './site-person.mjs';

const DIR = process.env.PICTURES;
const QUALITY = 70;

async function take(name, of = page, {width = 1280, height = 900} = {}) {
	await of.run(() => document.fonts.ready.then(() => true));
	const {data} = await of.send('Page.captureScreenshot', {format: 'webp',
		quality: QUALITY, clip: {x: 0, y: 0, width, height,
			scale: width > 1000 ? 0.75 : 1}});
	const file = join(DIR, `${name}.webp`);
	writeFileSync(file, Buffer.from(data, 'base64'));
	console.log(`${file}: ${statSync(file).size} bytes`);
}

/* A return that HMRC has, and keeps for as long as the picture takes. */
async function underway(of) {
	await of.go(`${site}/vat.html`);
	await of.type('#vrn', vrn());
	await of.until(() => document.querySelector('#period').value);
	await mood('HOLD', of);
	await of.click('#finalised');
	await of.click('#submit-return');
	await of.until(() => document.querySelector('#return-status').dataset
		.state === 'processing');
	await holding('POST', '/returns');
	await of.run(() => scrollTo(0, 0));
}

try {
	mkdirSync(DIR, {recursive: true});
	await page.send('Emulation.setScrollbarsHidden', {hidden: true});
	await page.go(`${site}/`);
	await take('home');
	await page.go(`${site}/case.html`);
	await says('#case-said', 'traders in');
	await page.run(() => scrollTo(0, 0));
	await take('case');
	await signIn(page, {permit: true});
	await underway(page);
	await take('vat');
	await page.go(`${site}/bundles.html`);
	await says('#bundles-said', 'You have none yet');
	await page.click('.bundle[data-id=limited] button');
	await seen('#my-bundles [data-state=confirmed]');
	await page.go(`${site}/requests.html`);
	await seen('#request-list .request');
	await says('#live', 'Live');
	await take('requests');
	await release();
	const phone = await browser.page({width: 390, height: 800, dark: true});
	await phone.go(`${site}/catalogue.html`);
	await take('phone', phone, {width: 390, height: 800});
} finally {
	await clean();
}
process.exit(0);
