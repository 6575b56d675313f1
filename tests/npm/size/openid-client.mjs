/* Its callback is the exchange: there is no function that does one alone. */
import {authorizationCodeGrant, buildAuthorizationUrl,
	calculatePKCECodeChallenge, Configuration, None, randomNonce,
	randomPKCECodeVerifier, randomState} from 'openid-client';

const config = new Configuration({
	issuer: 'https://op.example',
	authorization_endpoint: 'https://op.example/authorize',
	token_endpoint: 'https://op.example/token',
}, 'abc', undefined, None());

export async function begin(returnTo) {
	const [state, nonce] = [randomState(), randomNonce()];
	const verifier = randomPKCECodeVerifier();
	sessionStorage.setItem(`oauth.${state}`,
		JSON.stringify({verifier, nonce, returnTo}));
	return buildAuthorizationUrl(config, {
		redirect_uri: 'https://www.vat.example/auth/callback.html',
		scope: 'openid profile email',
		state,
		nonce,
		code_challenge: await calculatePKCECodeChallenge(verifier),
		code_challenge_method: 'S256',
	}).href;
}

export async function finish() {
	const here = new URL(location.href);
	const state = here.searchParams.get('state');
	const {verifier, nonce, returnTo} =
		JSON.parse(sessionStorage.getItem(`oauth.${state}`));
	sessionStorage.removeItem(`oauth.${state}`);
	history.replaceState(null, '', location.pathname);
	return {returnTo, tokens: await authorizationCodeGrant(config, here, {
		expectedState: state,
		expectedNonce: nonce,
		pkceCodeVerifier: verifier,
	})};
}
