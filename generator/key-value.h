#ifndef LOWTIDE_GENERATOR_KEY_VALUE_H
#define LOWTIDE_GENERATOR_KEY_VALUE_H

#include "generator/keys.h"

/*
 * One value against its row of the key table. `path` is the whole key by dots,
 * for findings. generator/keys-check.c walks the tree and calls these.
 */
struct key_walk {
	struct arena *a;
	const struct outside *outside;
	struct diag *diag;
	size_t strange; /* findings that leave all other keys what they are */
};

/* "`x` must be a duration such as \"10s\", not a whole number" */
void key_wrong_type(struct key_walk *w, const struct key *row, struct str path,
    const struct value *v);
/*
 * `{ env = "X" }` becomes X's value. False when that is not possible; it has
 * been said then.
 */
bool key_resolve(struct key_walk *w, struct str path, struct value *v);
/* Is there a name in a reference at all? False: that has been said. */
bool key_names_something(
    struct key_walk *w, struct str path, const struct value *reference);
/* A string that is used as it stands: no placeholder. */
void key_check_text(struct key_walk *w, const struct key *row, struct str path,
    const struct value *v);
/* One word against the row's "a|b|-c". */
void key_check_choice(struct key_walk *w, const struct key *row,
    struct str path, const struct value *v);
/* Spelled rightly, and within the row's "MIN..MAX"? */
void key_check_amount(struct key_walk *w, const struct key *row,
    struct str path, struct value *v);
void key_check_url(struct key_walk *w, struct str path, const struct value *v);
/* --set and the environment only know words. */
void key_word_to_bool(struct value *v);
/* "a,b" is an array of two there, and nothing an empty one. */
void key_words_to_array(struct arena *a, struct value *v);

#endif
