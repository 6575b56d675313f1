#ifndef LOWTIDE_LIB_JSON_H
#define LOWTIDE_LIB_JSON_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/value.h"

/*
 * JSON (RFC 8259), read strictly and written plainly.
 *
 * Reading: UTF-8 only and checked, no BOM, no trailing comma, no duplicate
 * key, no lone surrogate, no NUL (not even escaped), any value at the top.
 * Numbers keep their source text in value.text beside their value (1.10 is not
 * 1.1000000000000001 and a 20-digit id loses nothing); an integer that does
 * not fit 64 bits is a FLOAT with its text kept. Depth and size are held
 * against caps first, and the recursion never goes deeper than JSON_DEPTH_MAX.
 */
#define JSON_DEPTH_MAX 64
#define JSON_VALUES_MAX 1000000 /* 64 bytes of memory for each at least */

/*
 * The text must outlive the tree: strings without escapes are views into it.
 * `file` names the text in findings and may be NULL. ERR_SYNTAX with one
 * finding `json-syntax` (line and column in bytes from 1); ERR_TOO_LARGE
 * (`json-too-large`) beyond `max` bytes or JSON_VALUES_MAX values.
 */
enum err json_read(struct arena *a, struct str text, size_t max,
    const char *file, struct diag *diag, struct value **out)
    __attribute__((warn_unused_result));

/* Whether s is one number as JSON spells it: not 0x10, 1_000, +1 or inf. */
bool json_is_number(struct str s);

/* A string with quotes and escapes; bytes that are not UTF-8 become U+FFFD. */
void json_put_string(struct buf *out, struct str s);

/*
 * A writer that puts commas itself:
 *
 *	struct json_writer w = {.out = &buf};
 *	json_open(&w, '{');
 *	json_key(&w, "jobId"); json_string(&w, id);
 *	json_key(&w, "progress"); json_int(&w, 40);
 *	json_close(&w, '}');
 *
 * With indent > 0 every member stands on a line of its own.
 */
struct json_writer {
	struct buf *out;
	unsigned indent;
	unsigned depth;
	bool needs_comma, after_key;
};
void json_open(struct json_writer *w, char bracket);  /* '{' or '[' */
void json_close(struct json_writer *w, char bracket); /* '}' or ']' */
void json_key(struct json_writer *w, const char *key);
void json_key_str(struct json_writer *w, struct str key);
void json_string(struct json_writer *w, struct str s);
void json_int(struct json_writer *w, int64_t i);
void json_bool(struct json_writer *w, bool b);
void json_null(struct json_writer *w);
/* Text that is JSON already, such as a stored result. */
void json_raw(struct json_writer *w, struct str json);
/* A whole tree; numbers by their source text where that is JSON's
 * spelling; dates as strings; inf and nan, which JSON has not, as null. */
void json_value(struct json_writer *w, const struct value *v);

#endif
