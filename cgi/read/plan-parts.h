#ifndef LOWTIDE_CGI_READ_PLAN_PARTS_H
#define LOWTIDE_CGI_READ_PLAN_PARTS_H

#include "cgi/read/plan.h"
#include "lib/value.h"

/*
 * What plan.c (what is done from outside), plan-wave.c (who is asked when),
 * plan-needs.c (who waits for whom), plan-ids.c (whom a read is about),
 * plan-call.c (one call), plan-value.c (what others see of a result),
 * plan-result.c (the answer) and plan-body.c (its body) share. Nobody else
 * includes this.
 */
#define PLAN_NONE SIZE_MAX

struct plan_calling;

/* Identifiers of one kind. */
struct plan_id {
	struct str id;
	size_t place; /* in the list */
};
struct plan_ids {
	const struct read_ids *is;
	size_t number;	   /* among the read's */
	size_t from;	   /* the call whose results have them; PLAN_NONE: the
			      request does */
	struct str member; /* of that, by dots */
	bool known;
	const struct plan_part *failed; /* why they never will be */
	struct strs list;		/* in the order they came, each once */
	struct str joined;		/* by commas; p NULL = not yet */
	const struct plan_id *sorted;	/* by text; NULL = not yet */
	const char *notes[2]; /* what is wrong with some of them; or NULL */
};

enum plan_state {
	PART_WAITS, /* for parts of other calls: so many */
	PART_READY, /* to be given out */
	PART_OUT,
	PART_DONE
};
/* One call that is made, or would be: for one identifier, or at all. */
struct plan_part {
	struct plan_calling *of;
	struct plan_part *next; /* of the queue it is in */
	enum plan_state state;
	uint32_t waits;
	bool told;     /* DONE, and those who wait for it know */
	bool answered; /* by somebody; not because another one failed */
	bool shed, stale;
	bool parsed; /* .tree is what it will be */
	enum plan_failure failure;
	int status;
	const char *message; /* NULL = the usual one */
	struct str why;	     /* for the log alone; "" = that */
	int64_t retry_ms, fresh_boot;
	struct blob *blob;  /* NULL or without bytes: empty */
	struct value *tree; /* of the blob; NULL = empty, or none of JSON */
};
struct plan_queue {
	struct plan_part *first, *last;
};

/* One of the read's calls. */
struct plan_calling {
	const struct read_call *is;
	const struct upstream *upstream;
	size_t number;	      /* among the read's */
	struct plan_ids *ids; /* NULL = it is made once */
	/* bits of other calls: whom its templates name; those it cannot do
	   without; who names this one */
	uint32_t needs, hard, users;
	/* bits of identifiers of which it names all; cannot do without any */
	uint32_t joins, hard_joins;
	bool looked; /* something looks into its results */
	/* the same for all identifiers, and known once p is not NULL */
	bool same_url, same_headers;
	struct str url, path;
	struct pairs headers;
	struct upstream_call rules;
	struct str lacks; /* for the log: why it cannot be made; "" = it can */
	/* there are parts, or there will never be any: */
	bool made;
	struct plan_part *parts;
	size_t n, first; /* parts; the index of the first */
	size_t left;	 /* of them, not told yet */
	bool whole;	 /* all of them were told */
	/* .failure: its identifiers cannot be known, so it has no parts */
	struct plan_part fate;
	struct value *table; /* results by identifier; NULL = not yet */
	/* by kind of identifiers, the record of each; NULL = not yet */
	struct value **records[CONFIG_READ_IDS_MAX];
};

struct plan {
	struct arena *arena;
	struct plan_spec spec;
	struct envelope_request request; /* without what lets in here */
	struct plan_ids *ids;
	size_t n_ids;
	struct plan_calling *calls;
	size_t n_calls;
	struct plan_queue ready, done;
	size_t n_parts, n_out, n_given;
	bool lost; /* a required one failed */
};

/* The part of `need` for the same identifier matters, not all of them. */
static inline bool plan_same_ids(
    const struct plan_calling *user, const struct plan_calling *need)
{
	return need->ids && need->ids == user->ids;
}

/* plan-needs.c: false where a read cannot be, and *why. */
bool plan_find_needs(struct plan *plan, struct str *why);

/* plan-ids.c: those that the request has; ERR_INPUT. */
enum err plan_read_ids(struct plan *plan, struct str *why);
/* Those that the results of ids->from have, `room` of them at most. */
void plan_learn_ids(struct plan *plan, struct plan_ids *ids, size_t room);
/* The place of one in the list, or PLAN_NONE. */
size_t plan_find_id(struct plan *plan, struct plan_ids *ids, struct str id);
/* All of them by commas. */
struct str plan_join_ids(struct plan *plan, struct plan_ids *ids);

/* plan-wave.c: the parts that wait for no results. */
void plan_begin(struct plan *plan);
/* NULL = none just now. */
struct plan_part *plan_pop_ready(struct plan *plan);
/* It came to something, by itself; plan_tell_all() has to follow. */
void plan_end_part(struct plan *plan, struct plan_part *part);
/* Those who wait for what ended. */
void plan_tell_all(struct plan *plan);
/* How `need` failed, as far as the part is concerned; NULL = not. */
const struct plan_part *plan_failed_need(
    const struct plan_part *part, const struct plan_calling *need);
void plan_fail_as(
    struct plan *plan, struct plan_part *part, const struct plan_part *other);

/* plan-call.c: false: it cannot be made; the part says what it is then. */
bool plan_make_call(
    struct plan *plan, struct plan_part *part, struct plan_call *out);
/* Whether the request has all that the calls need of it, and we for those that
   are required. */
enum err plan_try_calls(struct plan *plan, struct str *why);

/* plan-key.c */
void plan_key(const struct plan *plan, const struct plan_calling *call,
    struct str url, const struct pairs *headers, uint8_t key[READ_KEY_BYTES]);

/* plan-value.c: the result of one part; NULL = empty, or not to be read. */
struct value *plan_tree(struct plan *plan, struct plan_part *part);
/* A member by dots, "" = itself; NULL. */
struct value *plan_member(
    struct plan *plan, struct value *v, struct str dotted);
/* A string's or number's text; false = neither. */
bool plan_text(const struct value *v, struct str *out);
/*
 * What `need` has about the nth identifier of `ids` (NULL = none); where it is
 * not about those, all of it. NULL = nothing.
 */
struct value *plan_value(struct plan *plan, struct plan_calling *need,
    struct plan_ids *ids, size_t n);

/* plan-body.c: of a 200. False: it is larger than PLAN_RESULT_MAX. */
bool plan_put_body(
    struct plan *plan, const struct read_result *result, struct buf *out);
/* Whether the read's shape can be filled; else *why. */
bool plan_check_shape(struct plan *plan, struct str *why);
/* Whether it needs what the call brings as a tree. */
bool plan_shape_looks_into(
    const struct plan *plan, const struct plan_calling *call);

#endif
