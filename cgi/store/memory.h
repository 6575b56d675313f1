#ifndef LOWTIDE_CGI_STORE_MEMORY_H
#define LOWTIDE_CGI_STORE_MEMORY_H

#include "cgi/store/store.h"

/*
 * The store without a disk, inside: memory.c keeps rows and transactions,
 * memory-bodies.c what stands beside rows, memory-pick.c finds those whose turn
 * it is, memory-ask.c answers questions about many rows.
 */
struct table {
	struct job *rows;
	size_t n, cap;
	struct store_sample samples[STORE_SAMPLES];
	bool sampled[STORE_SAMPLES];
};

struct body {
	uint8_t id[JOB_ID_BYTES];
	enum body_kind kind;
	struct str bytes; /* p NULL = dropped; the slot stays */
};

enum memory_change_kind {
	ROW_ADDED,
	ROW_CHANGED,
	ROW_REMOVED,
	BODY_CHANGED,
	META_CHANGED,
	SAMPLE_CHANGED
};
struct memory_change {
	enum memory_change_kind kind;
	size_t table, at;
	struct job row;		    /* ROW_CHANGED, ROW_REMOVED: as it was */
	struct str bytes;	    /* BODY_CHANGED: as they were */
	int64_t number;		    /* META_CHANGED: as it was */
	struct store_sample sample; /* SAMPLE_CHANGED: as it was, and whether */
	bool was_there;
};

struct meta {
	char name[STORE_META_NAME];
	int64_t value;
};

#define WATCHES_MAX 8
struct watch {
	int fd; /* an eventfd */
	unsigned bells, rung;
};

struct memory {
	struct table *tables;
	size_t n_tables;
	struct body *bodies;
	size_t n_bodies, bodies_cap;
	struct meta *metas;
	size_t n_metas, metas_cap;
	struct memory_change *changes;
	size_t n_changes, changes_cap;
	int64_t version, version_before;
	struct watch watches[WATCHES_MAX];
	size_t n_watches;
};

/* Room for one more of `size` bytes. */
void *memory_grown(void *items, size_t n, size_t *cap, size_t size);
void memory_forget(struct str bytes); /* of a body; NULL-safe */

/* memory-bodies.c */
enum err memory_meta_get(void *backend, const char *name, int64_t *value)
    __attribute__((warn_unused_result));
enum err memory_meta_put(void *backend, const char *name, int64_t value)
    __attribute__((warn_unused_result));
enum err memory_body_put(void *backend, const struct job *job,
    enum body_kind kind, struct str bytes) __attribute__((warn_unused_result));
enum err memory_body_get(void *backend, const struct job *job,
    enum body_kind kind, struct arena *a, struct str *out)
    __attribute__((warn_unused_result));
enum err memory_body_size(void *backend, const struct job *job,
    enum body_kind kind, int64_t *bytes) __attribute__((warn_unused_result));
enum err memory_body_drop(void *backend, const struct job *job,
    enum body_kind kind) __attribute__((warn_unused_result));

/* memory-pick.c */
enum err memory_pick_pending(void *backend, size_t api, int64_t now_boot,
    struct job *out) __attribute__((warn_unused_result));
enum err memory_next_due(void *backend, size_t api, int64_t now_boot,
    int64_t *due_boot) __attribute__((warn_unused_result));
enum err memory_pick_lost(void *backend, size_t api, int64_t now_boot,
    struct job *out) __attribute__((warn_unused_result));
enum err memory_pick_late(void *backend, size_t api, int64_t now_boot,
    struct job *out) __attribute__((warn_unused_result));
enum err memory_count_running(void *backend, size_t api, int64_t *n)
    __attribute__((warn_unused_result));
enum err memory_rows_since(void *backend, size_t api, int64_t since,
    size_t limit, bool (*each)(void *ctx, const struct job *job), void *ctx)
    __attribute__((warn_unused_result));
enum err memory_changed(void *backend, size_t api, int64_t since, size_t limit,
    bool (*each)(void *ctx, const uint8_t key[JOB_KEY_BYTES], int64_t version),
    void *ctx) __attribute__((warn_unused_result));

/* What is to be undone; the caller fills it. */
struct memory_change *memory_note(struct memory *m);

enum err memory_stats(void *backend, size_t api, struct store_stats *out)
    __attribute__((warn_unused_result));
enum err memory_recent(void *backend, size_t api, const uint8_t *quota,
    int64_t since_ms, int64_t until_ms, int64_t *n, int64_t *first_ms)
    __attribute__((warn_unused_result));
enum err memory_count_open(void *backend, size_t api, const uint8_t *quota,
    int64_t *n) __attribute__((warn_unused_result));
enum err memory_count_rank(void *backend, size_t api, const struct job *job,
    int64_t most, int64_t *n) __attribute__((warn_unused_result));
enum err memory_holder(void *backend, size_t api, const uint8_t *resource,
    struct job *out) __attribute__((warn_unused_result));
enum err memory_owned(void *backend, size_t api, const uint8_t *owner,
    int64_t below, size_t limit, bool (*each)(void *ctx, const struct job *job),
    void *ctx) __attribute__((warn_unused_result));
enum err memory_owned_since(void *backend, size_t api, const uint8_t *owner,
    int64_t since, size_t limit, bool (*each)(void *ctx, const struct job *job),
    void *ctx) __attribute__((warn_unused_result));
enum err memory_sample_put(void *backend, size_t api, size_t slot,
    const struct store_sample *sample) __attribute__((warn_unused_result));
enum err memory_samples(void *backend, size_t api,
    struct store_sample out[STORE_SAMPLES], size_t *n)
    __attribute__((warn_unused_result));

#endif
