/* The return: form, progress, receipt; and what is due. */
const load = (name) => import(document.getElementById(`module-${name}`).href);
const [{submit}, {$, fill, money, day, month, moment, trouble}] =
	await Promise.all([load('requests'), load('dom')]);

const form = $('#return-form');
const panel = $('#return-status');
const said = $('#return-said');
const number = (name) => Number(form.elements[name].value || 0);
const cents = (amount) => Math.round(amount * 100) / 100;

/* Boxes 3 and 5 follow from the others. */
function sums() {
	const due = cents(number('vatDueSales') + number('vatDueAcquisitions'));
	const net = cents(due - number('vatReclaimedCurrPeriod'));
	$('#box3').textContent = money(due);
	$('#box5').textContent = money(Math.abs(net));
	$('#net-label').firstChild.data = net < 0 ? 'To get back ' : 'To pay ';
	return {totalVatDue: due, netVatDue: Math.abs(net)};
}

function written() {
	const value = {vrn: form.vrn.value, periodKey: form.periodKey.value};
	for (const input of form.querySelectorAll('[type=number]'))
		value[input.name] = number(input.name);
	return {...value, ...sums(), finalised: form.finalised.checked};
}

/* Seconds since it was sent, seconds until the next look. */
function clock() {
	const begun = performance.now();
	let next = null;
	const show = () => {
		const now = performance.now();
		$('#elapsed').textContent =
			`${Math.floor((now - begun) / 1000)} s so far.`;
		const left = Math.ceil((next - now) / 1000);
		$('#next-look').textContent = next === null ? '' :
			left > 0 ? `Next look in ${left} s.` : 'Looking…';
	};
	const timer = setInterval(show, 200);
	return {
		look(ms) {
			next = ms === null ? null : performance.now() + ms;
			show();
		},
		stop: () => clearInterval(timer),
	};
}

const spoken = {
	accepted: 'Accepted. We are taking it to HMRC.',
	pending: 'Waiting its turn.',
	processing: 'HMRC is looking at it.',
};

function progress({status, progress: percent, jobId}) {
	panel.dataset.state = status === 'pending' ? 'accepted' : status;
	$('#ticket').textContent = jobId ?? '';
	if (percent > 0)
		$('#return-progress').value = percent;
	if (spoken[status] && said.textContent !== spoken[status])
		said.textContent = spoken[status];
}

function receipt(got, sent) {
	return fill('receipt', {
		'.bundle-number': got.formBundleNumber,
		'.processed': moment(got.processingDate),
		'.charge': got.chargeRefNumber ?? 'none',
		'.payment': `${money(sent.netVatDue)} by ${
			got.paymentIndicator === 'DD' ? 'direct debit' :
				'bank transfer'}`,
	});
}

async function send() {
	const body = written();
	const scenario = $('#scenario')?.value;
	const time = clock();
	panel.dataset.state = 'sending';
	said.textContent = 'Sending…';
	$('.watch', panel).hidden = false;
	$('#return-progress').removeAttribute('value');
	$('#submit-return').disabled = true;
	panel.scrollIntoView({block: 'nearest'});
	try {
		const {result} = await submit('POST', '/api/v1/hmrc/vat/return', {
			body,
			headers: scenario ? {'gov-test-scenario': scenario} : {},
			onStatus(document, nextLookMs) {
				progress(document);
				time.look(nextLookMs);
				/* somebody decides, tomorrow perhaps */
				if (document.held)
					throw Object.assign(new Error(
						document.message),
					{type: 'held'});
			},
		});
		panel.dataset.state = 'completed';
		said.replaceChildren(receipt(result, body));
	} catch (error) {
		const [title, text] = trouble(error);
		panel.dataset.state = 'failed';
		said.replaceChildren(fill('trouble', {h4: title, p: text}));
	} finally {
		time.stop();
		$('.watch', panel).hidden = true;
		$('#submit-return').disabled = false;
		form.finalised.checked = false;
		panel.scrollIntoView({block: 'nearest'});
	}
	await obligations();
}

function list(found) {
	const now = Date.now();
	$('#obligation-list').replaceChildren(...found.map((o) => {
		const open = o.status === 'O';
		const late = open && Date.parse(o.due) + 864e5 < now;
		const item = fill('obligation', {
			'.period': `${month(o.start)} to ${month(o.end)}`,
			'.due': open ? `due ${day(o.due)}` :
				`received ${day(o.received)}`,
			'.badge': late ? 'overdue' : open ? 'open' : 'filed',
		});
		item.dataset.state = late ? 'late' : open ? 'open' : 'filed';
		return item;
	}));
	const open = found.filter((o) => o.status === 'O');
	form.periodKey.replaceChildren(...open.map((o) => new Option(
		`${month(o.start)} to ${month(o.end)}`, o.periodKey)));
	if (!open.length)
		form.periodKey.append(new Option('Everything is filed', ''));
	return open.length;
}

let asking = null;
async function obligations() {
	asking?.abort();
	if (!form.vrn.checkValidity() || !form.vrn.value)
		return;
	const {signal} = asking = new AbortController();
	const box = $('#obligations');
	const year = new Date().getUTCFullYear();
	const query = new URLSearchParams({vrn: form.vrn.value,
		from: `${year - 1}-01-01`, to: `${year}-12-31`});
	box.setAttribute('aria-busy', 'true');
	try {
		const {result} = await submit('GET',
			`/api/v1/hmrc/vat/obligation?${query}`, {signal});
		const open = list(result.obligations);
		$('#obligations-said').textContent = open === 0 ?
			'Nothing is open. Well done.' :
			open === 1 ? 'One period is open.' :
				`${open} periods are open.`;
	} catch (error) {
		if (signal.aborted)
			return;
		$('#obligation-list').replaceChildren();
		$('#obligations-said').textContent =
			trouble(error).join('. ').replace(/\.\.$/, '.');
	}
	box.removeAttribute('aria-busy');
}

form.addEventListener('input', sums);
form.vrn.addEventListener('change', obligations);
form.addEventListener('submit', (event) => {
	event.preventDefault();
	send();
});
sums();
await obligations();
