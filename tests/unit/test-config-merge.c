#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/config-merge.h"
#include "lib/config-reads.h"
#include "lib/config-rows.h"

static struct arena olds, news, out_arena;

static int wipe(void **state)
{
	(void)state;
	arena_release(&olds);
	arena_release(&news);
	arena_release(&out_arena);
	return 0;
}

/* Every member of an API that is text, a list or a pair has something in it. */
static struct api an_api(
    struct arena *a, const char *name, const char *tag, const char *path)
{
	struct api api = {.name = arena_str(a, str_of(name)),
	    .tag = arena_str(a, str_of(tag)),
	    .method = arena_str(a, STR("POST")),
	    .path = arena_str(a, str_of(path)),
	    .auth = arena_str(a, STR("none")),
	    .deadline_ms = 1000,
	    .ttl_ms = 2000,
	    .body_max = 100,
	    .noop = true};

	api.forward.n = 1;
	api.forward.items = arena_array(a, 1, sizeof(*api.forward.items));
	api.forward.items[0] = arena_str(a, STR("gov-client-*"));
	api.events.n = 1;
	api.events.items = arena_array(a, 1, sizeof(*api.events.items));
	api.events.items[0] = (struct pair){
	    arena_str(a, STR("completed")), arena_str(a, STR("x"))};
	return api;
}

static struct config *a_config(struct arena *a, size_t n, const char *origin)
{
	static const char *const names[] = {"one", "two", "three"};
	static const char *const tags[] = {"000001", "000002", "000003"};
	static const char *const paths[] = {"/api/1", "/api/2", "/api/3"};
	struct config *c = arena_alloc(a, sizeof(*c));

	c->name = arena_str(a, STR("site"));
	c->prefix = arena_str(a, STR("/api"));
	c->apis = arena_array(a, 3, sizeof(*c->apis));
	for (c->n_apis = 0; c->n_apis < n; c->n_apis++)
		c->apis[c->n_apis] = an_api(
		    a, names[c->n_apis], tags[c->n_apis], paths[c->n_apis]);
	c->origins.n = 1;
	c->origins.items = arena_array(a, 1, sizeof(*c->origins.items));
	c->origins.items[0] = arena_str(a, str_of(origin));
	c->providers = arena_array(a, 1, sizeof(*c->providers));
	c->providers[0].name = arena_str(a, STR("idp"));
	c->n_providers = 1;
	c->upstreams = arena_array(a, 1, sizeof(*c->upstreams));
	c->upstreams[0].name = arena_str(a, STR("hmrc"));
	c->n_upstreams = 1;
	c->secrets = arena_array(a, 1, sizeof(*c->secrets));
	c->secrets[0].name = arena_str(a, STR("key"));
	c->n_secrets = 1;
	c->reads = arena_array(a, 1, sizeof(*c->reads));
	c->reads[0].name = arena_str(a, STR("case"));
	c->n_reads = 1;
	c->read_ids = arena_array(a, 1, sizeof(*c->read_ids));
	c->read_ids[0].read = arena_str(a, STR("case"));
	c->n_read_ids = 1;
	c->read_calls = arena_array(a, 1, sizeof(*c->read_calls));
	c->read_calls[0].read = arena_str(a, STR("case"));
	c->n_read_calls = 1;
	config_link_reads(c);
	return c;
}

static struct config *merge(const struct config *old,
    const struct config *fresh, struct config_changes *changes)
{
	struct config *c = NULL;

	assert_int_equal(
	    config_merge(&out_arena, old, fresh, &c, changes), ERR_OK);
	return c;
}

static void assert_changes(const struct config_changes *c, size_t added,
    size_t removed, size_t changed)
{
	assert_int_equal(c->added, added);
	assert_int_equal(c->removed, removed);
	assert_int_equal(c->changed, changed);
}

static void spoil_str(struct str s)
{
	if (s.n)
		memset((void *)(uintptr_t)s.p, '?', s.n);
}

