/* What the page's other modules share. */

/* A copy of <template id=t-…> with texts put in: {'.due': '7 May'} */
export function fill(id, texts = {}) {
	const {content} = document.getElementById(`t-${id}`);
	const made = content.cloneNode(true).firstElementChild;
	for (const [selector, text] of Object.entries(texts))
		made.querySelector(selector).textContent = text;
	return made;
}

export const $ = (selector, within = document) =>
	within.querySelector(selector);

const pounds = new Intl.NumberFormat('en-GB',
	{style: 'currency', currency: 'GBP'});
const days = new Intl.DateTimeFormat('en-GB',
	{day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC'});
const months = new Intl.DateTimeFormat('en-GB',
	{month: 'short', year: 'numeric', timeZone: 'UTC'});
const moments = new Intl.DateTimeFormat('en-GB',
	{dateStyle: 'long', timeStyle: 'short'});

export const money = (amount) => pounds.format(amount);
export const day = (text) => days.format(new Date(text));
export const month = (text) => months.format(new Date(text));
export const moment = (text) => moments.format(new Date(text));

/* What went wrong, for a person: [title, text] by the problem's name. */
const troubles = {
	'outcome-unknown': ['We do not know whether it arrived',
		'HMRC hung up before it answered. We have not sent it again, ' +
		'so nothing is filed twice. Look under “What is due” before ' +
		'you do.'],
	held: ['We do not know whether it arrived',
		'HMRC hung up before it answered. We have not sent it again, ' +
		'so nothing is filed twice. Somebody here now looks into ' +
		'HMRC’s books; you need not wait.'],
	'upstream-error': ['HMRC has a problem',
		'Its service failed. Try again in a few minutes.'],
	'upstream-timeout': ['HMRC took too long',
		'No answer came in time. Try again in a few minutes.'],
	'deadline-exceeded': ['It took too long',
		'We gave up after waiting for HMRC. Try again later.'],
	'job-cancelled': ['Cancelled', 'It was not sent.'],
	network: ['We cannot be reached',
		'Check your connection. What was accepted goes on without you.'],
};

export function trouble(error) {
	const said = error.body?.message;
	if (error.type === 'upstream-refused' && said)
		return ['HMRC did not accept it', `${said}.`];
	return troubles[error.type] ??
		[error.title ?? 'That did not work', error.message];
}
