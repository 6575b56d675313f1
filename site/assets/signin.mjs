/*
 * Signing in and out. Where a button leads is worked out here: no server is
 * asked to begin a sign-in. Buttons and not links, because what is needed to
 * come back is kept for this window, and a link may be opened in another.
 */
const load = (name) => import(document.getElementById(`module-${name}`).href);
const [{go, url, logoutUrl}, {explain}, {person, forget}, {$, moment}] =
	await Promise.all(['oauth', 'signin-words', 'session', 'dom'].map(load));

/* The URL but for what is fresh. */
const constant = (id) => new URL(url(id,
	{state: '-', nonce: '-', challenge: '-'}));
const returnsTo = (id) =>
	new URL(constant(id).searchParams.get('redirect_uri'));

/*
 * The same site under another name, localhost say: what is kept here would not
 * be found there, where the provider sends people.
 */
function elsewhere(said, {origin}) {
	const link = document.createElement('a');
	link.href = link.textContent = new URL('/#sign-in', origin).href;
	said.replaceChildren('Signing in works at our own address only: ',
		link);
}

function press(button) {
	const id = button.dataset.signIn;
	const said = $('[role=status]', button.closest('.provider'));
	button.addEventListener('click', async () => {
		said.textContent = '';
		if (returnsTo(id).origin !== location.origin)
			return elsewhere(said, returnsTo(id));
		try {
			await go(id, {
				returnTo: `${location.pathname}#sign-in`,
				params: id === 'cognito' ? {lang: document
					.documentElement.lang.slice(0, 2)} : {},
			});
		} catch (error) {
			const [title, text, code] = explain(error, id);
			said.textContent = `${title}. ${text} (${code})`;
		}
	});
}

/* What is constant about it; the rest is fresh at every press. */
function details(card) {
	const id = card.dataset.provider;
	const {host, searchParams} = constant(id);
	const rows = [
		['Takes you to', host],
		['Asks for', searchParams.get('scope')],
		['Back to', returnsTo(id).pathname],
		['Fresh each time', searchParams.has('nonce') ?
			'state, nonce, PKCE' : 'state, PKCE'],
	];
	$('dl', card).replaceChildren(...rows.map(([name, text]) => {
		const row = document.createElement('div');
		const dt = document.createElement('dt');
		const dd = document.createElement('dd');
		dt.textContent = name;
		dd.textContent = text;
		row.append(dt, dd);
		return row;
	}));
}

/* Who is signed in, in the card and at the top. */
function show() {
	const who = person();
	$('#account .out').hidden = !!who;
	$('#account .in').hidden = !who;
	$('#who').textContent = who ? who.name : 'Sign in';
	$('#sign-in-said').textContent = who ? `Signed in as ${who.name}.` :
		'Worked out in your browser; no server is asked.';
	if (!who) {
		$('#who').removeAttribute('aria-label');
		return;
	}
	$('#who').setAttribute('aria-label', `Signed in as ${who.name}`);
	$('#account .name').textContent = who.name;
	$('#account .email').textContent = who.email;
	$('#account time').dateTime = new Date(who.until).toISOString();
	$('#account time').textContent = moment(who.until);
	setTimeout(show, Math.min(who.until - Date.now() + 1, 2 ** 31 - 1));
}

for (const button of document.querySelectorAll('[data-sign-in]'))
	press(button);
for (const card of document.querySelectorAll('.provider'))
	details(card);
$('#sign-out').href = logoutUrl('cognito');
$('#sign-out').addEventListener('click', forget);
addEventListener('pageshow', show); /* Back may bring an old page */
show();
