#include "tests/store/both.h"

#include "tests/store/meddle.h"

#include <fcntl.h>

/*
 * What an audit finds: nothing in a store that is used, whatever happens to it,
 * and each kind of damage, done by hand.
 */
struct found {
	int n;
	char check[32], words[256], api[STORE_META_NAME];
	int64_t born; /* of the job; 0 = none */
	char all[2048];
};

static void keep(void *ctx, const struct store_finding *finding)
{
	struct found *found = ctx;

	found->n++;
	snprintf(found->check, sizeof(found->check), "%s", finding->check);
	snprintf(found->words, sizeof(found->words), "%s", finding->words);
	snprintf(found->api, sizeof(found->api), "%s",
	    finding->api ? finding->api : "");
	found->born = finding->job ? finding->job->born : 0;
	const size_t n = strlen(found->all);
	snprintf(found->all + n, sizeof(found->all) - n, "%s ", finding->check);
	print_message("# %s: %s %s\n", finding->check,
	    finding->api ? finding->api : "", finding->words);
}

static struct found audit(struct fixture *f, bool deep)
{
	struct found found = {.n = 0};
	const struct store_auditing auditing = {
	    .deep = deep, .found = keep, .ctx = &found};

	OK(store_audit(f->store, &auditing));
	return found;
}

static void tell(
    struct fixture *f, size_t api, struct job *job, enum job_event_kind kind)
{
	struct job_event event = fixture_event(job, kind);

	event.progress = 30;
	begin(f);
	OK(store_tell(f->store, api, job, &event, STR("note")));
	commit(f);
}

static void speak(
    struct fixture *f, size_t api, struct job *job, enum job_event_kind kind)
{
	struct job_event event = fixture_event(job, kind);

	change(f, api, job, &event);
}

/* Jobs in each state: 1 done, 2 polled, 3 runs, 4 in need, 5 held, 6 waits. */
static void fill(struct fixture *f)
{
	struct job job;

	f->apis[API_WIDE].on_lost = ON_LOST_HOLD;
	f->apis[API_WIDE].concurrency = 9;
	accept_jobs(f, API_WIDE, 1, 6);
	job = claim_one(f, API_WIDE, 1);
	speak(f, API_WIDE, &job, JOB_EVENT_COMPLETE);
	struct job polled = claim_one(f, API_WIDE, 1);
	tell(f, API_WIDE, &polled, JOB_EVENT_POLL);
	job = claim_one(f, API_WIDE, 1);
	tell(f, API_WIDE, &job, JOB_EVENT_HEARTBEAT);
	job = claim_one(f, API_WIDE, 1);
	speak(f, API_WIDE, &job, JOB_EVENT_NEED);
	job = claim_one(f, API_WIDE, 1);
	speak(f, API_WIDE, &job, JOB_EVENT_BROKEN);
	assert_true(job.held);
	speak(f, API_WIDE, &polled, JOB_EVENT_RELEASE);
	accept_jobs(f, API_FAIL, 1, 2);
	begin(f);
	OK(store_suspend(f->store, API_FAIL, NOW_MS));
	OK(store_pause(f->store, API_RETRY, NOW_BOOT + 5));
	commit(f);
}

static void nothing_is_wrong_with_a_store_in_use(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(audit(f, true).n, 0);
	fill(f);
	assert_int_equal(audit(f, true).n, 0);
	begin(f);
	OK(store_suspend(f->store, API_FAIL, 0));
	commit(f);
	assert_int_equal(audit(f, true).n, 0);
}

static void many_rows_are_looked_at_in_pieces(void **state)
{
	struct fixture *f = *state;

	begin(f);
	for (uint32_t i = 1; i <= 2100; i++) {
		fixture_accept(f, API_FAIL, i);
		if (i % 3 == 0)
			fixture_accept(f, API_WIDE, i);
	}
	commit(f);
	assert_int_equal(audit(f, false).n, 0);
}

