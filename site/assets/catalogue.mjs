/*
 * The catalogue's page is made when the site is built, and needs no script to
 * be read. What is done here can wait until the browser has nothing else to do:
 * whether another version is out by now.
 */

const $ = (selector, within = document) => within.querySelector(selector);
const POINTER = '/products.json';
const EVERY = 60000; /* ms between looks, while the page is seen */

/* The catalogue in place of what is there, by copies of the first of each. */
function list(box, all, write) {
	const sample = box.firstElementChild;
	box.replaceChildren(...all.map((one) => {
		const made = sample.cloneNode(true);
		for (const [selector, text] of Object.entries(write(one, made)))
			$(selector, made).textContent = text;
		return made;
	}));
}

function bundle({id, name, summary, price, activities}, made) {
	made.dataset.id = id;
	list($('ul', made), activities, (activity, item) => {
		item.textContent = activity;
		return {};
	});
	return {h3: name, '.summary': summary, '.price span': price};
}

function activity({name, summary, price, on_top: onTop, requires}) {
	return {h3: name, '.summary': summary,
		'.on-top': onTop ? `£${price} a month on top of a bundle. ` : '',
		'.requires': requires.map((r) => `Needs: ${r}.`).join(' ')};
}

function show({value, version, url}) {
	list($('#bundle-list'), value.bundles, bundle);
	list($('#activity-list'), value.activities, activity);
	$('#catalogue-version').textContent = version;
	$('#catalogue-json').href = url;
	$('#catalogue-toml').href = url.replace(/json$/, 'toml');
}

const shown = () => $('#catalogue-version').textContent;

/* Said, and shown when it is wanted: prices do not change under one's eyes. */
function tell(catalogue, version) {
	const news = $('#catalogue-news');
	/* what is kept may be older than the page */
	if (version === shown())
		return;
	const button = document.createElement('button');
	button.className = 'plain';
	button.textContent = 'Show it';
	button.addEventListener('click', async () => {
		await catalogue.update();
		if (catalogue.stale && catalogue.version !== version) {
			news.replaceChildren(`Version ${version} is out, but ` +
				'cannot be had at the moment. ', button);
			button.focus();
			return;
		}
		show(catalogue);
		news.textContent = `This is version ${catalogue.version}.`;
		integrity().catch(() => {});
		$('#bundles-title').focus();
	});
	news.replaceChildren(`Version ${version} is out. `, button);
}

async function integrity() {
	const box = $('#catalogue-integrity');
	box.textContent = '';
	const {integrity: bytes} = await (await fetch(POINTER)).json();
	box.textContent = bytes;
}

async function look() {
	const {openCatalogue} = await import('/catalogue.mjs');
	const known = {...$('#bundle-list').dataset};
	const catalogue = await openCatalogue(POINTER, {known, every: EVERY});
	/* what was read before may be newer than a page that was left behind */
	if (!catalogue.stale)
		tell(catalogue, catalogue.version);
	catalogue.addEventListener('version', ({detail}) =>
		tell(catalogue, detail));
	await catalogue.check();
}

const idle = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 200));
addEventListener('load', () => idle(() => look().catch(() => {
	/* the page is what it was: good, if perhaps not the latest */
})));
