/*
 * The site of contract.mjs: an API for each thing that an answer can depend on,
 * two who sign in with a password, and a provider whose tokens are made here.
 */
import {execFileSync} from 'node:child_process';
import {createSign, randomUUID} from 'node:crypto';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {newPair} from '../tokens.mjs';
import {tmp} from './stack.mjs';

const ISSUER = 'https://id.acme.example';
const pairs = ['known', 'unknown'].map(kid => ({kid,
	...newPair('rsa', {modulusLength: 2048})}));
const b64 = value => Buffer.from(value).toString('base64url');
const now = () => Math.floor(Date.now() / 1000);

/* A token of `sub`; claims and header are laid over what it would say. */
export function token(sub, {claims = {}, header = {}, key = 0} = {}) {
	const text = [{alg: 'RS256', typ: 'JWT', kid: pairs[key].kid, ...header},
		{iss: ISSUER, sub, aud: 'acme-api', iat: now(), exp: now() + 600,
			scope: 'orders.write', ...claims}]
		.map(part => b64(JSON.stringify(part))).join('.');
	const signature = createSign('sha256').update(text)
		.sign(pairs[key].privateKey, 'base64url');
	return `Bearer ${text}.${signature}`;
}
export const basic = (user, password = `${user}-secret`) =>
	`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

export const keySet = JSON.stringify({keys: [{...pairs[0].publicKey
	.export({format: 'jwk'}), kid: 'known', alg: 'RS256', use: 'sig'}]});
export const foreign = randomUUID();

/* For [web_server] auth = "basic". */
export const users = join(tmp, 'users');
writeFileSync(users, ['alice', 'bob'].map(user => `${user}:${
	execFileSync('openssl', ['passwd', '-apr1', `${user}-secret`])}`).join(''));

const forwarded = 'forward = ["say"]';
export const files = upstream => ({
	'env/base.toml': '',
	'pages/index.html': '<!doctype html><title>home</title>',
	'pages/in.html': '<!doctype html><title>in</title>',
	'pages/lost.html': '<!doctype html><title>lost</title>',
	'site.toml': `name = "acme-shop"
		[oauth.id]
		authorization_endpoint = "${ISSUER}/authorize"
		issuer = "${ISSUER}"
		jwks_uri = "${ISSUER}/keys"
		client_id = "acme"
		audience = "acme-api"
		redirect_path = "/in"
		[oauth.lost]
		authorization_endpoint = "https://lost.acme.example/authorize"
		issuer = "https://lost.acme.example"
		jwks_uri = "https://lost.acme.example/keys"
		client_id = "acme-lost"
		audience = "acme-api"
		redirect_path = "/lost"
	`,
	'api.toml': `auth = "none"
		[web_server]
		auth = "basic"
		realm = "acme"
		users = "${users}"

		[upstream.shop]
		base = "${upstream}"
		local = true
		timeout = "10m"
		stall_timeout = "10m"
		[upstream.hasty]
		base = "${upstream}"
		local = true
		timeout = "300ms"
		[upstream.gone]
		base = "http://127.0.0.1:9"
		local = true

		[api.order]
		upstream = "shop"
		on_lost = "fail"
		concurrency = 50
		location = "/orders/{result.id}"
		estimate = "1s"
		events = { completed = "order.made", failed = "order.refused" }
		body = { max = "4KiB", required = { sku = "string" } }
		request = { ${forwarded} }

		[api.turn]                      # one at a time
		upstream = "shop"
		on_lost = "fail"
		request = { ${forwarded} }

		[api.brief]                     # erased a second after it ended
		upstream = "shop"
		on_lost = "fail"
		ttl = "1s"
		concurrency = 50
		request = { ${forwarded} }

		[api.noon]                      # within a second
		upstream = "shop"
		on_lost = "retry"
		deadline = "1s"
		request = { ${forwarded} }

		[api.small]                     # may be asked again, and fails
		upstream = "shop"
		on_lost = "retry"
		result = { max = "16B" }
		request = { ${forwarded} }

		[api.slow]
		method = "GET"
		upstream = "hasty"
		attempts = 1
		request = { ${forwarded} }

		[api.nowhere]
		method = "GET"
		upstream = "gone"
		attempts = 1

		[api.known]                     # no polling for what was never sent
		upstream = "shop"
		on_lost = "fail"
		strict_poll = true

		[api.once]
		upstream = "shop"
		on_lost = "fail"
		once = true
		request = { ${forwarded} }

		[api.refresh]                   # with a credential of the client's
		upstream = "shop"
		on_lost = "fail"
		request = { ${forwarded}, headers = { authorization = "{header.shop-token}" } }

		[api.named]
		auth = "id"
		upstream = "shop"
		on_lost = "fail"
		concurrency = 50
		resource_id = "body.id"
		request = { ${forwarded} }

		[api.few]
		upstream = "shop"
		on_lost = "fail"
		owner_open = 1
		request = { ${forwarded} }

		[api.rare]
		upstream = "shop"
		on_lost = "fail"
		owner_rate = "1/h"

		[api.crowd]
		upstream = "shop"
		on_lost = "fail"
		queue_max = 1
		request = { ${forwarded} }

		[api.mine]
		auth = "web-server"
		path = "/mine/{id}"
		upstream = "shop"
		on_lost = "fail"
		concurrency = 50
		request = { path = "/mine", ${forwarded} }
		[api.everybodys]                # the word before the place
		path = "/mine/shared"
		upstream = "shop"
		on_lost = "fail"

		[api.sealed]
		auth = "id"
		scopes = ["orders.write"]
		upstream = "shop"
		on_lost = "fail"
		concurrency = 50
		events = { completed = "sealed.made" }
		request = { ${forwarded} }
		[api.lost]
		auth = "lost"
		upstream = "shop"
		on_lost = "fail"
	`,
});
export const state = {'jwks/id.json': keySet};
