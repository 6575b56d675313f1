/*
 * lowtide-job.mjs in a real browser, shown jobs that do what a test says: each
 * state, its words and parts, what is let go of, and what assistive technology
 * is told of it. The page's policy is as strict as there is one, with Trusted
 * Types; whatever it has to complain about fails.
 */
import {readFileSync} from 'node:fs';
import http from 'node:http';
import {cleanup, done, equal, match, ok, test} from '../tap.mjs';
import {open} from './cdp.mjs';

/* A job of a script: fake.say(state), .end(result), .fail(type, message). */
const FAKE = `
class FakeJob {
	key = null;
	requestId = 'r';
	statusUrl = null;
	location = null;
	state = null;
	onprogress = null;
	log = {results: 0, cancels: 0, looks: 0, left: 0};
	constructor(state) {
		this.renew();
		if (state)
			this.say(state);
	}
	renew() {
		this.over = false;
		this.final = new Promise((resolve, reject) =>
			this.settle = {resolve, reject});
		this.final.catch(() => {});
		this.turn();
	}
	turn() {
		const {go} = this;
		this.next = new Promise((resolve) => this.go = resolve);
		go?.();
	}
	say(state) {
		this.statusUrl = 'https://x.example/api/jobs/job_1';
		this.state = {jobId: 'job_1', statusUrl: this.statusUrl, ...state};
		this.turn();
	}
	end(result) {
		this.over = true;
		this.settle.resolve(result);
		this.turn();
	}
	fail(type, message, status = 0) {
		this.over = true;
		this.why = Object.assign(new Error(message), {type, status});
		this.settle.reject(this.why);
		this.turn();
	}
	async *[Symbol.asyncIterator]() {
		this.log.looks++;
		try {
			for (let told = null;;) {
				const {next} = this;
				if (this.state !== told)
					yield told = this.state;
				else if (this.over && this.why && !told)
					throw this.why;
				else if (this.over)
					return;
				else
					await next;
			}
		} finally {
			this.log.left++;
		}
	}
	result() {
		this.log.results++;
		return this.final.then((it) => it);
	}
	cancel() {
		this.log.cancels++;
		return new Promise((resolve, reject) =>
			this.cancelled = {resolve, reject});
	}
}
window.FakeJob = FakeJob;
window.events = [];
window.watchEvents = (it) => {
	for (const type of ['done', 'failed'])
		it.addEventListener(type, ({detail}) =>
			events.push([type, detail?.type ?? detail]));
	return it;
};
/* What is to be seen of it. */
window.look = (it = document.querySelector('lowtide-job')) => {
	const root = it.shadowRoot;
	const part = (name) => root.querySelector(\`[part=\${name}]\`);
	const seen = (one) => one.getClientRects().length > 0;
	const bar = part('progress');
	return {
		state: it.state, attribute: it.getAttribute('state'),
		said: part('message').textContent,
		bar: !seen(bar) ? null : bar.hasAttribute('value') ?
			bar.value : 'unknown',
		buttons: ['cancel', 'again'].map(part).filter(seen)
			.map((b) => (b.disabled ? '-' : '') + b.textContent),
		slots: [...it.children].filter(seen).map((c) => c.slot),
	};
};
/* Whoever awaits has been told. */
window.settled = () => new Promise((go) => setTimeout(go));
`;
const early = `document.querySelector('lowtide-job').job =
	window.early = new FakeJob({status: 'pending', progress: 0});`;
