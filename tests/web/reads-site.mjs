/*
 * The site of reads.mjs, and the service behind it: a read for each thing that
 * an answer can depend on.
 */
import http from 'node:http';
import {cleanup} from '../tap.mjs';
import {users} from './contract-site.mjs';

/*
 * Answers GET /WHAT/ID with {"id", "what", "n": which call it is}, unless
 * says(path, {status, body, headers, close, hold}) told it otherwise; what is to
 * `hold` waits for release(path). calls(path): how often it was asked for.
 */
export async function startUpstream() {
	const seen = new Map(), told = new Map(), held = new Map();
	let n = 0;
	const server = http.createServer((req, res) => {
		const path = req.url.split('?')[0];
		const say = told.get(path) ?? {};
		const [, what, id] = path.split('/');
		seen.set(path, [...seen.get(path) ?? [], req]);
		const answer = () => {
			const text = say.body ??
				JSON.stringify({id: decodeURIComponent(id ?? ''), what,
					n: ++n});
			res.writeHead(say.status ?? 200, {
				'content-type': 'application/json', ...say.headers});
			res.end(text);
		};
		if (say.close)
			return req.socket.destroy();
		if (say.hold)
			return held.set(path, [...held.get(path) ?? [], answer]);
		return answer();
	});
	await new Promise(go => server.listen(0, '127.0.0.1', go));
	cleanup(() => {
		server.closeAllConnections();
		server.close();
	});
	return {
		url: `http://127.0.0.1:${server.address().port}`,
		says: (path, say) => told.set(path, say),
		calls: path => seen.get(path)?.length ?? 0,
		last: path => seen.get(path)?.at(-1),
		release: path => {
			told.delete(path);
			held.get(path)?.forEach(answer => answer());
			held.delete(path);
		},
	};
}

export const files = upstream => ({
	'env/base.toml': '',
	'pages/index.html': '<!doctype html><title>home</title>',
	'site.toml': 'name = "acme-shop"',
	'api.toml': `auth = "none"
		[web_server]
		auth = "basic"
		realm = "acme"
		users = "${users}"

		[upstream.shop]
		base = "${upstream}"
		local = true
		retries = 0
		breaker = { window = "0s" }
		[upstream.frail]                # two failures, and it is left alone
		base = "${upstream}"
		local = true
		retries = 0
		breaker = { window = "60s", calls = 2, open = "60s" }
		[upstream.gone]
		base = "http://127.0.0.1:9"
		local = true
		retries = 0

		[read.case]                     # of each one, and of all together
		path = "/case/{crns}"
		ids.crn = { from = "path.crns", max = 3 }
		call.list = { upstream = "shop", path = "/list/{crns}", ttl = "5m", required = false }
		call.person = { upstream = "shop", path = "/person/{crn}", each = "crn", ttl = "5m" }
		call.risk = { upstream = "shop", path = "/risk/{crn}", each = "crn", ttl = "5m", required = false, empty_on = [404] }

		[read.thing]
		path = "/thing/{id}"
		call.thing = { upstream = "shop", path = "/thing/{path.id}", ttl = "5m" }

		[read.plain]                    # nothing is kept
		path = "/plain/{id}"
		call.plain = { upstream = "shop", path = "/plain/{path.id}" }

		[read.passed]
		path = "/passed/{id}"
		call.passed = { upstream = "shop", path = "/passed/{path.id}", pass_on = [404] }

		[read.hasty]
		path = "/hasty/{id}"
		deadline = "300ms"
		call.hasty = { upstream = "shop", path = "/hasty/{path.id}" }

		[read.weak]
		path = "/weak/{id}"
		call.weak = { upstream = "frail", path = "/weak/{path.id}" }

		[read.nowhere]
		path = "/nowhere"
		call.nowhere = { upstream = "gone", path = "/" }

		[read.long]                     # past its deadline a job
		path = "/long/{id}"
		deadline = "300ms"
		promote = true
		call.long = { upstream = "shop", path = "/long/{path.id}", timeout = "60s" }

		[read.patient]
		path = "/patient/{id}"
		deadline = "60s"
		promote = true
		call.patient = { upstream = "shop", path = "/patient/{path.id}" }

		[read.mine]
		path = "/mine/{id}"
		auth = "web-server"
		call.mine = { upstream = "shop", path = "/mine/{path.id}", ttl = "5m", scope = "owner" }

		[read.bundle]                   # beside an API
		path = "/bundle"
		call.bundle = { upstream = "shop", path = "/bundle/all", forward = ["x-shop"] }
		[api.bundle-post]
		path = "/bundle"
		upstream = "shop"
		on_lost = "fail"
		request = { path = "/posted/x" }
	`,
});
