/* The page a provider sends people back to. */
const {finish} = await import(document.getElementById('module-oauth').href);

const texts = {
	'unknown-state': 'This answer does not belong to a sign-in begun in ' +
		'this window. Start again.',
	'state-expired': 'That took too long. Start again.',
	access_denied: 'You did not give permission. Nothing has changed.',
};
const title = document.getElementById('callback-title');
const said = document.getElementById('callback-said');

try {
	const {provider} = finish();
	title.textContent = 'You are back';
	said.textContent = `The answer from ${
		provider === 'hmrc' ? 'HMRC' : 'your account'} fits the sign-in ` +
		'you began here.';
	document.body.dataset.provider = provider;
} catch (error) {
	title.textContent = 'That did not work';
	said.textContent = texts[error.code] ?? error.message;
	document.body.dataset.error = error.code;
}