const page_ = (...scripts) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Job</title>
<link rel="stylesheet" href="/page.css">
<main><h1>Export</h1>
<lowtide-job label="Your export"><p slot="idle">Nothing yet</p>
<p slot="result">The table</p><p slot="error">Call us</p>
<p slot="cancelled">As you like</p><p slot="processing">Hold on</p><p>never</p></lowtide-job>
<div id="elsewhere"></div></main>
${scripts.map((src) => `<script src="/${src}"${src.endsWith('.mjs') ?
		' type="module"' : ''}></script>`).join('\n')}`;
const files = {
	'/': ['text/html', page_('fake.js', 'lowtide-job.mjs')],
	'/early': ['text/html', page_('fake.js', 'early.js', 'lowtide-job.mjs')],
	'/fake.js': ['text/javascript', FAKE],
	'/early.js': ['text/javascript', early],
	'/lowtide-job.mjs': ['text/javascript', readFileSync(
		'templates/client/lowtide-job.mjs')],
	/* a page that shows its parts whatever they are told, and has colours */
	'/page.css': ['text/css', `:root { color-scheme: light dark }
		lowtide-job::part(progress), lowtide-job::part(cancel),
		lowtide-job::part(again) { display: block }
		.red { color: rgb(200, 0, 0); font: 20px serif }`],
};
const server = http.createServer((req, res) => {
	const [type, text] = files[req.url.replace(/\?.*/, '')] ??
		['text/plain', ''];
	res.writeHead(200, {'content-type': `${type}; charset=utf-8`,
		'content-security-policy': "default-src 'none'; " +
			"script-src 'self'; style-src 'self'; base-uri 'none'; " +
			"require-trusted-types-for 'script'; trusted-types 'none'"});
	res.end(text);
});
await new Promise((go) => server.listen(0, '127.0.0.1', go));
cleanup(() => {
	server.closeAllConnections();
	server.close();
});
const base = `http://127.0.0.1:${server.address().port}`;
const browser = await open();
cleanup(() => browser.close());
const page = await browser.page();

/* A page as it is at the beginning; `run` there, with an element and a job. */
async function fresh(path = '/') {
	await page.go(`${base}${path}`);
	await page.until(() => customElements.get('lowtide-job') && true);
}
const begin = (state) => page.run(async (first) => {
	window.it = watchEvents(document.querySelector('lowtide-job'));
	it.job = window.job = new FakeJob(first);
	await settled();
	return look();
}, state);
const events = () => page.run(() => window.events);


test('without a job: what is in its slot idle, and nothing else', async () => {
	await fresh();
	equal(await page.run(() => look()), {state: 'idle', attribute: 'idle',
		said: '', bar: null, buttons: [], slots: ['idle']});
	equal(await page.run(() => {
		const it = document.createElement('lowtide-job');
		return [it.job === null, it.state, it.getAttribute('state')];
	}), [true, 'idle', null]);
});

test('from sent to done: each state, and then the result', async () => {
	equal(await begin(), {state: 'sending', attribute: 'sending',
		said: 'Sending', bar: 'unknown', buttons: [], slots: []});
	const say = (state) => page.run(async (next) => {
		job.say(next);
		await settled();
		return look();
	}, state);
	equal(await say({status: 'accepted'}), {state: 'accepted',
		attribute: 'accepted', said: 'Accepted', bar: 'unknown',
		buttons: ['Cancel'], slots: []});
	equal((await say({status: 'pending', progress: 0})).bar, 'unknown');
	equal(await say({status: 'processing', progress: 40,
		message: 'row 40'}), {state: 'processing',
		attribute: 'processing', said: 'row 40', bar: 40,
		buttons: ['Cancel'], slots: ['processing']});
	/* another attempt begins where nothing is known */
	equal((await say({status: 'processing', progress: 0})).bar, 'unknown');
	equal(await say({status: 'completed', progress: 100}), {
		state: 'completed', attribute: 'completed', said: 'Completed',
		bar: null, buttons: [], slots: ['result']});
	equal(await events(), []);
	equal(await page.run(async () => {
		job.end({rows: 7});
		await settled();
		return [look().state, events, job.log];
	}), ['completed', [['done', {rows: 7}]],
		{results: 1, cancels: 0, looks: 1, left: 1}]);
});

