#include "tests/unit/read-kit.h"

#include <stdio.h>

#include "lib/json.h"

/*
 * Random reads, planned by cgi/read/plan*.c and by a model that knows nothing
 * of queues: it asks, for each part, what it needs, and for that what that
 * needs. Who is asked what in which wave, and the answer byte by byte, are the
 * same. READ_SEED=n READ_ROUNDS=n make others, or more.
 */
#define CALLS 7
#define KINDS 4
#define LIST 12 /* identifiers of one kind */
#define MAX_IDS 5

static uint64_t dice_state;

static uint32_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	return (uint32_t)(x >> 33);
}

static uint32_t dice(uint32_t sides)
{
	return mix(dice_state++) % sides;
}

/* ---- what upstreams say, by call and identifier -------------------------- */

enum said { SAID_OBJECT, SAID_EMPTY, SAID_FAILED };
struct record {
	const char *id, *m;
};
struct said_by {
	enum said said;
	enum plan_failure failure;
	int status;
	const char *m; /* JSON of the member; NULL = there is none */
	const char *list[4];
	struct record records[3];
};

static const char *const members[] = {"\"text\"", "1.50", "true", "null",
    "{\"a\":1}", "\"..\"", "\"a b\"", NULL, "7", "\"x\""};
static const char *const items[] = {"\"a\"", "\"b\"", "3", "\"3\"", "\"c\"",
    "null", "\"..\"", "4", "5", "[\"d\"]"};
static const char *const asked[] = {"a", "b", "3", "c", "e", "4"};

static uint64_t round_seed;

static struct said_by answer_of(size_t call, struct str id)
{
	uint64_t at = round_seed * 1000003 + call * 101 + str_hash(id);
	struct said_by a = {0};
	uint32_t n = mix(at) % 20;

	a.said = n < 14 ? SAID_OBJECT : n < 16 ? SAID_EMPTY : SAID_FAILED;
	a.failure = (enum plan_failure)(1 + mix(at + 1) % 4);
	a.status =
	    a.failure == PLAN_HTTP_ERROR ? (mix(at + 2) % 2 ? 404 : 500) : 0;
	a.m = members[mix(at + 3) % 10];
	for (size_t i = 0; i < 4; i++)
		if (mix(at + 4 + i) % 3)
			a.list[i] = items[mix(at + 10 + i) % 10];
	for (size_t i = 0; i < 3; i++) {
		a.records[i].id = items[mix(at + 20 + i) % 5];
		a.records[i].m = members[mix(at + 30 + i) % 10];
	}
	return a;
}

static const char *json_of(const struct said_by *a)
{
	struct buf out = {0};

	buf_puts(&out, "{");
	if (a->m)
		buf_printf(&out, "\"m\": %s,", a->m);
	buf_puts(&out, "\"list\":[");
	for (size_t i = 0; i < 4; i++)
		buf_printf(&out, "%s%s", i ? "," : "",
		    a->list[i] ? a->list[i] : "false");
	buf_puts(&out, "],\"recs\":[");
	for (size_t i = 0; i < 3; i++) {
		buf_printf(&out, "%s{\"k\":%s", i ? "," : "", a->records[i].id);
		if (a->records[i].m)
			buf_printf(&out, ",\"m\":%s", a->records[i].m);
		buf_puts(&out, "}");
	}
	buf_puts(&out, "]}");
	const char *text = arena_cstr(&kit_arena, buf_str(&out));
	buf_release(&out);
	return text;
}

/* ---- a random read ------------------------------------------------------- */

struct kind {
	int from; /* a call; -1 = the request */
};
struct place {
	int call; /* {call.cN.m}; -1 = none */
	int kind; /* {id.kN}; -1 = none */
	bool optional;
};
struct call {
	int each; /* a kind; -1 = once */
	bool required, by, header;
	struct place places[3];
	size_t n_places;
};
static struct kind kinds[KINDS];
static struct call calls[CALLS];
static size_t n_kinds, n_calls;
static size_t rank[CALLS]; /* a call needs only those of a lower one */

static bool may_use_kind(size_t call, size_t kind)
{
	return kinds[kind].from < 0 || rank[kinds[kind].from] < rank[call];
}

