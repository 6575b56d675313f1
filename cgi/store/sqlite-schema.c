#include "cgi/store/sqlite-open.h"

#include <stdlib.h>
#include <sys/stat.h>

/*
 * What a store consists of: columns.def and schema/sqlite.def turned into SQL,
 * and the few settings that hold from the first page on.
 */

/* What to do about an error of the database itself. */
static const struct advice {
	enum err err;
	const char *name, *text;
} advices[] = {
    {ERR_FULL, "store-full", "free some space on that disk"},
    {ERR_BUSY, "store-busy",
	"stop whatever else holds it, a database shell for example"},
    {ERR_CORRUPT, "store-damaged",
	"move jobs.db, jobs.db-wal and jobs.db-shm away together, or put back "
	"a copy of them"},
    {ERR_IO, "io-error",
	"check the disk, and that the folder and its files belong to the user "
	"that runs lowtide"},
};

enum err sqlite_report(struct opening *o, enum err err, const char *doing)
{
	const size_t n = sizeof(advices) / sizeof(advices[0]);
	size_t i = 0;

	while (i + 1 < n && advices[i].err != err)
		i++;
	diag_error(o->diag, POS_FILE(o->path), advices[i].name, "%s: %s; %s",
	    doing, db_message(&o->s->db), advices[i].text);
	return err;
}

static enum err run(struct opening *o, const char *doing, const char *sql)
{
	enum err err = db_exec(&o->s->db, sql);
	return err ? sqlite_report(o, err, doing) : ERR_OK;
}

#define BYTES_KEY "BLOB NOT NULL PRIMARY KEY"
#define BYTES_ALWAYS "BLOB NOT NULL"
#define BYTES_OR_NULL "BLOB"
static const struct column {
	const char *name, *type;
	bool changes;
} columns[] = {
#define BYTES(column, member, from, n, type, may_change)                       \
	{#column, type, may_change},
#define NUMBER(column, member, may_change)                                     \
	{#column, "INTEGER NOT NULL", may_change},
#include "cgi/store/columns.def"
#undef BYTES
#undef NUMBER
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static void expand_columns(struct buf *out, char what)
{
	const char *comma = "";

	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		const struct column *c = &columns[i];
		if (what == 'S' && !c->changes)
			continue;
		buf_puts(out, comma);
		comma = ", ";
		if (what == 'C')
			buf_puts(out, c->name);
		else if (what == 'V')
			buf_printf(out, "?%zu", i + 1);
		else if (what == 'S')
			buf_printf(out, "%s=?%zu", c->name, i + 1);
		else
			buf_printf(out, "%s %s", c->name, c->type);
	}
}

void sqlite_expand(struct buf *out, const char *text, struct str api)
{
	for (const char *p = text; *p; p++) {
		if (*p == '$')
			buf_put_str(out, api);
		else if (*p == '%')
			expand_columns(out, *++p);
		else
			buf_putc(out, *p);
	}
}

static const char *const schema_once[] = {
#define ONCE(table) "CREATE TABLE IF NOT EXISTS " table,
#include "cgi/store/schema/sqlite.def"
#undef ONCE
};
static const char *const schema_each[] = {
#define EACH(name, index)                                                      \
	"CREATE INDEX IF NOT EXISTS \"$_" #name "\" ON \"$\"" index ";",
#include "cgi/store/schema/sqlite.def"
#undef EACH
};
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The pragmas that must come before the first page is written. */
enum err sqlite_begin_file(struct opening *o)
{
	int64_t tables = 0, vacuum = 0;
	enum err err =
	    db_number(&o->s->db, "SELECT count(*) FROM sqlite_schema", &tables);

	if (err)
		return sqlite_report(o, err, "it cannot be read");
	if (tables)
		return ERR_OK;
	/*
	 * Only sealed bodies and hashes are in it, and still nobody's business.
	 * First of all, because SQLite gives its log the mode of the database.
	 */
	if (chmod(o->path, 0660))
		return sqlite_report(o, ERR_IO, "its mode cannot be set");
	err = run(o, "it cannot be made",
	    "PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL;"
	    "PRAGMA journal_mode=WAL");
	if (err)
		return err;
	err = db_number(&o->s->db, "PRAGMA auto_vacuum", &vacuum);
	if (err || vacuum != 2)
		return sqlite_report(
		    o, err ? err : ERR_CORRUPT, "it is no store of lowtide");
	return ERR_OK;
}

enum err sqlite_meta_put(
    struct opening *o, const char *name, struct str value, int64_t number)
{
	struct sqlite3_stmt *st = NULL;
	enum err err = db_prepare(&o->s->db,
	    STR("INSERT INTO _meta VALUES(?1, ?2)"
		" ON CONFLICT DO UPDATE SET value=excluded.value"),
	    &st);

	if (!err) {
		db_bind_text(st, 1, str_of(name));
		if (value.p)
			db_bind_bytes(st, 2, value);
		else
			db_bind_int(st, 2, number);
		err = db_run(st);
	}
	db_finalize(st);
	return err;
}

enum err sqlite_make_tables(struct opening *o)
{
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < COUNT_OF(schema_once); i++)
		err = db_exec(&o->s->db, schema_once[i]);
	return err;
}

enum err sqlite_make_store(struct opening *o)
{
	const struct str check = {
	    .p = (const char *)o->spec->check, .n = STORE_CHECK_BYTES};
	const struct str none = {0};
	int64_t tables = 0;
	enum err err =
	    db_number(&o->s->db, "SELECT count(*) FROM sqlite_schema", &tables);

	if (!err && tables)
		return ERR_OK;
	if (!err)
		err = sqlite_make_tables(o);
	if (!err)
		err = sqlite_meta_put(o, "format", none, STORE_FORMAT);
	if (!err)
		err = sqlite_meta_put(o, "version", none, 0);
	if (!err)
		err = sqlite_meta_put(o, "check", check, 0);
	if (!err)
		err = sqlite_meta_put(o, "boot", str_of(o->boot), 0);
	return err ? sqlite_report(o, err, "its tables cannot be made")
		   : ERR_OK;
}

enum err sqlite_meta_equals(
    struct opening *o, const char *name, struct str want, bool *equal)
{
	struct sqlite3_stmt *st = NULL;
	enum err err = db_prepare(
	    &o->s->db, STR("SELECT value FROM _meta WHERE name=?1"), &st);

	if (!err) {
		db_bind_text(st, 1, str_of(name));
		err = db_step(st);
	}
	if (!err)
		*equal = str_eq(db_bytes(st, 0), want);
	db_finalize(st);
	return err;
}

static bool is_api_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		const char c = name.p[i];
		if (c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z'))
			return false;
	}
	return name.n > 0;
}

