#!/usr/bin/env node
/*
 * Where the example site would send people if it were real: to Cognito and to
 * HMRC, as those publish it. The demo and its tests only meet the simulator.
 */
const {execFileSync} = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const lowtide = path.resolve(process.env.LOWTIDE_BIN ?? 'build/bin', 'lowtide');
const SITE = encodeURIComponent('https://www.vat.example');
const tmp = fs.mkdtempSync(path.join(os.tmpdir(), 'lowtide-site-'));
process.on('exit', () => fs.rmSync(tmp, {recursive: true, force: true}));

const PKCE = '&code_challenge=c&code_challenge_method=S256';
const hmrc = (host, id, page) => `https://${host}/oauth/authorize` +
	`?response_type=code&client_id=${id}` +
	`&redirect_uri=${SITE}%2Fauth%2F${page}.html` +
	`&scope=read%3Avat%20write%3Avat&state=s${PKCE}`;

(async () => {
	const {test, equal, done} = await import('../tap.mjs');
	execFileSync(lowtide, ['client', tmp, '-q', '-C', 'site', '--env',
		'prod']);
	const {url, logoutUrl} = await import(path.join(tmp, 'oauth.mjs'));
	const fresh = {state: 's', nonce: 'n', challenge: 'c'};

	test('Cognito: hosted sign-in of a domain, with a nonce', () =>
		equal(url('cognito', fresh), 'https://signin.vat.example/' +
			'oauth2/authorize?response_type=code' +
			'&client_id=6tidewaterlive0client' +
			`&redirect_uri=${SITE}%2Fauth%2Fcognito.html` +
			`&scope=openid%20profile%20email&state=s&nonce=n${PKCE}`));
	test('and out of it, by its own names', () =>
		equal(logoutUrl('cognito'), 'https://signin.vat.example/logout' +
			'?client_id=6tidewaterlive0client' +
			`&logout_uri=${SITE}%2Fauth%2Fsigned-out.html`));
	test('HMRC: the host that asks people, not its API\'s; no nonce', () =>
		equal(url('hmrc', fresh), hmrc('www.tax.service.gov.uk',
			'tidewater-live-client', 'hmrc')));
	test('and its sandbox, where nothing is of live\'s', () =>
		equal(url('hmrc:sandbox', fresh),
			hmrc('test-www.tax.service.gov.uk',
				'tidewater-sandbox-client', 'hmrc-sandbox')));
	await done();
})();
