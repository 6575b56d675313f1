#include "generator/provider-shared.h"

/* The endpoint without what only chooses a policy of the same server. */
static struct str server(struct str endpoint)
{
	return str_slice(endpoint, 0, str_find(endpoint, '?', 0));
}

static bool is_same_server(
    const struct oauth_provider *a, const struct oauth_provider *b)
{
	if (a->issuer.n && b->issuer.n)
		return str_eq(a->issuer, b->issuer);
	return str_eq(server(a->endpoint), server(b->endpoint));
}

/*
 * finish() finds its provider's redirect, query and all, at the front of the
 * address, and more query behind it is the answer. So one redirect that is
 * another with a query more is the same page to it.
 */
static bool is_same_page(struct str a, struct str b)
{
	struct str brief = a.n < b.n ? a : b, full = a.n < b.n ? b : a;

	return str_eq(str_slice(full, 0, brief.n), brief) &&
	       (full.n == brief.n || full.p[brief.n] == '?' ||
		   full.p[brief.n] == '&');
}

static bool mixes_up(
    const struct oauth_provider *early, const struct oauth_provider *late)
{
	return early->redirect.n && late->redirect.n && early->endpoint.n &&
	       late->endpoint.n && is_same_page(early->page, late->page) &&
	       !is_same_server(early, late) && !late->accepts_mixup &&
	       !(early->iss_required && late->iss_required);
}

/* Lists are in the order of names; people read files. */
static bool is_before(
    const struct oauth_provider *a, const struct oauth_provider *b)
{
	if (!str_eq(str_of(a->pos.file), str_of(b->pos.file)))
		return a < b;
	if (a->pos.line != b->pos.line)
		return a->pos.line < b->pos.line;
	return a->pos.col < b->pos.col;
}

static void refuse(const struct oauth_provider *early,
    const struct oauth_provider *late, struct diag *diag)
{
	/* one that both have is told where the later one is */
	struct pos pos = pos_eq(early->redirect_pos, late->redirect_pos)
			     ? late->pos
			     : late->redirect_pos;

	diag_error(diag, pos, "redirect-shared",
	    "[%.*s] and [%.*s] (%s:%u) come back to \"%.*s\", and "
	    "one could pass for the other (RFC 9700 4.4); give this one a "
	    "redirect_path of its own, or iss = \"required\" to both if both "
	    "send it, or mixup = \"accept\" here",
	    STR_ARG(late->table), STR_ARG(early->table),
	    early->pos.file ? early->pos.file : "", early->pos.line,
	    STR_ARG(late->redirect));
}

enum err provider_shared(
    const struct oauth_provider *list, size_t n, struct diag *diag)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < n; i++) {
		const struct oauth_provider *late = &list[i], *first = NULL;
		for (size_t k = 0; k < n; k++)
			if (k != i && mixes_up(&list[k], late) &&
			    is_before(&list[k], late) &&
			    (!first || is_before(&list[k], first)))
				first = &list[k];
		if (!first)
			continue;
		refuse(first, late, diag);
		err = ERR_INPUT;
	}
	return err;
}
