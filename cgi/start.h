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
	int64_t turn_wait_ms; /* as in struct store_spec; the caller's */
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
 * Prints the findings to stderr, closes, wipes, and returns the exit status
 * of `err`.
 */
int start_close(struct start *s, enum err err);

#endif
