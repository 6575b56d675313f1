/*
 * The page a provider sends people back to. <html data-provider> says which one
 * it is for. Where the answer is good and there is nothing to be read, the
 * person is back where it began; `replace`, so that Back does not come here.
 */
const load = (name) => import(document.getElementById(`module-${name}`).href);
const [{finish, go}, {exchange}, {explain}, {keep, person}, {$}] =
	await Promise.all(['oauth', 'oauth-tokens', 'signin-words', 'session',
		'dom'].map(load));
const {provider} = document.documentElement.dataset;

function say(state, title, text, code = '') {
	const box = $('#callback');
	box.dataset.state = state;
	$('h1').textContent = title;
	$('#callback-said').textContent = text;
	$('#callback-code').textContent = code;
	$('#callback-code').parentElement.hidden = !code;
	document.title = `${title} · ${document.title.split(' · ').at(-1)}`;
	box.removeAttribute('aria-busy');
}

/* The code goes to our own API, which has what a page must not: a secret. */
async function account(signIn) {
	const {claims} = await exchange(signIn);
	keep(claims);
	location.replace(signIn.returnTo);
}

/* What the token opens is for the next page; a real site would file with it. */
async function permission(signIn) {
	const {expires_in: seconds} = await exchange(signIn);
	$('#callback-back').href = signIn.returnTo;
	$('#callback-next').hidden = false;
	say('done', 'You gave permission', 'HMRC gave us access in your name' +
		(seconds ? `, at first for ${Math.round(seconds / 3600)} hours.` :
			'.'));
}

function failed(error) {
	const who = person();
	if (error.code === 'unknown-state' && who && provider === 'cognito') {
		say('done', 'You are signed in already', `As ${who.name}. This ` +
			'page has nothing left to do; going back to it does ' +
			'not sign you in twice.');
		return;
	}
	say('failed', ...explain(error, provider));
	const again = $('#callback-again');
	again.hidden = false;
	again.addEventListener('click', () => go(provider,
		{returnTo: '/#sign-in'}).catch(failed), {once: true});
}

try {
	const signIn = finish();
	await (signIn.provider === 'cognito' ? account : permission)(signIn);
} catch (error) {
	failed(error);
}
