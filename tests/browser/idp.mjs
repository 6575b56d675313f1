/*
 * A real OpenID provider for tests: Debian's glewlwyd, on loopback, with a
 * database of its own in a temporary folder. Nothing of it is the machine's:
 * any user may start one, and several, and what it is given (keys, passwords,
 * port) is made as it starts.
 *
 *	const idp = await provider({alg: 'ES256',
 *		users: {alice: 'correct horse'},
 *		clients: [{id: 'spa', redirects: [URL], logouts: [URL]}]});
 *	idp.issuer, idp.authorize, idp.token, idp.jwks, idp.logout
 *	await idp.stop();
 *
 * `port` is tried first, if it is said; a port in use is tried again with
 * another.
 *
 * Clients are public ones (RFC 6749 2.1) that must use PKCE. People sign in on
 * the page idp-login.html: #username, #password and #sign-in, with #said
 * for what is wrong; then #allow and #deny; #sign-out where that is asked. The
 * provider has the sessions, the consents and the codes, and leaves the page
 * to its owner.
 */
import {execFile, spawn} from 'node:child_process';
import {pbkdf2Sync, randomBytes} from 'node:crypto';
import {copyFile, mkdir, mkdtemp, readFile, rm,
	writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {newPair} from '../tokens.mjs';

const PROGRAM = '/usr/bin/glewlwyd';
const MODULES = '/usr/lib/glewlwyd';
const SCHEMA = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3';
const LOGIN = fileURLToPath(new URL('idp-login.html', import.meta.url));
const PORTS = 5; /* that are tried, should another take one meanwhile */
const PATIENCE = 120000; /* ms until it answers */

const run = promisify(execFile);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const rsa = () => newPair('rsa', {modulusLength: 2048});

/*
 * Coordinates that begin with a zero byte come out of this provider a byte
 * short, against RFC 7518 6.2.1.2; browsers do not take such a key, and one in
 * 128 is. None of those here.
 */
function p256() {
	for (;;) {
		const pair = newPair('ec', {namedCurve: 'P-256'});
		const {x, y} = pair.publicKey.export({format: 'jwk'});
		if ([x, y].every((one) => Buffer.from(one, 'base64url')[0]))
			return pair;
	}
}

const KEYS = {
	RS256: {type: 'rsa', make: rsa},
	ES256: {type: 'ecdsa', make: p256},
};

export async function provider(wanted) {
	const {type, make} = KEYS[wanted.alg];
	const {publicKey, privateKey} = make();
	const keys = {type,
		key: privateKey.export({type: 'pkcs8', format: 'pem'}),
		cert: publicKey.export({type: 'spki', format: 'pem'})};
	const dir = await mkdtemp(path.join(tmpdir(), 'lowtide-idp-'));
	for (let left = PORTS, {port} = wanted; ; port = 0)
		try {
			return await start(dir, port || await freePort(), keys,
				wanted);
		} catch (e) {
			if (e.again && --left)
				continue;
			await rm(dir, {recursive: true, force: true});
			throw e;
		}
}

export function freePort() {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.on('error', reject);
		server.listen(0, '127.0.0.1', () => {
			const {port} = server.address();
			server.close(() => resolve(port));
		});
	});
}

/*
 * Throws with `again` when the port is somebody else's: it said that it could
 * not listen, or was not yet that far when that one answered.
 */
async function start(dir, port, keys, wanted) {
	const base = `http://127.0.0.1:${port}`;
	const issuer = `${base}/api/oidc`;
	const at = (...names) => path.join(dir, ...names);
	await mkdir(at('www'), {recursive: true});
	for (const old of ['idp.db', 'idp.log'])
		await rm(at(old), {force: true});
	await Promise.all([
		copyFile(LOGIN, at('www', 'login.html')),
		writeFile(at('idp.conf'), settings(dir, port, base)),
		writeFile(at('idp.sql'), database(issuer, keys, wanted)),
	]);
	await run('sqlite3', ['-bail', at('idp.db'), `.read ${at('idp.sql')}`]);

	/* at its end it drops a file where it is */
	const child = spawn(PROGRAM, [`--config-file=${at('idp.conf')}`],
		{cwd: dir, stdio: 'ignore'});
	const ended = new Promise((resolve) => {
		child.once('error', (e) => resolve(e.message));
		child.once('exit', (code, signal) => resolve(signal ?? code));
	});
	const log = () => readFile(at('idp.log'), 'utf8').catch(() => '');
	const close = async () => {
		child.kill('SIGTERM');
		const late = setTimeout(() => child.kill('SIGKILL'), 1000);
		await ended;
		clearTimeout(late);
	};
	/* should the test end without saying so */
	const last = () => child.kill('SIGKILL');
	process.once('exit', last);

	const how = await Promise.race([ended, answers(issuer)]);
	if (how !== issuer) {
		await close();
		process.off('exit', last);
		const said = await log();
		throw Object.assign(Error(
			`the provider does not come up (${how}):\n${said}`),
		{again: /Error starting|^(?![^]*started on port)/.test(said)});
	}
	return {
		issuer, base, log,
		authorize: `${issuer}/auth`, token: `${issuer}/token`,
		jwks: `${issuer}/jwks`, logout: `${issuer}/end_session`,
		async stop() {
			await close();
			process.off('exit', last);
			await rm(dir, {recursive: true, force: true});
		},
	};
}

