#include "generator/provider-work.h"

/* In the order in which their findings would be read. */
static void (*const steps[])(struct provider_work *w) = {
    provider_kind,
    provider_base,
    provider_endpoint,
    provider_client,
    provider_tokens,
    provider_scopes,
    provider_redirect,
    provider_logout,
    provider_params,
    provider_secrets,
};

#define URL_MAX 8000  /* what servers take, RFC 9110 4.1 */
#define FRESH_MAX 200 /* of it: state, nonce, challenge and its method */

static struct str authorization_url(struct provider_work *w)
{
	struct buf url = {0};

	provider_open(&url, w->out->endpoint);
	buf_puts(&url, "response_type=code");
	provider_put(w, &url, STR("client_id"), w->out->client_id,
	    provider_pos(w, "client_id"));
	provider_put(w, &url, STR("redirect_uri"), w->out->redirect,
	    w->out->redirect_pos);
	if (w->out->scope.n)
		provider_put(w, &url, STR("scope"), w->out->scope,
		    provider_pos(w, "scopes"));
	buf_put_str(&url, w->extra);
	if (url.len + FRESH_MAX > URL_MAX)
		provider_refuse(w, w->pos, "url-too-long",
		    "the sign-in URL of [%.*s] has %zu bytes before state and "
		    "challenge, and servers need not take more than %d in all "
		    "(RFC 9110 4.1); ask for less in scopes, params and "
		    "resource",
		    STR_ARG(w->out->table), url.len, URL_MAX);
	struct str text = arena_str(w->arena, buf_str(&url));
	buf_release(&url);
	return text;
}

static struct str table_name(struct arena *a, struct str id)
{
	size_t colon = str_find(id, ':', 0);

	return arena_printf(a, "oauth.%.*s%s%.*s", (int)colon, id.p,
	    colon < id.n ? ".variant." : "",
	    STR_ARG(str_slice(id, colon + 1, id.n)));
}

enum err oauth_provider_read(struct arena *a, const struct member *table,
    const struct value *base_url, struct diag *diag, struct oauth_provider *out)
{
	struct provider_work w = {
	    .arena = a,
	    .diag = diag,
	    .out = out,
	    .pos = table->pos,
	    .table = table->value,
	    .base_url = base_url,
	    .variant = str_slice(
		table->key, str_find(table->key, ':', 0) + 1, table->key.n),
	};
	struct url where;

	*out = (struct oauth_provider){.id = table->key, .pos = table->pos};
	out->table = table_name(a, table->key);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		steps[i](&w);
	out->url = authorization_url(&w);
	/* what cannot even be read says nothing of where it is */
	if (url_split(a, out->endpoint, &where) != ERR_OK)
		out->endpoint = (struct str){0};
	return w.refused ? ERR_INPUT : ERR_OK;
}
