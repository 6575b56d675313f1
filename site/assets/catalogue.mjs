/*
 * The catalogue: products.json points at the current version; the file it
 * names never changes, so it comes out of the cache after the first time.
 * And bundles, which are asked for and shown at once, then confirmed.
 */
const load = (name) => import(document.getElementById(`module-${name}`).href);
const [{submit}, {$, fill, money, trouble}] =
	await Promise.all([load('requests'), load('dom')]);

async function json(url, init) {
	const answer = await fetch(url, init);
	if (!answer.ok)
		throw new Error(`${url}: ${answer.status}`);
	return answer.json();
}

async function read() {
	const pointer = '/products.json';
	const {version, url, integrity} = await json(pointer);
	const place = new URL(url, new URL(pointer, location.href));
	return {catalogue: await json(place, {integrity}), version,
		file: place.pathname};
}

/* Shown as added before the server has said a word. */
async function add(card, bundleId) {
	const button = $('button', card);
	const told = $('.bundle-said', card);
	button.disabled = true;
	card.dataset.state = 'asked';
	told.textContent = 'Added. Confirming…';
	try {
		const {result} = await submit('POST', '/api/v1/bundle', {
			body: {bundleId}, wait: 0,
			onStatus: ({status}) => card.dataset.state = status,
		});
		card.dataset.state = 'completed';
		card.dataset.bundle = result?.id ?? '';
		told.textContent = 'Yours. Confirmed.';
		button.textContent = 'Added';
	} catch (error) {
		card.dataset.state = 'failed';
		told.textContent = `Not added. ${trouble(error)[1]}`;
		button.disabled = false;
	}
}

function bundle([id, {name, summary, price, activities}], all) {
	const card = fill('bundle', {
		h3: name, '.summary': summary,
		'.price': price ? `${money(price / 100)} a month` : 'Free',
	});
	card.dataset.id = id;
	for (const activity of activities) {
		const item = document.createElement('li');
		item.textContent = all[activity].name;
		$('ul', card).append(item);
	}
	const button = $('button', card);
	button.setAttribute('aria-label', `Add ${name}`);
	button.addEventListener('click', () => add(card, id));
	return card;
}

function activity({name, summary, price, requires = []}, all) {
	const more = [
		price ? `${money(price / 100)} a month on top.` : '',
		requires.length ? `Needs ${requires.map((r) => all[r].name)
			.join(' and ')}.` : '',
	];
	return fill('activity', {h4: name,
		p: [summary, ...more].join(' ').trim()});
}

try {
	const {catalogue, version, file} = await read();
	const all = catalogue.activities;
	$('#bundle-list').replaceChildren(
		...Object.entries(catalogue.bundles)
			.sort(([, a], [, b]) => a.price - b.price)
			.map((one) => bundle(one, all)));
	$('#activity-list').replaceChildren(
		...Object.values(all).map((one) => activity(one, all)));
	const link = document.createElement('a');
	link.href = file;
	link.textContent = `Catalogue ${version}`;
	$('#catalogue-said').replaceChildren(link);
} catch (error) {
	$('#catalogue-said').textContent =
		'The catalogue cannot be read at the moment.';
	console.warn(error);
}
$('#bundle-list').removeAttribute('aria-busy');
