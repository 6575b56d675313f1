/*
 * Bearer tokens and the keys they are signed with, for tests; node's own
 * crypto, so that no line is shared with what checks them.
 *
 *	const key = newKey('RS256', 'k1');
 *	writeFileSync(file, jwks(key));
 *	headers.authorization = 'Bearer ' + sign(key, {iss, aud, sub, exp});
 */
import crypto from 'node:crypto';

export const base64 = (x) => Buffer.from(x).toString('base64url');

/*
 * {publicKey, privateKey}, by way of PEM: node 18 and 20 lock up for good when
 * what made a key is collected while that very key is exported as a JWK.
 */
export function newPair(type, options) {
	const made = crypto.generateKeyPairSync(type, {...options,
		publicKeyEncoding: {type: 'spki', format: 'pem'},
		privateKeyEncoding: {type: 'pkcs8', format: 'pem'}});
	return {publicKey: crypto.createPublicKey(made.publicKey),
		privateKey: crypto.createPrivateKey(made.privateKey)};
}

/* alg: 'RS256' or 'ES256'; more: what else its JWK says. */
export function newKey(alg, kid, more = {}) {
	const pair = alg === 'RS256' ?
		newPair('rsa', {modulusLength: 2048}) :
		newPair('ec', {namedCurve: 'P-256'});
	const jwk = {...pair.publicKey.export({format: 'jwk'}), ...more};
	if (kid !== undefined)
		jwk.kid = kid;
	return {alg, kid, ...pair, jwk};
}

export const jwks = (...keys) =>
	JSON.stringify({keys: keys.map((k) => k.jwk)}, null, 1);

const text = (x) => typeof x === 'string' ? x : JSON.stringify(x);

/* header and claims: objects, or the very text. */
export function unsigned(header, claims) {
	return `${base64(text(header))}.${base64(text(claims))}`;
}

export function signWith(key, header, claims) {
	const what = unsigned(header, claims);
	return `${what}.${base64(crypto.sign('sha256', Buffer.from(what),
		{key: key.privateKey, dsaEncoding: 'ieee-p1363'}))}`;
}

export const sign = (key, claims, header = {}) =>
	signWith(key, {alg: key.alg, typ: 'JWT', kid: key.kid, ...header},
		claims);

/* HS256, with whatever somebody takes for a secret. */
export function hmac(secret, header, claims) {
	const what = unsigned(header, claims);
	return `${what}.${crypto.createHmac('sha256', secret).update(what)
		.digest('base64url')}`;
}
