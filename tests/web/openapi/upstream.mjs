/*
 * Answers as the header `say` asks: {status, type, body or fill (bytes),
 * location, headers, wait} or {close: true}; /answer/STATUS/KIND that; /token
 * tokens; else 200 and {"id": 7}.
 */
import {createServer} from 'node:http';

const server = createServer((req, res) => {
	const [, status, kind] = /^\/answer\/(\d+)\/(.*)/.exec(req.url) ?? [];
	const say = status ? {status: Number(status), type: kind === 'problem' ?
		'application/problem+json' : 'text/plain'} :
		req.url === '/token' ? {body: {access_token: 'a',
			token_type: 'Bearer'}} :
			JSON.parse(req.headers.say ?? '{}');
	req.resume();
	req.on('end', () => setTimeout(() => {
		if (say.close)
			return req.socket.destroy();
		const body = say.fill ? 'x'.repeat(say.fill) :
			say.body ?? (say.status === 204 ? undefined : {id: 7});
		const text = body === undefined ? '' :
			typeof body === 'string' ? body : JSON.stringify(body);
		res.writeHead(say.status ?? 200, {
			...(text && {'content-type': say.type ?? 'application/json'}),
			...(say.location && {location: say.location}),
			...say.headers});
		return res.end(text);
	}, say.wait ?? 0));
});

server.listen(Number(process.env.PORT), '127.0.0.1', () =>
	console.log('shop: ready'));
for (const signal of ['SIGINT', 'SIGTERM'])
	process.on(signal, () => process.exit(0));
