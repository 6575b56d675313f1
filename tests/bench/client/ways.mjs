/*
 * Ways of waiting for a job's result, each as people write them, and those of
 * requests.mjs with the better ones taken away. A way is sent {id} and comes
 * back with the result.
 */
import {connect} from '/requests.mjs';

const real = window.fetch;
const pause = (ms) => new Promise((go) => setTimeout(go, ms));

/* Only one way runs at a time; it may do without what this refuses. */
let without = {};
window.fetch = (url, init = {}) => {
	if (without.streams && /\/events/.test(url))
		return Promise.resolve(new Response('', {status: 406}));
	if (without.waits && init.headers) {
		init.headers = new Headers(init.headers);
		init.headers.delete('prefer');
	}
	return real(url, init);
};

const name = () => crypto.randomUUID();
const post = (api, id, headers) => real(`/api/${api}`, {method: 'POST',
	body: JSON.stringify({id}), cache: 'no-store',
	headers: {'content-type': 'application/json', ...headers}});

function ours(less) {
	return (api, id) => {
		without = less;
		const line = connect({base: '/api/'});
		return line.submit(api, {id}).result();
	};
}

/* One request that is open until it is done, or 25 s. */
async function blocking(api, id) {
	return (await post(api, id, {'x-wait-time-ms': '25000'})).json();
}

/* The same request sent again and again under its name (contract 8). */
function again(pauses) {
	return async (api, id) => {
		const first = await post(api, id, {'x-request-id': name(),
			'x-initial-request': 'true'});
		const said = first.headers.get('x-request-id');
		for (let i = 0, answer = first;; i++) {
			if (answer.status !== 202)
				return answer.json();
			await pause(pauses[Math.min(i, pauses.length - 1)]);
			answer = await post(api, id, {'x-request-id': said});
		}
	};
}

/* Its status, each so many ms. */
function looking(ms) {
	return async (api, id) => {
		const ticket = await (await post(api, id,
			{'x-wait-time-ms': '0'})).json();
		for (;;) {
			await pause(ms);
			const look = await (await real(ticket.statusUrl,
				{cache: 'no-store'})).json();
			if (look.status === 'completed')
				return look.result;
		}
	};
}

window.ways = {
	'requests.mjs: stream': ours({}),
	'requests.mjs: long poll': ours({streams: true}),
	'requests.mjs: polls': ours({streams: true, waits: true}),
	'one open request': blocking,
	'same URL, each second': again([1000]),
	'same URL, 10 x 10 ms': again([...Array(10).fill(10), 1000]),
	'its status, each second': looking(1000),
	'its status, each 5 s': looking(5000),
};