test('what needed no ticket is done as well', async () => {
	await fresh();
	await begin();
	equal(await page.run(async () => {
		job.end('at once');
		await settled();
		return [look(), events];
	}), [{state: 'completed', attribute: 'completed', said: 'Completed',
		bar: null, buttons: [], slots: ['result']},
	[['done', 'at once']]]);
});

test('a job that failed: its reason, and the slot error', async () => {
	await fresh();
	await begin({status: 'processing', progress: 10, message: 'row 1'});
	equal(await page.run(async () => {
		job.say({status: 'failed', error: 'upstream-refused'});
		job.fail('upstream-refused', 'No such period.', 403);
		await settled();
		return [look(), events];
	}), [{state: 'failed', attribute: 'failed', said: 'No such period.',
		bar: null, buttons: [], slots: ['error']},
	[['failed', 'upstream-refused']]]);
});

for (const [what, state, type] of [
	['a request that never arrived', undefined, 'network'],
	['one that was refused', undefined, 'validation-failed'],
	['a job that is known no longer', {status: 'pending'}, 'job-expired'],
])
	test(`${what} has failed`, async () => {
		await fresh();
		await begin(state);
		equal(await page.run(async (how) => {
			job.fail(how, 'It is so.');
			await settled();
			return [look().state, look().said, look().buttons, events];
		}, type), ['failed', 'It is so.', [], [['failed', type]]]);
	});

for (const type of ['still-running', 'network', 'unauthorized',
	'store-unavailable'])
	test(`${type}: no end of a job with a ticket; looked at again`,
		async () => {
			await fresh();
			await begin({status: 'processing', progress: 50,
				message: 'row 5'});
			equal(await page.run(async (how) => {
				if (how === 'still-running')
					job.say({...job.state, stillRunning: true});
				job.fail(how, 'Trouble.');
				await settled();
				return [look(), events];
			}, type), [{state: 'still-running',
				attribute: 'still-running', said: 'Still running',
				bar: 50, buttons: ['Cancel', 'Look again'],
				slots: []}, []]);
			equal(await page.run(async () => {
				job.renew();
				it.shadowRoot.querySelector('[part=again]').click();
				const first = look();
				job.say({status: 'processing', progress: 60});
				await settled();
				const then = look();
				job.end(1);
				await settled();
				return [first.buttons, first.said, then.bar,
					job.log, look().state, events];
			}), [['Cancel'], 'row 5', 60, {results: 2, cancels: 0,
				looks: 2, left: 2}, 'completed', [['done', 1]]]);
		});

test('cancel: asked once, and said; what ends it is said by the job',
	async () => {
		await fresh();
		await begin({status: 'processing'});
		await page.run(() => it.shadowRoot.querySelector(
			'[part=cancel]').focus());
		for (const type of ['keyDown', 'keyUp'])
			await page.send('Input.dispatchKeyEvent', {type,
				key: 'Enter', code: 'Enter', text: '\r',
				windowsVirtualKeyCode: 13});
		equal(await page.run(() => [look().buttons, job.log.cancels]),
			[['-Asked to stop'], 1]);
		/* an older document does not take it back */
		equal(await page.run(async () => {
			job.say({status: 'processing', progress: 3});
			it.shadowRoot.querySelector('[part=cancel]').click();
			await settled();
			return [look().buttons, job.log.cancels];
		}), [['-Asked to stop'], 1]);
		equal(await page.run(async () => {
			job.say({status: 'cancelled'});
			job.fail('job-cancelled', 'It was cancelled.', 409);
			await settled();
			return [look(), events];
		}), [{state: 'cancelled', attribute: 'cancelled',
			said: 'It was cancelled.', bar: null, buttons: [],
			slots: ['cancelled']}, [['failed', 'job-cancelled']]]);
	});

