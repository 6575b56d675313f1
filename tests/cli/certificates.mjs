/*
 * An authority of the test's own and certificates of it, made with openssl in
 * a folder that goes with the test: {file(name), make({...})}.
 */
import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {cleanup} from '../tap.mjs';

const openssl = (...args) => execFileSync('openssl', args, {stdio: 'pipe'});
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
	'-nodes'];

export function authority() {
	const dir = mkdtempSync(join(tmpdir(), 'lowtide-ca.'));
	const file = name => join(dir, name);
	cleanup(() => rmSync(dir, {recursive: true, force: true}));
	mkdirSync(file('issued'));
	writeFileSync(file('index'), '');
	writeFileSync(file('conf'), `[ca]
default_ca = it
[it]
database = ${file('index')}
new_certs_dir = ${file('issued')}
certificate = ${file('ca.pem')}
private_key = ${file('ca.key')}
default_md = sha256
default_days = 2
rand_serial = yes
unique_subject = no
copy_extensions = copy
policy = any
[any]
commonName = supplied
`);
	openssl('req', '-x509', ...KEY, '-days', '2', '-subj', '/CN=An authority',
		'-keyout', file('ca.key'), '-out', file('ca.pem'));
	/* of the authority, or (self) of nobody; until: 20200102000000Z */
	const make = ({name, host = 'localhost', self, until}) => {
		const key = file(`${name}.key`), cert = file(`${name}.pem`);
		const of = ['-subj', `/CN=${host}`,
			'-addext', `subjectAltName=DNS:${host}`, '-keyout', key];
		if (self) {
			openssl('req', '-x509', ...KEY, '-days', '2', ...of,
				'-out', cert);
			return {key, cert};
		}
		openssl('req', '-new', ...KEY, ...of, '-out', file('request'));
		openssl('ca', '-config', file('conf'), '-batch', '-notext',
			...until ? ['-startdate', '20200101000000Z',
				'-enddate', until] : [],
			'-in', file('request'), '-out', cert);
		return {key, cert};
	};
	return {file, make, ca: file('ca.pem')};
}
