#include "cgi/store/sqlite.h"

#include <stdio.h>
#include <string.h>

/*
 * What the tables must be together (store_audit()): each check in views of its
 * own, long tables in pieces.
 */
#define PIECE 2000

struct auditing {
	struct sqlite *s;
	const struct store_auditing *wanted;
};

static void find(const struct auditing *a, const char *check, const char *words,
    const char *api, const struct job *job)
{
	const struct store_finding finding = {
	    .check = check, .words = words, .api = api, .job = job};

	a->wanted->found(a->wanted->ctx, &finding);
}

/* One view for what fn() asks. */
static enum err in_view(struct auditing *a,
    enum err (*fn)(struct auditing *a, void *ctx), void *ctx)
{
	enum err err = store_sqlite.view(a->s);

	if (err)
		return err;
	err = fn(a, ctx);
	store_sqlite.unview(a->s);
	return err;
}

/*
 * A statement for one use, made of text for each request table that is there,
 * also of those that left the configuration. SQLite takes 500 terms in one
 * UNION, so it is a union of unions; their rows are merged all the same.
 */
#define TERMS 400
struct united {
	const char *each, *end;
};

static enum err table_names(struct auditing *a, struct buf *names)
{
	struct sqlite3_stmt *st = NULL;
	enum err err = db_prepare(&a->s->db,
	    STR("SELECT name FROM sqlite_schema WHERE type='table'"
		" AND name GLOB '[a-z0-9]*' AND name NOT GLOB 'sqlite_*'"),
	    &st);

	while (!err && !(err = db_step(st))) {
		buf_put_str(names, db_bytes(st, 0));
		buf_putc(names, '\n');
	}
	db_finalize(st);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err unite(
    struct auditing *a, const struct united *text, struct sqlite3_stmt **st)
{
	struct buf names = {0}, sql = {0};
	enum err err = table_names(a, &names);
	size_t terms = 0;

	for (size_t at = 0; !err && at < names.len; terms++) {
		const char *name = names.data + at;
		const size_t n = strcspn(name, "\n");
		if (terms % TERMS == 0)
			buf_puts(&sql, terms ? ") UNION ALL " : "");
		buf_puts(
		    &sql, terms % TERMS ? " UNION ALL " : "SELECT * FROM (");
		sqlite_expand(
		    &sql, text->each, (struct str){.p = name, .n = n});
		at += n + 1;
	}
	buf_puts(&sql, ")");
	buf_puts(&sql, text->end);
	*st = NULL;
	if (!err && names.len)
		err = db_prepare(&a->s->db, buf_str(&sql), st);
	buf_release(&names);
	buf_release(&sql);
	return err;
}

/* ---- versions ---------------------------------------------------------- */

/* In order of version, over all tables; merged from their indexes. */
static const struct united versions = {
    "SELECT version, '$' FROM \"$\" WHERE version>?1",
    " ORDER BY 1 LIMIT ?2",
};

struct versions {
	int64_t cursor, last;
	bool more;
};

static enum err look_at_versions(struct auditing *a, void *ctx)
{
	struct versions *v = ctx;
	struct sqlite3_stmt *st = NULL;
	char words[128], api[STORE_META_NAME];
	int64_t before = v->cursor, n = 0;
	enum err err = unite(a, &versions, &st);

	if (err || !st)
		return err;
	db_bind_int(st, 1, v->cursor);
	db_bind_int(st, 2, PIECE);
	while (!(err = db_step(st))) {
		const int64_t version = db_int(st, 0);
		if (version == before && version != v->last) {
			snprintf(
			    api, sizeof(api), "%.*s", STR_ARG(db_bytes(st, 1)));
			snprintf(words, sizeof(words),
			    "two rows have version %lld", (long long)version);
			find(a, "version-twice", words, api, NULL);
			v->last = version;
		}
		before = version;
		n++;
	}
	db_finalize(st);
	/* the last one again: its like may stand behind it */
	v->more = n == PIECE;
	v->cursor = v->more && before - 1 > v->cursor ? before - 1 : before;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err audit_versions(struct auditing *a)
{
	struct versions v = {.cursor = INT64_MIN, .last = INT64_MIN};
	enum err err;

	do {
		err = in_view(a, look_at_versions, &v);
	} while (!err && v.more);
	return err;
}

/* ---- counts ------------------------------------------------------------ */

static enum err count_rows(
    struct auditing *a, size_t api, int64_t counts[COUNTS])
{
	struct sqlite3_stmt *st;
	enum err err = sqlite_api_query(a->s, api, API_QUERY_RECOUNT, &st);

