#include "generator/memo-file.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generator/encode.h"
#include "lib/version.h"

#define MAGIC "lowmemo"
#define MEMO_MAX ((uint64_t)1 << 32)

void memo_hash(unsigned char out[MEMO_HASH], const void *bytes, size_t n)
{
	if (crypto_generichash(out, MEMO_HASH, bytes, n, NULL, 0) != 0)
		abort();
}

/* --- which program this is ---------------------------------------------- */

/*
 * The linker's build id, of the program alone (the first object): the same
 * wherever it is copied to, another one after every change.
 */
static int build_id(struct dl_phdr_info *info, size_t size, void *out)
{
	struct str *id = out;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum && !id->n; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const char *at = (const char *)(info->dlpi_addr + p->p_vaddr);
		if (p->p_type != PT_NOTE)
			continue;
		for (size_t n = p->p_memsz; n >= sizeof(ElfW(Nhdr));) {
			const ElfW(Nhdr) *note = (const void *)at;
			size_t name = (note->n_namesz + 3u) & ~(size_t)3;
			size_t all = sizeof(*note) + name +
				     ((note->n_descsz + 3u) & ~(size_t)3);
			if (all > n)
				break;
			if (note->n_type == NT_GNU_BUILD_ID)
				*id = (struct str){
				    at + sizeof(*note) + name, note->n_descsz};
			at += all;
			n -= all;
		}
	}
	return 1;
}

/* What else is linked in decides as well: the codecs. */
static void program(unsigned char out[MEMO_HASH])
{
	struct arena a = {0};
	struct buf text = {0};
	struct str id = {0};
	struct stat st;

	buf_puts(&text, LOWTIDE_VERSION "\n");
	dl_iterate_phdr(build_id, &id);
	buf_put_str(&text, id);
	if (!id.n && stat("/proc/self/exe", &st) == 0)
		buf_printf(&text, "%jd %jd %jd", (intmax_t)st.st_size,
		    (intmax_t)st.st_ino, (intmax_t)st.st_mtim.tv_sec);
	for (size_t i = 0; i < ENCODING_COUNT; i++)
		buf_put_str(&text, encoding_library(&a, (enum encoding)i));
	memo_hash(out, text.data, text.len);
	buf_release(&text);
	arena_release(&a);
}

/* --- reading ------------------------------------------------------------ */

/*
 * Against damage alone, for whoever can forge a file can forge any check that
 * has no key: four lanes of eight bytes, which take turns and are mixed at the
 * end. Each step can be undone, so no single word changes unnoticed.
 */
#define LANES (MEMO_HASH / sizeof(uint64_t))
struct sum {
	uint64_t lanes[LANES];
};

static void step(struct sum *s, const char block[MEMO_HASH])
{
	for (size_t i = 0; i < LANES; i++) {
		uint64_t word;
		memcpy(&word, block + i * sizeof(word), sizeof(word));
		s->lanes[i] = (s->lanes[i] ^ word) * 0x9e3779b97f4a7c15u;
		s->lanes[i] ^= s->lanes[i] >> 32;
	}
}

static void add(struct sum *s, const void *bytes, size_t n)
{
	char block[MEMO_HASH] = {0};
	const char *p = bytes;
	uint64_t all = n;

	for (; n >= MEMO_HASH; p += MEMO_HASH, n -= MEMO_HASH)
		step(s, p);
	memcpy(block, p, n);
	step(s, block);
	memset(block, 0, sizeof(block));
	memcpy(block, &all, sizeof(all));
	step(s, block);
}

static void end(struct sum *s, unsigned char out[MEMO_HASH])
{
	char block[MEMO_HASH];

	for (size_t i = 0; i < LANES; i++) {
		for (size_t k = 0; k < LANES; k++)
			memcpy(block + k * sizeof(uint64_t),
			    &s->lanes[(k + 1) % LANES], sizeof(uint64_t));
		step(s, block);
	}
	memcpy(out, s->lanes, MEMO_HASH);
}

static void check_of(unsigned char out[MEMO_HASH], const char *bytes, size_t n)
{
	struct memo_header header;
	struct sum sum = {0};

	memcpy(&header, bytes, sizeof(header));
	memset(header.check, 0, sizeof(header.check));
	add(&sum, &header, sizeof(header));
	add(&sum, bytes + sizeof(header), n - sizeof(header));
	end(&sum, out);
}

static void check_of_digests(
    unsigned char out[MEMO_HASH], const char *bytes, size_t n)
{
	struct sum sum = {0};

	add(&sum, bytes, n);
	end(&sum, out);
}

/* The next n rows of so many bytes; false past the end. */
static bool take(const struct memo_file *f, size_t *at, uint64_t n, size_t size,
    const void **out)
{
	*out = (const char *)f->map + *at;
	if (n > MEMO_MAX || n * size > f->n - *at)
		return false;
	*at += (size_t)n * size;
	return true;
}

