#include "cgi/store/sqlite-open.h"

#include <stdlib.h>
#include <string.h>

/*
 * What is changed about a store that is there: its format, when another lowtide
 * opens it, and its APIs, while it is open.
 */

/* ---- older formats ----------------------------------------------------- */

static const struct step {
	int64_t from; /* the format that it leads away from */
	const char *sql;
} steps[] = {
#define FROM_2(sql) {2, sql ";"},
#define FROM_3(sql) {3, sql ";"},
#include "cgi/store/schema/sqlite.def"
#undef FROM_2
#undef FROM_3
};

/* What has to be done to each request table, in this order. */
static void add_steps(const struct opening *o, struct str api, struct buf *sql)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].from >= o->format)
			sqlite_expand(sql, steps[i].sql, api);
	sqlite_add_indexes(api, sql);
}

enum err sqlite_upgrade(struct opening *o)
{
	const struct str none = {0};
	struct buf sql = {0};
	enum err err = sqlite_read_format(o, &o->format);

	if (err || o->format < STORE_FORMAT_OLDEST || o->format >= STORE_FORMAT)
		return ERR_OK; /* whoever asks next says so */
	err = sqlite_make_tables(o);
	if (!err)
		err = sqlite_each_table(o, &sql, add_steps);
	if (!err)
		err = sqlite_meta_put(o, "format", none, STORE_FORMAT);
	buf_release(&sql);
	return err ? sqlite_report(o, err, "it cannot be brought up to date")
		   : ERR_OK;
}

/* ---- another configuration --------------------------------------------- */

static enum err make_apis(struct opening *o)
{
	struct sqlite *s = o->s;
	enum err err;

	if (s->role != STORE_WRITES)
		return sqlite_make_apis(o);
	err = store_sqlite.begin(s);
	if (err)
		return err;
	err = sqlite_make_apis(o);
	if (!err)
		return store_sqlite.commit(s, 0);
	store_sqlite.rollback(s);
	return err;
}

enum err sqlite_reconfigure(void *backend, const struct config *config)
{
	struct sqlite *s = backend;
	struct opening o = {.s = s};
	const size_t before = s->n_apis, n = config->n_apis;

	s->apis = realloc(s->apis, (n + 1) * sizeof(*s->apis));
	if (!s->apis)
		abort();
	memset(&s->apis[before], 0, (n + 1 - before) * sizeof(*s->apis));
	for (size_t i = before; i < n; i++)
		s->apis[i].name = config->apis[i].name;
	s->n_apis = n;
	enum err err = make_apis(&o);
	if (err) {
		s->n_apis = before;
		return err;
	}
	for (size_t i = 0; i < before; i++)
		s->apis[i].name = config->apis[i].name;
	return ERR_OK;
}
