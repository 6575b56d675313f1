#include "lib/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf)
{
	*buf = (struct buf){0};
}

void buf_release(struct buf *buf)
{
	if (!buf)
		return;
	free(buf->data);
	buf_init(buf);
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

void buf_grow(struct buf *buf, size_t more)
{
	if (more >= SIZE_MAX / 2 - buf->len)
		abort();
	size_t need = buf->len + more + 1;
	size_t cap = buf->cap ? buf->cap : 64;
	while (cap < need)
		cap *= 2;
	char *data = realloc(buf->data, cap);
	if (!data)
		abort();
	buf->data = data;
	buf->cap = cap;
}

void buf_put_int(struct buf *buf, int64_t number)
{
	char digits[STR_INT_MAX];

	buf_put(buf, digits, str_int(digits, number));
}

/* Into the room that is there; once more when that was too little. */
void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	buf_reserve(buf, 0);
	size_t room = buf->cap - buf->len;
	int n = vsnprintf(buf->data + buf->len, room, format, args);
	if (n < 0)
		abort();
	if ((size_t)n >= room) {
		buf_reserve(buf, (size_t)n);
		vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
	}
	buf->len += (size_t)n;
	va_end(again);
	va_end(args);
}

struct str buf_str(const struct buf *buf)
{
	return (struct str){.p = buf->data, .n = buf->len};
}

static void put_be(struct buf *buf, uint64_t v, unsigned bytes)
{
	unsigned char be[8];
	for (unsigned i = 0; i < bytes; i++)
		be[i] = (unsigned char)(v >> (8 * (bytes - 1 - i)));
	buf_put(buf, be, bytes);
}

void buf_put_u32(struct buf *buf, uint32_t v)
{
	put_be(buf, v, 4);
}

void buf_put_u64(struct buf *buf, uint64_t v)
{
	put_be(buf, v, 8);
}
