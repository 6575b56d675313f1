#include "generator/build.h"
#include "generator/hash.h"
#include "lib/json.h"

/*
 * www/manifest.json: what was published, in the order of the paths.
 *
 *   format     1
 *   name       of the site
 *   files[]    path       below www, with '/'
 *              bytes
 *              blake2b    32 bytes as hex (`b2sum -l 256`)
 *              sha256     hex
 *              integrity  "sha512-…", for <script integrity> and the like
 *              type       media type
 *              cache      immutable | pointer | page
 *              encodings  compressed siblings, "gz", "br"
 *              env        true where environment values were read for it
 *
 * It lists neither itself nor what stays on the server, and nothing that a
 * second run on another machine would not find: no time, no folder, no host.
 */
#define MANIFEST_FORMAT 1

static void put_file(
    struct arena *a, struct json_writer *w, const struct out_file *f)
{
	json_open(w, '{');
	json_key(w, "path");
	json_string(w, f->path);
	json_key(w, "bytes");
	json_int(w, (int64_t)f->digest.bytes);
	json_key(w, "blake2b");
	json_string(w, digest_blake2b(a, &f->digest));
	json_key(w, "sha256");
	json_string(w, digest_sha256(a, &f->digest));
	json_key(w, "integrity");
	json_string(w, digest_integrity(a, &f->digest));
	json_key(w, "type");
	json_string(w, str_of(f->type));
	json_key(w, "cache");
	json_string(w, str_of(out_class_name(f->class)));
	json_key(w, "encodings");
	json_open(w, '[');
	json_close(w, ']');
	json_key(w, "env");
	json_bool(w, f->from_env);
	json_close(w, '}');
}

enum err produce_manifest(struct build *b)
{
	struct buf text = {0};
	struct json_writer w = {.out = &text, .indent = 1};
	bool from_env = false;

	out_sort(&b->out);
	json_open(&w, '{');
	json_key(&w, "format");
	json_int(&w, MANIFEST_FORMAT);
	json_key(&w, "name");
	json_string(&w, b->site->name);
	json_key(&w, "files");
	json_open(&w, '[');
	for (size_t i = 0; i < b->out.n; i++) {
		const struct out_file *f = &b->out.files[i];
		if (f->root != OUT_WWW || f->is_sibling)
			continue;
		put_file(b->arena, &w, f);
		from_env = from_env || f->from_env;
	}
	json_close(&w, ']');
	json_close(&w, '}');
	buf_putc(&text, '\n');
	struct str bytes = arena_str(b->arena, buf_str(&text));
	buf_release(&text);
	return out_put(&b->out, OUT_WWW, OUT_MANIFEST, bytes, OUT_POINTER,
	    from_env, POS_NONE, b->diag);
}
