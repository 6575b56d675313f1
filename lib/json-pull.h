#ifndef LOWTIDE_LIB_JSON_PULL_H
#define LOWTIDE_LIB_JSON_PULL_H

#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"

/*
 * JSON (RFC 8259) read a step at a time, by somebody who knows what must come
 * next: no tree, no memory but for strings with escapes. For large files in a
 * format of ours; lib/json.h reads what may be anything, by the same rules.
 *
 *	json_pull_open(p, '{');
 *	while (json_pull_key(p, &key))
 *		if (str_is(key, "files")) {
 *			json_pull_open(p, '[');
 *			while (json_pull_item(p))
 *				json_pull_string(p, &s);
 *		}
 *	json_pull_end(p);
 *
 * The first thing that is wrong is said once (`finding`, with line and column)
 * and ends it: err is set, everything afterwards does nothing, and the loops
 * end. Whether a key stands twice is for the caller, who has a place for it.
 */
struct json_pull {
	struct arena *arena; /* the strings with escapes */
	struct str text;     /* must outlive what was read from it */
	const char *file;    /* for findings, may be NULL; not copied */
	const char *finding; /* a literal: "manifest-syntax" */
	struct diag *diag;
	/* its own */
	enum err err;
	size_t at, line_start;
	uint32_t line; /* 0 before the first call, then from 1 */
	bool opened;   /* a bracket, and nothing since */
};

/* '{' or '['. What closes it is eaten by _key() and _item(). */
void json_pull_open(struct json_pull *p, char bracket);
/* The next member's key; false at the end of the object. */
bool json_pull_key(struct json_pull *p, struct str *key);
/* Whether a value follows; false at the end of the array. */
bool json_pull_item(struct json_pull *p);
void json_pull_string(struct json_pull *p, struct str *out);
/* 0 … 2^53 - 1 (RFC 8259 section 6), without fraction or exponent. */
void json_pull_count(struct json_pull *p, uint64_t *out);
void json_pull_bool(struct json_pull *p, bool *out);
/* Nothing may follow. */
void json_pull_end(struct json_pull *p);
/* Where the next thing stands. */
struct pos json_pull_pos(struct json_pull *p);
/* The caller has found something wrong, and said it. */
void json_pull_stop(struct json_pull *p, enum err err);

#endif
