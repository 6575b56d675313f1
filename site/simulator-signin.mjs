/*
 * The sign-in pages of two providers, for the simulator: one of Cognito's form
 * and one of HMRC's, as far as the site meets them. Nobody is asked for a
 * password: there are two people, and a button for each. Who it was is known
 * to a cookie until /logout, so that the next time it is the first button.
 *
 *	GET  /oauth2/authorize   Cognito: a page with Allow and Cancel; PKCE
 *	GET  /oauth/authorize    HMRC: the same, for permission to file
 *	POST the same paths      what was pressed; 303 back to the site
 *	POST /oauth2/token       Cognito: code or refresh token for tokens
 *	POST /oauth/token        HMRC: the same
 *	GET  /logout             Cognito: client_id and logout_uri
 *	GET  POOL/.well-known/jwks.json, …/openid-configuration
 *
 * Tokens are good for SIMULATOR_TOKEN_SECONDS (3600). whose() tells the rest
 * of the simulator whom one is about, permits() whether it is a permission.
 *
 * Both give tokens to who has the client's secret alone, which no page has:
 * COGNITO_SECRET, HMRC_SECRET and HMRC_SANDBOX_SECRET of the environment.
 *
 * Who asks and whereto is compared with what is registered below; that is
 * where an error is shown instead of sent, because an address that is not
 * registered must not be given anything. A port of this machine may be any.
 */
import {createHash, createPublicKey, generateKeyPair, randomBytes, randomUUID,
	sign} from 'node:crypto';
import {promisify} from 'node:util';
import {askPage, errorPage} from './simulator-pages.mjs';

const POOL = '/eu-west-2_ExAmPlE00';
const MINUTES = 60_000;
const LIFETIME = Number(process.env.SIMULATOR_TOKEN_SECONDS ?? 3600);
const PERMISSION = 14400; /* of HMRC's */
const KEPT = 1000; /* codes and questions at most */

/* by the decision that is theirs */
const people = {
	allow: {sub: '5b9c6d1e-0c64-4f5e-9f43-6f2f1f0c7a11',
		name: 'Robin Tidewater', email: 'robin@tidewater.example'},
	other: {sub: 'c1f0a7d2-93b8-4c1c-8a55-2d7e4be90b36',
		name: 'Ada Fielding', email: 'ada@tidewater.example'},
};

const secret = (name, otherwise) => process.env[name] || otherwise;

/* What is registered: client ids, where they may come back to. */
const cognito = {
	name: 'Cognito', path: '/oauth2/authorize', pkce: true,
	title: 'Sign in to Tidewater VAT', allow: 'Sign in as',
	asks: 'would like to know:',
	clients: {'4tidewaterdev0client': {back: '/auth/cognito.html',
		out: '/auth/signed-out.html', secret: secret('COGNITO_SECRET',
			'cognito-for-trying-only')}},
	scopes: {openid: 'who you are, so that it knows you again',
		profile: 'your name',
		email: 'your e-mail address'},
	refused: 'The person did not sign in.',
};
const hmrc = {
	name: 'HMRC', path: '/oauth/authorize', pkce: false,
	title: 'Give Tidewater VAT permission', allow: 'Give permission as',
	asks: 'would like to deal with HMRC for you, for 18 months:',
	clients: {'tidewater-dev-client': {back: '/auth/hmrc.html',
		secret: secret('HMRC_SECRET', 'hmrc-for-trying-only')},
	'tidewater-sandbox-client': {back: '/auth/hmrc-sandbox.html',
		secret: secret('HMRC_SANDBOX_SECRET',
			'sandbox-for-trying-only')}},
	scopes: {'read:vat': 'see your VAT information',
		'write:vat': 'change your VAT information and file returns'},
	refused: 'user denied the authorization',
	refusedCode: 'USER_DENIED_AUTHORIZATION',
};

const now = () => Math.floor(Date.now() / 1000);
const base64 = (value) => Buffer.from(value).toString('base64url');
const sha256 = (value) => createHash('sha256').update(value)
	.digest('base64url');
const failed = (error, status = 400) => ({status, body: {error},
	headers: {'cache-control': 'no-store'}});
/* pages of other origins may read it */
const open = {'access-control-allow-origin': '*'};

/* The path alone is registered; the port is whatever `serve` was given. */
const HERE = /^http:\/\/(?:127\.0\.0\.1|localhost)(?::\d{1,5})?(?=\/)/;
const registered = (uri = '', path = undefined) =>
	HERE.test(uri) && uri.replace(HERE, '') === path;

/* {name: value}, or undefined where a name is repeated */
function once(params) {
	const got = Object.fromEntries(params);
	return Object.keys(got).length === [...params].length ? got : undefined;
}

/* Things that are used once and soon: `take` finds them no second time. */
function shelf() {
	const kept = new Map();
	return {
		put(value) {
			const id = randomBytes(24).toString('base64url');
			kept.set(id, {value, until: Date.now() + 10 * MINUTES});
			if (kept.size > KEPT)
				kept.delete(kept.keys().next().value);
			return id;
		},
		take(id) {
			const found = kept.get(id);
			kept.delete(id);
			return found?.until >= Date.now() ? found.value :
				undefined;
		},
	};
}

