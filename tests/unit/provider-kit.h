#ifndef LOWTIDE_TESTS_PROVIDER_KIT_H
#define LOWTIDE_TESTS_PROVIDER_KIT_H

#include "generator/client.h"
#include "tests/unit/site-kit.h"

/*
 * The providers of a whole site, with their variants; and what is said of
 * them, from reading its files on.
 */
struct world {
	struct kit k;
	struct oauth_provider *list;
	size_t n;
	enum err err;
};

/* env: of env/base.toml; NULL: there is none. */
static inline void world_open(
    struct world *w, const char *toml, const char *env)
{
	*w = (struct world){0};
	kit_open(&w->k);
	kit_file(&w->k, "site.toml", toml);
	if (env)
		kit_file(&w->k, "env/base.toml", env);
	enum err loaded = kit_load(&w->k, NULL);
	if (loaded != ERR_OK)
		site_mend(&w->k.arena, w->k.site);
	kit_build(&w->k);
	w->err = oauth_providers(&w->k.build, &w->k.diag, &w->list, &w->n);
	if (loaded != ERR_OK)
		w->err = loaded;
}

static inline void world_close(struct world *w)
{
	kit_close(&w->k);
}

/* These are the findings, each as it begins, and there are no others. */
static inline void world_refuses(const char *toml, const char *findings)
{
	struct world w;

	world_open(&w, toml, NULL);
	assert_int_equal(w.err, ERR_INPUT);
	kit_says_only(&w.k, findings);
	assert_int_equal(w.k.diag.warnings, 0);
	world_close(&w);
}

#endif
