#ifndef LOWTIDE_CGI_START_H
#define LOWTIDE_CGI_START_H

#include "cgi/keys.h"
#include "cgi/store/store.h"
#include "lib/opt.h"

/*
 * What the endpoint, the worker and lowtide-jobs have in common before their
 * work begins: three options, and the configuration, keys and store they name.
 * Everything that is missing is found at once and said in a sentence each.
 *
 *	static const struct opt options[] = {START_OPTIONS, …, {.name = NULL}};
 *	struct start s;
 *	start_init(&s);
 *	err = opt_parse(&s.arena, options, argc, argv, &s.diag, &found);
 *	if (!err) err = start_open(&s, found.values, STORE_WRITES);
 *	…
 *	return start_close(&s, err);
 *
 * Defaults: the one /etc/lowtide/NAME/lowtide.json there is; beside it `keys`;
 * /var/lib/lowtide/NAME with NAME as the configuration says.
 */
enum { START_CONFIG, START_STATE, START_KEYS, START_HELP, START_COUNT };
#define START_OPTIONS                                                          \
	{.name = "config",                                                     \
	    .letter = 'c',                                                     \
	    .kind = OPT_STRING,                                                \
	    .arg = "FILE",                                                     \
	    .help = "lowtide.json, as `lowtide build` wrote it"},              \
	    {.name = "state",                                                  \
		.letter = 's',                                                 \
		.kind = OPT_STRING,                                            \
		.arg = "DIR",                                                  \
		.help = "where the request store is"},                         \
	    {.name = "keys",                                                   \
		.letter = 'k',                                                 \
		.kind = OPT_STRING,                                            \
		.arg = "FILE",                                                 \
		.help = "the keys, as `lowtide-jobs keygen` made them"},       \
	{                                                                      \
		.name = "help", .letter = 'h', .kind = OPT_FLAG,               \
		.help = "show this"                                            \
	}

struct start {
	struct arena arena;
	struct diag diag;
	const char *config_path, *state_dir, *keys_path;
	/* of .config alone, which another one may replace */
	struct arena config_arena;
	struct config *config;
	struct keys keys;
	struct store *store;
};

/* In place: the diag points into it. Opens 0, 1 and 2 where they are closed. */
void start_init(struct start *s);
/*
 * Reads the configuration and the keys, opens the store. Findings for all
 * that is wrong; the first error comes back.
 */
enum err start_open(struct start *s, const struct opt_value *values,
    enum store_role role) __attribute__((warn_unused_result));
/*
 * Its parts, in this order. NULL: the default. The keys are looked at even
 * where the configuration was not good, so that both mistakes are told. `how`
 * says role, brief and turn_wait_ms of a handle; where the store is and whose,
 * is known here. From start_keys() on there are no core files.
 */
enum err start_config(struct start *s, const char *config, const char *state,
    const char *keys) __attribute__((warn_unused_result));
enum err start_keys(struct start *s) __attribute__((warn_unused_result));
enum err start_store(struct start *s, const struct store_spec *how,
    struct store **out) __attribute__((warn_unused_result));
/* What the options say of the three files. */
enum err start_config_options(struct start *s, const struct opt_value *values)
    __attribute__((warn_unused_result));
/*
 * Once more, for a program that goes on: the same two files into what the
 * caller has. `config-other-site` and `store-other-keys`: these cannot change
 * while it runs. *keys are to be wiped, also after an error.
 */
enum err start_again(const struct start *s, struct arena *a, struct diag *diag,
    struct config **config, struct keys *keys)
    __attribute__((warn_unused_result));
/* The same, the configuration alone. */
enum err start_config_again(const struct start *s, struct arena *a,
    struct diag *diag, struct config **config)
    __attribute__((warn_unused_result));
/*
 * --test: whether start_open() would do, changing nothing. What a first start
 * would make may be missing. `file` is the configuration where no option names
 * one, or NULL. Says on stdout what there is.
 */
enum err start_test(struct start *s, const struct opt_value *values,
    const char *file) __attribute__((warn_unused_result));
/*
 * Prints the findings to stderr, closes, wipes, and returns the exit status
 * of `err`, or of an output that could not be written.
 */
int start_close(struct start *s, enum err err);

#endif