static void make_call(size_t i, bool all_optional)
{
	struct call *c = &calls[i];

	*c = (struct call){.each = -1,
	    .required = !all_optional && dice(2),
	    .header = dice(3) == 0};
	size_t k = dice((uint32_t)n_kinds + 1);
	if (k < n_kinds && may_use_kind(i, k))
		c->each = (int)k;
	c->by = c->each < 0 && dice(2);
	for (size_t n = dice(4); n; n--) {
		struct place p = {-1, -1, dice(3) == 0};
		const size_t d = dice((uint32_t)n_calls);
		k = dice((uint32_t)n_kinds);
		if (dice(5) == 0 && may_use_kind(i, k))
			p.kind = (int)k;
		else if (rank[d] < rank[i])
			p.call = (int)d;
		if (p.kind >= 0 || p.call >= 0)
			c->places[c->n_places++] = p;
	}
}

static void make_world(bool all_optional)
{
	n_calls = 1 + dice(CALLS);
	n_kinds = 1 + dice(KINDS);
	for (size_t i = 0; i < n_calls; i++)
		rank[i] = i;
	for (size_t i = n_calls; i > 1; i--) {
		const size_t j = dice((uint32_t)i), other = rank[j];
		rank[j] = rank[i - 1];
		rank[i - 1] = other;
	}
	for (size_t i = 0; i < n_kinds; i++)
		kinds[i].from =
		    i && dice(2) ? (int)dice((uint32_t)n_calls) : -1;
	for (size_t i = 0; i < n_calls; i++)
		make_call(i, all_optional);
}

/* Several parameters, or one header with all of the places. */
static struct str template_of(const struct call *c, bool query)
{
	struct buf out = {0};

	for (size_t i = 0; i < c->n_places; i++) {
		const struct place *p = &c->places[i];
		if (query)
			buf_printf(&out, "&p%zu=", i);
		if (p->kind >= 0)
			buf_printf(&out, "{id.k%d", p->kind);
		else
			buf_printf(&out, "{call.c%d.m", p->call);
		buf_puts(&out, p->optional ? "?}" : "}");
	}
	struct str text = arena_str(&kit_arena, buf_str(&out));
	buf_release(&out);
	return text;
}

static struct kit *make_kit(void)
{
	struct kit *k = kit_new();
	struct buf query = {0};

	for (size_t i = 0; i < n_kinds; i++) {
		struct str name = arena_printf(&kit_arena, "k%zu", i);
		struct str from =
		    kinds[i].from < 0
			? arena_printf(&kit_arena, "query.k%zu", i)
			: arena_printf(
			      &kit_arena, "call.c%d.list", kinds[i].from);
		kit_ids(k, name.p, from.p, MAX_IDS);
		buf_printf(&query, "&k%zu=%s,%s,%s", i,
		    asked[(i + round_seed) % 6], asked[(2 * i) % 6],
		    asked[(i + 3) % 6]);
	}
	k->request.query = arena_str(&kit_arena, buf_str(&query));
	buf_release(&query);
	for (size_t i = 0; i < n_calls; i++) {
		const struct call *c = &calls[i];
		struct str path = arena_printf(&kit_arena, "/c%zu?id=%s%.*s", i,
		    c->each < 0
			? "none"
			: arena_printf(&kit_arena, "{id.k%d}", c->each).p,
		    STR_ARG(
			c->header ? (struct str){0} : template_of(c, true)));
		struct read_call *rc = kit_call(k,
		    arena_printf(&kit_arena, "c%zu", i).p, path.p,
		    c->each < 0 ? NULL
				: arena_printf(&kit_arena, "k%d", c->each).p);
		rc->required = c->required;
		if (c->header && c->n_places) {
			struct pair *h = arena_alloc(&kit_arena, sizeof(*h));
			*h = (struct pair){STR("x-h"), template_of(c, false)};
			rc->headers = (struct pairs){h, 1};
		}
		if (c->by) {
			rc->records = STR("recs");
			rc->by = STR("k");
		}
	}
	return k;
}

/* ---- the model ----------------------------------------------------------- */