const back = (uri, params) => {
	const to = new URL(uri);
	for (const [name, value] of Object.entries(params))
		if (value !== undefined)
			to.searchParams.set(name, value);
	return {status: 303, headers: {location: to.href,
		'cache-control': 'no-store'}};
};

/* What is wrong with a request whose sender and return address are right. */
function malformed(provider, asked) {
	const scopes = (asked.scope ?? '').split(' ');
	if (asked.response_type !== 'code' ||
		(provider.pkce || asked.code_challenge !== undefined ||
			asked.code_challenge_method !== undefined) &&
		(asked.code_challenge_method !== 'S256' ||
			!/^[\w-]{43}$/.test(asked.code_challenge ?? '')))
		return 'invalid_request';
	return scopes.every((s) => Object.hasOwn(provider.scopes, s)) ?
		undefined : 'invalid_scope';
}

/* base(): where the simulator is, once it listens. */
export function signIn(base) {
	/* by way of PEM: a key just made locks node 18 up, at times, as a JWK */
	const keys = promisify(generateKeyPair)('rsa', {modulusLength: 2048,
		publicKeyEncoding: {type: 'spki', format: 'pem'},
		privateKeyEncoding: {type: 'pkcs8', format: 'pem'}})
		.then(({publicKey, privateKey}) => {
			const {kty, n, e} = createPublicKey(publicKey)
				.export({format: 'jwk'});
			const kid = sha256(JSON.stringify({e, kty, n}));
			return {privateKey, kid,
				jwk: {kty, n, e, kid, alg: 'RS256', use: 'sig'}};
		});
	const issuer = () => base() + POOL;
	const questions = shelf();
	const codes = shelf();
	const refreshers = new Map(); /* refresh token → whose */
	const sessions = new Map(); /* cookie → decision */
	const holders = new Map(); /* any token of ours → {sub, scopes} */

	function keep(map, key, value) {
		map.set(key, value);
		if (map.size > KEPT)
			map.delete(map.keys().next().value);
	}

	const COOKIE = 'simulated-sign-in';
	const cookie = (value, more = '') => ({'set-cookie': `${COOKIE}=${
		value}; Path=/; HttpOnly; SameSite=Lax${more}`});
	/* Who pressed last in that browser, 'allow' or 'other'. */
	const known = ({cookie: sent = ''}) => sessions.get(
		new RegExp(`(?:^|; )${COOKIE}=([\\w-]+)`).exec(sent)?.[1]);

	async function token(claims) {
		const {privateKey, kid} = await keys;
		const text = `${base64(JSON.stringify({kid, alg: 'RS256'}))}.${
			base64(JSON.stringify({iss: issuer(), iat: now(),
				 exp: now() + LIFETIME,
				jti: randomUUID(), ...claims}))}`;
		const whole = `${text}.${sign('RSA-SHA256', Buffer.from(text),
			privateKey).toString('base64url')}`;
		keep(holders, whole, {sub: claims.sub, scopes: []});
		return whole;
	}

	async function tokens({client, scope, nonce, since, person}) {
		const told = scope.split(' ');
		const {sub} = person;
		const access = await token({sub, token_use: 'access', scope,
			client_id: client, username: sub});
		return {
			id_token: told.includes('openid') ? await token({
				sub, aud: client, token_use: 'id', nonce,
				auth_time: since,
				'cognito:username': sub,
				at_hash: base64(createHash('sha256')
					.update(access).digest()
					.subarray(0, 16)),
				...told.includes('profile') &&
					{name: person.name},
				...told.includes('email') && {
					email: person.email,
					email_verified: true},
			}) : undefined,
			access_token: access, token_type: 'Bearer',
			expires_in: LIFETIME,
		};
	}

	function ask(provider, query, headers) {
		const asked = once(query);
		const client = asked && Object.hasOwn(provider.clients,
			asked.client_id ?? '') &&
			provider.clients[asked.client_id];
		if (!client)
			return errorPage(provider, asked ?
				'Nobody is registered under this client_id:' :
				'A parameter is there twice.',
			asked?.client_id);
		if (!registered(asked.redirect_uri, client.back))
			return errorPage(provider, 'This redirect_uri is not ' +
				'the one that is registered:',
			asked.redirect_uri);
		const error = malformed(provider, asked);
		/* Cognito leaves the state out of these */
		if (error)
			return back(asked.redirect_uri, {error,
				state: provider === hmrc ? asked.state :
					undefined});
		const last = known(headers);
		const order = Object.entries(people);
		if (last === 'other')
			order.reverse();
		return askPage(provider, {
			question: questions.put({...asked, provider}),
			scopes: asked.scope.split(' ')
				.map((s) => provider.scopes[s]),
			origin: new URL(asked.redirect_uri).origin,
			people: order, last: people[last]});
	}

	function decide(provider, body) {
		const {question, decision} = once(new URLSearchParams(body)) ?? {};
		const asked = questions.take(question);
		if (asked?.provider !== provider)
			return errorPage(provider, 'This page was answered ' +
				'before, or left open for too long. Go back ' +
				'to Tidewater VAT and start again.');
		const {redirect_uri: uri, state} = asked;
		const person = Object.hasOwn(people, decision ?? '') &&
			people[decision];
		if (!person)
			return back(uri, {error: 'access_denied',
				error_description: provider.refused,
				error_code: provider.refusedCode, state});
		const session = randomBytes(16).toString('hex');
		keep(sessions, session, decision);
		const answer = back(uri, {state, code: codes.put({uri, provider,
			client: asked.client_id, scope: asked.scope,
			nonce: asked.nonce, challenge: asked.code_challenge,
			since: now(), person})});
		return {...answer, headers:
			{...answer.headers, ...cookie(session)}};
	}

	/* HMRC's say nothing of who it is; it knows. */
	function permission({scope, person}) {
		const access = randomBytes(16).toString('hex');
		keep(holders, access, {sub: person.sub,
			scopes: scope.split(' ')});
		return {access_token: access, token_type: 'bearer',
			expires_in: PERMISSION, scope};
	}

	async function exchange(provider, body) {
		const got = once(new URLSearchParams(body));
		if (!got)
			return failed('invalid_request');
		const client = Object.hasOwn(provider.clients,
			got.client_id ?? '') && provider.clients[got.client_id];
		if (!client || client.secret !== got.client_secret)
			return failed('invalid_client');
		const give = provider === cognito ? tokens : permission;
		const headers = {'cache-control': 'no-store'};
		if (got.grant_type === 'refresh_token') {
			const whose = refreshers.get(got.refresh_token);
			if (whose?.client !== got.client_id)
				return failed('invalid_grant');
			return {status: 200, body: await give(whose), headers};
		}
		if (got.grant_type !== 'authorization_code')
			return failed('unsupported_grant_type');
		const code = codes.take(got.code);
		if (code?.provider !== provider ||
			code.client !== got.client_id ||
			code.uri !== got.redirect_uri ||
			(code.challenge !== undefined &&
			code.challenge !== sha256(got.code_verifier ?? '')))
			return failed('invalid_grant');
		const refresh = randomBytes(32).toString('base64url');
		keep(refreshers, refresh, {...code, nonce: undefined});
		return {status: 200, headers,
			body: {...await give(code), refresh_token: refresh}};
	}

	function logout(query) {
		const got = once(query) ?? {};
		const client = Object.hasOwn(cognito.clients,
			got.client_id ?? '') && cognito.clients[got.client_id];
		if (!client || !registered(got.logout_uri, client.out))
			return errorPage(cognito, 'This client_id and ' +
				'logout_uri do not belong together:',
			got.logout_uri);
		const answer = back(got.logout_uri, {});
		return {...answer, headers: {...answer.headers,
			...cookie('', '; Max-Age=0')}};
	}

	const routes = {
		[`GET ${cognito.path}`]: (query, _, headers) =>
			ask(cognito, query, headers),
		[`POST ${cognito.path}`]: (_, body) => decide(cognito, body),
		[`GET ${hmrc.path}`]: (query, _, headers) =>
			ask(hmrc, query, headers),
		[`POST ${hmrc.path}`]: (_, body) => decide(hmrc, body),
		'GET /logout': logout,
		'POST /oauth2/token': (_, body) => exchange(cognito, body),
		'POST /oauth/token': (_, body) => exchange(hmrc, body),
		[`GET ${POOL}/.well-known/jwks.json`]: async () => ({
			status: 200, headers: open,
			body: {keys: [(await keys).jwk]}}),
		[`GET ${POOL}/.well-known/openid-configuration`]: () => ({
			status: 200, headers: open, body: {
				issuer: issuer(),
				authorization_endpoint: base() + cognito.path,
				token_endpoint: `${base()}/oauth2/token`,
				jwks_uri: `${issuer()}/.well-known/jwks.json`,
				end_session_endpoint: `${base()}/logout`,
				scopes_supported: Object.keys(cognito.scopes),
				response_types_supported: ['code'],
				subject_types_supported: ['public'],
				id_token_signing_alg_values_supported:
					['RS256']}}),
	};
	const bearer = ({headers}) => /^Bearer (.+)$/
		.exec(headers.authorization)?.[1];
	const holder = (call) => holders.get(bearer(call));
	return {
		/* an answer, or undefined where it is none of these */
		answer({method, path, body, headers}) {
			const {pathname, searchParams} = new URL(path, base());
			return routes[`${method} ${pathname}`]?.(searchParams,
				body, headers);
		},
		/* of a call with a token of ours; null: nobody's */
		whose: (call) => holder(call)?.sub ?? null,
		/* HMRC's: 'none' was sent, 'unknown', no 'scope', or 'yes' */
		permits: (call, scope) => !bearer(call) ? 'none' :
			!holder(call)?.scopes.length ? 'unknown' :
				holder(call).scopes.includes(scope) ?
					'yes' : 'scope',
	};
}