test('a wish to cancel that did not arrive can be had again', async () => {
	await fresh();
	equal((await begin({status: 'pending',
		cancelRequestedAt: '2026-01-01T00:00:00.000Z'})).buttons,
	['-Asked to stop']);
	await begin({status: 'pending'});
	equal(await page.run(async () => {
		const button = it.shadowRoot.querySelector('[part=cancel]');
		button.click();
		job.cancelled.reject(new Error('no way there'));
		await settled();
		const then = look().buttons;
		button.click();
		return [then, look().buttons, job.log.cancels];
	}), [['Cancel'], ['-Asked to stop'], 2]);
});

test('held, or in want of credentials: said in words', async () => {
	await fresh();
	equal(await begin({status: 'processing', held: true,
		message: 'awaiting'}), {state: 'processing',
		attribute: 'processing', said: 'Awaiting a decision',
		bar: 'unknown', buttons: [], slots: ['processing']});
	equal((await begin({status: 'pending', needsCredentials: true})).said,
		'Sign in again');
});

test('progress that is none, or too much, is no end of it', async () => {
	await fresh();
	await begin();
	const bars = [];
	for (const progress of ['"abc"', '1e309', '-5', '101', 'null', '[]', '{}',
		'true', '"40"', '0.5'])
		bars.push(await page.run(async (json) => {
			job.say(JSON.parse(`{"status": "processing", "progress": ${json}}`));
			await settled();
			const {state, bar, said} = look();
			return [state, said, bar];
		}, progress));
	equal(bars, ['unknown', 0, 'unknown', 100, 'unknown', 'unknown', 'unknown',
		0, 40, 0.5].map((bar) => ['processing', 'Processing', bar]));
	equal(await events(), []);
});

test('what every object has is no state, and no word for one', async () => {
	await fresh();
	await begin();
	for (const status of ['constructor', '__proto__', 'toString',
		'hasOwnProperty'])
		equal(await page.run(async (its) => {
			job.say({status: its});
			await settled();
			return look();
		}, status), {state: 'processing', attribute: 'processing',
			said: 'Processing', bar: 'unknown', buttons: ['Cancel'],
			slots: ['processing']}, status);
	equal(await events(), []);
});

test('words: of the element, of all, and changed while it is shown',
	async () => {
		await fresh();
		await begin({status: 'processing'});
		equal(await page.run(() => {
			const root = it.shadowRoot;
			const label = () => root.querySelector('progress')
				.ariaLabel;
			const seen = [label(), look().buttons];
			it.setAttribute('label', 'Ihr Export');
			seen.push(label());
			it.setAttribute('cancel', 'Abbrechen');
			seen.push(look().buttons);
			it.removeAttribute('label');
			it.removeAttribute('cancel');
			seen.push(label(), look().buttons);
			return seen;
		}), ['Your export', ['Cancel'], 'Ihr Export', ['Abbrechen'],
			'Processing', ['Cancel']]);
		equal(await page.run(async () => {
			customElements.get('lowtide-job').words = {
				processing: 'In Arbeit', cancel: 'Halt'};
			it.setAttribute('cancel', 'Stopp');
			it.setAttribute('asked-to-stop', 'Gesagt');
			const seen = [look().said, look().buttons];
			it.shadowRoot.querySelector('[part=cancel]').click();
			seen.push(look().buttons);
			it.removeAttribute('cancel');
			it.job = new FakeJob({status: 'pending'});
			await settled();
			return [...seen, look().said, look().buttons];
		}), ['In Arbeit', ['Stopp'], ['-Gesagt'], 'Pending', ['Halt']]);
	});

