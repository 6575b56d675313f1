#include "generator/manifest.h"

#include "lib/json.h"

/* The writer: a file of the site is a line, so that two of them compare well.
 */
#define HEX_MAX (2 * 32)
#define ROW_USUAL 640 /* bytes; more memory is asked for as it is needed */

static void put_hex(struct json_writer *w, const char *key,
    const unsigned char *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char text[HEX_MAX];

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	json_key(w, key);
	json_string(w, (struct str){.p = text, .n = 2 * n});
}

/* "sha512-" and 64 bytes as base64: 21 groups of three, and one byte. */
static void put_integrity(struct json_writer *w, const unsigned char b[64])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[7 + 88] = "sha512-", *to = text + 7;

	for (size_t i = 0; i < 63; i += 3) {
		*to++ = digits[b[i] >> 2];
		*to++ = digits[(b[i] << 4 | b[i + 1] >> 4) & 63];
		*to++ = digits[(b[i + 1] << 2 | b[i + 2] >> 6) & 63];
		*to++ = digits[b[i + 2] & 63];
	}
	*to++ = digits[b[63] >> 2];
	*to++ = digits[b[63] << 4 & 63];
	*to++ = '=';
	*to++ = '=';
	json_key(w, "integrity");
	json_string(w, (struct str){.p = text, .n = sizeof(text)});
}

static void put_file(struct json_writer *w, const struct manifest_file *f)
{
	json_open(w, '{');
	json_key(w, "path");
	json_string(w, f->path);
	json_key(w, "bytes");
	json_int(w, (int64_t)f->digest.bytes);
	put_hex(w, "blake2b", f->digest.blake2b, sizeof(f->digest.blake2b));
	put_hex(w, "sha256", f->digest.sha256, sizeof(f->digest.sha256));
	put_integrity(w, f->digest.sha512);
	json_key(w, "type");
	json_string(w, f->type);
	json_key(w, "cache");
	json_string(w, str_of(out_class_name(f->class)));
	json_key(w, "encodings");
	json_open(w, '{');
	for (size_t i = 0; i < ENCODING_COUNT; i++) {
		const struct manifest_sibling *s = &f->siblings[i];
		if (!s->bytes)
			continue;
		json_key(w, encoding_rows[i].name);
		json_open(w, '{');
		json_key(w, "bytes");
		json_int(w, (int64_t)s->bytes);
		put_hex(w, "blake2b", s->blake2b, sizeof(s->blake2b));
		json_close(w, '}');
	}
	json_close(w, '}');
	json_key(w, "env");
	json_bool(w, f->from_env);
	json_close(w, '}');
}

static void put_release(struct json_writer *w, const struct manifest_release *r)
{
	json_open(w, '{');
	json_key(w, "release");
	json_string(w, r->id);
	json_key(w, "files");
	json_open(w, '[');
	for (size_t i = 0; i < r->n; i++)
		json_string(w, r->paths[i]);
	json_close(w, ']');
	json_close(w, '}');
}

/* A row of `files` or `releases`, on a line of its own. */
static struct json_writer row(struct buf *out, size_t i)
{
	buf_puts(out, i ? ",\n" : "\n");
	return (struct json_writer){.out = out};
}

void manifest_write(const struct manifest *m, struct buf *out)
{
	struct json_writer w = {.out = out};

	buf_reserve(out, ROW_USUAL * (m->n + 1));
	json_open(&w, '{');
	json_key(&w, "format");
	json_int(&w, MANIFEST_FORMAT);
	json_key(&w, "name");
	json_string(&w, m->name);
	json_key(&w, "release");
	json_string(&w, m->id);
	if (m->fallback.n) {
		json_key(&w, "fallback");
		json_string(&w, m->fallback);
	}
	json_key(&w, "files");
	json_open(&w, '[');
	for (size_t i = 0; i < m->n; i++) {
		struct json_writer line = row(out, i);
		put_file(&line, &m->files[i]);
	}
	buf_putc(out, '\n');
	json_close(&w, ']');
	json_key(&w, "releases");
	json_open(&w, '[');
	for (size_t i = 0; i < m->n_releases; i++) {
		struct json_writer line = row(out, i);
		put_release(&line, &m->releases[i]);
	}
	json_close(&w, ']');
	json_close(&w, '}');
	buf_putc(out, '\n');
}

struct str manifest_id(
    struct arena *a, const struct manifest_file *files, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	struct buf lines = {0};

	for (size_t i = 0; i < n; i++) {
		const unsigned char *hash = files[i].digest.blake2b;
		char hex[1 + HEX_MAX + 1] = " ";
		for (size_t at = 0; at < HEX_MAX / 2; at++) {
			hex[1 + 2 * at] = digits[hash[at] >> 4];
			hex[2 + 2 * at] = digits[hash[at] & 15];
		}
		hex[1 + HEX_MAX] = '\n';
		buf_put_str(&lines, files[i].path);
		buf_put(&lines, hex, sizeof(hex));
	}
	struct str id = hash_blake2b(a, buf_str(&lines));
	buf_release(&lines);
	return id;
}
