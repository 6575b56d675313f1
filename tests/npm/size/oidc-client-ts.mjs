import {OidcClient, WebStorageStateStore} from 'oidc-client-ts';

const client = () => new OidcClient({
	authority: 'https://op.example',
	client_id: 'abc',
	redirect_uri: 'https://www.vat.example/auth/callback.html',
	scope: 'openid profile email',
	metadata: {
		issuer: 'https://op.example',
		authorization_endpoint: 'https://op.example/authorize',
		token_endpoint: 'https://op.example/token',
	},
	stateStore: new WebStorageStateStore({store: sessionStorage}),
});

export const begin = async (returnTo) => (await client().createSigninRequest({
	state: {returnTo},
	nonce: crypto.randomUUID(),
})).url;

export async function finish() {
	const {state, response} = await client().readSigninResponseState(
		location.href, true);
	history.replaceState(null, '', location.pathname);
	return {code: response.code, verifier: state.code_verifier,
		returnTo: state.data.returnTo};
}