test('another job: nothing more of the former one', async () => {
	await fresh();
	await begin({status: 'processing', progress: 90});
	equal(await page.run(async () => {
		const former = job;
		it.shadowRoot.querySelector('[part=cancel]').click();
		it.job = window.job = new FakeJob({status: 'pending'});
		await settled();
		const seen = [look()];
		former.say({status: 'completed', progress: 100});
		former.end('old');
		former.cancelled.reject(new Error('late'));
		await settled();
		seen.push(look(), events.length, former.log.left);
		job.end('new');
		await settled();
		return [...seen, look().state, events];
	}), [{state: 'pending', attribute: 'pending', said: 'Pending',
		bar: 'unknown', buttons: ['Cancel'], slots: []},
	{state: 'pending', attribute: 'pending', said: 'Pending',
		bar: 'unknown', buttons: ['Cancel'], slots: []}, 0, 1,
	'completed', [['done', 'new']]]);
	equal(await page.run(async () => {
		const last = new FakeJob({status: 'pending'});
		it.job = last;
		await settled();
		it.job = null;
		const seen = [look().state, look().slots, it.job];
		last.fail('job-failed', 'late');
		await settled();
		return [...seen, look().state, events.length];
	}), ['idle', ['idle'], null, 'idle', 1]);
});

test('the same job again: nothing is told twice', async () => {
	await fresh();
	await begin({status: 'processing', progress: 5});
	equal(await page.run(async () => {
		it.job = job;
		await settled();
		job.end(1);
		await settled();
		it.job = job;
		await settled();
		return [look().state, events];
	}), ['completed', [['done', 1]]]);
});

test('moved about in the document it goes on, and tells once', async () => {
	await fresh();
	await begin({status: 'processing', progress: 5});
	equal(await page.run(async () => {
		const place = document.querySelector('#elsewhere');
		place.append(it);
		await settled();
		job.say({status: 'processing', progress: 6});
		await settled();
		const seen = [look().bar];
		job.end(1);
		await settled();
		document.querySelector('main').append(it);
		await settled();
		return [...seen, look().state, look().slots, events, job.log];
	}), [6, 'completed', ['result'], [['done', 1]],
		{results: 2, cancels: 0, looks: 2, left: 2}]);
});

test('moved while it was still running, it watches on', async () => {
	await fresh();
	await begin({status: 'processing', progress: 5});
	equal(await page.run(async () => {
		job.fail('network', 'Gone.');
		await settled();
		const seen = [look().state];
		job.renew();
		document.querySelector('#elsewhere').append(it);
		await settled();
		job.say({status: 'processing', progress: 7});
		await settled();
		return [...seen, look().state, look().bar, look().buttons];
	}), ['still-running', 'processing', 7, ['Cancel']]);
});

test('out of the document it watches nothing, and back it does', async () => {
	await fresh();
	await begin({status: 'processing', progress: 5});
	equal(await page.run(async () => {
		it.remove();
		job.say({status: 'processing', progress: 6});
		await settled();
		const seen = [job.log.left, it.state];
		job.say({status: 'completed'});
		job.end(1);
		await settled();
		seen.push(events.length);
		document.body.append(it);
		await settled();
		return [...seen, look().state, events];
	}), [1, 'processing', 0, 'completed', [['done', 1]]]);
	/* given one while it is nowhere */
	equal(await page.run(async () => {
		const other = watchEvents(document.createElement('lowtide-job'));
		const its = new FakeJob({status: 'pending'});
		other.job = its;
		await settled();
		const seen = [other.state, its.log.looks];
		document.body.append(other);
		await settled();
		its.end(2);
		await settled();
		return [...seen, its.log.looks, events.at(-1)];
	}), ['pending', 0, 1, ['done', 2]]);
});

test('a job that it was given before the module was there', async () => {
	await fresh('/early');
	equal(await page.run(async () => {
		const it = document.querySelector('lowtide-job');
		watchEvents(it);
		await settled();
		const seen = [Object.hasOwn(it, 'job'), it.job === early,
			look().state];
		early.end(1);
		await settled();
		return [...seen, events];
	}), [false, true, 'pending', [['done', 1]]]);
});

