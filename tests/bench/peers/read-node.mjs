/*
 * An aggregator on node: SOCKET, and fetch or agent for how it calls. All calls
 * at once over kept connections, each with a time-out; what failed is told. BASES
 * says where the services are. No package is needed for it.
 *
 *	/case/IDS   one call for all, four for each
 *	/call/ID    one call
 *	/held/ID    one call, and whoever asks for the same meanwhile waits for it
 *	/bound/ID   one call, of a service that can do no more than it can
 */
import http from 'node:http';

const [socket, how] = process.argv.slice(2);
const bases = JSON.parse(process.env.BASES);
const TIMEOUT = 10000, HELD = 60000;
const agent = new http.Agent({keepAlive: true});

const calls = {
	fetch: async (url, ms) => {
		const r = await fetch(url, {signal: AbortSignal.timeout(ms)});
		if (!r.ok)
			throw new Error(`answered with ${r.status}`);
		return r.json();
	},
	agent: (url, ms) => new Promise((resolve, reject) => {
		const timer = setTimeout(() =>
			request.destroy(new Error('timed out')), ms);
		const request = http.get(url, {agent}, r => {
			let text = '';
			r.setEncoding('utf8');
			r.on('data', piece => { text += piece; });
			r.on('end', () => {
				clearTimeout(timer);
				if (r.statusCode !== 200)
					return reject(new Error(
						`answered with ${r.statusCode}`));
				try {
					resolve(JSON.parse(text));
				} catch (e) {
					reject(e);
				}
			});
		});
		request.on('error', e => {
			clearTimeout(timer);
			reject(e);
		});
	}),
};
const call = (service, path, ms = TIMEOUT) =>
	calls[how](bases[service] + path, ms);

async function page(crns) {
	const upstreamFailures = [];
	const each = async (service, path) => {
		const all = await Promise.all(crns.split(',').map(async id => {
			try {
				return [[id, await call(service,
					path + encodeURIComponent(id))]];
			} catch (e) {
				upstreamFailures.push({endpoint: service,
					identifier: id, message: e.message});
				return [];
			}
		}));
		return Object.fromEntries(all.flat());
	};
	const [summaries, person, tier, risk, premises] = await Promise.all([
		call('summaries', `/20/4096/summaries/${crns}`),
		each('people', '/30/512/people/'),
		each('tiers', '/40/128/tiers/'),
		each('risks', '/100/256/risks/'),
		each('premises', '/60/512/premises/')]);
	return {data: {summaries, person, tier, risk, premises},
		upstreamFailures};
}

const inFlight = new Map();
function once(id) {
	if (!inFlight.has(id))
		inFlight.set(id, call('slow', `/held/1024/${id}`, HELD)
			.finally(() => inFlight.delete(id)));
	return inFlight.get(id);
}

const routes = {case: page, held: once,
	call: id => call('plain', `/call/${id}`),
	bound: id => call('bound', `/100/256/bound/${id}`)};

http.createServer(async (request, response) => {
	const [, name, rest] = request.url.split('/');
	const headers = {'content-type': 'application/json'};
	try {
		const body = JSON.stringify(await routes[name](rest));
		response.writeHead(200, {...headers,
			'content-length': Buffer.byteLength(body)}).end(body);
	} catch (e) {
		response.writeHead(502, headers)
			.end(JSON.stringify({error: e.message}));
	}
}).listen({path: socket, backlog: 4096});