static void spoil(const struct config_row *rows, void *object)
{
	for (const struct config_row *row = rows; row->name; row++) {
		void *at = (char *)object + row->offset;
		const struct strs *strs = at;
		const struct pairs *pairs = at;
		if (row->kind == KIND_STR)
			spoil_str(*(struct str *)at);
		for (size_t i = 0; row->kind == KIND_STRS && i < strs->n; i++)
			spoil_str(strs->items[i]);
		for (size_t i = 0; row->kind == KIND_PAIRS && i < pairs->n;
		     i++) {
			spoil_str(pairs->items[i].name);
			spoil_str(pairs->items[i].value);
		}
	}
}

/* All that it points to. */
static void spoil_config(struct config *c)
{
	spoil(config_top_rows, c);
	for (const struct config_list *list = config_lists; list->name;
	     list++) {
		size_t n;
		char *items = config_items(c, list, &n);
		assert_int_equal(n, 1);
		spoil(list->rows, items);
		memset(items, 0, list->size);
	}
}

static void nothing_is_shared(void **state)
{
	struct config_changes changes;
	struct buf before = {0}, after = {0};
	struct config *old = a_config(&olds, 1, "https://a");
	struct config *fresh = a_config(&news, 1, "https://a");
	(void)state;

	config_write(fresh, &before);
	struct config *c = merge(old, fresh, &changes);
	spoil_config(old);
	spoil_config(fresh);
	config_write(c, &after);
	assert_string_equal(after.data, before.data);
	assert_true(str_is(c->reads[0].calls->read, "case"));
	buf_release(&before);
	buf_release(&after);
}

static void nothing_changed(void **state)
{
	struct config_changes changes;
	struct buf before = {0}, after = {0};
	(void)state;

	struct config *fresh = a_config(&news, 3, "https://a");
	config_write(fresh, &before);
	struct config *c =
	    merge(a_config(&olds, 3, "https://a"), fresh, &changes);
	/* what it was made of is gone: nothing of it is looked at */
	arena_release(&olds);
	arena_release(&news);
	config_write(c, &after);
	assert_string_equal(after.data, before.data);
	assert_changes(&changes, 0, 0, 0);
	buf_release(&before);
	buf_release(&after);
}

static void each_field_is_a_change(void **state)
{
	struct config *old = a_config(&olds, 1, "https://a");
	struct config *fresh = a_config(&news, 1, "https://a");
	const struct api was = fresh->apis[0];
	struct str text[] = {STR_INIT("other")};
	struct pair pair[] = {{STR_INIT("a"), STR_INIT("b")}};
	struct config_changes changes;
	unsigned rows = 0;
	(void)state;

	(void)text;
	(void)pair;
#define set_STR(at) *(struct str *)(at) = STR("other")
#define set_STRS(at) *(struct strs *)(at) = (struct strs){text, 1}
#define set_PAIRS(at)                                                          \
	*(struct pairs *)(at) = (struct pairs)                                 \
	{                                                                      \
		pair, 1                                                        \
	}
#define set_INT(at) *(int64_t *)(at) += 1
#define set_BOOL(at) *(bool *)(at) = !*(bool *)(at)
#define set_PATTERNS(at) *(unsigned *)(at) ^= 2
#define FIELD(member, kind, json)                                              \
	fresh->apis[0] = was;                                                  \
	set_##kind((void *)&fresh->apis[0].member);                            \
	merge(old, fresh, &changes);                                           \
	rows++;                                                                \
	if (!str_eq(fresh->apis[0].name, was.name))                            \
		assert_changes(&changes, 1, 1, 0);                             \
	else if (changes.changed != 1)                                         \
		fail_msg("%s", json);
#define ENUM(member, names, json) FIELD(member, PATTERNS, json)
#define CONFIG_API
#include "lib/config.def"
	assert_true(rows > 30);
}

