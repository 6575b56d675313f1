/* Sign-in links, worked out here: no server is asked to begin one. */
const load = (name) => import(document.getElementById(`module-${name}`).href);
const [{begin, go}, {$}] = await Promise.all([load('oauth'), load('dom')]);

const requests = () => performance.getEntriesByType('resource').filter((e) =>
	['fetch', 'xmlhttprequest', 'beacon'].includes(e.initiatorType) &&
	/oauth|auth\//.test(e.name)).length;

function details(list, address) {
	const {host, searchParams} = new URL(address);
	const short = (name) => `${searchParams.get(name)?.slice(0, 12)}…`;
	const rows = {
		Takes_you_to: host,
		Back_to: new URL(searchParams.get('redirect_uri')).pathname,
		State: short('state'),
		Challenge: `${short('code_challenge')} (${
			searchParams.get('code_challenge_method')})`,
	};
	list.replaceChildren(...Object.entries(rows).map(([name, text]) => {
		const row = document.createElement('div');
		const dt = document.createElement('dt');
		const dd = document.createElement('dd');
		dt.textContent = name.replace(/_/g, ' ');
		dd.textContent = text;
		row.append(dt, dd);
		return row;
	}));
}

try {
	const before = requests();
	for (const card of document.querySelectorAll('[data-provider]')) {
		const id = card.dataset.provider;
		const link = $('a', card);
		link.href = await begin(id, {returnTo: '/'});
		details($('dl', card), link.href);
		/* a fresh state for every click: one is used once */
		link.addEventListener('click', (event) => {
			event.preventDefault();
			go(id, {returnTo: '/'});
		});
	}
	const asked = requests() - before;
	$('#sign-in-said').textContent = asked === 0 ?
		'Worked out in your browser; no server was asked.' :
		`${asked} requests were made.`;
} catch (error) {
	$('#sign-in-said').textContent = error.code === 'needs-https' ?
		'Signing in needs a page served over https.' :
		`Signing in does not work here: ${error.message}`;
}