	memset(counts, 0, COUNTS * sizeof(*counts));
	while (!err && !(err = db_step(st))) {
		const int64_t state = db_int(st, 0);
		if (state >= 0 && state < JOB_STATES)
			counts[state] = db_int(st, 1);
		counts[COUNT_NEEDING] += db_int(st, 2);
		counts[COUNT_HELD] += db_int(st, 3);
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err look_at_counts(struct auditing *a, void *ctx)
{
	const size_t api = *(const size_t *)ctx;
	char words[128], name[STORE_META_NAME];
	int64_t counts[COUNTS];
	struct store_stats stats;
	enum err err = sqlite_stats(a->s, api, &stats);

	if (!err)
		err = count_rows(a, api, counts);
	snprintf(name, sizeof(name), "%.*s", STR_ARG(a->s->apis[api].name));
	for (int i = 0; !err && i < COUNTS; i++) {
		const int64_t told = i < JOB_STATES    ? stats.count[i]
				     : i == COUNT_HELD ? stats.held
						       : stats.needing;
		if (told == counts[i])
			continue;
		snprintf(words, sizeof(words),
		    "%s: there are %lld, and %lld are counted",
		    i < JOB_STATES    ? job_state_text((enum job_state)i)
		    : i == COUNT_HELD ? "held"
				      : "in need of a credential",
		    (long long)counts[i], (long long)told);
		find(a, "count-wrong", words, name, NULL);
	}
	return err;
}

static enum err audit_counts(struct auditing *a)
{
	enum err err = ERR_OK;

	for (size_t api = 0; !err && api < a->s->n_apis; api++)
		err = in_view(a, look_at_counts, &api);
	return err;
}

/* ---- bodies ------------------------------------------------------------ */

/* ?1 = key, ?2 = first version, ?3 = tag */
static const struct united owners = {
    "SELECT 1 FROM \"$\" WHERE key=?1 AND born=?2 AND substr(head, 2)=?3",
    " LIMIT 1",
};

static enum err look_at_body(
    struct auditing *a, struct sqlite3_stmt *body, struct sqlite3_stmt *owner)
{
	const int64_t n = db_int(body, 0);
	const struct str job = db_bytes(body, 1);
	char words[128];
	enum err err = ERR_NOT_FOUND;

	if (owner && job.n == JOB_KEY_BYTES + JOB_KEY_OFFSET - 1 &&
	    db_int(body, 2) == n % 4) {
		const size_t tag = job.n - JOB_KEY_BYTES;
		db_bind_bytes(owner, 1,
		    (struct str){.p = job.p + tag, .n = JOB_KEY_BYTES});
		db_bind_int(owner, 2, n / 4);
		db_bind_bytes(owner, 3, (struct str){.p = job.p, .n = tag});
		err = db_step(owner);
		db_reset(owner);
	}
	if (err != ERR_NOT_FOUND)
		return err;
	snprintf(words, sizeof(words),
	    "body %lld belongs to no job; it takes room and is never erased",
	    (long long)n);
	find(a, "body-orphan", words, NULL, NULL);
	return ERR_OK;
}

struct bodies {
	int64_t cursor;
	bool more;
};

static enum err look_at_bodies(struct auditing *a, void *ctx)
{
	struct bodies *b = ctx;
	struct sqlite3_stmt *body = NULL, *owner = NULL;
	int64_t n = 0;
	enum err err = db_prepare(&a->s->db,
	    STR("SELECT n, job, kind FROM _body WHERE n>?1 ORDER BY n"
		" LIMIT ?2"),
	    &body);

	if (!err)
		err = unite(a, &owners, &owner);
	if (!err) {
		db_bind_int(body, 1, b->cursor);
		db_bind_int(body, 2, PIECE);
	}
	while (!err && !(err = db_step(body))) {
		b->cursor = db_int(body, 0);
		n++;
		err = look_at_body(a, body, owner);
	}
	db_finalize(body);
	db_finalize(owner);
	b->more = n == PIECE;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err audit_bodies(struct auditing *a)
{
	struct bodies b = {.cursor = INT64_MIN};
	enum err err;

	do {
		err = in_view(a, look_at_bodies, &b);
	} while (!err && b.more);
	return err;
}

/* ---- damage ------------------------------------------------------------ */

static enum err look_at_pages(struct auditing *a, void *ctx)
{
	struct sqlite3_stmt *st = NULL;
	char words[512];
	enum err err =
	    db_prepare(&a->s->db, STR("PRAGMA integrity_check(20)"), &st);

	(void)ctx;
	while (!err && !(err = db_step(st))) {
		const struct str said = db_bytes(st, 0);
		if (str_is(said, "ok"))
			continue;
		snprintf(words, sizeof(words), "%.*s", STR_ARG(said));
		find(a, "store-damaged", words, NULL, NULL);
	}
	db_finalize(st);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err sqlite_audit(void *backend, const struct store_auditing *auditing)
{
	struct auditing a = {.s = backend, .wanted = auditing};
	enum err err = audit_versions(&a);

	if (!err)
		err = audit_counts(&a);
	if (!err)
		err = audit_bodies(&a);
	if (!err && auditing->deep)
		err = in_view(&a, look_at_pages, NULL);
	return err;
}
