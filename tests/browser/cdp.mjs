/*
 * A real browser for tests: chromium-headless-shell, spoken to over a pipe
 * (--remote-debugging-pipe: we write to its fd 3 and read its fd 4; messages
 * are JSON that end with a NUL byte). No port, no packages.
 *
 *	const browser = await open();
 *	const page = await browser.page({width: 390, dark: true});
 *	await page.go('http://127.0.0.1:8080/');
 *	await page.until(() => document.querySelector('#receipt'));
 *	equal(page.complaints, []);
 *	await browser.close();
 *
 * open(flag, …) starts it with more flags; browser.opened() is the window
 * that a page has opened. page({own: true}) shares no cache, storage or sign-in
 * with the others. page.requests is what it asked for, page.received
 * what came of it: {url, status, kept, bytes}; `kept`: without asking anybody;
 * `bytes`: over the wire, heads and all. page.on(method, take) hears whatever
 * else the protocol tells of it.
 */
import {spawn} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {existsSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';

const PROGRAMS = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'];
/* How many ms until() waits; less while somebody looks at what fails. */
const PATIENCE = Number(process.env.BROWSER_PATIENCE_MS ?? 120000);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function open(...flags) {
	const program = PROGRAMS.find(existsSync);
	if (!program)
		throw new Error('chromium-headless-shell is missing; run ' +
			'`apt-get install chromium-headless-shell`');
	const profile = await mkdtemp(path.join(tmpdir(), 'lowtide-browser-'));
	const child = spawn(program, [
		'--headless', '--remote-debugging-pipe', '--disable-gpu',
		'--no-first-run', '--disable-background-networking',
		'--disable-component-update', '--disable-sync',
		'--disable-dev-shm-usage', '--lang=en-GB',
		`--user-data-dir=${profile}`,
		...(process.getuid() === 0 ? ['--no-sandbox'] : []),
		...flags, 'about:blank',
	], {stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe']});
	const gone = new Promise((resolve) => child.once('close', resolve));
	const pipe = connect(child);
	return {
		async page(look) {
			const whose = look?.own ? await pipe.send(
				'Target.createBrowserContext') : {};
			const {targetId} = await pipe.send(
				'Target.createTarget',
				{url: 'about:blank', ...whose});
			return attach(pipe, targetId, look);
		},
		opened: () => opened(pipe),
		/* a service worker, by a part of its URL: its own network */
		async worker(part) {
			const {targetInfos} =
				await pipe.send('Target.getTargets');
			const its = targetInfos.find((t) => t.url.includes(part) &&
				t.type === 'service_worker');
			const {sessionId} = await pipe.send(
				'Target.attachToTarget', {flatten: true,
					targetId: its.targetId});
			return {send: (method, params) =>
				pipe.send(method, params, sessionId)};
		},
		async close() {
			pipe.send('Browser.close').catch(() => {});
			const timer = setTimeout(
				() => child.kill('SIGKILL'), 5000);
			await gone;
			clearTimeout(timer);
			await rm(profile, {recursive: true, force: true,
				maxRetries: 5});
		},
	};
}

/* Commands out, answers and events in. */
function connect(child) {
	const [, , , to, from] = child.stdio;
	const waiting = new Map();
	const listeners = new Set();
	let last = 0;
	let rest = Buffer.alloc(0);
	function take(message) {
		const asked = waiting.get(message.id);
		if (!asked) {
			for (const listen of listeners)
				listen(message);
			return;
		}
		waiting.delete(message.id);
		if (message.error)
			asked.reject(new Error(
				`${asked.method}: ${message.error.message}`));
		else
			asked.resolve(message.result);
	}
	from.on('data', (bytes) => {
		rest = Buffer.concat([rest, bytes]);
		for (let end; (end = rest.indexOf(0)) >= 0;) {
			const text = rest.subarray(0, end).toString();
			rest = rest.subarray(end + 1);
			take(JSON.parse(text));
		}
	});
	const lost = () => {
		for (const {reject} of waiting.values())
			reject(new Error('the browser is gone'));
		waiting.clear();
	};
	child.once('error', lost);
	child.once('close', lost);
	to.on('error', lost);
	return {
		attached: new Set(),
		listen: (listener) => listeners.add(listener),
		send(method, params = {}, sessionId = undefined) {
			const id = ++last;
			return new Promise((resolve, reject) => {
				const late = setTimeout(() => reject(new Error(
					`${method}: the browser does not answer`)),
				2 * PATIENCE);
				const settle = (how) => (what) => {
					clearTimeout(late);
					how(what);
				};
				waiting.set(id, {method, resolve: settle(resolve),
					reject: settle(reject)});
				to.write(`${JSON.stringify(
					{id, method, params, sessionId})}\0`);
			});
		},
	};
}

/* What a page has to complain about: the console, errors, CSP, requests. */
const complaint = {
	'Runtime.exceptionThrown': ({exceptionDetails: e}) =>
		`exception: ${e.exception?.description ?? e.text}`,
	'Runtime.consoleAPICalled': ({type, args}) =>
		['error', 'warning', 'assert'].includes(type) ?
			`console: ${args.map((a) => a.value ?? a.description)
				.join(' ')}` : null,
	'Log.entryAdded': ({entry}) =>
		['error', 'warning'].includes(entry.level) ?
			`${entry.source}: ${entry.text} ${entry.url ?? ''}` :
			null,
	'Audits.issueAdded': ({issue}) =>
		issue.code === 'ContentSecurityPolicyIssue' ? `csp: ${
			JSON.stringify(issue.details
				.contentSecurityPolicyIssueDetails)}` : null,
};

/* The one that nobody has looked at yet, once it is there. */
async function opened(pipe) {
	for (const end = Date.now() + PATIENCE; Date.now() < end;) {
		const {targetInfos} = await pipe.send('Target.getTargets');
		const its = targetInfos.find((t) => t.type === 'page' &&
			t.url !== 'about:blank' &&
			!pipe.attached.has(t.targetId));
		if (its)
			return attach(pipe, its.targetId);
		await sleep(20);
	}
	throw new Error('no window was opened');
}

async function attach(pipe, targetId,
	{width = 1280, height = 900, dark = false} = {}) {
	pipe.attached.add(targetId);
	const {sessionId} = await pipe.send('Target.attachToTarget',
		{targetId, flatten: true});
	const send = (method, params) => pipe.send(method, params, sessionId);
	const complaints = [];
	const requests = []; /* {method, url, headers} in their order */
	const received = []; /* {url, status, kept, bytes} as they ended */
	const answers = new Map(); /* those that have not ended yet */
	const take = {
		'Network.requestWillBeSent': ({request}) =>
			requests.push(request),
		/* the 304 behind an answer out of the browser's own cache, too */
		'Network.responseReceivedExtraInfo': ({requestId, statusCode}) =>
			answers.set(requestId, {...answers.get(requestId),
				status: statusCode}),
		'Network.responseReceived': ({requestId, response}) =>
			answers.set(requestId, {status: response.status,
				...answers.get(requestId), url: response.url,
				fromDisk: response.fromDiskCache}),
		'Network.requestServedFromCache': ({requestId}) =>
			answers.set(requestId, {...answers.get(requestId),
				fromMemory: true}),
		'Network.loadingFinished': ({requestId, encodedDataLength}) => {
			const {url, status, fromDisk, fromMemory} =
				answers.get(requestId) ?? {};
			answers.delete(requestId);
			received.push({url, status, bytes: encodedDataLength,
				kept: !!(fromMemory || fromDisk &&
					status !== 304)});
		},
	};
	pipe.listen(({sessionId: whose, method, params}) => {
		if (whose !== sessionId)
			return;
		const text = complaint[method]?.(params);
		if (text)
			complaints.push(text);
		take[method]?.(params);
	});
	for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'Audits'])
		await send(`${domain}.enable`);
	await send('Emulation.setDeviceMetricsOverride', {width, height,
		deviceScaleFactor: 1, mobile: width < 600});
	await send('Emulation.setEmulatedMedia', {features: [{
		name: 'prefers-color-scheme', value: dark ? 'dark' : 'light'}]});

	/* Runs a function in the page; arguments and result are JSON. */
	async function run(fn, ...args) {
		const {result, exceptionDetails: wrong} = await send(
			'Runtime.evaluate', {
				expression: `(${fn})(...${JSON.stringify(args)})`,
				awaitPromise: true, returnByValue: true,
				userGesture: true,
			});
		if (wrong)
			throw new Error(wrong.exception?.description ??
				wrong.text);
		return result.value;
	}
	/* What ends the page: the next may be there before it has answered. */
	const leave = (fn, ...args) => run(fn, ...args).catch((e) => {
		if (!/navigated or closed|context was destroyed/.test(e.message))
			throw e;
	});
	async function until(fn, ...args) {
		for (const end = Date.now() + PATIENCE; Date.now() < end;) {
			const value = await run(fn, ...args);
			if (value)
				return value;
			await sleep(20);
		}
		throw new Error(`this never came true: ${fn}`);
	}
	return {
		complaints, requests, received, run, leave, until, send,
		on: (what, fn) => pipe.listen(({sessionId: whose, method,
			params}) => whose === sessionId && method === what &&
			fn(params)),
		close: () => send('Page.close'),
		async go(url) {
			const {errorText} = await send('Page.navigate', {url});
			if (errorText)
				throw new Error(`${url}: ${errorText}`);
			await until(() => document.readyState === 'complete');
		},
		/* As a person does it: the middle of it, with the mouse. */
		async click(selector) {
			const {x, y} = await run((s) => {
				const it = document.querySelector(s);
				it.scrollIntoView({behavior: 'instant',
					block: 'center'});
				const r = it.getBoundingClientRect();
				return {x: r.x + r.width / 2,
					y: r.y + r.height / 2};
			}, selector);
			for (const type of ['mousePressed', 'mouseReleased'])
				await send('Input.dispatchMouseEvent', {type,
					x, y, button: 'left', clickCount: 1});
		},
		async type(selector, text) {
			await run((s) => {
				const it = document.querySelector(s);
				it.focus();
				it.select();
			}, selector);
			await send('Input.insertText', {text});
			await run((s) => document.querySelector(s).dispatchEvent(
				new Event('change', {bubbles: true})), selector);
		},
		async screenshot(file) {
			const {cssContentSize: size} =
				await send('Page.getLayoutMetrics');
			const {data} = await send('Page.captureScreenshot', {
				captureBeyondViewport: true, clip: {x: 0, y: 0,
					width, height: size.height, scale: 1}});
			await writeFile(file, Buffer.from(data, 'base64'));
		},
	};
}