struct part {
	bool known, is_asked;
	enum said said;
	enum plan_failure failure;
	int status, wave; /* in which it was asked, or came to nothing */
	const char *message, *request;
	struct said_by answer;
};
struct list {
	bool known, failed;
	const struct part *why;
	size_t why_call, n;
	int wave;
	struct str ids[LIST];
	bool too_many, bad;
};
static struct part parts[CALLS][LIST], fates[CALLS];
static struct list lists[KINDS];

static const struct part *part_of(size_t call, size_t n);

static bool is_string(const char *json, struct str *out)
{
	*out = str_of(json);
	if (*json == '"')
		*out = str_slice(*out, 1, out->n - 1);
	return *json == '"' || (*json >= '0' && *json <= '9');
}

static void add_id(struct list *l, const char *json)
{
	struct str id;

	if (json[0] == '[')
		json = "\"d\"";
	if (l->too_many || !is_string(json, &id))
		return;
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->ids[i], id))
			return;
	if (str_is(id, ".."))
		l->bad = true;
	else if (l->n == MAX_IDS)
		l->too_many = true;
	else
		l->ids[l->n++] = id;
}

static size_t count_of(size_t call);

static const struct list *list_of(size_t kind)
{
	struct list *l = &lists[kind];
	const int from = kinds[kind].from;

	if (l->known)
		return l;
	l->known = true;
	if (from < 0) {
		const size_t which[] = {
		    (kind + round_seed) % 6, (2 * kind) % 6, (kind + 3) % 6};
		for (size_t i = 0; i < 3; i++) {
			struct str id = str_of(asked[which[i]]);
			bool there = false;
			for (size_t j = 0; j < l->n; j++)
				there |= str_eq(l->ids[j], id);
			if (!there)
				l->ids[l->n++] = id;
		}
		return l;
	}
	const size_t n = count_of((size_t)from);
	l->why_call = (size_t)from;
	if (n == SIZE_MAX) {
		l->failed = true;
		l->why = &fates[from];
		l->wave = fates[from].wave;
		return l;
	}
	if (!n)
		l->wave = list_of((size_t)calls[from].each)->wave;
	l->failed = n > 0;
	for (size_t i = 0; i < n; i++) {
		const struct part *p = part_of((size_t)from, i);
		if (!i)
			l->why = p;
		l->failed &= p->said == SAID_FAILED;
		l->wave = p->wave > l->wave ? p->wave : l->wave;
		for (size_t j = 0; j < 4 && p->said == SAID_OBJECT; j++)
			if (p->answer.list[j])
				add_id(l, p->answer.list[j]);
	}
	return l;
}

static void fail_like(struct part *p, const struct part *other, size_t call)
{
	p->said = SAID_FAILED;
	p->failure = other->failure;
	p->status = other->status;
	p->message = arena_printf(&kit_arena, "it waited for c%zu", call).p;
}

/* How many parts; SIZE_MAX: its identifiers will never be known. */
static size_t count_of(size_t call)
{
	const struct list *l;

	if (calls[call].each < 0)
		return 1;
	l = list_of((size_t)calls[call].each);
	if (!l->failed)
		return l->n;
	fates[call].wave = l->wave;
	fail_like(&fates[call], l->why, l->why_call);
	return SIZE_MAX;
}

static bool same_each(size_t a, size_t b)
{
	return calls[a].each >= 0 && calls[a].each == calls[b].each;
}

/* When all that the part waits for of `need` is there, and what failed. */
static int wait_for(
    size_t call, size_t n, size_t need, const struct part **failed)
{
	const size_t count = count_of(need);
	const struct part *first;
	bool all = true;
	int wave = 0;

	*failed = NULL;
	if (count == SIZE_MAX) {
		*failed = &fates[need];
		return fates[need].wave;
	}
	if (same_each(call, need)) {
		first = part_of(need, n);
		*failed = first->said == SAID_FAILED ? first : NULL;
		return first->wave;
	}
	if (calls[need].each >= 0)
		wave = list_of((size_t)calls[need].each)->wave;
	for (size_t i = 0; i < count; i++) {
		const struct part *p = part_of(need, i);
		wave = p->wave > wave ? p->wave : wave;
		all &= p->said == SAID_FAILED;
	}
	if (count && all)
		*failed = part_of(need, 0);
	return wave;
}

