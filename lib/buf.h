#ifndef LOWTIDE_LIB_BUF_H
#define LOWTIDE_LIB_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/str.h"

/*
 * A growing byte buffer, for output whose size is not known beforehand. The
 * caller owns it (buf_init or `struct buf b = {0}`, then buf_release). Always
 * terminated behind its last byte, so b.data may be handed to C functions
 * once something was put. Out of memory aborts, as in lib/arena.h.
 */
struct buf {
	char *data; /* NULL until the first byte */
	size_t len, cap;
};

void buf_init(struct buf *buf);
void buf_release(struct buf *buf); /* NULL-safe */
void buf_clear(struct buf *buf);   /* empties, keeps the memory */
/* Room for so many bytes and the terminator: what is put grows it by itself. */
void buf_grow(struct buf *buf, size_t more);
static inline void buf_reserve(struct buf *buf, size_t more)
{
	if (more >= buf->cap - buf->len)
		buf_grow(buf, more);
}

static inline void buf_put(struct buf *buf, const void *data, size_t n)
{
	buf_reserve(buf, n);
	if (n)
		memcpy(buf->data + buf->len, data, n);
	buf->len += n;
	buf->data[buf->len] = '\0';
}

static inline void buf_putc(struct buf *buf, char c)
{
	buf_put(buf, &c, 1);
}

static inline void buf_puts(struct buf *buf, const char *cstr)
{
	buf_put(buf, cstr, strlen(cstr));
}

static inline void buf_put_str(struct buf *buf, struct str s)
{
	buf_put(buf, s.p, s.n);
}

void buf_put_int(struct buf *buf, int64_t number); /* in decimal */
void buf_printf(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The bytes as a view, good until the buffer changes. */
struct str buf_str(const struct buf *buf);
/* Big-endian integers, for our binary formats. */
void buf_put_u32(struct buf *buf, uint32_t v);
void buf_put_u64(struct buf *buf, uint64_t v);

#endif
