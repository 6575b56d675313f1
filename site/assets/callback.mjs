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

/* A public client: the browser turns the code into tokens by itself. */
async function account(signIn) {
	const {claims} = await exchange(signIn);
	keep(claims);
	location.replace(signIn.returnTo);
}

/*
 * HMRC asks for a secret as well, so only a server may use its code. This
 * example has none that does, and does not pretend to.
 */
function permission({returnTo}) {
	$('#callback-back').href = returnTo;
	$('#callback-next').hidden = false;
	say('done', 'You gave permission', 'HMRC’s answer fits what you began ' +
		'in this window.');
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
