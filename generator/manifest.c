#include "generator/manifest.h"

#include <string.h>

#include "generator/server.h"

/* The producer that runs when all files are known: what they are, as a row. */
static struct manifest_file row_of(const struct out_file *f)
{
	struct manifest_file row = {
	    .path = f->path,
	    .digest = f->digest,
	    .type = str_of(f->type),
	    .class = f->class,
	    .from_env = f->from_env,
	};

	for (size_t i = 0; i < ENCODING_COUNT; i++) {
		const struct out_sibling *s = &f->siblings[i];
		row.siblings[i].bytes = s->bytes;
		memcpy(row.siblings[i].blake2b, s->blake2b, sizeof(s->blake2b));
	}
	return row;
}

enum err produce_manifest(struct build *b)
{
	struct manifest m = {.name = b->site->name};
	struct arena rows = {0};
	struct buf text = {0};
	bool from_env = false;
	enum err err = ERR_OK;

	out_sort(&b->out);
	m.files = arena_array(&rows, b->out.n, sizeof(*m.files));
	for (size_t i = 0; i < b->out.n; i++) {
		const struct out_file *f = &b->out.files[i];
		if (f->root != OUT_WWW || f->is_sibling)
			continue;
		if (str_is(f->path, MANIFEST_SIGNATURE)) {
			diag_error(b->diag, f->pos, "output-clash",
			    "this is where the manifest's signature goes; "
			    "rename it");
			err = ERR_INPUT;
		}
		m.files[m.n++] = row_of(f);
		from_env = from_env || f->from_env;
	}
	m.id = manifest_id(b->arena, m.files, m.n);
	if (err == ERR_OK)
		err = server_page(b, "site.fallback", &m.fallback);
	manifest_keep(b->arena, &m, b->previous ? &b->previous->manifest : NULL,
	    (size_t)site_amount(b->site, "keep"));
	manifest_write(&m, &text);
	if (err == ERR_OK)
		err = out_put(&b->out, OUT_WWW, OUT_MANIFEST, buf_str(&text),
		    OUT_POINTER, from_env, POS_NONE, b->diag);
	buf_release(&text);
	arena_release(&rows);
	return err;
}
