#!/usr/bin/env bash
# Codes for tokens, with the example site whole: who learns of the secret, and
# what of it all is left lying about.
. tests/lib.sh

cp -r site "$TMP/site"
rm -rf "$TMP/site"/.lowtide* "$TMP/site/dist"
chmod 755 "$TMP" "$TMP/site"
# exported, so not what [serve.env] has
export COGNITO_SECRET=c0gnit0-4nd-n0b0dy-else
export HMRC_SECRET=hmrc-4nd-n0b0dy-else
export HMRC_SANDBOX_SECRET=s4ndb0x-4nd-n0b0dy-else
cat >"$TMP/ask.mjs" <<'EOF'
/* A permission given at the simulator, and its code exchanged by our API. */
const {LOWTIDE_URL: site, LOWTIDE_RUN_SIMULATOR_URL: simulator} = process.env;
const page = await (await fetch(`${simulator}/oauth/authorize?${
	new URLSearchParams({response_type: 'code', state: 's',
		client_id: 'tidewater-dev-client', scope: 'read:vat',
		redirect_uri: `${site}/auth/hmrc.html`})}`)).text();
const question = /name="question" value="([^"]+)"/.exec(page)[1];
const {headers} = await fetch(`${simulator}/oauth/authorize`, {method: 'POST',
	redirect: 'manual', body: new URLSearchParams({question,
		decision: 'allow'})});
const code = new URL(headers.get('location')).searchParams.get('code');
const answer = await fetch(`${site}/api/v1/hmrc/token`, {method: 'POST',
	headers: {'content-type': 'application/json'},
	body: JSON.stringify({code, client_secret: 'the-clients-own-idea',
		client_id: 'tidewater-sandbox-client'})});
const got = await answer.json();
console.log('status', answer.status);
console.log('names', Object.keys(got).sort().join(','));
for (const one of [code, got.access_token, got.refresh_token])
	console.log('kept', one);
const calls = await (await fetch(`${simulator}/__calls`)).json();
const {body} = calls.findLast(({path}) => path === '/oauth/token');
const form = Object.fromEntries(new URLSearchParams(body));
console.log('client', form.client_id, form.client_secret);
const document = await (await fetch(`${site}/api/jobs/${
	answer.headers.get('x-request-id')}`)).text();
console.log('document', document);
EOF
chmod 755 "$TMP/ask.mjs"
# shellcheck disable=SC2016
"$LOWTIDE" serve -C "$TMP/site" --env dev --port "$(free_port)" -- bash -c '
	node "$0/ask.mjs" >"$0/said"
	cp -r "${LOWTIDE_CONFIG%/server/*}" "$0/release"
	curl -s "$LOWTIDE_URL/api/jobs/health" >"$0/health"
	mkdir "$0/state" && cp "$LOWTIDE_STATE"/*.log "$LOWTIDE_STATE"/jobs.db* \
		"$0/state/"' "$TMP" 2>"$TMP/serve.err"
said() { sed -n "s/^$1 //p" "$TMP/said"; }
is "the provider's tokens, in the first answer" "$(said status) $(said names)" \
	'200 access_token,expires_in,refresh_token,scope,token_type'
is "the secret is the worker's to add, and whose it is" "$(said client)" \
	"tidewater-dev-client $HMRC_SECRET"
like "whoever looks at the job learns that it is done" "$(said document)" \
	'"api":"hmrc-token","status":"completed"'
unlike "and no more than that" "$(said document)" 'token_type|access_token'
ok "the logs are there" grep -q '"api":"hmrc-token"' "$TMP/state/lowtide-worker.log"
ok "the table is there" test -s "$TMP/state/jobs.db"
ok "the manifest is there" test -s "$TMP/release/www/manifest.json"
n=0
for text in "$COGNITO_SECRET" "$HMRC_SECRET" "$HMRC_SANDBOX_SECRET" \
	$(said kept); do
	is "nothing of it is left in the clear: $((n += 1))" "$(grep -rlF -e \
		"$text" "$TMP/release" "$TMP/state" "$TMP/serve.err")" ""
	is "nor encoded: $n" "$(grep -rlF -e "$(printf %s "$text" | base64 -w0 |
		sed 's/=*$//')" "$TMP/release" "$TMP/state")" ""
done
is "that was all of them" "$n" 6
is "of where it is, no browser learns" \
	"$(grep -rlE 'HMRC_SECRET|COGNITO_SECRET|client_secret' "$TMP/release/www")" ""
done_testing