/* JSON of {call.NEED.m}; NULL = none. */
static const char *member_of(size_t call, size_t n, size_t need)
{
	const struct part *p;

	if (calls[need].each >= 0 && !same_each(call, need))
		return NULL; /* identifiers, of which none is called m */
	p = part_of(need, same_each(call, need) ? n : 0);
	if (p->said != SAID_OBJECT)
		return NULL;
	if (!calls[need].by || calls[call].each < 0)
		return p->answer.m;
	for (size_t i = 0; i < 3; i++) {
		struct str id;
		if (is_string(p->answer.records[i].id, &id) &&
		    str_eq(id, list_of((size_t)calls[call].each)->ids[n]))
			return p->answer.records[i].m;
	}
	return NULL;
}

/* What a place puts in; false: nothing. *bad: it cannot. */
static bool value_of(
    size_t call, size_t n, const struct place *p, struct str *text, bool *bad)
{
	const char *m;

	*bad = false;
	if (p->kind >= 0) {
		const struct list *l = list_of((size_t)p->kind);
		if (p->kind == calls[call].each) {
			*text = l->ids[n];
			return true;
		}
		struct buf all = {0};
		for (size_t i = 0; i < l->n; i++)
			buf_printf(
			    &all, "%s%.*s", i ? "," : "", STR_ARG(l->ids[i]));
		*text = arena_str(&kit_arena, buf_str(&all));
		buf_release(&all);
		return l->n > 0;
	}
	m = member_of(call, n, (size_t)p->call);
	if (!m || strcmp(m, "null") == 0)
		return false;
	*bad = *m == '{';
	if (!is_string(m, text))
		*text = str_of(m);
	return true;
}

static void cannot(
    struct part *out, size_t call, size_t n, const struct place *p, bool bad)
{
	const struct part *failed = NULL;

	out->said = SAID_EMPTY;
	if (p->call >= 0) {
		wait_for(call, n, (size_t)p->call, &failed);
		if (failed)
			fail_like(out, failed, (size_t)p->call);
	} else if (list_of((size_t)p->kind)->failed) {
		failed = list_of((size_t)p->kind)->why;
		fail_like(out, failed, list_of((size_t)p->kind)->why_call);
	}
	if (failed)
		return;
	if (!bad && !calls[call].required)
		return;
	out->said = SAID_FAILED;
	out->failure = PLAN_UNKNOWN_ERROR;
	out->message =
	    bad ? arena_printf(
		      &kit_arena, "the m of c%d cannot be used", p->call)
		      .p
	    : p->call >= 0
		? arena_printf(&kit_arena, "c%d has no m", p->call).p
		: arena_printf(&kit_arena, "there is no {k%d}", p->kind).p;
}

/* False: it cannot be asked, and *out is why. */
static bool request_of(struct part *out, size_t call, size_t n)
{
	const struct call *c = &calls[call];
	struct buf url = {0}, header = {0};
	bool drop = false, good = true;

	buf_printf(&url, "/c%zu?id=", call);
	if (c->each < 0)
		buf_puts(&url, "none");
	else
		buf_put_str(&url, list_of((size_t)c->each)->ids[n]);
	for (size_t i = 0; i < c->n_places && good && !drop; i++) {
		const struct place *p = &c->places[i];
		struct str text;
		bool bad, there = value_of(call, n, p, &text, &bad);

		if (!there && p->optional) {
			drop = c->header;
			continue;
		}
		if (!there || bad) {
			cannot(out, call, n, p, there && bad);
			good = false;
		} else if (c->header) {
			buf_put_str(&header, text);
		} else {
			buf_printf(&url, "&p%zu=", i);
			for (size_t j = 0; j < text.n; j++)
				buf_printf(&url,
				    text.p[j] == ' '   ? "%%20"
				    : text.p[j] == ',' ? "%%2C"
						       : "%c",
				    text.p[j]);
		}
	}
	if (good && c->header && c->n_places && !drop)
		buf_printf(&url, " %.*s", STR_ARG(buf_str(&header)));
	out->request = arena_cstr(&kit_arena, buf_str(&url));
	buf_release(&url);
	buf_release(&header);
	return good;
}

