/*
 * A provider that does what no honest one would: its token endpoint answers
 * whatever the test says, and notes what it was sent. It signs with ES256.
 *
 *	const rogue = await start();
 *	rogue.answer = ({code}) => ({json: {error: 'invalid_grant'}});
 *	rogue.asked      every request's parameters, in their order
 *	rogue.sign(claims, header)   a token of its own, about anybody
 *	await rogue.stop();
 */
import {generateKeyPairSync, sign} from 'node:crypto';
import {createServer} from 'node:http';

export const base64 = (text) => Buffer.from(text).toString('base64url');
export const encoded = (...parts) => parts.map((part) =>
	base64(JSON.stringify(part))).join('.');
export const signed = (text, key) => `${text}.${sign('SHA256',
	Buffer.from(text), {key, dsaEncoding: 'ieee-p1363'})
	.toString('base64url')}`;

const SHARED = {'access-control-allow-origin': '*'};

export async function start() {
	const {publicKey, privateKey} =
		generateKeyPairSync('ec', {namedCurve: 'P-256'});
	const key = {...publicKey.export({format: 'jwk'}), kid: 'rogue'};
	const it = {asked: [], answer: null};

	const server = createServer(async (req, res) => {
		let body = '';
		for await (const chunk of req)
			body += chunk;
		const {json, text, ...how} = req.method === 'POST' ?
			asked(Object.fromEntries(new URLSearchParams(body))) :
			{json: {keys: [key]}};
		res.writeHead(how.status ?? 200, {
			'content-type': json ? 'application/json' : 'text/html',
			...how.headers ?? SHARED});
		res.end(json ? JSON.stringify(json) : text);
	});
	function asked(params) {
		it.asked.push(params);
		return it.answer(params);
	}
	await new Promise((resolve) =>
		server.listen(0, '127.0.0.1', resolve));
	const base = `http://127.0.0.1:${server.address().port}`;
	return Object.assign(it, {
		base, issuer: base, authorize: `${base}/auth`,
		token: `${base}/token`, jwks: `${base}/jwks`,
		logout: `${base}/logout`,
		sign: (claims, header = {alg: 'ES256', kid: 'rogue'}) =>
			signed(encoded(header, claims), privateKey),
		stop: () => new Promise((resolve) => {
			server.close(resolve);
			server.closeAllConnections?.();
		}),
	});
}
