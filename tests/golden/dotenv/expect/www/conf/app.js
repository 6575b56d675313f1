// dotenv: made when the site was built
(() => {
	'use strict';
	window.__env = Object.freeze({
		['SUPPORT']: 'help@acme.example',
		['CLIENT_ID']: 'of-prod',
		['A_LATER_ONE']: '12',
		['PRICE']: '1.10',
		['OPEN']: 'true',
		['SINCE']: '2026-11-21',
		['Quoted_1']: '\u0022it\u0027s\u0022 #1 \u0024x = \u005c ümläut',
	});
	window.envReady = Promise.resolve(window.__env);

	const providers = new Map([
		['git', {before: 'https://github.com/login/oauth/authorize?response_type=code\u0026client_id=git-client\u0026redirect_uri=https%3A%2F%2Fwww.example.org%2Fgit.html', scope: 'read:user', after: '', nonce: 0, pkce: 0}],
		['login', {before: 'https://login.example.org/authorize?p=1\u0026response_type=code\u0026client_id=of-prod\u0026redirect_uri=https%3A%2F%2Fwww.example.org%2Fauth%2Fcallback.html', scope: 'openid email', after: '\u0026max_age=0', nonce: 1, pkce: 1}],
		['pool', {before: 'https://pool.example.org/oauth2/authorize?response_type=code\u0026client_id=pool-client\u0026redirect_uri=https%3A%2F%2Fwww.example.org%2Fauth%2Fpool.html', scope: 'openid profile email', after: '', nonce: 1, pkce: 1}],
		['tax', {before: 'https://www.tax.service.gov.uk/oauth/authorize?response_type=code\u0026client_id=tax-client\u0026redirect_uri=https%3A%2F%2Fwww.example.org%2Fauth%2Ftax.html', scope: 'read:vat write:vat', after: '', nonce: 0, pkce: 1}],
		['tax:sandbox', {before: 'https://test-www.tax.service.gov.uk/oauth/authorize?response_type=code\u0026client_id=tax-sandbox\u0026redirect_uri=https%3A%2F%2Fwww.example.org%2Fauth%2Fsandbox.html', scope: 'hello', after: '', nonce: 0, pkce: 1}],
	]);
	const fail = (code, text) => {
		throw Object.assign(Error(text), {name: 'OAuthError', code});
	};
	const is = (text) => typeof text === 'string' && text !== '';
	const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g,
		(c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());

	const find = (id, account) => {
		const name = is(account) ? account.toLowerCase() : '';
		return providers.get(name === 'live' ? id : id + ':' + name) ||
			fail('unknown-account', id + ' has no account of that name');
	};
	const narrow = (p, scope = p.scope) => {
		const declared = p.scope.split(' ');
		const asked = typeof scope === 'string' ? scope.split(' ') : [];
		if (!asked.length || new Set(asked).size < asked.length ||
			!asked.every((one) => declared.includes(one)))
			fail('scope-not-declared', 'only of: ' + p.scope);
		return scope && '&scope=' + encode(scope);
	};
	const url = (p, scope, state, nonce, challenge) => {
		if (!is(state))
			fail('no-state', 'no sign-in without a state');
		if (p.pkce && !is(challenge))
			fail('no-challenge', 'no sign-in without PKCE');
		return p.before + narrow(p, scope) + p.after +
			'&state=' + encode(state) +
			(p.nonce && nonce ? '&nonce=' + encode(nonce) : '') +
			(p.pkce ? '&code_challenge=' + encode(challenge) +
				'&code_challenge_method=S256' : '');
	};
	const openid = (id) => (state, nonce, challenge, account = 'live') =>
		url(find(id, account), undefined, state, nonce, challenge);
	const plain = (id) => (state, scope, account = 'live', challenge) =>
		url(find(id, account), scope, state, '', challenge);
	window.authUrlBuilder = Object.freeze({
		buildGitAuthUrl: plain('git'),
		buildLoginAuthUrl: openid('login'),
		buildPoolAuthUrl: openid('pool'),
		buildTaxAuthUrl: plain('tax'),
	});
})();
