/*
 * What the tests of the browser's modules have in common: the site of
 * tests/web/contract-site.mjs behind nginx with a page of ours, a network that
 * can be broken (wire.mjs), a browser, and jobs that are at the service behind
 * it until the test lets them go.
 *
 *	const world = await startWorld();
 *	const page = await world.page();
 *	const hold = await page.held('mine');
 *	await page.told('mine', 'processing');
 *	world.up.release(hold);
 *	equal((await page.over('mine')).result, {id: 7});
 *	equal(world.arrivals(hold), 1);
 *
 * One process has one world. What an operator can do to the endpoint's answers
 * is switched on and off in the midst of a test: no('streams'), no('waits').
 */
import {mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {cleanup} from '../tap.mjs';
import {files, state, token} from '../web/contract-site.mjs';
import {bin, freePort, run, start, startStack, startUpstream, tmp, until}
	from '../web/stack.mjs';
import {open} from './cdp.mjs';
import {startWire} from './wire.mjs';

export {token};
const source = name => readFileSync(new URL(name, import.meta.url), 'utf8');
const flags = join(tmp, 'no');

/* The policy is stricter than what the build writes, and has to do. */
const TRUSTED = "require-trusted-types-for 'script'; script-src";
/*
 * No streams: 406. No waits: as where nobody can be kept waiting. Not here:
 * sent on to another origin.
 */
const SWITCHES = `
	set $kept_prefer $http_prefer;
	set $kept_wait $http_x_wait_time_ms;
	set $refused "";
	if (-f ${flags}/waits) { set $kept_prefer ""; set $kept_wait 0; }
	if ($uri ~ "/events$") { set $refused e; }
	if (-f ${flags}/streams) { set $refused "\${refused}s"; }
	if ($refused = es) { return 406; }
	if (-f ${flags}/here) { return 302 http://localhost:$server_port$request_uri; }
	fastcgi_param HTTP_PREFER $kept_prefer if_not_empty;
	fastcgi_param HTTP_X_WAIT_TIME_MS $kept_wait if_not_empty;
`;

function edit(stack, file, change) {
	const at = join(stack.dist, 'server', file);
	writeFileSync(at, change(readFileSync(at, 'utf8')));
}

/*
 * For a page that is to be woken up: what would look again after half a minute
 * never does.
 */
export const ONLY_WOKEN = `{
	const real = setTimeout;
	globalThis.setTimeout = (act, ms, ...more) =>
		real(act, ms === 30000 ? 1e9 : ms, ...more);
}`;

const PAGE = `<!doctype html>
<html lang="en-GB">
<head><meta charset="utf-8"><title>a page</title>
<script type="module" src="/assets/page.mjs"></script>
</head>
<body><h1>A page</h1></body>
</html>
`;

/* What a request of the page's is for. */
function kind({method, url, headers}) {
	const {pathname} = new URL(url);
	const of = name => Object.entries(headers).find(([its]) =>
		its.toLowerCase() === name)?.[1];
	if (!/^\/api\//.test(pathname))
		return 'page';
	if (!/^\/api\/jobs(\/|$)/.test(pathname))
		return of('x-initial-request') ? 'send' : 'other';
	if (method === 'DELETE' || /\/cancel$/.test(pathname))
		return 'cancel';
	if (/\/events$/.test(pathname))
		return pathname === '/api/jobs/events' ? 'all' : 'stream';
	if (/\/result$/.test(pathname))
		return 'result';
	return /wait/.test(of('prefer') ?? '') ? 'wait' : 'look';
}

/*
 * A page with the modules (client-page.mjs), and what tests ask of it most. A
 * job has a name in the page.
 */
function driven(world, page) {
	const say = what => ({say: JSON.stringify(what)});
	let mark = 0;
	const asked = () => page.requests.slice(mark)
		.filter(one => one.method !== 'OPTIONS');
	const window = async windowState => {
		const {windowId} = await page.send('Browser.getWindowForTarget');
		await page.send('Browser.setWindowBounds',
			{windowId, bounds: {windowState}});
	};
	return Object.assign(page, {
		/* {api, body, hold, answer (of the service), …Submission} */
		begin: (name, {api = 'order', body = {sku: 'tea'}, hold, answer,
			headers, ...options} = {}) =>
			page.run((...all) => submit(...all), name, api, body,
				{...options, headers: {...headers,
					...say({hold, ...answer})}}),
		/* One that has a ticket and is at the service: its hold. */
		async held(name, options = {}) {
			const hold = options.hold ?? world.hold();
			await page.begin(name, {wait: 0, ...options, hold});
			await world.up.arrived(hold);
			await page.until(its => jobs[its].job.statusUrl, name);
			return hold;
		},
		seen: name => page.run(which => seen(which), name),
		/* It has told that state. */
		told: (name, state) => page.until((which, what) =>
			jobs[which].states.includes(what), name, state),
		async over(name) {
			await page.until(which => jobs[which].over, name)
				.catch(async () => {
					throw new Error(`${name} is not over: ${
						page.asked()} ${JSON.stringify(
						await page.seen(name))}`);
				});
			return page.seen(name);
		},
		/* What left the page since mark(), by its kind. */
		mark: () => {
			mark = page.requests.length;
		},
		asked: () => asked().map(kind).filter(one => one !== 'page'),
		requests_of: which => asked().filter(one => kind(one) === which),
		/* Until the page has asked for that, so many times since mark(). */
		async until_asked(which, times = 1) {
			await until(`${which} of the page`, () =>
				page.requests_of(which).length >= times);
		},
		/* It has ended, by the store's word: no page is asked. */
		ended: async name => world.untilEnded(
			(await page.seen(name)).requestId),
		hide: () => window('minimized'),
		async show() {
			await window('minimized');
			await window('normal');
		},
		offline: how => page.send('Network.emulateNetworkConditions', {
			offline: how, latency: 0, downloadThroughput: -1,
			uploadThroughput: -1}),
	});
}

/*
 * page: the module that the page loads, of this folder; or it is one of
 * `files`. more: lines of
 * api.toml. files: of the site, laid over. apart: the APIs are at an origin of
 * their own. Pages are at world.url, and APIs at world.api.
 * server: another one than nginx has neither a network to break nor switches.
 */
export async function startWorld({page: module = 'client-page.mjs', more = '',
	files: own = {}, apart = false, flags: options = [],
	server = 'nginx'} = {}) {
	mkdirSync(flags);
	const [at, apiPort] = [await freePort(), await freePort()];
	const wire = await startWire(at);
	const far = apart ? await startWire(apiPort) : wire;
	const up = await startUpstream();
	const site = {...files(up.url), 'pages/index.html': PAGE,
		'pages/other.html': PAGE,
		...module && {'assets/page.mjs': source(module)}, ...own};
	site['api.toml'] += more;
	if (apart)
		site['site.toml'] = site['site.toml'].replace('\n', `
			api_url = "${far.url}"
			origins = ["${wire.url}"]
		`);
	const ours = server === 'nginx';
	const stack = await startStack(server, {files: site, state, port: at,
		set: ours ? [`base_url=${wire.url}`] : [], wrap(built) {
			if (!ours)
				return;
			edit(built, 'nginx-example.conf', text => text.replace(
				`listen 127.0.0.1:${wire.port};`,
				[at, ...apart ? [apiPort] : []].map(one =>
					`listen 127.0.0.1:${one};`).join('\n')));
			edit(built, 'nginx-site.conf', text => text
				.replace('script-src', TRUSTED)
				.replace('location ^~ /api/ {', all => all + SWITCHES));
		}});
	const browser = await open(...options);
	cleanup(() => browser.close());
	let holds = 0;
	const url = ours ? wire.url : stack.url;
	const world = {wire, far, up, until, stack, browser, url, api: far.url,
		/*
		 * A window of that browser with the page in it; `before` its
		 * first line that script was run.
		 */
		async page(path = '/', before = '') {
			const one = await browser.page();
			await one.send('Page.addScriptToEvaluateOnNewDocument',
				{source: before});
			await one.go(`${url}${path}`);
			await one.until(() => globalThis.ready);
			return driven(world, one);
		},
		drive: one => driven(world, one),
		hold: () => `hold-${++holds}`,
		/* How often it came to the service behind. */
		arrivals: hold => up.calls.filter(call => JSON.parse(
			call.headers.say ?? '{}').hold === hold).length,
		no: what => writeFileSync(join(flags, what), ''),
		yes: what => rmSync(join(flags, what), {force: true}),
		/* Rows of the store, as an operator sees them. */
		async rows(...filter) {
			const out = await run(join(bin, 'lowtide-jobs'), ['ls',
				'--json', '--config', `${tmp}/etc/lowtide.json`,
				'--keys', stack.keys, '--state', stack.state,
				...filter]);
			return JSON.parse(out.stdout).jobs;
		},
		/* That job has ended, by the store's word; no page is asked. */
		async untilEnded(requestId) {
			await until(`${requestId} has ended`, async () =>
				(await world.rows('--request-id', requestId))
					.some(row => row.completedAt), 100);
		},
		async restartEndpoint(signal = 'SIGKILL') {
			await stack.endpoint.stop(signal);
			await stack.startEndpoint();
		},
		/* What nginx answers with: another one is there at once. */
		killServerWorkers() {
			const {pid} = stack.server;
			const children = readFileSync(
				`/proc/${pid}/task/${pid}/children`, 'utf8');
			for (const child of children.trim().split(' '))
				process.kill(Number(child), 'SIGKILL');
		},
		async restartServer() {
			await stack.server.stop();
			stack.server = start(stack.argv(stack), {cwd: stack.dist});
			await until('nginx', async () => (await fetch(
				`${stack.url}/api/jobs/health`).catch(() => 0)).ok);
		},
	};
	cleanup(() => {
		for (; holds; holds--)
			up.release(`hold-${holds}`);
	});
	return world;
}
