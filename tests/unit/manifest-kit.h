#ifndef LOWTIDE_TESTS_UNIT_MANIFEST_KIT_H
#define LOWTIDE_TESTS_UNIT_MANIFEST_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generator/manifest.h"

/*
 * Manifests from a line a file: "assets/a.1.css immutable one br gz". The third
 * word stands for its bytes; "!type" and "env" may follow.
 *
 *	struct manifest m = release_of(&arena, "index.html page hello br\n"
 *	                                       "plans.json pointer 1\n");
 */
static inline void kit_hash(
    struct arena *a, struct str of, const char *salt, unsigned char out[32])
{
	struct str hex =
	    hash_blake2b(a, arena_printf(a, "%s%.*s", salt, STR_ARG(of)));

	for (size_t i = 0; i < 32; i++)
		out[i] = (unsigned char)(hex.p[2 * i] * 16 + hex.p[2 * i + 1]);
}

static inline enum out_class kit_class(struct str name)
{
	for (enum out_class c = OUT_IMMUTABLE; c < OUT_PRIVATE; c++)
		if (str_is(name, out_class_name(c)))
			return c;
	fail_msg("%.*s is no class", STR_ARG(name));
	return OUT_PAGE;
}

static inline void kit_word(
    struct arena *a, struct manifest_file *f, size_t nth, struct str word)
{
	if (nth == 0) {
		f->path = arena_str(a, word);
		f->type = str_of(out_type(f->path));
	} else if (nth == 1) {
		f->class = kit_class(word);
	} else if (nth == 2) {
		f->digest.bytes = word.n;
		kit_hash(a, word, "b", f->digest.blake2b);
		kit_hash(a, word, "2", f->digest.sha256);
		kit_hash(a, word, "5", f->digest.sha512);
		kit_hash(a, word, "6", f->digest.sha512 + 32);
	} else if (str_is(word, "env")) {
		f->from_env = true;
	} else if (str_starts(word, "!")) {
		f->type = arena_str(a, str_slice(word, 1, word.n));
	}
	for (size_t e = 0; e < ENCODING_COUNT; e++) {
		if (nth < 3 || !str_is(word, encoding_rows[e].name))
			continue;
		f->siblings[e].bytes = f->digest.bytes + 1;
		memcpy(f->siblings[e].blake2b, f->digest.blake2b, 32);
		f->siblings[e].blake2b[0] ^= (unsigned char)(e + 1);
	}
}

static inline int kit_by_path(const void *left, const void *right)
{
	const struct manifest_file *a = left, *b = right;

	return str_cmp(a->path, b->path);
}

static inline struct manifest release_of(struct arena *a, const char *lines)
{
	struct manifest m = {.name = STR("acme")};
	struct str text = str_of(lines);

	m.files = arena_array(a, text.n + 1, sizeof(*m.files));
	while (text.n) {
		size_t end = str_find(text, '\n', 0);
		struct str line = str_slice(text, 0, end);
		text = str_slice(text, end + 1, text.n);
		if (line.n == 0)
			continue;
		struct manifest_file *f = &m.files[m.n++];
		for (size_t nth = 0; line.n; nth++) {
			size_t space = str_find(line, ' ', 0);
			kit_word(a, f, nth, str_slice(line, 0, space));
			line = str_slice(line, space + 1, line.n);
		}
	}
	qsort(m.files, m.n, sizeof(*m.files), kit_by_path);
	m.id = manifest_id(a, m.files, m.n);
	return m;
}

static inline struct str kit_text(struct arena *a, const struct manifest *m)
{
	struct buf buf = {0};

	manifest_write(m, &buf);
	struct str text = arena_str(a, buf_str(&buf));
	buf_release(&buf);
	return text;
}

/* "[a b] [c]": what the releases keep. */
static inline const char *kit_kept(struct arena *a, const struct manifest *m)
{
	struct buf buf = {0};

	for (size_t i = 0; i < m->n_releases; i++) {
		buf_puts(&buf, i ? " [" : "[");
		for (size_t j = 0; j < m->releases[i].n; j++) {
			buf_puts(&buf, j ? " " : "");
			buf_put_str(&buf, m->releases[i].paths[j]);
		}
		buf_putc(&buf, ']');
	}
	const char *text = arena_cstr(a, buf_str(&buf));
	buf_release(&buf);
	return text;
}

#endif
