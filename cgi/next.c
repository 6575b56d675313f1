#include "cgi/next.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/buf.h"

/* What was read on the way goes with `files`. */
static enum err read_files(const struct start *s, const struct config *over,
    struct arena *files, struct diag *diag, struct next *next)
{
	struct config *fresh = NULL;
	enum err err = start_again(s, files, diag, &fresh, &next->keys);

	if (err != ERR_OK)
		return err;
	err = config_merge(
	    &next->arena, over, fresh, &next->config, &next->changes);
	if (err == ERR_TOO_LARGE)
		diag_error(diag, POS_FILE(s->config_path), "config-too-many",
		    "with those that went since it started it has more than %d "
		    "APIs or origins; start it again",
		    CONFIG_APIS_MAX);
	return err;
}

static struct next *next_new(void)
{
	struct next *next = calloc(1, sizeof(*next));

	if (!next)
		abort();
	arena_init(&next->arena);
	return next;
}

/* `over` NULL: nothing is laid over it, and there are no keys. */
static enum err next_make(
    const struct start *s, const struct config *over, struct next **out)
{
	struct next *next = next_new();
	struct arena files;
	struct diag diag;
	enum err err;

	arena_init(&files);
	diag_init(&diag, &files);
	if (over)
		err = read_files(s, over, &files, &diag, next);
	else
		err = start_config_again(s, &next->arena, &diag, &next->config);
	diag_print(&diag, stderr);
	arena_release(&files);
	if (err != ERR_OK) {
		next_drop(next);
		next = NULL;
	}
	*out = next;
	return err;
}

enum err next_read(
    const struct start *s, const struct config *over, struct next **out)
{
	return next_make(s, over, out);
}

enum err next_read_config(const struct start *s, struct next **out)
{
	return next_make(s, NULL, out);
}

bool next_is_same(const struct next *next, const struct config *config)
{
	struct buf is = {0}, was = {0};

	config_write(next->config, &is);
	config_write(config, &was);
	bool same = str_eq(buf_str(&is), buf_str(&was));
	buf_release(&is);
	buf_release(&was);
	return same;
}

void next_use_keys(struct next *next, struct start *s)
{
	keys_wipe(&s->keys);
	s->keys = next->keys;
	keys_wipe(&next->keys);
}

void next_use(struct next *next, struct start *s)
{
	next_use_keys(next, s);
	s->config = next->config;
}

void next_drop(struct next *next)
{
	if (!next)
		return;
	keys_wipe(&next->keys);
	arena_release(&next->arena);
	free(next);
}
