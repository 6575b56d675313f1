/*
 * lowtide-read as a web server sees it: what is answered, who may ask, what is
 * asked of the upstreams for it, by their own record.
 */
import {done, equal, match, ok, test} from '../tap.mjs';
import {startRead} from './read-kit.mjs';
import {hang, json, simulate, status, text} from './read-upstream.mjs';

const up = await simulate();
const kit = await startRead({
	upstreams: [{name: 'u', base: up.url}],
	origins: ['https://acme.example'],
	reads: [{name: 'case', path: '/api/case/{crns}',
		ids: [{name: 'crn', from: 'path.crns', max: 5}],
		calls: [
			{name: 'summary', upstream: 'u', path: '/summary?ids={id.crn}'},
			{name: 'tier', upstream: 'u', path: '/tier/{id.crn}',
				each: 'crn', required: false},
		]}, {name: 'one', calls: [
		{name: 'one', upstream: 'u', path: '/one', ttlMs: 60000},
	]}],
});

test('bulk and per identifier, in parallel', async () => {
	up.on('/summary', up.gate(4, json({total: 3})));
	up.on('/tier', up.gate(4, (req, res, call) =>
		json({tier: call.path.slice(-1)})(req, res)));
	const r = await kit.get('/api/case/1,2,3');
	equal(r.status, 200, r.text);
	equal(r.json, {data: {summary: {total: 3}, tier: {1: {tier: '1'},
		2: {tier: '2'}, 3: {tier: '3'}}}, upstreamFailures: []});
	equal([up.count('/summary'), up.count('/tier')], [1, 3]);
});
await done();
