import {AuthorizationNotifier, AuthorizationRequest,
	AuthorizationServiceConfiguration, BasicQueryStringUtils,
	DefaultCrypto, LocalStorageBackend, RedirectRequestHandler}
	from '@openid/appauth';

/* By itself it reads the fragment, where no code comes. */
class Query extends BasicQueryStringUtils {
	parse(input) {
		return super.parse(input, false);
	}
}
const handler = () => new RedirectRequestHandler(
	new LocalStorageBackend(sessionStorage), new Query(), location,
	new DefaultCrypto());
const configuration = new AuthorizationServiceConfiguration({
	authorization_endpoint: 'https://op.example/authorize',
	token_endpoint: 'https://op.example/token',
});

/* It goes there by itself. */
export const begin = () => handler().performAuthorizationRequest(configuration,
	new AuthorizationRequest({
		client_id: 'abc',
		redirect_uri: 'https://www.vat.example/auth/callback.html',
		scope: 'openid profile email',
		response_type: AuthorizationRequest.RESPONSE_TYPE_CODE,
	}));

export const finish = () => new Promise((resolve, reject) => {
	const notifier = new AuthorizationNotifier();
	const own = handler();
	notifier.setAuthorizationListener((request, response, error) => {
		history.replaceState(null, '', location.pathname);
		if (error)
			reject(error);
		else
			resolve({code: response.code,
				verifier: request.internal.code_verifier});
	});
	own.setAuthorizationNotifier(notifier);
	own.completeAuthorizationRequestIfPossible();
});