static const struct part *part_of(size_t call, size_t n)
{
	const struct call *c = &calls[call];
	struct part *out = &parts[call][n];
	struct str id = {0};

	if (out->known)
		return out;
	out->known = true;
	if (c->each >= 0) {
		const struct list *l = list_of((size_t)c->each);
		id = l->ids[n];
		out->wave = l->wave;
	}
	const struct part *why = NULL, *no_ids = NULL;
	size_t why_call = 0, no_kind = 0;
	for (size_t i = 0; i < c->n_places; i++) {
		const struct place *p = &c->places[i];
		const struct part *failed;
		int wave;

		if (p->call >= 0) {
			wave = wait_for(call, n, (size_t)p->call, &failed);
			if (failed && !p->optional &&
			    (!why || (size_t)p->call < why_call)) {
				why = failed;
				why_call = (size_t)p->call;
			}
		} else {
			const struct list *l = list_of((size_t)p->kind);
			wave = l->wave;
			if (l->failed && !p->optional &&
			    (!no_ids || (size_t)p->kind < no_kind)) {
				no_ids = l->why;
				no_kind = (size_t)p->kind;
			}
		}
		out->wave = wave > out->wave ? wave : out->wave;
	}
	if (!why && no_ids) {
		why = no_ids;
		why_call = list_of(no_kind)->why_call;
	}
	if (why) {
		fail_like(out, why, why_call);
		return out;
	}
	if (!request_of(out, call, n))
		return out;
	out->is_asked = true;
	out->wave++;
	out->answer = answer_of(call, id);
	out->said = out->answer.said;
	if (out->said == SAID_FAILED) {
		out->failure = out->answer.failure;
		out->status = out->answer.status;
		out->message = "it did not";
	}
	return out;
}

static void put_failure(
    struct json_writer *w, size_t call, const struct part *p, struct str id)
{
	static const char *const names[] = {"", "UPSTREAM_HTTP_ERROR",
	    "TIMEOUT", "CIRCUIT_OPEN", "UNKNOWN_ERROR"};
	struct buf text = {0};
	struct json_writer s = {.out = &text};

	json_string(&s, str_of(p->message));
	struct str message = arena_str(&kit_arena, buf_str(&text));
	buf_release(&text);
	json_raw(
	    w, arena_printf(&kit_arena,
		   "{\"endpoint\":\"c%zu\",\"failureType\":\"%s\","
		   "\"httpResponseStatus\":%s,\"message\":%.*s,\"identifier\":"
		   "%s%.*s%s}",
		   call, names[p->failure],
		   p->status ? arena_printf(&kit_arena, "%d", p->status).p
			     : "null",
		   STR_ARG(message), id.n ? "\"" : "", STR_ARG(id),
		   id.n ? "\"" : "null"));
}

static const char *model_body(bool *failed)
{
	struct buf out = {0}, told = {0};
	struct json_writer w = {.out = &out}, f = {.out = &told};

	*failed = false;
	json_open(&f, '[');
	json_open(&w, '{');
	json_key(&w, "data");
	json_open(&w, '{');
	for (size_t c = 0; c < n_calls; c++) {
		const size_t n = count_of(c);
		const bool each = calls[c].each >= 0;

		if (n == SIZE_MAX) {
			put_failure(&f, c, &fates[c], (struct str){0});
			*failed |= calls[c].required;
			continue;
		}
		if (each) {
			json_key_str(&w, arena_printf(&kit_arena, "c%zu", c));
			json_open(&w, '{');
		}
		for (size_t i = 0; i < n; i++) {
			const struct part *p = part_of(c, i);
			struct str id =
			    each ? list_of((size_t)calls[c].each)->ids[i]
				 : (struct str){0};
			if (p->said == SAID_FAILED) {
				put_failure(&f, c, p, id);
				*failed |= calls[c].required;
				continue;
			}
			json_key_str(&w,
			    each ? id : arena_printf(&kit_arena, "c%zu", c));
			json_raw(&w, p->said == SAID_OBJECT
					 ? str_of(json_of(&p->answer))
					 : STR("null"));
		}
		if (each)
			json_close(&w, '}');
		for (size_t k = 0; k < n_kinds; k++) {
			struct part note = {.failure = PLAN_UNKNOWN_ERROR};
			if (kinds[k].from != (int)c)
				continue;
			const struct list *l = list_of(k);
			note.message = arena_printf(&kit_arena,
			    "it has more than %d of {k%zu}", MAX_IDS, k)
					   .p;
			if (l->too_many)
				put_failure(&f, c, &note, (struct str){0});
			note.message = arena_printf(&kit_arena,
			    "it has something as {k%zu} that is no "
			    "identifier",
			    k)
					   .p;
			if (l->bad)
				put_failure(&f, c, &note, (struct str){0});
		}
	}
	json_close(&w, '}');
	json_close(&f, ']');
	json_key(&w, "upstreamFailures");
	json_raw(&w, buf_str(&told));
	json_close(&w, '}');
	const char *text = arena_cstr(&kit_arena, buf_str(&out));
	buf_release(&out);
	buf_release(&told);
	return text;
}

