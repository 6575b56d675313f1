/* How the sign-in modules of the example site are used from TypeScript. */
import {begin, finish, go, logoutUrl, url, type OAuthError, type Provider}
	from './oauth.mjs';
import {checkIdToken, exchange, keys, refresh, type Claims, type Tokens}
	from './oauth-tokens.mjs';

export async function signIn(): Promise<string> {
	const id: Provider = 'hmrc';
	await go(id, {returnTo: '/account', params: {lang: 'cy', max_age: 0}});
	// @ts-expect-error: no value at all
	await begin(id, {params: {lang: undefined}});
	// @ts-expect-error: the site has no such provider
	await begin('nobody');
	// @ts-expect-error: a state is needed
	url('cognito', {challenge: 'c'});
	return url('cognito', {state: 's', challenge: 'c', nonce: 'n'}) +
		await begin('cognito');
}

export function back(): string {
	try {
		const {provider, code, verifier, nonce, returnTo} = finish();
		// @ts-expect-error: there may be none
		nonce.length;
		// @ts-expect-error: nor a challenge
		verifier.length;
		return [provider, code, verifier, returnTo].join();
	} catch (error) {
		const {code} = error as OAuthError;
		return code === 'wrong-page' ? logoutUrl('cognito') : code;
	}
}

export async function tokens(signal: AbortSignal): Promise<Tokens> {
	const signIn = finish();
	const {nonce, provider} = signIn;
	const got: Tokens = await exchange(signIn, {signal});
	const claims: Claims | undefined = got.claims;
	// @ts-expect-error: HMRC's has none, for one
	got.claims.sub;
	// @ts-expect-error: there may be none
	got.refresh_token.length;
	if (!claims || !got.id_token || !got.refresh_token)
		return got;
	await checkIdToken(got.id_token, {provider, nonce, keys: keys(provider)});
	await checkIdToken(got.id_token, {provider, nonce: null, maxAge: 60,
		keys: await keys(provider, {signal}), now: Date.now(),
		accessToken: got.access_token});
	// @ts-expect-error: whose is it?
	await checkIdToken(got.id_token, {nonce});
	// @ts-expect-error: the site has no such provider
	await refresh('nobody', got.refresh_token);
	// @ts-expect-error: a state is no code
	await exchange({provider, state: 's'});
	const next = await refresh(provider, got.refresh_token,
		{signal, claims: got.claims});
	return {...next, expires_in: next.refresh_token.length};
}
