#include "generator/encode.h"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <zstd.h>

const struct encoding_row encoding_rows[ENCODING_COUNT] = {
    [ENCODING_GZ] = {"gz", ".gz", "gzip", 12},
    [ENCODING_BR] = {"br", ".br", "br", 11},
    [ENCODING_ZST] = {"zst", ".zst", "zstd", 19},
};

/* What browsers hold for a stream, as a power of two. */
#define BROTLI_WINDOW_MAX 22
#define ZSTD_WINDOW_MAX 23
/* Deflate says at most 258 bytes with two bits. */
#define DEFLATE_RATIO_MAX 1032
#define DECODE_STEP ((size_t)64 * 1024)

struct str encoding_library(struct arena *a, enum encoding encoding)
{
	uint32_t v = BrotliEncoderVersion();

	switch (encoding) {
	case ENCODING_BR:
		return arena_printf(
		    a, "brotli %u.%u.%u", v >> 24, v >> 12 & 0xfff, v & 0xfff);
	case ENCODING_ZST:
		return arena_printf(a, "zstd %s", ZSTD_versionString());
	default: /* it does not say at run time */
		return arena_printf(
		    a, "libdeflate %s", LIBDEFLATE_VERSION_STRING);
	}
}

/* --- to ---------------------------------------------------------------- */

/* Each gets room for the worst case and says how much it took; 0: no memory. */
static size_t to_gzip(struct str in, char *to, size_t room)
{
	struct libdeflate_compressor *c =
	    libdeflate_alloc_compressor(encoding_rows[ENCODING_GZ].level);

	if (!c)
		abort();
	size_t n = libdeflate_gzip_compress(c, in.p, in.n, to, room);
	libdeflate_free_compressor(c);
	return n;
}

/*
 * The window is as small as the input allows: it takes nothing from the result
 * and much from the memory at both ends. The mode stays generic: at quality 11
 * the encoder looks for itself whether bytes are UTF-8, and its text mode only
 * matters below that.
 */
static size_t to_brotli(struct str in, char *to, size_t room)
{
	size_t n = room;
	int window = 16;

	while (window < BROTLI_WINDOW_MAX && ((size_t)1 << window) - 16 < in.n)
		window++;
	if (!BrotliEncoderCompress(encoding_rows[ENCODING_BR].level, window,
		BROTLI_MODE_GENERIC, in.n, (const uint8_t *)in.p, &n,
		(uint8_t *)to))
		return 0;
	return n;
}

static size_t to_zstd(struct str in, char *to, size_t room)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t n = 0;

	if (!c)
		abort();
	bool set =
	    !ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel,
		encoding_rows[ENCODING_ZST].level)) &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1));
	if (set)
		n = ZSTD_compress2(c, to, room, in.p, in.n);
	ZSTD_freeCCtx(c);
	return !set || ZSTD_isError(n) ? 0 : n;
}

static size_t worst_case(enum encoding encoding, size_t n)
{
	switch (encoding) {
	case ENCODING_BR: /* exact only up to that size; never 0 here */
		return BrotliEncoderMaxCompressedSize(n);
	case ENCODING_ZST:
		return ZSTD_compressBound(n);
	default:
		return libdeflate_gzip_compress_bound(NULL, n);
	}
}

enum err encode(enum encoding encoding, struct str bytes, struct buf *out)
{
	static size_t (*const to[ENCODING_COUNT])(
	    struct str, char *, size_t) = {to_gzip, to_brotli, to_zstd};

	if (bytes.n > ENCODING_INPUT_MAX)
		return ERR_TOO_LARGE;
	if (!bytes.p)
		bytes.p = "";
	size_t room = worst_case(encoding, bytes.n);
	buf_reserve(out, room);
	size_t n = to[encoding](bytes, out->data + out->len, room);
	if (n == 0)
		abort(); /* there was room: only memory can have run out */
	out->len += n;
	out->data[out->len] = '\0';
	return ERR_OK;
}

/* RFC 1952 2.3: ten bytes, then what the flags say is there. */
static bool gzip_apart(struct str bytes, struct buf *out)
{
	enum { FLAGS = 3, HEADER = 10, FNAME = 8, FCOMMENT = 16 };
	unsigned flags = (unsigned char)bytes.p[FLAGS];
	unsigned more = flags & FNAME ? FCOMMENT : FNAME;

	if (flags & more)
		return false;
	buf_put(out, bytes.p, HEADER);
	out->data[out->len - HEADER + FLAGS] = (char)(flags | more);
	buf_putc(out, '\0');
	buf_put(out, bytes.p + HEADER, bytes.n - HEADER);
	return true;
}

/* RFC 8878 3.1.1: the descriptor follows the magic number. */
static bool zstd_apart(struct str bytes, struct buf *out)
{
	enum { DESCRIPTOR = 4, HAS_CHECKSUM = 4, CHECKSUM = 4 };
	unsigned descriptor = (unsigned char)bytes.p[DESCRIPTOR];

	if (!(descriptor & HAS_CHECKSUM))
		return false;
	buf_put(out, bytes.p, DESCRIPTOR);
	buf_putc(out, (char)(descriptor & ~(unsigned)HAS_CHECKSUM));
	buf_put(
	    out, bytes.p + DESCRIPTOR + 1, bytes.n - DESCRIPTOR - 1 - CHECKSUM);
	return true;
}

