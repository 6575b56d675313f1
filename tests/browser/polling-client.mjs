/*
 * The client that was there before tickets: it sends the same request again
 * until it is told how it ended (contract 8). It knows neither Location nor
 * Retry-After nor statusUrl; whatever is not 202 is the answer, but for a 401,
 * which has it refresh its token and send again under the same name.
 *
 *	const {status, text} = await poll('/api/order', {
 *		body: {sku: 'tea'}, headers: async refresh => ({…})});
 */

const sleep = ms => new Promise(go => setTimeout(go, ms));

/* How many ms before look n (0, 1, 2 …). */
export const rhythms = {
	steady: () => 1000,
	growing: n => [1000, 2000, 4000][n] ?? 4000,
	/* its forefather: ten looks at once, as it were */
	forefather: n => n < 10 ? 10 : 1000,
};

/**
 * @param {string} url
 * @param {object} options
 *	method; body: sent as JSON; headers(refresh): of each request, and after
 *	a 401 with refresh true; wait: x-wait-time-ms; rhythm: one of rhythms;
 *	pause(ms): sleeps; id, and first = false: goes on with what was sent
 *	before a reload; sent(id): called before each request.
 * @returns {Promise<{status, text, type, id, looks}>}
 */
export async function poll(url, {
	method = 'POST', body, headers = async () => ({}), wait,
	rhythm = 'steady', pause = sleep, id = crypto.randomUUID(), first = true,
	sent = () => {},
} = {}) {
	async function send(refresh) {
		sent(id);
		return fetch(url, {
			method,
			body: body && JSON.stringify(body),
			headers: {
				...body && {'content-type': 'application/json'},
				...await headers(refresh),
				...wait !== undefined &&
					{'x-wait-time-ms': String(wait)},
				...first && {'x-initial-request': 'true'},
				'x-request-id': id,
			},
		});
	}
	for (let looks = 0; ; looks++) {
		let answer = await send(false);
		if (answer.status === 401)
			answer = await send(true);
		if (answer.status !== 202)
			return {status: answer.status, text: await answer.text(),
				type: answer.headers.get('content-type'), id,
				looks};
		await answer.text();
		first = false;
		id = answer.headers.get('x-request-id');
		await pause(rhythms[rhythm](looks));
	}
}