/* ---- side by side -------------------------------------------------------- */

#define ASKED_MAX (CALLS * LIST)
struct asked {
	char text[160];
	size_t index;
};
static int by_text(const void *a, const void *b)
{
	return strcmp(
	    ((const struct asked *)a)->text, ((const struct asked *)b)->text);
}

/* All that the model asks in that wave; 0 = in any. */
static size_t model_wave(int wave, struct asked *out)
{
	size_t n = 0;

	for (size_t c = 0; c < n_calls; c++) {
		const size_t count = count_of(c);
		for (size_t i = 0; i < count && count != SIZE_MAX; i++) {
			const struct part *p = part_of(c, i);
			if (p->is_asked && (!wave || p->wave == wave))
				snprintf(out[n++].text, sizeof(out->text), "%s",
				    p->request);
		}
	}
	qsort(out, n, sizeof(*out), by_text);
	return n;
}

static size_t plan_wave(struct plan *plan, struct asked *out)
{
	struct plan_call call;
	size_t n = 0;

	while (plan_next(plan, &call)) {
		const struct pairs *h = &call.http.headers;
		assert_true(n < ASKED_MAX);
		out[n].index = call.index;
		snprintf(out[n].text, sizeof(out[n].text), "%s%s%.*s",
		    call.http.url + strlen("http://127.0.0.1:1/base"),
		    h->n ? " " : "",
		    STR_ARG(h->n ? h->items[0].value : (struct str){0}));
		n++;
	}
	return n;
}

static void answer(struct plan *plan, const struct asked *a)
{
	const size_t call = (size_t)(a->text[2] - '0');
	const char *id = strchr(a->text, '=') + 1;
	struct str it = str_slice(str_of(id), 0, strcspn(id, "& "));
	struct said_by said =
	    answer_of(call, calls[call].each < 0 ? (struct str){0} : it);

	if (said.said == SAID_FAILED)
		plan_take(plan, a->index,
		    &(struct plan_outcome){.failure = said.failure,
			.status = said.status,
			.message = "it did not"});
	else
		kit_answer(plan, a->index,
		    said.said == SAID_OBJECT ? json_of(&said) : "");
}

static void model_again(void)
{
	memset(parts, 0, sizeof(parts));
	memset(fates, 0, sizeof(fates));
	memset(lists, 0, sizeof(lists));
}

static void show(const char *who, int wave, const struct asked *a, size_t n)
{
	print_message("# READ_SEED=%llu, wave %d of the %s:\n",
	    (unsigned long long)round_seed, wave, who);
	for (size_t i = 0; i < n; i++)
		print_message("#   %s\n", a[i].text);
}

/* Whole waves, answered in any order; the same are asked in each. */
static struct plan *run_waves(struct kit *k, bool all)
{
	struct plan *plan = kit_plan(k);
	struct asked got[ASKED_MAX], want[ASKED_MAX];