bool encode_apart(enum encoding encoding, struct str bytes, struct buf *out)
{
	static bool (*const apart[ENCODING_COUNT])(struct str, struct buf *) = {
	    [ENCODING_GZ] = gzip_apart, [ENCODING_ZST] = zstd_apart};

	return apart[encoding] && apart[encoding](bytes, out);
}

/* --- from -------------------------------------------------------------- */

/*
 * A member's last four bytes are its size (RFC 1952 2.3.1). They are believed
 * only as far as so many compressed bytes could hold that much.
 */
static enum err from_gzip(struct str in, size_t max, struct buf *out)
{
	struct libdeflate_decompressor *d;
	size_t size = 0, used = 0;

	if (in.n < 18)
		return ERR_SYNTAX;
	for (size_t i = 1; i <= 4; i++)
		size = size << 8 | (unsigned char)in.p[in.n - i];
	if (size / DEFLATE_RATIO_MAX > in.n)
		return ERR_SYNTAX;
	if (size > max)
		return ERR_TOO_LARGE;
	d = libdeflate_alloc_decompressor();
	if (!d)
		abort();
	buf_reserve(out, size + 1);
	enum libdeflate_result result = libdeflate_gzip_decompress_ex(
	    d, in.p, in.n, out->data + out->len, size, &used, NULL);
	libdeflate_free_decompressor(d);
	if (result != LIBDEFLATE_SUCCESS || used != in.n)
		return ERR_SYNTAX;
	out->len += size;
	return ERR_OK;
}

/* Room for the next piece; one byte more than allowed tells that it is. */
static size_t next_room(struct buf *out, size_t from, size_t max)
{
	size_t have = out->len - from;
	size_t room = have < DECODE_STEP ? DECODE_STEP : have;

	if (room > max - have)
		room = max - have + 1;
	buf_reserve(out, room);
	return room;
}

static enum err from_brotli(struct str in, size_t max, struct buf *out)
{
	BrotliDecoderState *d = BrotliDecoderCreateInstance(NULL, NULL, NULL);
	const uint8_t *at = (const uint8_t *)in.p;
	size_t from = out->len, left = in.n;
	BrotliDecoderResult result;
	enum err err = ERR_OK;

	if (!d)
		abort();
	do {
		size_t had = next_room(out, from, max), room = had;
		uint8_t *to = (uint8_t *)out->data + out->len;
		result = BrotliDecoderDecompressStream(
		    d, &left, &at, &room, &to, NULL);
		out->len += had - room;
		if (out->len - from > max)
			err = ERR_TOO_LARGE;
	} while (!err && result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT);
	BrotliDecoderDestroyInstance(d);
	if (!err && (result != BROTLI_DECODER_RESULT_SUCCESS || left))
		err = ERR_SYNTAX;
	return err;
}

static enum err from_zstd(struct str in, size_t max, struct buf *out)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();
	ZSTD_inBuffer input = {.src = in.p, .size = in.n};
	size_t from = out->len, left, before;
	enum err err = ERR_OK;
	bool moved;

	if (!d)
		abort();
	left = ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, ZSTD_WINDOW_MAX);
	do {
		ZSTD_outBuffer to = {.size = next_room(out, from, max)};
		to.dst = out->data + out->len;
		before = input.pos;
		left = ZSTD_isError(left)
			   ? left
			   : ZSTD_decompressStream(d, &to, &input);
		moved = to.pos || input.pos > before;
		out->len += to.pos;
		if (out->len - from > max)
			err = ERR_TOO_LARGE;
	} while (!err && !ZSTD_isError(left) && left && moved);
	ZSTD_freeDCtx(d);
	if (!err && (left || input.pos != in.n))
		err = ERR_SYNTAX;
	return err;
}

enum err decode(
    enum encoding encoding, struct str bytes, size_t max, struct buf *out)
{
	static enum err (*const from[ENCODING_COUNT])(struct str, size_t,
	    struct buf *) = {from_gzip, from_brotli, from_zstd};
	size_t before = out->len;
	enum err err = ERR_SYNTAX;

	if (max > ENCODING_INPUT_MAX)
		max = ENCODING_INPUT_MAX;
	if (bytes.n)
		err = from[encoding](bytes, max, out);
	if (err)
		out->len = before;
	if (out->data)
		out->data[out->len] = '\0';
	return err;
}

/* --- whether to -------------------------------------------------------- */

bool encoding_pays(const char *type)
{
	static const char *const whole[] = {"application/javascript",
	    "application/json", "application/json5", "application/rtf",
	    "application/sql", "application/toml",
	    "application/vnd.ms-fontobject", "application/wasm",
	    "application/xml", "application/yaml", "font/otf", "font/ttf",
	    "image/bmp", "image/vnd.microsoft.icon", "image/x-icon"};
	struct str name = str_of(type);

	name = str_trim(str_slice(name, 0, str_find(name, ';', 0)));
	if (str_starts(name, "text/") || str_ends(name, "+json") ||
	    str_ends(name, "+xml"))
		return true;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (str_is(name, whole[i]))
			return true;
	return false;
}
