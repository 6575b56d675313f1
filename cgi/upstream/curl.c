#include "cgi/upstream/curl-parts.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

/*
 * HTTP by libcurl's multi interface: 1.1, and 2 where calls may share a
 * connection. Each call is an easy handle of its own, made and thrown away with
 * it: no cookie, no state is carried over.
 *
 * "Unsent" is libcurl's own count of request bytes handed to the connection
 * (CURLINFO_REQUEST_SIZE) being zero; a failed send counts as sent.
 *
 * The total time-out is ours, not libcurl's: it looks at the clock before it
 * looks at the socket, and one who could not drive it for a while (he waited
 * for the store's turn, or the machine slept) would be told that nobody
 * answered where the answer lies there complete. So the time of a call is over
 * when it is over and a look brought nothing more.
 *
 * An answer that ends within its head, libcurl takes for a whole one without a
 * body; here it is broken, as is one that ends within its body.
 */
#define WAIT_FDS_MAX 8
#define KEPT_MAX 512L	 /* connections, those in use among them */
#define STREAMS_MAX 100L /* calls on one of them (HTTP/2) */

/* ---- the pool ---------------------------------------------------------- */

static enum err curl_open(void **out)
{
	struct http_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		abort();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(pool);
		return ERR_MISSING;
	}
	pool->multi = curl_multi_init();
	if (!pool->multi)
		abort();
	curl_multi_setopt(pool->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	curl_multi_setopt(
	    pool->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, STREAMS_MAX);
	curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, KEPT_MAX);
	if (!http_pool_watch(pool)) {
		upstream_curl.close(pool);
		return ERR_IO;
	}
	*out = pool;
	return ERR_OK;
}

void http_call_move(struct http_call *call, struct http_list *to)
{
	struct http_list *from = call->list;

	if (from) {
		*(call->before ? &call->before->next : &from->first) =
		    call->next;
		*(call->next ? &call->next->before : &from->last) =
		    call->before;
	}
	call->list = to;
	call->next = NULL;
	call->before = to ? to->last : NULL;
	if (to) {
		*(to->last ? &to->last->next : &to->first) = call;
		to->last = call;
	}
}

void http_call_end(struct http_call *call, CURLcode code)
{
	dues_drop(&call->pool->dues, &call->due);
	http_call_move(call, &call->pool->ended);
	call->code = code;
}

void http_call_again(struct http_call *call)
{
	CURLM *multi = call->pool->multi;

	call->stale = false;
	call->why[0] = '\0';
	curl_multi_remove_handle(multi, call->easy);
	curl_easy_setopt(call->easy, CURLOPT_FRESH_CONNECT, 1L);
	if (curl_multi_add_handle(multi, call->easy) != CURLM_OK)
		abort();
}

bool http_call_unsent(const struct http_call *call)
{
	long sent = 0;

	curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &sent);
	return sent == 0;
}

/*
 * libcurl tells an upstream that a call on a shared connection is not wanted
 * any more when it next says something there. So a connection that nobody else
 * is on just now is given up with the call; while others are, their answers
 * are soon followed by that word.
 */
static void call_free(struct http_pool *pool, struct http_call *call)
{
	http_call_give_up(call);
	dues_drop(&pool->dues, &call->due);
	tags_drop(&pool->tags, call->tag, call);
	http_call_move(call, NULL);
	curl_multi_remove_handle(pool->multi, call->easy);
	http_kept_leave(call);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	buf_release(&call->body);
	free(call);
}

static void curl_close(void *p)
{
	struct http_pool *pool = p;

	if (!pool)
		return;
	struct http_list *const lists[] = {
	    &pool->running, &pool->overdue, &pool->ended};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		while (lists[i]->first)
			call_free(pool, lists[i]->first);
	curl_multi_cleanup(pool->multi);
	curl_global_cleanup();
	http_pool_unwatch(pool);
	dues_release(&pool->dues);
	tags_release(&pool->tags);
	tags_release(&pool->by_fd);
	tags_release(&pool->by_ends);
	free(pool);
}

/* ---- calls ------------------------------------------------------------- */

static void curl_start(void *p, const struct upstream_call *spec, void *tag)
{
	struct http_pool *pool = p;
	struct http_call *call = calloc(1, sizeof(*call));

	if (!call)
		abort();
	call->easy = curl_easy_init();
	if (!call->easy)
		abort();
	call->pool = pool;
	call->tag = tag;
	http_call_set_up(call, spec);
	http_call_move(call, &pool->running);
	dues_put(&pool->dues, &call->due);
	tags_put(&pool->tags, tag, call);
	if (curl_multi_add_handle(pool->multi, call->easy) != CURLM_OK)
		abort();
	http_pool_arm(pool);
}

static bool curl_unsent(void *p, void *tag)
{
	const struct http_pool *pool = p;
	const struct http_call *call = tags_get(&pool->tags, tag);

	return call && http_call_unsent(call);
}

static void curl_abort(void *p, void *tag)
{
	struct http_pool *pool = p;
	struct http_call *call = tags_get(&pool->tags, tag);

	if (!call)
		return;
	call_free(pool, call);
	http_pool_arm(pool);
}

/* libcurl is called when all that have ended were given out. */
static bool curl_next(
    void *p, struct arena *a, void **tag, struct upstream_answer *answer)
{
	struct http_pool *pool = p;

	if (!pool->tags.n)
		return false;
	http_pool_end_late(pool);
	for (bool moves = true; !pool->ended.first && moves;) {
		http_pool_turn(pool);
		moves = http_pool_judge(pool);
	}
	struct http_call *call = pool->ended.first;
	if (call) {
		http_call_answer(call, a, answer);
		*tag = call->tag;
		call_free(pool, call);
	}
	http_pool_arm(pool);
	return call != NULL;
}

/* ---- waiting ----------------------------------------------------------- */

static int curl_fd(void *p)
{
	const struct http_pool *pool = p;

	return pool->epoll_fd;
}

static enum err curl_wait(
    void *p, const int *fds, size_t n, bool *readable, int64_t timeout_ms)
{
	struct pollfd polled[WAIT_FDS_MAX + 1];
	struct timespec limit = {.tv_sec = timeout_ms / 1000,
	    .tv_nsec = timeout_ms % 1000 * 1000000};

	if (n > WAIT_FDS_MAX)
		return ERR_INPUT;
	for (size_t i = 0; i < n; i++)
		polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	polled[n] = (struct pollfd){.fd = curl_fd(p), .events = POLLIN};
	int ready = ppoll(polled, n + 1, timeout_ms < 0 ? NULL : &limit, NULL);
	if (ready < 0 && errno != EINTR)
		return ERR_IO;
	for (size_t i = 0; i < n; i++)
		readable[i] = ready > 0 && polled[i].revents != 0;
	return ERR_OK;
}

const char *upstream_authorities(void)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	return info->age >= CURLVERSION_SEVENTH ? info->cainfo : NULL;
}

const struct upstream_ops upstream_curl = {
    .name = "curl",
    .open = curl_open,
    .close = curl_close,
    .start = curl_start,
    .unsent = curl_unsent,
    .fd = curl_fd,
    .abort = curl_abort,
    .next = curl_next,
    .wait = curl_wait,
};
