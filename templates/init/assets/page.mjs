/*
 * The form: sent, watched by its ticket, answered. The page's import map leads
 * this address to the published file, and says what its bytes are.
 */
import {connect} from '/requests.mjs';

const api = connect({base: '/api/'});
const key = 'quote'; /* what is under way is found again after a reload */
const at = (id) => document.getElementById(id);
const form = at('quote');
const button = form.querySelector('button');

/* What has no words of its own: nothing is lost, the same is sent once. */
const words = {
	network: 'The server cannot be reached. Ask again in a while.',
	'still-running': 'This takes longer than usual. Reload to look again.',
};

/* Each state that is new, until it has ended. */
function show({status, jobId, progress, message}) {
	at('ticket').textContent = jobId ?? '';
	at('said').textContent = message ?? `The request is ${status}.`;
	if (progress > 0)
		at('progress').value = progress;
}

async function watch(job) {
	at('answer').hidden = false;
	at('said').textContent = 'Sending …';
	at('ticket').textContent = at('result').textContent = '';
	at('progress').removeAttribute('value');
	at('progress').hidden = false;
	button.disabled = true;
	try {
		for await (const state of job)
			show(state);
		const {number, total} = await job.result();
		at('said').textContent = 'Here is your quote.';
		at('result').textContent = `${number}: ${total} a month`;
	} catch (error) { /* what the service said, or what is known instead */
		at('said').textContent = error.body?.message ??
			words[error.type] ?? error.message;
	}
	button.disabled = false;
	at('progress').hidden = true;
}

form.addEventListener('submit', (event) => {
	event.preventDefault();
	const body = {plan: form.plan.value, seats: Number(form.seats.value)};
	watch(api.submit('quote', body, {key}));
});

const underway = api.resume(key);
if (underway)
	watch(underway);
