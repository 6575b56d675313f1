/*
 * The form: sent, followed by its ticket, answered. The page's import map leads
 * this address to the published file, and says what its bytes are.
 */
import {submit} from '/requests.mjs';

const show = (id, text) => {
	document.getElementById(id).textContent = text;
};
const form = document.getElementById('quote');
const button = form.querySelector('button');
const progress = document.getElementById('progress');

/* Called after every look at the ticket. */
function onStatus({status, jobId, progress: percent}) {
	show('ticket', jobId ?? '');
	show('said', `The request is ${status}.`);
	if (percent > 0)
		progress.value = percent;
}

async function send() {
	const body = {plan: form.plan.value, seats: Number(form.seats.value)};
	const {result} = await submit('POST', '/api/quote', {body, onStatus});
	show('said', 'Here is your quote.');
	show('result', `${result.number}: ${result.total} a month`);
	progress.value = 100;
}

form.addEventListener('submit', async (event) => {
	event.preventDefault();
	button.disabled = true;
	progress.removeAttribute('value');
	document.getElementById('answer').hidden = false;
	show('said', 'Sending …');
	show('ticket', '');
	show('result', '');
	try {
		await send();
	} catch (error) {
		show('said', error.body?.message ?? error.message);
		progress.value = 0;
	} finally {
		button.disabled = false;
	}
});
