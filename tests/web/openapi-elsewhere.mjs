/*
 * The same where the APIs have an address of their own: URLs are absolute, and
 * a problem's page is still the site's, whoever answers. Run by openapi.t.
 */
import {test, equal, ok, done} from '../tap.mjs';
import {ask, pathOf, testRecord} from './ask.mjs';

const site = process.env.LOWTIDE_URL;
const apis = site.replace('127.0.0.1', 'localhost');
const order = {sku: 'tea', count: 2, note: 1};

test('a ticket has absolute addresses', async () => {
	const r = await ask('POST', '/api/order?shop=1', {body: order,
		headers: {'x-wait-time-ms': '0'}});
	equal(r.status, 202, r.text);
	ok(r.json.statusUrl.startsWith(apis), r.text);
	equal((await ask('GET', pathOf(r.json.statusUrl))).status, 200);
	equal((await ask('DELETE', pathOf(r.json.statusUrl))).status < 300, true);
});

for (const [status, what, path, body] of [
	[400, 'the endpoint', '/api/order?shop=1', {}],
	[413, 'the endpoint', '/api/order?shop=1',
		{...order, x: 'x'.repeat(5000)}],
	[413, 'nginx', '/api/order?shop=1', {...order, x: 'x'.repeat(3e6)}],
	[404, 'the endpoint', `/api/jobs/job_${'A'.repeat(48)}/cancel`],
])
	test(`${status} of ${what}: the page is the site's`, async () => {
		const r = await ask('POST', path, {body});
		equal(r.status, status, r.text);
		ok(r.json.type.startsWith(`${site}/problems/`), r.text);
	});

testRecord();
await done();
