/*
 * The service that makes the quotes: a stand-in for yours. Slow on purpose, so
 * that there is something to wait for.
 *
 *	POST /quote {"plan", "seats"} → 200 {"number", "plan", "seats", "total"}
 */
import {createServer} from 'node:http';
import {setTimeout as sleep} from 'node:timers/promises';

const port = Number(process.argv[2] ?? process.env.PORT);
const prices = {small: 4.5, large: 9};
let made = 0;

async function quote(text) {
	let order;
	try {
		order = JSON.parse(text);
	} catch {
		return [400, {message: 'This is no JSON.'}];
	}
	const {plan, seats} = order ?? {};
	if (!Object.hasOwn(prices, plan))
		return [422, {message: 'There is no such plan.'}];
	if (!Number.isInteger(seats) || seats < 1 || seats > 1000)
		return [422, {message: 'Between 1 and 1000 seats.'}];
	await sleep(2000);
	const number = `Q-${String(++made).padStart(4, '0')}`;
	const total = (prices[plan] * seats).toFixed(2);
	return [200, {number, plan, seats, total}];
}

async function answer(request) {
	if (request.method !== 'POST' || request.url !== '/quote')
		return [404, {message: 'POST /quote is all there is.'}];
	let text = '';
	request.setEncoding('utf8');
	for await (const part of request)
		text += part;
	return quote(text);
}

const server = createServer(async (request, response) => {
	try {
		const [status, body] = await answer(request);
		response.writeHead(status, {'content-type': 'application/json'});
		response.end(JSON.stringify(body));
	} catch {
		response.destroy();
	}
});
server.on('error', (error) => {
	console.error(error.code === 'EADDRINUSE' ?
		`port ${port} is taken; write another one into env/base.toml` :
		error.message);
	process.exit(1);
});
server.listen(port, '127.0.0.1', () => {
	console.log(`quotes on http://127.0.0.1:${port}`);
});