static bool parse(struct memo_file *f)
{
	const struct memo_header *h = f->map;
	unsigned char hash[MEMO_HASH];
	size_t at = sizeof(*h), half;
	const void *p[8];

	if (f->n < sizeof(*h) || memcmp(h->magic, MAGIC, 8) != 0 ||
	    h->version != MEMO_VERSION)
		return false;
	program(hash);
	if (memcmp(h->program, hash, MEMO_HASH) != 0)
		return false;
	/* texts have whatever length, so rows behind them are padded to 8 */
	if (!take(f, &at, h->n_sources, sizeof(*f->sources), &p[0]) ||
	    !take(f, &at, h->n_outputs, sizeof(*f->outputs), &p[1]) ||
	    !take(f, &at, h->n_around, sizeof(*f->around), &p[2]) ||
	    !take(f, &at, h->n_said, sizeof(*f->said), &p[3]) ||
	    h->n_texts % 8 || !take(f, &at, h->n_texts, 1, &p[4]))
		return false;
	half = at;
	if (!take(f, &at, h->n_sources, sizeof(*f->digests), &p[5]) ||
	    !take(f, &at, h->n_outputs, sizeof(*f->output_digests), &p[6]) ||
	    !take(f, &at, h->n_auxes, 1, &p[7]) || at != f->n)
		return false;
	check_of(hash, f->map, half);
	if (memcmp(hash, h->check, MEMO_HASH) != 0)
		return false;
	f->header = h;
	f->sources = p[0];
	f->outputs = p[1];
	f->around = p[2];
	f->said = p[3];
	f->texts = p[4];
	return true;
}

static bool map(struct memo_file *f, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	*f = (struct memo_file){0};
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size > 0 && (uint64_t)st.st_size <= MEMO_MAX) {
		f->n = (size_t)st.st_size;
		f->map = mmap(NULL, f->n, PROT_READ, MAP_PRIVATE, fd, 0);
		if (f->map == MAP_FAILED)
			f->map = NULL;
	}
	if (fd >= 0)
		close(fd);
	return f->map;
}

bool memo_file_open(struct memo_file *f, const char *path)
{
	if (map(f, path) && parse(f))
		return true;
	memo_file_close(f);
	return false;
}

bool memo_file_digests(struct memo_file *f)
{
	unsigned char hash[MEMO_HASH];

	if (!f->header)
		return false;
	if (f->digests)
		return true;
	const char *at = f->texts + f->header->n_texts;
	check_of_digests(hash, at, f->n - (size_t)(at - (const char *)f->map));
	if (memcmp(hash, f->header->check_digests, MEMO_HASH) != 0)
		return false;
	f->digests = (const void *)at;
	f->output_digests = (const void *)(f->digests + f->header->n_sources);
	f->auxes = (const void *)(f->output_digests + f->header->n_outputs);
	return true;
}

void memo_file_close(struct memo_file *f)
{
	if (f->map)
		munmap(f->map, f->n);
	*f = (struct memo_file){0};
}

static struct str part(const char *texts, uint64_t all, struct memo_text t)
{
	if (t.at > all || t.n > all - t.at)
		return (struct str){0};
	return (struct str){texts + t.at, t.n};
}

struct str memo_file_text(const struct memo_file *f, struct memo_text t)
{
	return part(f->texts, f->header->n_texts, t);
}

struct str memo_file_aux(const struct memo_file *f, struct memo_text t)
{
	return part(f->auxes, f->header->n_auxes, t);
}

/* --- writing ------------------------------------------------------------ */

/* Not synced: a file that is half there has another check. */
static bool put_in_place(const char *path, struct str bytes)
{
	struct buf name = {0};
	bool good = false;

	buf_printf(&name, "%s.XXXXXX", path);
	int fd = mkostemp(name.data, O_CLOEXEC);
	if (fd >= 0) {
		good = true;
		for (size_t at = 0; good && at < bytes.n;) {
			ssize_t w = write(fd, bytes.p + at, bytes.n - at);
			good = w > 0;
			at += good ? (size_t)w : 0;
		}
		good = close(fd) == 0 && good && rename(name.data, path) == 0;
		if (!good)
			unlink(name.data);
	}
	buf_release(&name);
	return good;
}

/* Byte by byte: checks need not be made again. */
static bool is_there(const char *path, struct str bytes)
{
	struct memo_file old;
	bool same = map(&old, path) && old.n == bytes.n &&
		    memcmp(old.map, bytes.p, bytes.n) == 0;

	memo_file_close(&old);
	return same;
}

bool memo_file_write(const char *path, struct buf *whole, size_t digests_at)
{
	struct memo_header h;

	memcpy(&h, whole->data, sizeof(h));
	memcpy(h.magic, MAGIC, 8);
	h.version = MEMO_VERSION;
	program(h.program);
	check_of_digests(
	    h.check_digests, whole->data + digests_at, whole->len - digests_at);
	memset(h.check, 0, sizeof(h.check));
	memcpy(whole->data, &h, sizeof(h));
	check_of(h.check, whole->data, digests_at);
	memcpy(whole->data, &h, sizeof(h));
	return is_there(path, buf_str(whole)) ||
	       put_in_place(path, buf_str(whole));
}
