/*
 * A page, an endpoint and a worker behind nginx, and work that takes as long as
 * it is told: POST /api/quick, /api/some, /api/long. The page has every way of
 * waiting for such a thing (ways.mjs) in window.ways.
 */
import {readFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {cleanup} from '../../tap.mjs';
import {startStack} from '../../web/stack.mjs';

export const LENGTHS = {quick: 300, some: 3000, long: 15000}; /* ms */

const api = name => `
[api.${name}]
upstream = "works"
on_lost = "retry"
concurrency = 16
estimate = "${Math.ceil(LENGTHS[name] / 1000)}s"
`;

/* Answers after LENGTHS[NAME]; .answered is when, by the work's number. */
async function startWorks() {
	const answered = new Map();
	const server = createServer((req, res) => {
		let text = '';
		req.on('data', some => text += some);
		req.on('end', () => {
			const {id} = JSON.parse(text);
			setTimeout(() => {
				answered.set(id, Date.now());
				res.writeHead(200, {'content-type':
					'application/json'});
				res.end(JSON.stringify({id}));
			}, LENGTHS[req.url.slice(1)]);
		});
	});
	await new Promise(go => server.listen(0, '127.0.0.1', go));
	cleanup(() => {
		server.closeAllConnections();
		server.close();
	});
	return {url: `http://127.0.0.1:${server.address().port}`, answered};
}

const file = name => readFileSync(new URL(name, import.meta.url));

/* {page, works, stack}: the page is open, and window.ways there. */
export async function startLine(browser) {
	const works = await startWorks();
	const stack = await startStack('nginx', {files: {
		'site.toml': 'name = "acme-shop"\n',
		'env/base.toml': '',
		'api.toml': `auth = "none"
[upstream.works]
base = "${works.url}"
local = true
timeout = "1m"
stall_timeout = "1m"
${Object.keys(LENGTHS).map(api).join('')}`,
		'assets/ways.mjs': file('ways.mjs'),
		'pages/index.html': '<!doctype html><meta charset="utf-8">' +
			'<title>ways</title>\n<script type="module" ' +
			'src="/assets/ways.mjs"></script>\n',
	}});
	const page = await browser.page();
	await page.go(`${stack.url}/`);
	await page.until(() => window.ways);
	return {page, works, stack};
}