/* Its issuer as it says itself: who else might answer on that port? */
async function answers(issuer) {
	const about = `${issuer}/.well-known/openid-configuration`;
	for (const end = Date.now() + PATIENCE; Date.now() < end;) {
		/* it listens when it is ready, and not earlier */
		const res = await fetch(about).catch(() => null);
		if (res)
			return res.ok ? (await res.json()).issuer :
				`${about} is ${res.status}`;
		await sleep(20);
	}
	return `no answer at ${about}`;
}

/* --- what it reads -------------------------------------------------------- */

/* Cookies know hosts, not ports: each provider's has a name of its own. */
const settings = (dir, port, base) => `
port=${port}
bind_address="127.0.0.1"
external_url="${base}"
api_prefix="api"
login_url="login.html"
session_key="idp_${port}"
cookie_secure=0
log_mode="file"
log_level="INFO"
log_file="${dir}/idp.log"
static_files_path="${dir}/www"
static_files_mime_types=({extension=".html" mime_type="text/html" compress=0})
user_module_path="${MODULES}/user"
user_auth_scheme_module_path="${MODULES}/scheme"
client_module_path="${MODULES}/client"
plugin_module_path="${MODULES}/plugin"
database={type="sqlite3" path="${dir}/idp.db"};
`;

const quote = (text) => `'${String(text).replaceAll("'", "''")}'`;

/* PBKDF2 (RFC 8018) as its table wants it: base64 of the hash and the salt. */
function hashed(password) {
	const salt = randomBytes(8).toString('hex');
	const hash = pbkdf2Sync(password, salt, 1000, 32, 'sha256');
	return Buffer.concat([hash, Buffer.from(salt)]).toString('base64');
}

/*
 * Rows in place of an administrator's clicks. Its own schema brings an
 * administrator whose password everybody knows; that one goes first.
 */
function database(issuer, {type, key, cert}, {users, clients}) {
	const sql = ['BEGIN', `DELETE FROM g_user`,
		'DELETE FROM g_user_password', 'DELETE FROM g_user_scope_user',
		/* asked each time, so that its tokens say how */
		`UPDATE g_scope SET gs_password_required = 1
			WHERE gs_name = 'openid'`,
		`INSERT INTO g_user_scope (gus_name) VALUES ('openid')`,
		`UPDATE g_client_module_instance SET gcmi_parameters =
			json_set(gcmi_parameters,
			'$."data-format".post_logout_redirect_uris', json(
			'{"multiple":true,"read":true,"write":true}'))`];
	for (const [name, password] of Object.entries(users))
		sql.push(`INSERT INTO g_user (gu_username)
			VALUES (${quote(name)})`,
		`INSERT INTO g_user_password (gu_id, guw_password)
			SELECT gu_id, ${quote(hashed(password))} FROM g_user
			WHERE gu_username = ${quote(name)}`,
		`INSERT INTO g_user_scope_user (gu_id, gus_id)
			SELECT gu_id, gus_id FROM g_user, g_user_scope
			WHERE gu_username = ${quote(name)}
			AND gus_name = 'openid'`);
	for (const {id, redirects, logouts = []} of clients) {
		sql.push(`INSERT INTO g_client
			(gc_client_id, gc_name, gc_confidential)
			VALUES (${quote(id)}, ${quote(id)}, 0)`);
		const properties = [
			...redirects.map((uri) => ['redirect_uri', uri]),
			...logouts.map((uri) =>
				['post_logout_redirect_uris', uri]),
			['authorization_type', 'code'],
			['authorization_type', 'refresh_token'],
			['token_endpoint_auth_method', 'none'],
		];
		for (const [key, value] of properties)
			sql.push(`INSERT INTO g_client_property
				(gc_id, gcp_name, gcp_value)
				SELECT gc_id, ${quote(key)}, ${quote(value)}
				FROM g_client
				WHERE gc_client_id = ${quote(id)}`);
	}
	sql.push(`INSERT INTO g_plugin_module_instance
		(gpmi_module, gpmi_name, gpmi_parameters)
		VALUES ('oidc', 'oidc', ${quote(JSON.stringify({
		iss: issuer, 'jwt-type': type, 'jwt-key-size': '256',
		key, cert, 'jwks-show': true,
		'subject-type': 'public', 'allowed-scope': ['openid'],
		'oauth-as-iss-id': true, 'pkce-allowed': true,
		'pkce-required': true, 'auth-type-code-enabled': true,
		'auth-type-code-revoke-replayed': true,
		'auth-type-refresh-enabled': true,
		'auth-type-token-enabled': false,
		'auth-type-password-enabled': false,
		'auth-type-client-enabled': false,
		'session-management-allowed': true,
		'session-cookie-name': `sid_${new URL(issuer).port}`,
		'session-cookie-expiration': 3600,
		'access-token-duration': 3600, 'code-duration': 600,
		'refresh-token-duration': 3600, 'refresh-token-rolling': false,
	}))})`, 'COMMIT;');
	return `.read ${SCHEMA}\n${sql.join(';\n')}`;
}
