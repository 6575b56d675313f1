#include "cgi/jobs.h"

#include "cgi/seal.h"

/* What several commands need. */

enum err jobs_open(struct jobs *run)
{
	struct start *s = &run->start;
	enum err err = start_open(s, run->found.values, STORE_SHOWS);

	if (err != ERR_OK)
		return err;
	store_close(s->store);
	s->store = NULL;
	return start_open(s, run->found.values, STORE_WRITES);
}

enum err jobs_body(struct jobs *run, const struct job *job, enum body_kind kind,
    struct str *plain)
{
	struct start *s = &run->start;
	struct str sealed;
	enum err err = store_body(s->store, job, kind, &s->arena, &sealed);

	if (err == ERR_OK)
		err = seal_open(&s->keys, job, kind, sealed, &s->arena, plain);
	return err;
}