test('a hidden one is hidden; its parts take the style of the page',
	async () => {
		await fresh();
		await begin({status: 'processing'});
		equal(await page.run(() => {
			const style = (name) => getComputedStyle(it.shadowRoot
				.querySelector(`[part=${name}]`));
			it.className = 'red';
			const width = (one) => one.getBoundingClientRect().width;
			const seen = [style('message').color,
				style('cancel').fontFamily, getComputedStyle(it)
					.display, width(it) === width(it.shadowRoot
					.querySelector('progress'))];
			it.hidden = true;
			return [...seen, it.getClientRects().length];
		}), ['rgb(200, 0, 0)', 'serif', 'block', true, 0]);
	});

/* What is told of it: {role, name, …} of all that is not ignored. */
async function told() {
	const {nodes} = await page.send('Accessibility.getFullAXTree');
	return nodes.filter((n) => !n.ignored && ['progressbar', 'button',
		'status'].includes(n.role.value)).map((n) => [n.role.value,
		n.name.value, n.value?.value,
		n.properties.find((p) => p.name === 'live')?.value.value]);
}
test('what assistive technology is told', async () => {
	await fresh();
	/* the place for what is said is there before anything is */
	equal(await told(), [['status', '', undefined, 'polite']]);
	await begin({status: 'processing', progress: 25, message: 'Row 1'});
	equal(await told(), [['progressbar', 'Your export', 25, undefined],
		['status', '', undefined, 'polite'],
		['button', 'Cancel', undefined, undefined]]);
});

test('while only the bar moves, nothing is read out', async () => {
	await fresh();
	await begin({status: 'processing', progress: 1, message: 'Rows'});
	equal(await page.run(async () => {
		const message = it.shadowRoot.querySelector('[part=message]');
		let changes = 0;
		new MutationObserver((all) => changes += all.length).observe(
			message, {childList: true, characterData: true,
				subtree: true, attributes: true});
		for (let progress = 2; progress < 9; progress++) {
			job.say({status: 'processing', progress, message: 'Rows'});
			await settled();
		}
		const quiet = [look().bar, changes];
		job.say({status: 'processing', progress: 9, message: 'Sums'});
		await settled();
		return [...quiet, changes > 0];
	}), [8, 0, true]);
});

test('in the dark, and in forced colours, it is to be seen', async () => {
	await fresh();
	await begin({status: 'processing', progress: 25});
	const colours = async (...features) => {
		await page.send('Emulation.setEmulatedMedia', {features});
		return page.run(() => {
			const button = getComputedStyle(it.shadowRoot
				.querySelector('[part=cancel]'));
			return [getComputedStyle(it.shadowRoot.querySelector(
				'[part=message]')).color, button.color,
			button.backgroundColor];
		});
	};
	const light = await colours({name: 'prefers-color-scheme',
		value: 'light'});
	const dark = await colours({name: 'prefers-color-scheme',
		value: 'dark'});
	equal([light[0], dark[0]], ['rgb(0, 0, 0)', 'rgb(255, 255, 255)']);
	for (const [i, colour] of light.entries())
		ok(colour !== dark[i], colour);
	const forced = await colours({name: 'forced-colors', value: 'active'});
	ok(forced[1] !== forced[2], forced.join());
	equal(await page.run(() => matchMedia('(forced-colors: active)')
		.matches && look().buttons), ['Cancel']);
	await page.send('Emulation.setEmulatedMedia', {features: []});
});

test('where pages are only rendered, it can be imported', async () => {
	const {LowtideJob} = await import('../../templates/client/lowtide-job.mjs');
	equal(typeof LowtideJob, 'function');
});

test('nothing to complain about, in the strictest policy', async () => {
	match((await fetch(base)).headers.get('content-security-policy'),
		/trusted-types 'none'/);
	equal(page.complaints, []);
	/* and it would have been told */
	await page.run(() => {
		try {
			document.body.innerHTML = '<p>';
		} catch {
			/* it is thrown, and told */
		}
	});
	await page.until(() => true);
	match(page.complaints.join(), /TrustedHTML/);
});

await done();
