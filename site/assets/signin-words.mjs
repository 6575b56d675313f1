/*
 * What went wrong with signing in, for the person it happened to: a title, what
 * it means and what to do. By the `code` of an OAuthError.
 */
const account = {
	who: 'Your account',
	denied: ['You did not sign in', 'You pressed Cancel, or your account ' +
		'did not let you in. Nothing has changed.'],
};
const hmrc = {who: 'HMRC'}; /* what it denies, the VAT page tells */
const about = {cognito: account, hmrc, 'hmrc:sandbox': hmrc};

const clock = ['The time is not right', 'The answer is not for this moment. ' +
	'If the clock of this device is wrong, set it, and start again.'];
const busy = (who) => [`${who} has a problem`,
	'Its service is not working right now. Try again in a few minutes.'];
const used = ['That did not count', 'The answer was used already, or it ' +
	'waited for too long. Start again; it takes a moment.'];
const foreign = ['We did not take this answer', 'It is not what we asked for, ' +
	'or not from where you were sent. Nobody was signed in. Start again.'];
const fault = ['Something is wrong with our page', 'It is not your doing, and ' +
	'nothing has changed. Try again; if it stays so, write to us and ' +
	'name the word at the end.'];
const no = (who) => ['That did not work', `${who} said no to it. Start again; ` +
	'if it stays so, write to us and name the word at the end.'];

const ours = ['We are very busy', 'You did nothing wrong: our server could ' +
	'not do the last step just now. Start again in a minute.'];

const words = {
	'needs-https': ['This page is not protected', 'Signing in works over ' +
		'https only. Look for the lock, or open our address anew ' +
		'with https:// before it.'],
	'no-storage': ['Your browser will not let us remember', 'While you are ' +
		'away we have to remember that it was you who began, and ' +
		'storage is blocked or full. Allow this site to keep data, ' +
		'or leave private browsing, and start again.'],
	'unknown-state': ['This belongs to no sign-in of this window', 'It was ' +
		'begun in another window or browser, or used already: going ' +
		'back to it does not work twice. Start again here.'],
	'state-expired': ['That took too long', 'For your safety a sign-in has ' +
		'to end within ten minutes. Start again.'],
	'repeated-parameter': ['We cannot read this answer',
		'Its address was changed on the way. Start again.'],
	'signed-out': ['Nobody is signed in any more', 'What HMRC allows is kept ' +
		'for one person, and for nobody it was not kept. Start again ' +
		'with your account; then give permission once more.'],
	'wrong-page': foreign,
	'issuer-mismatch': foreign,
	'no-code': ['The answer is empty', 'It holds neither a yes nor a no. ' +
		'Start again.'],
	'already-exchanged': used,
	invalid_grant: used,
	'token-expired': clock,
	'token-early': clock,
	unreachable: ['We cannot reach your account', 'You did nothing wrong: ' +
		'the connection failed at the last step. Check it, and start ' +
		'again.'],
};

function find(error, code, {who, denied}) {
	if (Object.hasOwn(words, code))
		return words[code];
	if (code === 'access_denied' && denied)
		return denied;
	if (/^(server_error|temporarily_unavailable|answer-.*)$/.test(code))
		return busy(who);
	/* the provider's trouble, and that of our own API (lib/problem.def) */
	if (/^(upstream-.*|outcome-unknown|job-failed)$/.test(code))
		return busy(who);
	if (/^(rate-limited|queue-full|store-.*|deadline-exceeded|internal)$/
		.test(code))
		return ours;
	if (/^token-|^no-(id|access)-token$/.test(code))
		return foreign;
	/* a provider's own codes have no hyphen (RFC 6749 4.1.2.1) */
	return error.name === 'OAuthError' && !code.includes('-') ? no(who) :
		fault;
}

/* [title, text, code] for an error met with this provider */
export function explain(error, provider) {
	const code = String(error.code ?? error.name);
	return [...find(error, code, about[provider] ?? account), code];
}