/* ---- damage ------------------------------------------------------------ */

#define ROW(number, set)                                                       \
	"UPDATE \"select\" SET " set " WHERE key="                             \
	"x'0" #number "000000a0a0a0a0a0a0a0a0a0a0a0a0'"

static const struct damage {
	const char *sql;
	const char *check, *words;
	int64_t born;
	int n; /* findings; 0 = one */
} damages[] = {
    {ROW(1, "ended=0"), "row-odd", "time of its end", 1, 0},
    {ROW(6, "ended=5"), "row-odd", "time of its end", 6, 0},
    {ROW(1, "reason=3"), "row-odd", "its reason", 1, 0},
    {ROW(3, "claim=NULL"), "row-odd", "nobody has claimed it", 3, 0},
    {ROW(6, "lease=7"), "row-odd", "has a lease", 6, 0},
    {ROW(5, "lease=7"), "row-odd", "has a lease", 5, 0},
    {ROW(5, "claim=x'0102030405060708'"), "row-odd", "has a lease", 5, 0},
    {ROW(2, "sent=0"), "row-odd", "polled", 2, 0},
    {ROW(6, "sent=1"), "row-odd", "marked as sent", 6, 0},
    {ROW(6, "progress=100"), "row-odd", "progress", 6, 0},
    {ROW(1, "progress=99"), "row-odd", "progress", 1, 0},
    {ROW(3, "released=2"), "row-odd", "attempts", 3, 0},
    {ROW(6, "gone=5"), "row-odd", "erased", 6, 0},
    {ROW(6, "version=2"), "row-odd", "older than its first", 6, 0},
    {ROW(6, "version=900"), "version-ahead", "counter", 6, 0},
    {"UPDATE _meta SET value=3 WHERE name='version'", "version-ahead",
	"counter", -1, -1},
    {"UPDATE \"vat-return-post\" SET version=6 WHERE born="
     "(SELECT min(born) FROM \"vat-return-post\")",
	"version-twice", "version 6", -1, -1},
    {ROW(6, "version=(SELECT version FROM \"select\" WHERE born=3)"),
	"version-twice", "two rows", 0, 0},
    {ROW(1, "needs=1"), "row-odd", "needs a credential", -1, -1},
    {ROW(1, "held=1"), "row-odd", "is held", -1, -1},
    {"DELETE FROM \"select\" WHERE born=6", "count-wrong", "pending", -1, -1},
    {"UPDATE _count SET n=n+1 WHERE state=2", "count-wrong",
	"completed: there are 1, and 2", 0, 0},
    {"UPDATE _count SET n=n-1 WHERE state=-2", "count-wrong", "held: ", 0, 0},
    {"UPDATE _count SET n=9 WHERE state=-1", "count-wrong", "credential", 0, 0},
    {"INSERT INTO _body VALUES(4000, x'00', 0, x'00')", "body-orphan",
	"body 4000", 0, 0},
    {"UPDATE _body SET job=zeroblob(19) WHERE n=5", "body-orphan", "body 5", -1,
	-1},
    {"UPDATE _body SET kind=2 WHERE n=24", "body-orphan", "body 24", 0, 0},
    {"UPDATE _meta SET value=0 WHERE name='suspended'", "halt-wrong",
	"suspended", 0, 0},
    {"UPDATE _meta SET value=0 WHERE name='halt'", "halt-wrong", "suspended", 0,
	0},
    {"UPDATE \"select\" SET state=9 WHERE born=6", "row-unreadable", "lowtide",
	-1, -1},
};

/*
 * Some damages are found by several checks: then the one that is meant has to
 * be among them.
 */
