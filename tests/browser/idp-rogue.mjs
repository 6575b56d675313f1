/*
 * A provider that does what no honest one would: its token endpoint answers
 * whatever the test says, and notes what it was sent. It signs with ES256.
 *
 *	const rogue = await start();
 *	rogue.answer = ({code}) => ({json: {error: 'invalid_grant'}});
 *	rogue.asked      the parameters of each request, in their order
 *	rogue.sign(claims, header)   a token of its own, about anybody
 *	rogue.fetched    how often its keys were asked for
 *	rogue.rotate()   another key from now on
 *	await rogue.stop();
 */
import {sign} from 'node:crypto';
import {createServer} from 'node:http';
import {newPair} from '../tokens.mjs';

export const base64 = (text) => Buffer.from(text).toString('base64url');
export const encoded = (...parts) => parts.map((part) =>
	base64(JSON.stringify(part))).join('.');
export const signed = (text, key) => `${text}.${sign('SHA256',
	Buffer.from(text), {key, dsaEncoding: 'ieee-p1363'})
	.toString('base64url')}`;

const SHARED = {'access-control-allow-origin': '*'};

export async function start() {
	const it = {asked: [], fetched: 0,
		answer: () => ({status: 400, json: {error: 'no-answer'}})};
	let privateKey, keys, kid, made = 0;
	it.rotate = () => {
		const pair = newPair('ec', {namedCurve: 'P-256'});
		privateKey = pair.privateKey;
		/* among what is of no use, and must do no harm */
		kid = String(++made);
		keys = [null, 'key', {}, {kty: 'oct', k: 'AA', kid},
			{...pair.publicKey.export({format: 'jwk'}), kid}];
	};
	it.rotate();

	const server = createServer(async (req, res) => {
		let body = '';
		for await (const chunk of req)
			body += chunk;
		const {json, text, endless, ...how} = req.method === 'POST' ?
			await asked(new URLSearchParams(body)) : published();
		res.writeHead(how.status ?? 200, {
			'content-type': json ? 'application/json' : 'text/html',
			...how.headers ?? SHARED});
		/* as long as somebody reads */
		const more = () => {
			while (!res.destroyed && res.write(text.repeat(1000)));
		};
		if (endless)
			return res.on('drain', more) && more();
		res.end(json ? JSON.stringify(json) : text);
	});
	function asked(form) {
		const params = Object.fromEntries(form);
		it.asked.push(params);
		return it.answer(params);
	}
	function published() {
		it.fetched++;
		return {json: {keys}};
	}
	await new Promise((resolve) =>
		server.listen(0, '127.0.0.1', resolve));
	const base = `http://127.0.0.1:${server.address().port}`;
	return Object.assign(it, {
		base, issuer: base, authorize: `${base}/auth`,
		token: `${base}/token`, jwks: `${base}/jwks`,
		logout: `${base}/logout`,
		sign: (claims, header = {alg: 'ES256', kid}) =>
			signed(encoded(header, claims), privateKey),
		stop: () => new Promise((resolve) => {
			server.close(resolve);
			server.closeAllConnections?.();
		}),
	});
}
