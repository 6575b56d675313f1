/*
 * oauth.mjs when people are back: finish(), a test for each of its lines.
 */
import {test, ok, equal, done} from '../tap.mjs';
import {HOME, comeBack, ends, finish, give, keys, onPage, query, refused,
	sha256, storageOf, strange} from './oauth-kit.mjs';

test('finish(): the code, once, and the address is clean', async () => {
	const {sent, storage, noted} = await comeBack({code: 'c0de',
		iss: 'https://idp.example/pool'}, {more: '#frag'});
	const {verifier, ...rest} = finish();
	equal(noted.replaced, [[null, `${HOME}auth/cognito.html`]]);
	equal(sha256(verifier), query(sent).code_challenge);
	equal(rest, {provider: 'cognito', code: 'c0de',
		nonce: query(sent).nonce, returnTo: '/a?b=1#c',
		redirectUri: `${HOME}auth/cognito.html`});
	equal(keys(storage), []);
});
test('finish(): again on the cleaned page: unknown-state', async () => {
	const {storage, state} = await comeBack({code: 'c'});
	const before = location.href;
	equal(finish().code, 'c');
	await refused(finish, 'unknown-state');
	/* and with the very same address, by hand */
	onPage(before, storage);
	await refused(finish, 'unknown-state');
	equal([keys(storage), state.length], [[], 43]);
});
test('finish(): no nonce, no challenge was sent: none is given',
	async () => {
		await comeBack({code: 'c'}, {id: 'hmrc'});
		const {nonce, verifier} = finish();
		equal([nonce, verifier.length], [undefined, 43]);
		await comeBack({code: 'c'}, {id: 'odd'});
		const odd = finish();
		equal([odd.verifier, odd.nonce.length], [undefined, 43]);
	});
test('finish(): the address is cleaned before anything else',
	async () => {
		onPage(`${HOME}auth/hmrc.html?code=c&state=s`);
		give('sessionStorage', () => {
			equal(location.href, `${HOME}auth/hmrc.html`);
			throw new DOMException('no', 'SecurityError');
		});
		await refused(finish, 'no-storage');
		/* answers that come where none is looked for, too */
		onPage(`${HOME}auth/hmrc.html#access_token=x`);
		await refused(finish, 'unknown-state');
		equal(location.href, `${HOME}auth/hmrc.html`);
		/* wherever a path that begins with two slashes leads */
		onPage(`${HOME}/evil.example/?code=c&state=s`);
		await refused(finish, 'unknown-state');
		equal(location.href, `${HOME}/evil.example/`);
	});
test('finish(): no state, and states of nobody', async () => {
	const {storage, state} = await comeBack({code: 'c'});
	storage['oauth.'] = storage['oauth.undefined'] = 'x';
	for (const answer of ['', 'code=c', 'code=c&state=', 'code=c&state',
		'error=access_denied', 'error=server_error&state=',
		'code=c&state=nobody', 'code=c&state=toString',
		'code=c&state=__proto__', 'code=c&state=constructor',
		`code=c&state=${state}x`, `code=c&State=${state}`,
		`code=c&state=${state.toUpperCase()}`,
		`code=c&state=oauth.${state}`]) {
		onPage(`${HOME}auth/cognito.html?${answer}`, storage);
		await refused(finish, 'unknown-state');
		ok(keys(storage).includes(`oauth.${state}`));
	}
	/* what was ours is as it was */
	onPage(`${HOME}auth/cognito.html?code=c&state=${state}`, storage);
	equal(finish().code, 'c');
});
test('finish(): what is said twice', async () => {
	for (const more of ['&code=d', '&code=c', '&code=', '&state=x',
		'&error=a&error=b', '&x=1&x=2', '&c%6fde=d',
		'&__proto__=1&__proto__=2', '&toString=&toString=']) {
		const {storage, state, noted} = await comeBack(
			{code: 'c'}, {more});
		await refused(finish, 'repeated-parameter');
		equal(noted.replaced.length, 1);
		equal(keys(storage), [`oauth.${state}`]);
	}
	await comeBack({code: 'c'}, {more: '&toString=1&__proto__=2' +
		'&constructor=3&hasOwnProperty=4&then='});
	equal(finish().code, 'c');
});
test('finish(): too late, to the millisecond', async () => {
	for (const [left, code] of [[-1, 'state-expired'],
		[-3600e3, 'state-expired'], [60e3, null]]) {
		const {state, storage} = await comeBack({code: 'c'});
		const key = `oauth.${state}`;
		storage[key] = storage[key].replace(/^\d+/,
			Date.now() + left);
		if (code)
			await refused(finish, code);
		else
			equal(finish().code, 'c');
		equal(keys(storage), []);
	}
	/* nor is an error of the provider's worth more then */
	const {state, storage} = await comeBack({error: 'access_denied'});
	storage[`oauth.${state}`] = storage[`oauth.${state}`]
		.replace(/^\d+/, 1);
	await refused(finish, 'state-expired');
});
test('finish(): records of an older release, and damaged ones',
	async () => {
		const soon = Date.now() + 60e3;
		for (const [record, code] of [
			['', 'unknown-state'],
			['{', 'unknown-state'],
			['null', 'unknown-state'],
			['[object Object]', 'unknown-state'],
			[`${soon}`, 'unknown-state'],
			[`${soon} gone v n /`, 'unknown-state'],
			[`${soon} toString v n /`, 'unknown-state'],
			[`${soon} __proto__ v n /`, 'unknown-state'],
			[`${Date.now()}{"id":"cognito","verifier":"v"}`,
				'unknown-state'],
			[' cognito v n /', 'state-expired'],
			['NaN cognito v n /', 'state-expired'],
			['x cognito v n /', 'state-expired'],
			...strange.filter((to) => to && !/\s/.test(to))
				.map((to) => [`${soon} cognito v n ${to}`,
					'return-to']),
		]) {
			const {state, storage} = await comeBack({code: 'c'});
			storage[`oauth.${state}`] = record;
			await refused(finish, code);
			equal(keys(storage), [], record);
		}
	});
