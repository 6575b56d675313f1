#include "generator/importmap.h"

#include <stdlib.h>

#include "generator/hash.h"
#include "generator/html-path.h"
#include "lib/json.h"

/*
 *	{"imports":{"/assets/dom.mjs":"/assets/dom.3f9a2c71d0.mjs"},
 *	"integrity":{"/assets/dom.3f9a2c71d0.mjs":"sha256-…"}}
 *
 * Paths are percent-encoded as URLs are, and so hold no `<` that could end the
 * script. A bare name is compared as it is written (HTML 8.1.6.2, "normalize a
 * specifier key"): "#util" and "@scope/a b" stand there as they are, but for
 * that `<`, which JSON has an escape for.
 */
static int by_name(const void *left, const void *right)
{
	const struct import *a = left, *b = right;

	return str_cmp(a->from, b->from);
}

static struct str encoded(struct arena *a, struct str path)
{
	struct buf buf = {0};

	html_put_path(&buf, path);
	struct str copy = arena_str(a, buf_str(&buf));
	buf_release(&buf);
	return copy;
}

static struct str key_of(struct arena *a, struct str from)
{
	return str_starts(from, "/") ? encoded(a, from) : from;
}

/* Nowhere but in strings is there a `<`. */
static struct str for_script(struct arena *a, struct str json)
{
	struct buf out = {0};

	for (size_t at = 0, end; at < json.n; at = end + 1) {
		end = str_find(json, '<', at);
		buf_put_str(&out, str_slice(json, at, end));
		if (end < json.n)
			buf_puts(&out, "\\u003c");
	}
	struct str copy = arena_str(a, buf_str(&out));
	buf_release(&out);
	return copy;
}

struct str importmap_json(struct arena *a, struct import *imports, size_t n)
{
	struct buf json = {0};
	struct json_writer w = {.out = &json};

	if (!n)
		return (struct str){0};
	qsort(imports, n, sizeof(*imports), by_name);
	json_open(&w, '{');
	json_key(&w, "imports");
	json_open(&w, '{');
	for (size_t i = 0; i < n; i++) {
		json_key_str(&w, key_of(a, imports[i].from));
		json_string(&w, encoded(a, imports[i].to));
	}
	json_close(&w, '}');
	json_key(&w, "integrity");
	json_open(&w, '{');
	for (size_t i = 0; i < n; i++) {
		if (!imports[i].integrity.n)
			continue;
		json_key_str(&w, encoded(a, imports[i].to));
		json_string(&w, imports[i].integrity);
	}
	json_close(&w, '}');
	json_close(&w, '}');
	struct str copy = for_script(a, buf_str(&json));
	buf_release(&json);
	return copy;
}

struct str importmap_element(struct arena *a, struct str json)
{
	return arena_printf(
	    a, "<script type=\"importmap\">%.*s</script>\n", STR_ARG(json));
}

struct str importmap_source(struct arena *a, struct str json)
{
	return hash_source(a, json);
}