static void check_damage(const struct damage *damage)
{
	struct fixture *f;
	void *state = NULL;

	assert_int_equal(setup(&state), 0);
	f = state;
	fixture_open(f);
	fill(f);
	meddle(f, damage->sql);
	print_message("# %s\n", damage->sql);
	const struct found found = audit(f, false);
	if (damage->n >= 0)
		assert_int_equal(found.n, damage->n ? damage->n : 1);
	assert_non_null(strstr(found.all, damage->check));
	if (damage->n >= 0) {
		assert_string_equal(found.check, damage->check);
		assert_non_null(strstr(found.words, damage->words));
	}
	if (damage->born >= 0)
		assert_int_equal(found.born, damage->born);
	teardown(&state);
}

static void each_damage_is_found(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++)
		check_damage(&damages[i]);
}

static void an_index_that_lies_is_found_by_a_deep_look(void **unused)
{
	struct fixture *f;
	void *state = NULL;

	(void)unused;
	assert_int_equal(setup(&state), 0);
	f = state;
	fixture_open(f);
	fill(f);
	reopen(f); /* which empties the log */
	store_close(f->store);
	f->store = NULL;
	/* a page in the middle of the file */
	int fd = open(path_of(f, "jobs.db"), O_RDWR);
	const off_t page =
	    ask(f, "SELECT pageno FROM dbstat WHERE name='select_age' LIMIT 1");
	assert_true(page > 1);
	assert_int_equal(pwrite(fd, "rubbish", 7, (page - 1) * 4096 + 4085), 7);
	close(fd);
	f->spec.role = STORE_SHOWS;
	fixture_open(f);
	const struct found found = audit(f, true);
	assert_true(found.n > 0);
	assert_non_null(strstr(found.all, "store-damaged"));
	teardown(&state);
}

static void an_api_that_went_is_told(void **unused)
{
	struct fixture *f;
	void *state = NULL;

	(void)unused;
	assert_int_equal(setup(&state), 0);
	f = state;
	fixture_open(f);
	fill(f);
	f->config.n_apis = 2;
	reopen(f);
	const struct found found = audit(f, true);
	assert_int_equal(found.n, 1); /* and its bodies are nobody's orphans */
	assert_string_equal(found.check, "api-gone");
	assert_string_equal(found.api, "select");
	teardown(&state);
}

/* As many as SQLite takes in one UNION, and one more beside ours. */
#define MANY 500

static void so_many_apis_that_went_are_looked_at(void **unused)
{
	struct buf sql = {0};
	struct fixture *f;
	void *state = NULL;

	(void)unused;
	assert_int_equal(setup(&state), 0);
	f = state;
	fixture_open(f);
	fill(f);
	buf_puts(&sql, "BEGIN;");
	for (int i = 0; i < MANY; i++)
		buf_printf(&sql,
		    "CREATE TABLE \"went-%d\"(key BLOB PRIMARY KEY, born INT,"
		    " version INT, head BLOB) WITHOUT ROWID;",
		    i);
	buf_puts(&sql, "COMMIT");
	meddle(f, sql.data);
	buf_release(&sql);
	assert_int_equal(audit(f, false).n, 0);
	meddle(f, "INSERT INTO \"went-499\" VALUES(x'01', 1, (SELECT version"
		  " FROM \"select\" WHERE born=3), x'01000000')");
	const struct found found = audit(f, false);
	assert_int_equal(found.n, 1);
	assert_string_equal(found.check, "version-twice");
	teardown(&state);
}

static const struct contract contract[] = {
    T(nothing_is_wrong_with_a_store_in_use),
    T(many_rows_are_looked_at_in_pieces),
};

int main(void)
{
	static const struct CMUnitTest more[] = {
	    cmocka_unit_test(each_damage_is_found),
	    cmocka_unit_test(an_index_that_lies_is_found_by_a_deep_look),
	    cmocka_unit_test(an_api_that_went_is_told),
	    cmocka_unit_test(so_many_apis_that_went_are_looked_at),
	};

	return both_run("audit", contract, sizeof(contract) / sizeof(*contract),
	    more, sizeof(more) / sizeof(*more));
}
