/*
 * Ten jobs of three seconds at once in one page, over HTTP/1.1's six
 * connections, and a small file asked for meanwhile: how long the page waits
 * for that, too.
 */
import {startLine} from './line.mjs';

export const help = 'ten jobs at once, and a file that is asked for meanwhile';
export const columns = [
	{key: 'first', title: 'first ms', digits: 0},
	{key: 'last', title: 'last ms', digits: 0},
	{key: 'file', title: 'the file ms', digits: 0},
	{key: 'requests', title: 'requests a job', digits: 1},
];
const JOBS = 10;
let last = 0;

async function ten({page, works}, way) {
	const ids = Array.from({length: JOBS}, () => `t${++last}`);
	const sent = page.requests.length;
	const {seen, file} = await page.run(async (how, numbers) => {
		const jobs = numbers.map(async number => {
			await window.ways[how]('some', number);
			return Date.now();
		});
		await new Promise(go => setTimeout(go, 1500));
		const begun = performance.now();
		await (await fetch('/404.html', {cache: 'no-store'})).text();
		const took = performance.now() - begun;
		return {seen: await Promise.all(jobs), file: took};
	}, way, ids);
	const behind = ids.map((id, i) => seen[i] - works.answered.get(id));
	return {first: Math.min(...behind), last: Math.max(...behind), file,
		requests: (page.requests.length - sent - 1) / JOBS};
}

export async function measure({browser, rounds, progress}) {
	const line = await startLine(browser);
	const ways = await line.page.run(() => Object.keys(window.ways));
	const rows = ways.map(name => ({name, figures: Object.fromEntries(
		columns.map(c => [c.key, []]))}));
	for (let round = 1; round <= rounds; round++)
		for (const {name, figures} of rows) {
			progress(`round ${round} of ${rounds}: ${name}`);
			for (const [key, value] of Object.entries(
				await ten(line, name)))
				figures[key].push(value);
		}
	return {columns, rows};
}