test('finish(): on another provider\'s page', async () => {
	const text = `${HOME}auth/cognito.html`;
	for (const to of ['auth/hmrc.html', 'auth/cognito', '', 'auth/',
		'auth/cognito.html/', 'auth/cognito.html2',
		'auth/cognito.htm', 'x/auth/cognito.html',
		'auth/Cognito.html', 'auth/cognito%2Ehtml'])
		await ends('wrong-page', {code: 'c'},
			{to: HOME + to, text});
	await ends('wrong-page', {error: 'access_denied'},
		{to: `${HOME}auth/hmrc.html`});
	await ends('wrong-page', {code: 'c'}, {id: 'hmrc',
		to: `${HOME}auth/hmrc.html2`});
	await ends('wrong-page', {code: 'c'},
		{to: `https://evil.example/?${text}`});
});
test('finish(): a redirect with a query of its own', async () => {
	const id = 'asks';
	const page = `${HOME}auth/asks`;
	const back = 'HTTPS://www.VAT.example:443/auth/asks?from=op3';
	equal((await comeBack({code: 'c'}, {id})).back, back);
	equal(finish().redirectUri, back);
	for (const to of [page, `${page}?from=op`, `${page}?from=op34`,
		`${page}?a=1`, `${page}?From=op3`])
		await ends('wrong-page', {code: 'c'},
			{id, to});
});
test('finish(): whose answer it is (RFC 9207)', async () => {
	for (const iss of ['https://idp.example/other',
		'https://idp.example/pool/', 'https://IDP.example/pool',
		'https://idp.example', '', 'undefined'])
		for (const answer of [{code: 'c'}, {error: 'e'}])
			await ends('issuer-mismatch', {...answer, iss});
	await comeBack({code: 'c'});
	equal(finish().code, 'c');
	/* where none is known, none is looked at */
	await comeBack({code: 'c', iss: 'https://x.example'},
		{id: 'hmrc'});
	equal(finish().code, 'c');
});
test('finish(): whose answer it is, where that must be said', async () => {
	const id = 'insists';
	for (const answer of [{}, {iss: ''}, {iss: 'https://op.example'}])
		for (const what of [{code: 'c'}, {error: 'e'}])
			await ends('issuer-mismatch', {...what, ...answer},
				{id});
	await comeBack({code: 'c', iss: 'https://op2.example'}, {id});
	equal(finish().code, 'c');
});
test('finish(): what the provider says, in its words', async () => {
	await ends('access_denied', {error: 'access_denied',
		error_description: 'No.'}, {text: 'No.'});
	await ends('server_error', {error: 'server_error'},
		{text: 'server_error'});
	await ends('e', {error: 'e', error_description: '', code: 'c'});
	/* an error that is empty is none */
	await comeBack({error: '', code: 'c'});
	equal(finish().code, 'c');
});
test('finish(): of several things, the first is told', async () => {
	const iss = 'https://x.example';
	const to = `${HOME}auth/hmrc.html`;
	const late = async (more = '') => {
		const {state, storage} = await comeBack({error: 'e', iss},
			{to, more});
		storage[`oauth.${state}`] = storage[`oauth.${state}`]
			.replace(/^\d+/, 1);
	};
	await late('&x&x');
	await refused(finish, 'repeated-parameter');
	await late();
	await refused(finish, 'state-expired');
	await ends('wrong-page', {error: 'e', iss}, {to});
	await ends('issuer-mismatch', {error: 'e', iss});
	await ends('e', {error: 'e', code: 'c'});
});
test('finish(): neither a code nor an error', async () => {
	await ends('no-code', {});
	await ends('no-code', {code: ''});
	await ends('no-code', {access_token: 'x', id_token: 'y'});
});
test('finish(): storage that is disabled, or gone by then', async () => {
	for (const broken of [
		() => {
			throw new DOMException('no', 'SecurityError');
		},
		() => null,
	]) {
		const {noted} = await comeBack({code: 'c'});
		give('sessionStorage', broken);
		await refused(finish, 'no-storage');
		equal(noted.replaced.length, 1);
	}
});
test('finish(): a full storage has room for what it takes', async () => {
	const storage = storageOf(1);
	await comeBack({code: 'c'}, {storage});
	equal(finish().code, 'c');
	equal(keys(storage), []);
});
test('two tabs do not meet', async () => {
	const [a, b] = [await comeBack({code: 'a'}),
		await comeBack({code: 'b'})];
	const page = `${HOME}auth/cognito.html?code=x&state=`;
	onPage(page + a.state, b.storage);
	await refused(finish, 'unknown-state');
	onPage(page + b.state, b.storage);
	equal(finish().code, 'x');
	onPage(page + a.state, a.storage);
	equal(finish().code, 'x');
});
await done();
