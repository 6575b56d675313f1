/*
 * Cases: one address, five services behind it. What a service could not tell
 * is missing in `data` and named in `upstreamFailures`. An answer that takes
 * too long becomes a job, which is waited for as any other.
 */
import {api} from './api.mjs';
import {$, fill, trouble} from './page.mjs';

const form = $('#case-form');
const said = $('#case-said');
const list = $('#case-list');
const names = {person: 'the person', tier: 'the tier', risk: 'the risk',
	premises: 'the premises'};

const PATIENCE = 5000; /* ms until it is a job: `deadline` of [read.case] */

const UNKNOWN = 'cannot be told just now';

/* In data: a value, null for none, or nothing where it could not be told. */
function part(data, name, crn, write) {
	const found = data[name]?.[crn];
	return found === undefined ? UNKNOWN :
		found === null ? 'none' : write(found);
}

function card(data, {crn, trader, vrn}) {
	const made = fill('case', {
		h3: trader, code: crn, '.vrn': vrn,
		'.badge': part(data, 'risk', crn, ({band}) => `${band} risk`),
		'.person': part(data, 'person', crn, ({name}) => name),
		'.tier': part(data, 'tier', crn, ({level}) => level),
		'.premises': part(data, 'premises', crn,
			({street, town}) => `${street}, ${town}`),
	});
	for (const dd of made.querySelectorAll('dd'))
		dd.classList.toggle('missing', dd.textContent === UNKNOWN);
	made.dataset.risk = data.risk?.[crn]?.band ?? 'unknown';
	return made;
}

function summary(count, failures, ms) {
	const shown = `${count} ${count === 1 ? 'trader' : 'traders'} in ${ms} ms`;
	if (!failures.length)
		return `${shown}.`;
	const missing = [...new Set(failures.map((f) => f.endpoint))];
	return `${shown}. Not all of it: ${missing.map((name) =>
		names[name] ?? name).join(' and ')} of ${failures.length} could ` +
		'not be had. Show again to ask for what is missing.';
}

let asking = null;
async function show() {
	const crns = form.crns.value.split(',').map((s) => s.trim())
		.filter(Boolean);
	asking?.abort();
	if (!crns.length) {
		said.textContent = 'Give at least one reference.';
		return;
	}
	const {signal} = asking = new AbortController();
	const begun = performance.now();
	list.setAttribute('aria-busy', 'true');
	if (!list.children.length)
		list.replaceChildren(...crns.slice(0, 6).map(() =>
			fill('case-ghost')));
	said.textContent = 'Asking five services…';
	try {
		const job = api.submit(`GET v1/case/${
			crns.map(encodeURIComponent).join(',')}`, null,
		{signal, wait: PATIENCE});
		job.onprogress = () => {
			said.textContent = 'This takes longer.';
		};
		const {data, upstreamFailures} = await job.result();
		const {cases} = data.summaries;
		list.replaceChildren(...cases.map((c) => card(data, c)));
		$('#case-trouble').replaceChildren();
		said.textContent = cases.length ? summary(cases.length,
			upstreamFailures, Math.round(performance.now() - begun)) :
			'Nobody knows a trader of that reference.';
	} catch (error) {
		if (signal.aborted)
			return;
		const [title, text] = trouble(error);
		for (const ghost of list.querySelectorAll('.ghost'))
			ghost.remove();
		said.textContent = '';
		$('#case-trouble').replaceChildren(
			fill('trouble', {h3: title, p: text}));
	}
	list.removeAttribute('aria-busy');
}

form.addEventListener('submit', (event) => {
	event.preventDefault();
	history.replaceState(null, '',
		`?${new URLSearchParams({crns: form.crns.value})}`);
	show();
});
const asked = new URLSearchParams(location.search).get('crns');
if (asked)
	form.crns.value = asked;
if (form.crns.value)
	show();
