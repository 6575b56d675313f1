/*
 * One job at a time, of three lengths, by every way of waiting: how long after
 * the upstream's answer the page has the result, and for how many requests and
 * bytes.
 */
import {LENGTHS, startLine} from './line.mjs';

export const help = 'from the upstream\'s answer to what the page has seen';
export const columns = [
	{key: 'behind', title: 'behind ms', digits: 0},
	{key: 'share', title: 'of the job %', digits: 1},
	{key: 'requests', title: 'requests', digits: 1},
	{key: 'bytes', title: 'bytes', digits: 0},
];

let last = 0;

/* {behind, requests, bytes} of one job. */
export async function one({page, works}, way, api) {
	const id = ++last;
	const sent = page.requests.length;
	const got = page.received.length;
	const seen = await page.run(async (how, to, number) => {
		const result = await window.ways[how](to, number);
		return result.id === number && Date.now();
	}, way, api, id);
	if (!seen)
		throw new Error(`${way}: another one's result`);
	await new Promise(go => setTimeout(go, 200)); /* what ends meanwhile */
	return {behind: seen - works.answered.get(id),
		requests: page.requests.length - sent,
		bytes: page.received.slice(got).reduce((n, r) => n + r.bytes, 0)};
}

export async function measure({browser, rounds, progress}) {
	const line = await startLine(browser);
	const ways = await line.page.run(() => Object.keys(window.ways));
	const rows = [];
	for (const [api, ms] of Object.entries(LENGTHS))
		for (const way of ways)
			rows.push({api, ms, way, name: `${ms / 1000} s: ${way}`,
				figures: Object.fromEntries(columns.map(
					c => [c.key, []]))});
	for (let round = 1; round <= rounds; round++)
		for (const {api, ms, way, name, figures} of rows) {
			/* the long ones are minutes a round */
			if (ms > 5000 && round > 3)
				continue;
			progress(`round ${round} of ${rounds}: ${name}`);
			const it = await one(line, way, api);
			for (const [key, value] of Object.entries(it))
				figures[key].push(value);
			figures.share.push(it.behind / ms * 100);
		}
	return {columns, rows};
}
