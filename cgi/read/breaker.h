#ifndef LOWTIDE_CGI_READ_BREAKER_H
#define LOWTIDE_CGI_READ_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A circuit breaker over a sliding window (contract 9). Pure: time comes in.
 *
 *	CLOSED ──(too many of the window failed or were slow)──▶ OPEN
 *	OPEN ──(open_ms are over)──▶ HALF: `probes` calls are let through
 *	HALF ──(all of them good)──▶ CLOSED   HALF ──(one bad)──▶ OPEN
 *
 * The window is BREAKER_SLICES of equal length, the oldest of which goes as a
 * new one begins; it is empty after each change of state. A probe that is slow
 *is a bad one. A probe that is never heard of (breaker_drop) frees its place
 *for another. What was let through before a change of state and ends after it
 *is not counted.
 */
#define BREAKER_SLICES 10
#define BREAKER_PROBE_MS 1000 /* .retry_ms while all probes are under way */

struct breaker_rules {
	int64_t window_ms; /* 0 = always closed */
	int64_t calls;	   /* fewer than so many in the window say nothing */
	int64_t failures;  /* percent, 1..100 */
	int64_t slow_ms;   /* that long, or longer, is slow; 0 = nothing is */
	int64_t slow;	   /* percent, 1..100 */
	int64_t open_ms, probes;
};
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF };
struct breaker_slice {
	int64_t number; /* time / its length */
	uint32_t calls, failed, slow;
};
/* Zero is a good one, closed. */
struct breaker {
	enum breaker_state state;
	struct breaker_slice slices[BREAKER_SLICES];
	int64_t until_ms;  /* OPEN */
	int64_t out, good; /* HALF: probes under way; that were good */
	uint32_t era; /* changes of state: late answers of another era are not
			 counted */
};
/* What is told again when the call is over. */
struct breaker_pass {
	bool allowed, probe;
	uint32_t era;
	int64_t retry_ms; /* not allowed: when a probe may be; at least 1 */
};
struct breaker_pass breaker_ask(
    struct breaker *b, const struct breaker_rules *rules, int64_t now_ms);
/* True: it has just opened. */
bool breaker_tell(struct breaker *b, const struct breaker_rules *rules,
    int64_t now_ms, struct breaker_pass pass, bool good, int64_t took_ms);
/* The call was given up, for no fault of the upstream's. */
void breaker_drop(struct breaker *b, struct breaker_pass pass);
/* Empties the window: what was counted by a window of another length. */
void breaker_forget(struct breaker *b);
/* The state that breaker_ask() would find, without asking. */
enum breaker_state breaker_state(
    const struct breaker *b, const struct breaker_rules *rules, int64_t now_ms);

#endif
