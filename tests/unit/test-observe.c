#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgi/endpoint.h"
#include "tests/unit/app-world.h"

/*
 * What observe.c tells: the app counts for it, and the store is asked of its
 * queues, once a second at most. One real socket; time is ours.
 */
#define BODY "{\"vrn\":\"123456789\"}"

static struct sockaddr_in address;
static struct endpoint endpoint;

static struct endpoint *watched(struct world *w)
{
	struct endpoint *e = &endpoint;
	socklen_t n = sizeof(address);

	*e = (struct endpoint){.app = w->app};
	address = (struct sockaddr_in){
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	e->metrics_fd =
	    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    bind(e->metrics_fd, (struct sockaddr *)&address, n), 0);
	assert_int_equal(listen(e->metrics_fd, 8), 0);
	getsockname(e->metrics_fd, (struct sockaddr *)&address, &n);
	assert_int_equal(observe_open(e), ERR_OK);
	w->app = e->app; /* it counts from here on */
	return e;
}

static const char *scrape(struct world *w, struct endpoint *e)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\n\r\n";
	static char said[65536];
	const struct loop_load load = {
	    .connections = 5, .parked = 3, .streams = 2, .committing = 1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t n = 0;
	ssize_t got = -1;

	assert_int_equal(
	    connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(send(fd, request, sizeof(request) - 1, 0) > 0);
	for (int i = 0; i < 100000 && got != 0; i++) {
		observe_run(e, w->now, &load);
		got = recv(fd, said + n, sizeof(said) - 1 - n, MSG_DONTWAIT);
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	said[n] = '\0';
	assert_false(e->app.viewing);
	return said;
}

static void assert_tells(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no `%s` in:\n%s", line, text);
}

static void done_with(struct world *w, struct endpoint *e)
{
	w->app.metrics = NULL;
	observe_close(e);
}

static void test_queues_are_the_rows(void **state)
{
	struct world *w = *state;
	struct endpoint *e = watched(w);

	for (int i = 0; i < 3; i++)
		send_it(w, "POST /api/v1/return", BODY);
	struct job job = world_claim(w, RETURN);
	world_moves(w, 61000);
	const char *text = scrape(w, e);
	assert_tells(
	    text, "\nlowtide_queue_pending{api=\"vat-return-post\"} 2\n");
	assert_tells(
	    text, "\nlowtide_queue_processing{api=\"vat-return-post\"} 1\n");
	assert_tells(text,
	    "\nlowtide_queue_oldest_seconds{api=\"vat-return-post\"} 61.000\n");
	assert_tells(text, "\nlowtide_queue_pending{api=\"bundle-post\"} 0\n");
	assert_tells(text,
	    "\nlowtide_requests_total{api=\"vat-return-post\",code=\"202\"} "
	    "3\n");
	assert_tells(text, "\nlowtide_connections 5\n");
	assert_tells(text, "\nlowtide_parked 3\n");
	assert_tells(text, "\nlowtide_streams 2\n");
	assert_tells(text, "\nlowtide_committing 1\n");
	(void)job;
	done_with(w, e);
}

static void test_once_a_second(void **state)
{
	struct world *w = *state;
	struct endpoint *e = watched(w);

	scrape(w, e);
	const int views = w_faults.views;
	world_moves(w, 999);
	scrape(w, e);
	assert_int_equal(w_faults.views, views);
	world_moves(w, 1);
	scrape(w, e);
	assert_int_equal(w_faults.views, views + 1);
	done_with(w, e);
}

static void test_a_store_that_is_away(void **state)
{
	struct world *w = *state;
	struct endpoint *e = watched(w);

	w_faults.stats = ERR_IO;
	const char *text = scrape(w, e);
	assert_null(strstr(text, "\nlowtide_queue_pending{"));
	assert_tells(text, "\nlowtide_build_info{version=");
	w_faults.stats = ERR_OK;
	world_moves(w, 1000);
	assert_tells(scrape(w, e), "\nlowtide_queue_pending{");
	done_with(w, e);
}

static void test_failures_by_kind(void **state)
{
	struct world *w = *state;
	struct endpoint *e = watched(w);

	w_faults.commit = ERR_FULL;
	send_it(w, "POST /api/v1/return", BODY);
	w_faults.commit = ERR_OK;
	assert_int_equal(w->ans.status, 503);
	const char *text = scrape(w, e);
	assert_tells(text, "\nlowtide_store_errors_total{kind=\"full\"} 1\n");
	assert_tells(text, "\nlowtide_store_errors_total{kind=\"io\"} 0\n");
	assert_tells(text,
	    "\nlowtide_requests_total{api=\"vat-return-post\",code=\"503\"} "
	    "1\n");
	done_with(w, e);
}

static void test_what_is_no_apis(void **state)
{
	struct world *w = *state;
	struct endpoint *e = watched(w);

	send_it(w, "GET /api/jobs/job_none", NULL);
	send_it(w, "GET /nowhere", NULL);
	assert_tells(scrape(w, e),
	    "\nlowtide_requests_total{api=\"\",code=\"404\"} 2\n");
	done_with(w, e);
}

/* Without a place for it there is nothing to count for. */
static void test_nobody_asks(void **state)
{
	struct world *w = *state;

	endpoint = (struct endpoint){.app = w->app, .metrics_fd = -1};
	assert_int_equal(observe_open(&endpoint), ERR_OK);
	assert_null(endpoint.app.metrics);
	assert_null(endpoint.scrape);
	observe_close(&endpoint);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_queues_are_the_rows, world_up, world_down),
	    cmocka_unit_test_setup_teardown(
		test_once_a_second, world_up, world_down),
	    cmocka_unit_test_setup_teardown(
		test_a_store_that_is_away, world_up, world_down),
	    cmocka_unit_test_setup_teardown(
		test_failures_by_kind, world_up, world_down),
	    cmocka_unit_test_setup_teardown(
		test_what_is_no_apis, world_up, world_down),
	    cmocka_unit_test_setup_teardown(
		test_nobody_asks, world_up, world_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("observe", tests, NULL, NULL);
}
