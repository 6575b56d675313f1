#ifndef LOWTIDE_CGI_UPSTREAM_FAKE_H
#define LOWTIDE_CGI_UPSTREAM_FAKE_H

#include "cgi/upstream/upstream.h"

/*
 * The upstream of the tests: upstream_fake's pool seen from the other side.
 * It records every call it was given and ends one only when told to.
 */
#define FAKE_CALLS_MAX 4096

struct fake_call {
	void *tag;
	struct arena arena; /* the copies below live here */
	const char *url, *method;
	struct pairs headers;
	struct str body;
	bool has_body, reuse, local;
	int64_t timeout_ms;
	const int64_t *leave_by_boot; /* the caller's */
	bool unsent;  /* set by the test: no byte has left yet */
	bool exec;    /* a program */
	bool stopped; /* it was asked to end */
	bool moved;   /* .progress comes out of the next moved() */
	struct upstream_progress progress;
	bool running; /* neither ended nor aborted */
	bool ended, aborted;
	struct upstream_answer answer;
};
struct fake_upstream {
	struct fake_call calls[FAKE_CALLS_MAX];
	size_t n;
	size_t waits;
	int64_t waited_ms; /* the last time-out asked for */
};

/* The nth call ends so; it comes out of the next next(). */
static inline void fake_end(
    struct fake_upstream *f, size_t n, struct upstream_answer answer)
{
	f->calls[n].ended = true;
	f->calls[n].answer = answer;
}

/* It says how far it is; message may be NULL. */
static inline void fake_say(
    struct fake_upstream *f, size_t n, int percent, const char *message)
{
	f->calls[n].moved = true;
	f->calls[n].progress = (struct upstream_progress){
	    .percent = percent, .message = str_of(message)};
}

#endif
