/* The URL and what belongs to it; no callback. */
import {buildAuthorizationUrl, calculatePKCECodeChallenge, Configuration, None,
	randomNonce, randomPKCECodeVerifier, randomState} from 'openid-client';

const config = new Configuration({
	issuer: 'https://op.example',
	authorization_endpoint: 'https://op.example/authorize',
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
