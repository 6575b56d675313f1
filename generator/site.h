#ifndef LOWTIDE_GENERATOR_SITE_H
#define LOWTIDE_GENERATOR_SITE_H

#include "generator/outside.h"
#include "lib/diag.h"
#include "lib/err.h"
#include "lib/fs.h"
#include "lib/value.h"

/*
 * A site folder, read and laid over: site.toml, api.toml, env/base.toml,
 * env/NAME.toml and --set become one tree. Later ones are laid over key by key,
 * arrays replaced; every value keeps the place it came from. Then the key table
 * (generator/keys.def) is held against it: unknown keys with the nearest known
 * one, wrong types, missing required keys, `{ env = "X" }` resolved.
 */
struct catalogue {
	struct str name;     /* "plans" */
	struct str version;  /* "1.1.0" */
	const char *file;    /* for findings */
	struct str source;   /* exactly the bytes of the file */
	struct value *value; /* its tables, the version among them */
};

struct site_spec {
	const char *dir;	 /* the site folder */
	const char *env;	 /* NULL: base alone */
	const char *const *sets; /* "public.x=…" */
	size_t n_sets;
	const struct outside *outside; /* NULL: this process's */
};

#define SITE_LAYERS 4 /* site.toml, api.toml, env/base.toml, env/NAME.toml */
struct site {
	const char *dir;
	const char *env;   /* NULL: base alone */
	const char **envs; /* the environments there are, without base */
	size_t n_envs;
	const char *read[SITE_LAYERS]; /* the files, in their order */
	size_t n_read;
	struct value *root;  /* everything, checked; defaults not filled in */
	struct str name;     /* [a-z0-9-]{1,40} */
	struct str base_url; /* without a trailing slash */
	struct str api_url;  /* empty when the APIs live on base_url */
	struct catalogue *catalogues;
	size_t n_catalogues;
	bool lacks_data; /* a catalogue or [public] could not be read */
	bool is_whole;	 /* every file over which it lies was read */
	const struct outside *outside; /* as the spec has it */
};

/* ERR_INPUT when anything was found; all findings are in diag. */
enum err site_load(struct arena *a, const struct site_spec *spec,
    struct diag *diag, struct site **out) __attribute__((warn_unused_result));

/*
 * After ERR_INPUT, where is_whole: what is broken becomes harmless
 * (key_mend()), for a build that is done for its findings alone.
 */
void site_mend(struct arena *a, struct site *site);

/* Without --env: a line that base alone was read and what else there is. */
void site_say_env(const struct site *site, FILE *out);

/* dir/name, or just name in the current folder: as people would write it. */
const char *site_path(struct arena *a, const char *dir, const char *name);
/*
 * The file at `name` below the site folder, its path for findings in *file.
 * ERR_NOT_FOUND without a finding when there is none; `outside-site` when a
 * symlink leads out of the folder.
 */
enum err site_read(struct arena *a, const char *dir, const char *name,
    size_t max, struct diag *diag, const char **file, struct str *bytes)
    __attribute__((warn_unused_result));

/*
 * A key of the tree, or the default of its row in keys.def: empty, false and 0
 * where there is neither. Amounts are bytes, milliseconds or plain numbers.
 */
struct str site_text(const struct site *site, const char *dotted);
bool site_flag(const struct site *site, const char *dotted);
int64_t site_amount(const struct site *site, const char *dotted);
/* The value itself, NULL when it was left out. */
struct value *site_value(const struct site *site, const char *dotted);
/* The names and tables below a named table: [api.X], [oauth.X] … */
struct value *site_table(const struct site *site, const char *dotted);

#endif
