/*
 * The page a provider sends people back to. <html data-provider> says which one
 * it is for. Where the answer is good and there is nothing to be read, the
 * person is back where it began; `replace`, so that Back does not come here.
 */
import {finish, go} from '/oauth.mjs';
import {exchange} from '/oauth-tokens.mjs';
import {explain} from './signin-words.mjs';
import {keep, permit, person} from './session.mjs';
import {$} from './page.mjs';

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

/*
 * What others have read here: who closes the window has not signed out. See
 * cache.mjs and catalogue.mjs for the names; the catalogue is for all, as is
 * what the receipts' worker keeps (`lowtide-page:`).
 */
async function letGo(sub) {
	const stay = ['lowtide:catalogue', `lowtide:${sub}`];
	const names = await globalThis.caches?.keys() ?? [];
	await Promise.all(names.filter((name) => name.startsWith('lowtide:') &&
		!stay.includes(name)).map((name) => caches.delete(name)));
}

/* The code goes to our own API, which has what a page must not: a secret. */
async function account(signIn) {
	const got = await exchange(signIn);
	keep(got);
	await letGo(got.claims.sub).catch(() => {});
	location.replace(signIn.returnTo);
}

/*
 * What the token opens is for the pages that file, and for who is signed in: for
 * nobody it is not fetched.
 */
async function permission(signIn) {
	const got = person() && await exchange(signIn);
	if (!got || !permit(got, signIn.provider))
		throw Object.assign(new Error('nobody'), {code: 'signed-out'});
	const {expires_in: seconds} = got;
	$('#callback-back').href = signIn.returnTo;
	$('#callback-next').hidden = false;
	say('done', 'You gave permission', 'HMRC gave us access in your name' +
		(seconds ? `, at first for ${Math.round(seconds / 3600)} hours.` :
			'.'));
}

/* A no from HMRC is for the page that needs a yes: it says so, and asks anew. */
const refused = (error) => error.code === 'access_denied' &&
	provider !== 'cognito';

function failed(error) {
	const who = person();
	if (refused(error)) {
		location.replace('/vat.html#refused');
		return;
	}
	if (error.code === 'unknown-state' && who && provider === 'cognito') {
		say('done', 'You are signed in already', `As ${who.name}. This ` +
			'page has nothing left to do; going back to it does ' +
			'not sign you in twice.');
		return;
	}
	say('failed', ...explain(error, provider));
	const again = $('#callback-again');
	const first = error.code === 'signed-out' ? 'cognito' : provider;
	again.hidden = false;
	again.addEventListener('click', () => go(first,
		{returnTo: '/sign-in.html'}).catch(failed), {once: true});
}

try {
	const signIn = finish();
	await (signIn.provider === 'cognito' ? account : permission)(signIn);
} catch (error) {
	failed(error);
}
