/*
 * An authorization server of the tests, which does as a page tells it: its
 * /authorize redirects with the query that the parameter `answer` holds, where
 * {state} stands for the state. `page=1`: not before somebody clicks;
 * `page=stay`: never, and the page that asked stays where it is. /token gives
 * a token for any code. /__log: what was asked for, with the Referer, and
 * empties it. Anything else is a page.
 *
 * A helper of `lowtide serve`: it listens on PORT and prints a line when ready.
 */
import {createServer} from 'node:http';

const log = [];

createServer((req, res) => {
	const {pathname, searchParams: query} = new URL(req.url, 'http://op');
	if (pathname === '/__log') {
		res.setHeader('content-type', 'application/json');
		res.end(JSON.stringify(log.splice(0)));
		return;
	}
	log.push({url: req.url, referer: req.headers.referer ?? null});
	res.setHeader('cache-control', 'no-store');
	if (pathname === '/token') {
		res.setHeader('access-control-allow-origin', '*');
		res.setHeader('content-type', 'application/json');
		res.end('{"access_token": "t0ken", "token_type": "Bearer"}');
		return;
	}
	res.setHeader('content-type', 'text/html; charset=utf-8');
	if (pathname !== '/authorize') {
		res.end('<!doctype html><title>op</title><p id="bye">Bye.</p>');
		return;
	}
	if (query.get('page') === 'stay') {
		res.writeHead(204).end();
		return;
	}
	const answer = (query.get('answer') ?? 'code=c0de&state={state}')
		.replaceAll('{state}', query.get('state'));
	const to = query.get('redirect_uri');
	const back = `${to}${to.includes('?') ? '&' : '?'}${answer}`;
	if (query.has('page')) {
		res.end('<!doctype html><title>op</title><a id="allow" href="' +
			`${back.replaceAll('&', '&amp;')}">Allow</a>`);
		return;
	}
	res.writeHead(302, {location: back});
	res.end();
}).listen(process.env.PORT, '127.0.0.1', () => console.log('ready'));
