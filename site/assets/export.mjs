/*
 * A year as a table: a program on the server makes it and says how far it is;
 * <lowtide-job> shows that. #job_… in the address is the one shown, so it is
 * still there when the page is loaded anew, or opened tomorrow.
 */
import '/lowtide-job.mjs';
import {$, fill, needSignIn, onDemand, shut, trouble} from './page.mjs';
import {hasSent} from './session.mjs';

const form = $('#export-form');
const fields = $('#export-fields');
const view = $('lowtide-job');
const said = $('#export-said');
const save = $('#export-save');
const OPEN = ['accepted', 'pending', 'processing'];
const KEY = /^export (\d{9}) (\d{4})$/;

const BUSY = 'We are asked to wait: five exports of yours may be under way ' +
	'at once. We try again by ourselves, within a minute.';
const LATE = 3000; /* ms without a word until that is said */

const days = new Intl.DateTimeFormat('en-GB',
	{day: 'numeric', month: 'short', timeZone: 'UTC'});
const pounds = new Intl.NumberFormat('en-GB',
	{style: 'currency', currency: 'GBP', maximumFractionDigits: 0});
const day = (text) => days.format(new Date(text));

/* What the handler writes: no quotes, no commas within. */
const rows = (csv) => csv.trim().split('\n').map((line) => line.split(','));

function preview([, ...lines]) {
	return lines.map(([period, from, to, sales, due]) => {
		const made = fill('quarter', {
			th: period, '.from': day(from), '.to': day(to),
			'.sales': pounds.format(sales),
			'.vat': pounds.format(due)});
		return made;
	});
}

let address = '';

function show(csv) {
	const table = rows(csv);
	const year = table[1]?.[1].slice(0, 4) ?? 'year';
	URL.revokeObjectURL(address);
	address = URL.createObjectURL(new Blob([csv], {type: 'text/csv'}));
	save.href = address;
	save.download = `vat-${year}.csv`;
	$('#export-year').textContent = year;
	$('#export-table tbody').replaceChildren(...preview(table));
	$('#export-result').hidden = false;
}

const own = {
	__proto__: null,
	'job-failed': ['There are no books of that year',
		'Nothing was made. Choose another year.'],
	'job-expired': ['That export is gone', 'It was kept for a day. Make ' +
		'it again.'],
	'job-not-found': ['There is no such export', 'It may be somebody ' +
		'else’s. Make one of your own.'],
	'rate-limited': ['Too many exports', 'Five may be under way at once, ' +
		'and twenty begin within a minute. Try again in a minute.'],
	'deadline-exceeded': ['It took too long', 'We stopped it after a ' +
		'minute. Try again; if it stays so, write to us.'],
};

/* What is at work is shown, and not asked for again. */
function busy(is) {
	shut(fields, is);
	said.textContent = is ? 'You may leave this page, and come back to ' +
		'its address.' : '';
}

function watch(job) {
	busy(true);
	$('#export-result').hidden = true;
	const late = setTimeout(() => {
		if (!job.state && view.job === job && fields.disabled)
			said.textContent = BUSY;
	}, LATE);
	job.onprogress = ({jobId, status}) => {
		clearTimeout(late);
		if (jobId)
			history.replaceState(null, '', `#${jobId}`);
		if (OPEN.includes(status))
			busy(true);
	};
	view.job = job;
}

view.addEventListener('done', ({detail}) => {
	show(detail);
	busy(false);
});
view.addEventListener('failed', ({detail: error}) => {
	needSignIn(error);
	const [title, text] = own[error.type] ?? trouble(error);
	$('#export-trouble').replaceChildren(
		fill('trouble', {h3: title, p: text}));
	busy(false);
});

const sender = onDemand(form, async () => (await Promise.all([
	import('./api.mjs'), import('/requests.mjs')]))[0].api);

form.addEventListener('submit', async (event) => {
	event.preventDefault();
	const body = {vrn: form.vrn.value, year: form.year.value};
	busy(true);
	try {
		const api = await sender();
		watch(api.submit('POST v1/hmrc/vat/export', body,
			{key: `export ${body.vrn} ${body.year}`}));
	} catch (error) {
		busy(false);
		said.textContent = trouble(error).join('. ');
	}
});

/* What this window sent, or the one that the address names. */
async function resume() {
	const api = await sender();
	const kept = api.kept().filter(({key}) => KEY.test(key)).pop();
	const named = /^#(job_[\w-]{48})$/.exec(location.hash);
	if (kept)
		[, form.vrn.value, form.year.value] = KEY.exec(kept.key);
	const job = kept && api.resume(kept.key) ||
		named && api.follow(`/api/jobs/${named[1]}`);
	if (job)
		watch(job);
}
if (!needSignIn() && (hasSent() || location.hash))
	await resume();