	for (int wave = 1; !plan_is_over(plan); wave++) {
		const size_t n = plan_wave(plan, got);
		const size_t m = model_wave(wave, want);

		qsort(got, n, sizeof(*got), by_text);
		if (all && n != m) {
			show("plan", wave, got, n);
			show("model", wave, want, m);
			fail_msg("waves differ");
		}
		for (size_t i = 0, j = 0; i < n; i++, j++) {
			while (!all && j < m &&
			       strcmp(got[i].text, want[j].text) != 0)
				j++;
			assert_true(j < m);
			assert_string_equal(got[i].text, want[j].text);
		}
		for (size_t left = n; left; left--) {
			const size_t at = dice((uint32_t)left);
			answer(plan, &got[at]);
			got[at] = got[left - 1];
		}
		assert_true(wave < 20);
	}
	if (all) {
		assert_int_equal(plan_wave(plan, got), 0);
		assert_int_equal(plan_calls(plan), model_wave(0, want));
	}
	return plan;
}

/* One answer, and at once what can be asked then. */
static struct plan *run_mixed(struct kit *k)
{
	struct plan *plan = kit_plan(k);
	struct asked out[ASKED_MAX * 2], got[ASKED_MAX], want[ASKED_MAX];
	size_t n = 0, all = 0;

	do {
		const size_t more = plan_wave(plan, &out[n]);
		memcpy(&got[all], &out[n], more * sizeof(*out));
		n += more;
		all += more;
		if (!n)
			break;
		const size_t at = dice((uint32_t)n);
		answer(plan, &out[at]);
		out[at] = out[--n];
	} while (true);
	qsort(got, all, sizeof(*got), by_text);
	const size_t m = model_wave(0, want);
	if (all != m) {
		show("plan", 0, got, all);
		show("model", 0, want, m);
		fail_msg("others are asked");
	}
	for (size_t i = 0; i < all; i++)
		assert_string_equal(got[i].text, want[i].text);
	return plan;
}

/* By the rules of contract 9, from what is told. */
static int status_of(const struct read_result *r)
{
	bool late = true, away = true, any = false;

	for (size_t i = 0; i < r->n_failures; i++) {
		const struct read_failure *f = &r->failures[i];
		if (!calls[f->endpoint.p[1] - '0'].required ||
		    str_starts(f->message, "it has"))
			continue;
		any = true;
		late &= f->type == PLAN_TIMEOUT;
		away &= f->type == PLAN_CIRCUIT_OPEN;
	}
	return !any ? 200 : late ? 504 : away ? 503 : 502;
}

static uint64_t env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void side_by_side(void **state)
{
	const uint64_t rounds = env("READ_ROUNDS", 4000);
	size_t failed_rounds = 0, waves[4] = {0};

	(void)state;
	round_seed = env("READ_SEED", 1);
	for (uint64_t i = 0; i < rounds; i++, round_seed++) {
		bool required = i % 3 == 2, failed;
		struct asked some[ASKED_MAX];

		dice_state = round_seed * 7919;
		make_world(!required);
		model_again();
		const char *body = model_body(&failed);
		struct kit *k = make_kit();
		for (int w = 1; w <= 3; w++)
			waves[w] += model_wave(w, some) > 0;
		struct plan *plan =
		    i % 3 == 1 ? run_mixed(k) : run_waves(k, !required);
		struct read_result r = kit_result(plan);
		failed_rounds += failed;
		if (failed == (r.status == 200) ||
		    (!failed && strcmp(body, kit_body(&r)) != 0))
			print_message("# READ_SEED=%llu READ_ROUNDS=1\n",
			    (unsigned long long)round_seed);
		assert_int_equal(r.status, status_of(&r));
		assert_int_equal(r.status != 200, failed);
		if (!failed)
			assert_string_equal(kit_body(&r), body);
		arena_release(&kit_arena);
	}
	/* it is about something */
	print_message("# %zu failed; two waves: %zu, three: %zu\n",
	    failed_rounds, waves[2], waves[3]);
	if (rounds >= 1000) {
		assert_true(failed_rounds > rounds / 20);
		assert_true(waves[2] > rounds / 4 && waves[3] > rounds / 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(side_by_side)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "read-model", tests, NULL, kit_release);
}
