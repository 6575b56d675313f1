#ifndef LOWTIDE_CGI_UPSTREAM_CURL_PARTS_H
#define LOWTIDE_CGI_UPSTREAM_CURL_PARTS_H

#include <curl/curl.h>

#include "cgi/upstream/dues.h"
#include "cgi/upstream/tags.h"
#include "cgi/upstream/upstream.h"
#include "lib/buf.h"

/*
 * Inside upstream_curl: what curl.c (the pool and what is asked of it),
 * curl-call.c (an easy handle, made for a call), curl-kept.c (its connection),
 * curl-answer.c (what became of it) and curl-turn.c (sockets and time) share.
 * Nobody else sees libcurl.
 */
struct http_list {
	struct http_call *first, *last;
};
#define HTTP_OPENED 8
struct http_kept;
struct http_call {
	struct due due; /* its total time-out, monotonic; first of all */
	struct http_list *list;
	struct http_call *before, *next; /* in that list */
	struct http_pool *pool;
	CURL *easy;
	struct curl_slist *headers;
	void *tag;
	bool local, reuse, too_large, refused;
	const int64_t *leave_by_boot; /* the caller's; NULL */
	bool late;		      /* it was not let out any more */
	bool stale; /* what it was to use of what is kept was not to be */
	struct http_kept *kept; /* the connection that it is on; NULL */
	int opened[HTTP_OPENED];
	size_t n_opened; /* the last of them */
	bool head_ended; /* the empty line behind it came */
	int64_t max, stall_ms;
	struct strs keep; /* the caller's */
	size_t seen;	  /* bytes of the answer, at the last look */
	int looks;	  /* since its time was over */
	size_t header_bytes;
	struct buf body;
	CURLcode code; /* once it has ended */
	char why[CURL_ERROR_SIZE];
};

/*
 * A call is in one list: running (and in the heap of time-outs), overdue (its
 * time is over, and it is looked at once more) or ended.
 */
#define HTTP_NOW ((int64_t)1) /* long past */
struct http_pool {
	CURLM *multi;
	int epoll_fd; /* of the sockets, and of these two */
	int timer_fd, now_fd;
	struct http_list running, overdue, ended;
	struct dues dues;
	struct tags tags;
	struct tags by_fd, by_ends; /* what is kept */
	size_t n_sockets;
	int64_t curl_due_ms; /* when libcurl wants to be called; 0 = not, and
				HTTP_NOW = at once */
	int64_t armed_ms;    /* what the timer is set to; 0 = it is not */
	bool is_now;	     /* now_fd is readable */
};

void http_call_move(struct http_call *call, struct http_list *to); /* NULL */
/* On a new connection, before a byte of it left. */
void http_call_again(struct http_call *call);
/* It comes out of next(), as it stands. */
void http_call_end(struct http_call *call, CURLcode code);
bool http_call_unsent(const struct http_call *call);
/* Its connection is closed with it, where no other call is on it. */
void http_call_give_up(struct http_call *call);

/* curl-call.c: the handle's options. All of `spec` lives as long as it does. */
void http_call_set_up(struct http_call *call, const struct upstream_call *spec);

/* curl-kept.c: the sockets, and whether one may be used again. */
void http_kept_set_up(struct http_call *call);
/* A line of the head. */
void http_kept_status(struct http_call *call, struct str line);
/* It is not on its connection any more. */
void http_kept_leave(struct http_call *call);

/* curl-answer.c: of one that has ended. */
void http_call_answer(
    const struct http_call *call, struct arena *a, struct upstream_answer *out);

/* curl-turn.c: descriptors and libcurl's callbacks for them; false: errno. */
bool http_pool_watch(struct http_pool *pool);
void http_pool_unwatch(struct http_pool *pool);
/* All that sockets and libcurl's timer have, and what ended by it. */
void http_pool_turn(struct http_pool *pool);
/* Whose time is over and of whom no byte left is not sent any more. */
void http_pool_end_late(struct http_pool *pool);
/* Whose time is over and of whom the last turn brought nothing; true: of some
   it brought something, and they want another. */
bool http_pool_judge(struct http_pool *pool);
/* The timer, after whatever was done. */
void http_pool_arm(struct http_pool *pool);

#endif