/* Rows of the store and parked requests say an API by its index. */
static void apis_keep_their_places(void **state)
{
	struct config_changes changes;
	struct config *old = a_config(&olds, 3, "https://a");
	struct config *fresh = a_config(&news, 3, "https://a");
	(void)state;

	fresh->apis[0] = fresh->apis[2]; /* "three", "two" alone, and a new */
	fresh->apis[2] = an_api(&news, "four", "000004", "/api/4");
	fresh->apis[1].body_max = 500;
	struct config *c = merge(old, fresh, &changes);
	assert_changes(&changes, 1, 1, 1);
	assert_int_equal(c->n_apis, 4);
	assert_true(str_is(c->apis[0].name, "one"));
	assert_true(config_is_gone(&c->apis[0]));
	assert_int_equal(c->apis[0].method.n, 0);
	assert_true(str_is(c->apis[0].tag, "000001"));
	assert_true(str_is(c->apis[1].name, "two"));
	assert_true(str_is(c->apis[2].name, "three"));
	assert_true(str_is(c->apis[3].name, "four"));
	assert_int_equal(config_body_max(c), 500);
	/* once more: one that is gone already is no news, one that is back is
	   where it was */
	struct config *again = merge(c, fresh, &changes);
	assert_changes(&changes, 0, 0, 0);
	assert_true(config_is_gone(&again->apis[0]));
	struct config *back = merge(again, old, &changes);
	assert_changes(&changes, 1, 1, 1);
	assert_false(config_is_gone(&back->apis[0]));
	assert_true(config_is_gone(&back->apis[3]));
	assert_int_equal(config_body_max(back), 100);
}

/* Two places with one tag: ids would be looked for in the wrong table. */
static void a_tag_is_its_new_holders(void **state)
{
	struct config_changes changes;
	struct config *fresh = a_config(&news, 1, "https://a");
	(void)state;

	fresh->apis[0].name = STR("renamed");
	struct config *c =
	    merge(a_config(&olds, 1, "https://a"), fresh, &changes);
	assert_changes(&changes, 1, 1, 0);
	assert_int_equal(c->apis[0].tag.n, 0);
	assert_true(str_is(c->apis[1].tag, "000001"));
}

static void origins_keep_their_places(void **state)
{
	struct config_changes changes;
	struct config *old = a_config(&olds, 1, "https://a");
	struct config *fresh = a_config(&news, 1, "https://b");
	(void)state;

	struct config *c = merge(old, fresh, &changes);
	assert_int_equal(c->origins.n, 2);
	assert_int_equal(c->origins.items[0].n, 0);
	assert_true(str_is(c->origins.items[1], "https://b"));
	c = merge(c, old, &changes);
	assert_int_equal(c->origins.n, 3);
	assert_int_equal(c->origins.items[1].n, 0);
	assert_true(str_is(c->origins.items[2], "https://a"));
	assert_changes(&changes, 0, 0, 0);
}

/* Whose tokens are taken is never a matter of what was. */
static void providers_are_the_new_ones(void **state)
{
	struct config_changes changes;
	struct config *fresh = a_config(&news, 1, "https://a");
	(void)state;

	fresh->n_providers = fresh->n_upstreams = 0;
	struct config *c =
	    merge(a_config(&olds, 1, "https://a"), fresh, &changes);
	assert_null(config_provider(c, STR("idp")));
	assert_null(config_upstream(c, STR("hmrc")));
}

static void what_is_refused(void **state)
{
	struct config_changes changes;
	struct config *old = a_config(&olds, 1, "https://a"), *c = NULL;
	struct config *fresh = a_config(&news, 1, "https://a");
	(void)state;

	fresh->name = STR("another");
	assert_int_equal(
	    config_merge(&out_arena, old, fresh, &c, &changes), ERR_CONFLICT);
	fresh->name = old->name;
	fresh->n_apis = CONFIG_APIS_MAX;
	fresh->apis = arena_array(&news, CONFIG_APIS_MAX, sizeof(*fresh->apis));
	for (size_t i = 0; i < CONFIG_APIS_MAX; i++)
		fresh->apis[i].name = arena_printf(&news, "api-%zu", i);
	assert_int_equal(
	    config_merge(&out_arena, old, fresh, &c, &changes), ERR_TOO_LARGE);
	assert_null(c);
	fresh->apis[7].name = STR("one");
	merge(old, fresh, &changes);
	assert_changes(&changes, CONFIG_APIS_MAX - 1, 0, 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_teardown(test, wipe)
	const struct CMUnitTest tests[] = {
	    T(nothing_changed),
	    T(nothing_is_shared),
	    T(each_field_is_a_change),
	    T(apis_keep_their_places),
	    T(a_tag_is_its_new_holders),
	    T(origins_keep_their_places),
	    T(providers_are_the_new_ones),
	    T(what_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config-merge", tests, NULL, NULL);
}
