/*
 * What the tests of the example site share: a browser, a person in front of it
 * who is signed in, and what the simulated services saw. They all run under
 * `lowtide serve -C site --env dev`. SCREENSHOTS=DIR keeps pictures.
 */
import {randomInt} from 'node:crypto';
import {readFileSync, readdirSync} from 'node:fs';
import path from 'node:path';
import {cleanup, ok} from '../tap.mjs';
import {open} from './cdp.mjs';
import {settled, signIn} from './site-kit.mjs';

export {signIn};

export const site = process.env.LOWTIDE_URL;
export const simulator = process.env.LOWTIDE_RUN_SIMULATOR_URL;
export const pictures = process.env.SCREENSHOTS;

export const browser = await open();
cleanup(() => browser.close());
export const page = await browser.page();

export const text = (selector, of = page) => of.run((s) =>
	document.querySelector(s)?.textContent.trim(), selector);
export const texts = (selector, of = page) => of.run((s) =>
	[...document.querySelectorAll(s)].map((e) => e.textContent.trim()),
selector);
export const seen = (selector, of = page) => of.until((s) =>
	document.querySelector(s)?.checkVisibility(), selector);
export const says = (selector, words, of = page) => of.until((s, w) =>
	document.querySelector(s)?.textContent.includes(w), selector, words);
export const picture = (name, of = page) => pictures &&
	of.screenshot(path.join(pictures, `${name}.png`));

/* The page anew; what was left of the old one is gone. */
export async function reload(of = page) {
	await of.run(() => {
		globalThis.isOld = true;
	});
	await of.leave(() => location.reload());
	await settled(of, () => document.readyState === 'complete' &&
		!globalThis.isOld);
}

export const calls = async () =>
	(await fetch(`${simulator}/__calls`)).json();
export const arrivals = async (method, part) => (await calls()).filter((c) =>
	c.method === method && c.path.includes(part));
export const release = () => fetch(`${simulator}/__release`,
	{method: 'POST'});
/* Until so many are kept waiting there. */
export async function holding(method, part, count = 1) {
	for (;;) {
		const waiting = (await arrivals(method, part))
			.filter(({status}) => status === null);
		if (waiting.length >= count)
			return;
		await new Promise((soon) => setTimeout(soon, 20));
	}
}
export const vrn = () => String(randomInt(1e8, 1e9));

/* Chooses a mood, also one that the page does not offer. */
export const mood = (name, of = page) => of.run((s) => {
	const select = document.querySelector('#scenario');
	if (![...select.options].some(({value}) => value === s))
		select.append(new Option(s, s));
	select.value = s;
}, name);

const offline = (is, of) => of.send('Network.emulateNetworkConditions',
	{offline: is, latency: 0, downloadThroughput: -1,
		uploadThroughput: -1});
/* With the cable pulled. */
export async function unplugged(run, of = page) {
	await offline(true, of);
	try {
		await run();
	} finally {
		await offline(false, of);
	}
}

/* Ends a program that `lowtide serve`, which runs us, has started. */
export function killed(name) {
	const stat = (pid) => {
		try {
			const [, comm, rest] = /^\d+ \((.*)\) (.*)$/s.exec(
				readFileSync(`/proc/${pid}/stat`, 'utf8'));
			return {comm, parent: Number(rest.split(' ')[1])};
		} catch {
			return {};
		}
	};
	const its = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid))
		.filter((pid) => stat(pid).parent === process.ppid &&
			stat(pid).comm === name.slice(0, 15));
	ok(its.length, `${name} runs`);
	for (const pid of its)
		process.kill(Number(pid), 'SIGKILL');
}