static enum err has_table(struct opening *o, struct sqlite_api *api)
{
	struct sqlite3_stmt *st = NULL;
	enum err err = db_prepare(&o->s->db,
	    STR("SELECT 1 FROM sqlite_schema WHERE type='table' AND name=?1"),
	    &st);

	if (!err) {
		db_bind_text(st, 1, api->name);
		err = db_step(st);
		api->is_there = !err;
	}
	db_finalize(st);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

bool sqlite_has_apis(struct opening *o)
{
	for (size_t i = 0; i < o->s->n_apis; i++)
		if (has_table(o, &o->s->apis[i]) || !o->s->apis[i].is_there)
			return false;
	return true;
}

void sqlite_add_indexes(struct str api, struct buf *sql)
{
	for (size_t i = 0; i < COUNT_OF(schema_each); i++)
		sqlite_expand(sql, schema_each[i], api);
}

static enum err make_table(struct opening *o, struct sqlite_api *api)
{
	struct buf sql = {0};

	sqlite_expand(
	    &sql, "CREATE TABLE \"$\"(%D) WITHOUT ROWID, STRICT;", api->name);
	sqlite_add_indexes(api->name, &sql);
	enum err err = db_exec(&o->s->db, sql.data);
	buf_release(&sql);
	api->is_there = !err;
	return err;
}

enum err sqlite_make_apis(struct opening *o)
{
	struct sqlite *s = o->s;
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < s->n_apis; i++) {
		struct sqlite_api *api = &s->apis[i];
		if (!is_api_name(api->name)) {
			diag_error(o->diag, POS_FILE(o->path), "bad-api-name",
			    "\"%.*s\" cannot name a table; build the site "
			    "again",
			    STR_ARG(api->name));
			return ERR_INPUT;
		}
		err = has_table(o, api);
		if (!err && !api->is_there && s->role == STORE_WRITES)
			err = make_table(o, api);
	}
	return err ? sqlite_report(o, err, "a request table cannot be made")
		   : ERR_OK;
}

/* ---- stores that are there --------------------------------------------- */

enum err sqlite_each_table(struct opening *o, struct buf *sql,
    void (*add)(const struct opening *o, struct str api, struct buf *sql))
{
	struct sqlite3_stmt *st = NULL;
	enum err err = db_prepare(&o->s->db,
	    STR("SELECT name FROM sqlite_schema"
		" WHERE type='table' AND name GLOB '[a-z0-9]*'"
		" AND name NOT GLOB 'sqlite_*'"),
	    &st);

	while (!err && !(err = db_step(st)))
		add(o, db_bytes(st, 0), sql);
	db_finalize(st);
	if (err == ERR_NOT_FOUND)
		err = sql->len ? db_exec(&o->s->db, sql->data) : ERR_OK;
	return err;
}

enum err sqlite_read_format(struct opening *o, int64_t *format)
{
	int64_t tables = 0;
	enum err err = db_number(&o->s->db,
	    "SELECT count(*) FROM sqlite_schema WHERE name='_meta'", &tables);

	*format = 0;
	if (err || !tables)
		return err;
	err = db_number(
	    &o->s->db, "SELECT value FROM _meta WHERE name='format'", format);
	return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
}
