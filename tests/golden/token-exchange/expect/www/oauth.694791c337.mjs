// exchange: sign-in URLs, worked out here: url, begin, go, finish, logoutUrl
const providers = {
	__proto__: null,
	'cognito': {
		url: 'https://login.acme.example/oauth2/authorize?response_type=code\u0026client_id=acme-web\u0026redirect_uri=https%3A%2F%2Fwww.acme.example%2Fauth%2Fcallback.html\u0026scope=openid%20profile%20email&state=',
		redirect: 'https://www.acme.example/auth/callback.html',
		pkce: '&code_challenge_method=S256',
		nonce: 1,
		iss: [undefined, 'https://cognito-idp.eu-west-2.amazonaws.com/eu-west-2_AbC123'],
	},
	'hmrc': {
		url: 'https://www.tax.service.gov.uk/oauth/authorize?response_type=code\u0026client_id=acme-live\u0026redirect_uri=https%3A%2F%2Fwww.acme.example%2Fauth%2Fhmrc.html\u0026scope=read%3Avat%20write%3Avat&state=',
		redirect: 'https://www.acme.example/auth/hmrc.html',
		pkce: '&code_challenge_method=S256',
	},
	'hmrc:sandbox': {
		url: 'https://test-www.tax.service.gov.uk/oauth/authorize?response_type=code\u0026client_id=acme-trying\u0026redirect_uri=https%3A%2F%2Fwww.acme.example%2Fauth%2Fhmrc-sandbox.html\u0026scope=read%3Avat%20write%3Avat&state=',
		redirect: 'https://www.acme.example/auth/hmrc-sandbox.html',
		pkce: '&code_challenge_method=S256',
	},
	'my_op': {
		url: 'https://op.acme.example/authorize?response_type=code\u0026client_id=acme-op\u0026redirect_uri=https%3A%2F%2Fwww.acme.example%2Fauth%2Fop3.html\u0026scope=openid&state=',
		redirect: 'https://www.acme.example/auth/op3.html',
		nonce: 1,
	},
	'no_end': {
		url: 'https://op.acme.example/authorize?response_type=code\u0026client_id=acme-op\u0026redirect_uri=https%3A%2F%2Fwww.acme.example%2Fauth%2Fop2.html\u0026scope=openid&state=',
		redirect: 'https://www.acme.example/auth/op2.html',
		pkce: '&code_challenge_method=S256',
		nonce: 1,
	},
	'not_here': {
		url: 'https://op.acme.example/authorize?response_type=code\u0026client_id=acme-op\u0026redirect_uri=https%3A%2F%2Fwww.acme.example%2Fauth%2Fop.html\u0026scope=openid&state=',
		redirect: 'https://www.acme.example/auth/op.html',
		pkce: '&code_challenge_method=S256',
		nonce: 1,
	},
};

const fail = (code, text) => {
	const error = Error(text || code);
	error.name = 'OAuthError';
	error.code = code;
	throw error;
};
const find = (id) => providers[id] || fail('unknown-provider', id);
const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
	.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const random = () => base64(crypto.getRandomValues(new Uint8Array(32)));
const encode = (text) => encodeURIComponent(text)
	.replace(/[!'()]/g, escape).replaceAll('*', '%2A');
const path = (to = '/') =>
	/^(?![^?#]*[/\\][/\\])\/\S*$/.test(to) ? to : fail('return-to');
const swap = (state, record) => {
	try {
		const storage = sessionStorage, key = 'oauth.' + state;
		const kept = storage[key];
		storage[key] = record;
		for (const name in storage)
			if (/^oauth\./.test(name) &&
				parseInt(storage[name]) < Date.now())
				delete storage[name];
		return kept + '';
	} catch {
		fail('no-storage');
	}
};

export const url = (id, fresh) => {
	const p = find(id);
	let to = p.url + encode(fresh?.state || fail('no-state'));
	if (p.nonce && fresh.nonce)
		to += '&nonce=' + encode(fresh.nonce);
	if (p.pkce)
		to += '&code_challenge=' +
			encode(fresh.challenge || fail('no-challenge')) + p.pkce;
	for (const name in fresh.params) {
		p.allow?.includes(name) || fail('param-not-allowed', name);
		to += '&' + encode(name) + '=' + encode([fresh.params[name]]);
	}
	return to;
};

export const begin = async (id, how) => {
	const state = random(), nonce = random(), verifier = random();
	const challenge = base64(await (crypto.subtle || fail('needs-https'))
		.digest('SHA-256', new TextEncoder().encode(verifier)));
	const to = url(id, {...how, state, nonce, challenge});
	swap(state, [Date.now() + 600000, id, verifier, nonce,
		path(how?.returnTo)].join(' '));
	return to;
};

export const go = async (id, how) => location.assign(await begin(id, how));

export const finish = () => {
	const here = new URL(location), got = {__proto__: null};
	history.replaceState(null, '', here.href.replace(/[?#].*/, ''));
	for (const [name, value] of here.searchParams)
		got[name] = name in got ? fail('repeated-parameter') : value;
	const [ends, id, verifier, nonce, returnTo] =
		swap(got.state, 0).split(' ');
	const p = providers[id] || fail('unknown-state');
	if (!(ends > Date.now()))
		fail('state-expired');
	if (!/^[?&]/.test(here.href.replace(new URL(p.redirect), '')))
		fail('wrong-page', p.redirect);
	if (p.iss && !p.iss.includes(got.iss))
		fail('issuer-mismatch', got.iss);
	if (got.error)
		fail(got.error, got.error_description);
	return {
		provider: id, code: got.code || fail('no-code'),
		verifier: p.pkce && verifier, nonce: p.nonce && nonce,
		redirectUri: p.redirect, returnTo: path(returnTo),
	};
};

export const logoutUrl = (id) => find(id).logout || fail('no-logout');
