#include "generator/memo-own.h"

#include <string.h>

#include "generator/cache.h"

/*
 * The file of generator/memo-file.h, put together in memory: rows, and the two
 * heaps of texts that they point into.
 */
struct saving {
	struct memo *memo;
	struct buf whole, texts, auxes;
};

static struct memo_text put(struct buf *texts, struct str s)
{
	struct memo_text t = {(uint32_t)texts->len, (uint32_t)s.n};

	buf_put_str(texts, s);
	return t;
}

static void save_sources(struct saving *s)
{
	struct memo *m = s->memo;

	for (size_t i = 0; i < MEMO_LISTS; i++)
		for (size_t k = 0; k < m->lists[i].files.n; k++) {
			const struct looked_list *l = &m->lists[i];
			const struct fs_entry *e = &l->files.entries[k];
			const struct looked_source *from =
			    &m->sources[l->first + k];
			struct memo_source row = {
			    .times = memo_times_of(e, false),
			    .name = put(&s->texts, memo_name_of(m, l, e)),
			    .is_hashed = from->is_hashed};
			memcpy(row.hash, from->hash, MEMO_HASH);
			buf_put(&s->whole, &row, sizeof(row));
		}
}

static void save_outputs(
    struct saving *s, const struct memo_output *outputs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct memo_written row = {
		    .times = memo_times_of(&outputs[i].entry, true),
		    .is_made = outputs[i].is_made};
		row.name = put(&s->texts, str_of(outputs[i].root));
		buf_put_str(&s->texts, outputs[i].path);
		row.name.n += (uint32_t)outputs[i].path.n;
		buf_put(&s->whole, &row, sizeof(row));
	}
}

/* In the order in which they were asked for: the oldest is the last. */
static uint64_t save_around(struct saving *s, const struct asked *a)
{
	if (!a)
		return 0;
	uint64_t n = save_around(s, a->next);
	struct memo_around row = {.kind = a->kind,
	    .name = put(&s->texts, str_of(a->name)),
	    .times = a->times};
	memcpy(row.hash, a->hash, MEMO_HASH);
	buf_put(&s->whole, &row, sizeof(row));
	return n + 1;
}

static void save_said(struct saving *s, const struct diag *diag)
{
	for (const struct diag_item *i = diag->first; i; i = i->next) {
		struct memo_said row = {.level = i->level,
		    .line = i->pos.line,
		    .col = i->pos.col,
		    .has_file = i->pos.file != NULL,
		    .file = put(&s->texts, str_of(i->pos.file)),
		    .name = put(&s->texts, str_of(i->name)),
		    .text = put(&s->texts, i->text)};
		buf_put(&s->whole, &row, sizeof(row));
	}
}

static void save_digests(
    struct saving *s, const struct memo_output *outputs, size_t n)
{
	for (size_t i = 0; i < s->memo->n_sources; i++) {
		const struct looked_source *from = &s->memo->sources[i];
		struct memo_digest row = {
		    .is_known = atomic_load(&from->is_known)};
		if (row.is_known) {
			row.digest = from->row.digest;
			row.aux = put(&s->auxes, from->row.aux);
		}
		buf_put(&s->whole, &row, sizeof(row));
	}
	for (size_t i = 0; i < n; i++)
		buf_put(&s->whole, outputs[i].digest, sizeof(struct digest));
}

static size_t save_all(struct saving *s, const struct memo_output *outputs,
    size_t n, uint64_t bytes, const struct diag *diag)
{
	struct memo *m = s->memo;
	struct memo_header h = {.files = n,
	    .bytes = bytes,
	    .n_sources = m->n_sources,
	    .n_outputs = n,
	    .n_said = diag->warnings};

	memcpy(h.key, m->key, MEMO_HASH);
	memcpy(h.search, m->search, MEMO_HASH);
	buf_reserve(&s->whole,
	    m->n_sources *
		    (sizeof(struct memo_source) + sizeof(struct memo_digest)) +
		n * (sizeof(struct memo_written) + sizeof(struct digest)));
	buf_put(&s->whole, &h, sizeof(h));
	save_sources(s);
	save_outputs(s, outputs, n);
	h.n_around = save_around(s, m->around);
	save_said(s, diag);
	while (s->texts.len % 8)
		buf_putc(&s->texts, '\0');
	h.n_texts = s->texts.len;
	buf_put_str(&s->whole, buf_str(&s->texts));
	size_t half = s->whole.len;
	save_digests(s, outputs, n);
	h.n_auxes = s->auxes.len;
	buf_put_str(&s->whole, buf_str(&s->auxes));
	memcpy(s->whole.data, &h, sizeof(h));
	return half;
}

void memo_save(struct memo *m, const struct memo_output *outputs, size_t n,
    uint64_t bytes, const struct diag *diag)
{
	struct saving s = {.memo = m};
	size_t said = 0;

	if (!m || !m->is_whole || diag->errors)
		return;
	for (const struct diag_item *i = diag->first; i; i = i->next)
		said++;
	if (said == diag->warnings && cache_folder(m->spec->cache) == ERR_OK) {
		size_t half = save_all(&s, outputs, n, bytes, diag);
		if (s.texts.len < UINT32_MAX && s.auxes.len < UINT32_MAX)
			(void)memo_file_write(m->path, &s.whole, half);
	}
	buf_release(&s.whole);
	buf_release(&s.texts);
	buf_release(&s.auxes);
}
