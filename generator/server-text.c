#include "generator/server.h"

#include <ctype.h>

/* ASCII only, whatever the locale. */
static bool is_word(unsigned char c)
{
	return c < 0x80 && (isalnum(c) || c == '_' || c == '-' || c == '/');
}

/*
 * \xHH for all that means anything to anybody: to PCRE, or inside the quotes of
 * a configuration file. Bytes from 0x80 stay, they are part of UTF-8.
 */
void server_regex(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (is_word(c) || c >= 0x80)
			buf_putc(out, (char)c);
		else if (c == '.')
			buf_puts(out, "\\.");
		else
			buf_printf(out, "\\x%02x", c);
	}
}

/*
 * Unreserved characters are decoded by a server that normalises, others may
 * come either way (RFC 3986 2.2), and some can only come encoded.
 */
void server_regex_raw(struct buf *out, struct str path)
{
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];
		if (is_word(c) || c == '.' || c == '~')
			server_regex(out, str_slice(path, i, i + 1));
		else if (c <= ' ' || c >= 0x7f)
			buf_printf(out, "%%%02X", c);
		else
			buf_printf(out, "(?:\\x%02x|%%%02X)", c, c);
	}
}

void server_url_path(struct buf *out, struct str path)
{
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];
		if (is_word(c) || c == '.' || c == '~')
			buf_putc(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

/* "/a/b.css" is in "/a/" */
static struct str folder_of(struct str path)
{
	size_t n = path.n;

	while (n && path.p[n - 1] != '/')
		n--;
	return str_slice(path, 0, n);
}

struct str server_group(struct arena *a, const struct str *paths, size_t n,
    void (*put)(struct buf *out, struct str text), size_t *used)
{
	struct str folder = folder_of(paths[0]);
	struct buf out = {0};
	size_t i = 0;

	put(&out, folder);
	buf_puts(&out, "(?:");
	for (; i < n && str_eq(folder_of(paths[i]), folder); i++) {
		if (i && out.len > SERVER_GROUP_MAX)
			break;
		if (i)
			buf_putc(&out, '|');
		put(&out, str_slice(paths[i], folder.n, paths[i].n));
	}
	buf_putc(&out, ')');
	struct str text = arena_str(a, buf_str(&out));
	buf_release(&out);
	*used = i;
	return text;
}
